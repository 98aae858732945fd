//! What a log of Chapter C says was lost.
//!
//! The logs are oldest first and lost commands are newer than everything known. The caller walks the list in order,
//! executes what [`History::repair`] says of each command, and then calls [`History::adopt`].

use super::history::Switch;
use super::{Group, History, RESET_ALL_CONTROLLERS, Tool, is_on, tool};
use crate::journal::window::S;
use crate::midi::{U7, Voice};

impl History {
    /// The commands that bring this history to what `theirs` says, in order.
    ///
    /// `forced`: the command is known to be lost, so that an equal value is sent again.
    pub(crate) fn repair(&self, theirs: &Group, forced: bool) -> impl Iterator<Item = Voice> + use<> {
        let values = self.lost_values(theirs).or_else(|| forced.then(|| again(theirs)).flatten());
        let controller = theirs.controller;
        let (count, before, value) = values.map_or((0, None, U7::default()), |lost| lost);
        let change = move |value| Voice::ControlChange { controller, value };
        before.map(change).into_iter().chain(std::iter::repeat_n(change(value), count))
    }

    /// How often to send which value, and what to send once before.
    fn lost_values(&self, theirs: &Group) -> Option<(usize, Option<U7>, U7)> {
        let number = theirs.controller.get();
        let known = self.value(number);
        if let Some(alt) = theirs.count {
            let lost = alt.wrapping_sub(self.count[usize::from(number)]) & 0x3F;
            if lost > 0 {
                let times = if is_idempotent(number) { 1 } else { usize::from(lost) };
                return Some((times, None, theirs.value.unwrap_or_default()));
            }
        }
        if let Some((alt, switch)) = theirs.toggle.zip(self.switch(number)) {
            let on = alt & 1 == 1;
            let value = theirs.value.unwrap_or(switched(alt));
            if alt != switch.coded {
                let toggles = alt.wrapping_sub(switch.toggles) & 0x3F;
                // Off and on again damps what sounded; on and off again leaves nothing behind.
                let damp = toggles > 0 && toggles % 2 == 0 && on && switch.on;
                let unheard = toggles > 0 || known != Some(value);
                return unheard.then_some((1, damp.then_some(U7::default()), value));
            }
            return (known.is_none_or(|known| is_on(known) != on)
                || theirs.value.is_some_and(|value| known != Some(value)))
            .then_some((1, None, value));
        }
        if theirs.count.is_some() {
            return None;
        }
        let value = theirs.value.or_else(|| theirs.toggle.map(switched))?;
        // A command by its value alone: that it came again, only S tells.
        let again = theirs.s == S::Changed && tool(number) == Tool::Count;
        (again || known.is_none_or(|known| differs(theirs, known, value))).then_some((1, None, value))
    }

    /// Takes the counts of a command whose repair has been executed.
    pub(crate) fn adopt(&mut self, theirs: &Group) {
        let number = theirs.controller.get();
        if let Some(count) = theirs.count {
            self.count[usize::from(number)] = count;
        }
        if let (Some(alt), Tool::Toggle(index)) = (theirs.toggle, tool(number)) {
            let switch = &mut self.switches[index];
            if alt != switch.coded {
                (switch.coded, switch.toggles) = (alt, alt);
            }
        }
    }

    /// Whether the list says that a CC 121 was lost.
    pub(crate) fn lacks_reset(&self, theirs: &Group) -> bool {
        theirs.controller.get() == RESET_ALL_CONTROLLERS && self.repair(theirs, false).next().is_some()
    }

    fn switch(&self, number: u8) -> Option<&Switch> {
        match tool(number) {
            Tool::Toggle(index) => Some(&self.switches[index]),
            _ => None,
        }
    }
}

/// Whether a known value is another one than coded; the toggle tool alone tells only off from on.
fn differs(theirs: &Group, known: U7, value: U7) -> bool {
    if theirs.value.is_some() { known != value } else { is_on(known) != is_on(value) }
}

/// The value that a toggle count stands for.
pub(super) const fn switched(alt: u8) -> U7 {
    U7::masked(127 * (alt & 1))
}

/// The command once more, where it sets something.
fn again(theirs: &Group) -> Option<(usize, Option<U7>, U7)> {
    let value = match tool(theirs.controller.get()) {
        Tool::Count => None,
        Tool::Toggle(_) => theirs.value.or_else(|| theirs.toggle.map(switched)),
        Tool::Value => theirs.value,
    };
    value.map(|value| (1, None, value))
}

/// Whether one command does what several do.
const fn is_idempotent(number: u8) -> bool {
    matches!(number, 120..=127)
}
