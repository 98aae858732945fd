//! Several commands of a controller in one list: enhanced coding, the receiver's side (A.3.3).

use super::repair::switched;
use super::{Chapter, Group, History, Tool, tool};
use crate::config::Split;
use crate::journal::window::Loss;
use crate::midi::{U7, Voice};

/// Which commands of a list are lost, where several commands of a number may be listed.
///
/// The count of the oldest one is compared with that of the latest one known; the others are told by their place.
#[derive(Clone, Debug)]
pub(crate) struct Matching {
    /// One bit a number with enhanced coding.
    numbers: u128,
    /// Commands of each number that are still to come in the list.
    left: [u8; 128],
    /// Those of them that are known.
    known: [u8; 128],
    /// The count of the oldest one of each number.
    first: [u8; 128],
}

/// What is to become of a command in the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Its number has one command in the list, the latest one.
    Plain,
    /// It has been executed.
    Known,
    /// It must be executed. Is it the last one of its number?
    Lost { last: bool },
}

impl Matching {
    /// Finds the numbers with enhanced coding: those that are listed more than once, and settings that are counted.
    ///
    /// `None` where the list has no enhanced coding.
    pub(crate) fn of(theirs: &Chapter<'_>) -> Option<Self> {
        if !theirs.enhanced {
            return None;
        }
        let mut matching = Self { numbers: 0, left: [0; 128], known: [0; 128], first: [0; 128] };
        let mut uncounted = 0_u128;
        for group in theirs.groups() {
            let number = usize::from(group.controller);
            let (bit, left) = (1 << number, &mut matching.left[number]);
            match group.count {
                Some(count) if *left == 0 => matching.first[number] = count,
                None if *left == 0 => uncounted |= bit,
                _ => {}
            }
            *left += 1;
            if *left > 1 || (group.count.is_some() && tool(group.controller.get()) != Tool::Count) {
                matching.numbers |= bit;
            }
        }
        matching.numbers &= !uncounted;
        Some(matching)
    }

    /// Compares a list with a history, whose counts are set to that of the latest command known.
    ///
    /// `rules` say which controllers' commands are listed since the first packet.
    pub(crate) fn new(ours: &mut History, theirs: &Chapter<'_>, rules: Split, loss: &Loss) -> Option<Self> {
        let mut matching = Self::of(theirs)?;
        for index in (0..128_u8).filter(|number| matching.numbers & 1 << number != 0) {
            let number = usize::from(index);
            let (listed, before) = (matching.left[number], matching.first[number].wrapping_sub(1));
            let count = &mut ours.count[number];
            let covered = loss.of(rules.of(U7::masked(index))).checkpoint;
            let known = if loss.joins {
                // What others have heard long ago is not to be heard now.
                listed
            } else if ours.counted & 1 << index != 0 {
                Some(count.wrapping_sub(before) & 0x3F).filter(|known| *known <= listed).unwrap_or(0)
            } else if covered <= loss.heard {
                (*count).min(listed)
            } else {
                0
            };
            *count = before.wrapping_add(known) & 0x3F;
            matching.known[number] = known;
        }
        ours.counted |= matching.numbers;
        ours.enhanced = true;
        Some(matching)
    }

    /// Whether a controller's commands are listed one by one.
    pub(crate) fn is_enhanced(&self, controller: U7) -> bool {
        self.numbers & 1 << controller.get() != 0
    }

    /// Says of the commands of a list, which are asked for one by one in its order, whether they are lost.
    pub(crate) fn fate(matching: Option<&mut Self>, controller: U7) -> Fate {
        let Some(matching) = matching.filter(|matching| matching.is_enhanced(controller)) else { return Fate::Plain };
        let number = usize::from(controller);
        matching.left[number] = matching.left[number].saturating_sub(1);
        if matching.known[number] > 0 {
            matching.known[number] -= 1;
            return Fate::Known;
        }
        Fate::Lost { last: matching.left[number] == 0 }
    }
}

impl History {
    /// Takes counts from the Chapter C of a packet behind which nothing is missing: `None` says that it has none.
    ///
    /// A receiver that came late has counted from where it came. It learns the sender's count from the list that has a
    /// number's commands. When the list has them no more they are behind the checkpoint and count for nothing.
    pub(crate) fn align(&mut self, theirs: Option<&Chapter<'_>>) {
        self.enhanced |= theirs.is_some_and(|theirs| theirs.enhanced);
        if !self.enhanced {
            self.heard = if theirs.is_some() { 0 } else { self.heard };
            return;
        }
        if let Some((theirs, matching)) = theirs.and_then(|theirs| Some((theirs, Matching::of(theirs)?))) {
            let unknown = matching.numbers & !self.counted;
            for group in theirs.groups().filter(|group| unknown & 1 << group.controller.get() != 0) {
                self.adopt_next(&group);
            }
            self.counted |= unknown;
        }
        let unsure = self.unsure();
        for number in (0..128_u8).filter(|number| unsure & 1 << number != 0) {
            self.count[usize::from(number)] = 0;
        }
        self.heard &= self.counted;
    }

    /// One bit a controller that has been heard, but not yet told of by a journal with its count.
    pub(crate) const fn unsure(&self) -> u128 {
        self.heard & !self.counted
    }

    /// Takes the count of a command; where it is not told it is the next one.
    pub(crate) fn adopt_next(&mut self, theirs: &Group) {
        let number = usize::from(theirs.controller);
        let count = (self.count[number] + 1) & 0x3F;
        self.adopt(&Group { count: theirs.count.or(Some(count)), ..*theirs });
    }
}

impl Group {
    /// The command that the logs tell of.
    pub(crate) fn command(&self) -> Voice {
        let value = self.value.or_else(|| self.toggle.map(switched)).unwrap_or_default();
        Voice::ControlChange { controller: self.controller, value }
    }
}
