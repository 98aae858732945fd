//! What a log of Chapter M says was lost.
//!
//! The caller walks the logs in order, executes what [`History::repair`] says of each, then calls
//! [`History::adopt`]; behind the last log it executes what [`History::repair_selection`] says.

use super::history::Parameter;
use super::wire::{Button, Chapter, Entry, Log};
use super::{History, Id, Kind, Selection, close, control};
use crate::journal::window::{Loss, Seq};
use crate::midi::{U7, Voice};

/// Most CC 96 and 97 that a chapter makes a receiver send: a forged journal must not flood the instrument.
pub(crate) const MOST_STEPS: i16 = 512;

impl History {
    /// Appends the commands that bring this history to what `theirs` says; says whether anything was lost.
    ///
    /// `forced`: a log before this one was lost, so this one is newer than all that is known. `steps` are those of
    /// [`MOST_STEPS`] that are left.
    pub(crate) fn repair(
        &self,
        theirs: &Log,
        forced: bool,
        loss: &Loss,
        steps: &mut i16,
        out: &mut Vec<Voice>,
    ) -> bool {
        let value = |entry: Option<Entry>| entry.map(|entry| entry.value);
        let pressed = |button: Option<Button>| button.map_or(0, |button| button.count);
        let (msb, lsb) = (value(theirs.msb), value(theirs.lsb));
        let known = self.find(theirs.id);
        let entered = msb.is_some() || lsb.is_some();
        let same_entry = known
            .is_some_and(|known| (msb.is_none() || msb == value(known.msb)) && (!entered || lsb == value(known.lsb)));
        let mut resend = entered && (forced || !same_entry);
        // Without data entry since, the log's count goes on from ours.
        let before = known.map_or(0, |known| pressed(known.a_button));
        let after = |before| match theirs.a_button {
            Some(button) => button.count,
            None if entered => 0,
            None => before,
        };
        let transactions = self.lost_transactions(theirs, loss);
        resend |= entered && transactions > 0 && after(before) == before;
        let before = if resend { 0 } else { before };
        let difference = after(before) - before;
        if !resend && difference == 0 && transactions == 0 {
            return known.is_none();
        }
        for _ in 0..transactions.clamp(1, (*steps).max(1)) {
            *steps -= 1;
            out.extend(theirs.id.select());
            if resend {
                out.extend(msb.map(|msb| control(6, msb)));
                out.extend(lsb.map(|lsb| control(38, lsb)));
            }
        }
        let left = (*steps).max(0);
        let difference = difference.clamp(-left, left);
        *steps -= difference.abs();
        let step = control(if difference > 0 { 96 } else { 97 }, U7::default());
        out.extend(std::iter::repeat_n(step, usize::from(difference.unsigned_abs())));
        true
    }

    /// How many transactions a log's COUNT says were lost.
    ///
    /// A receiver that came late, or may have, does not know what the count began at: then there is one at most.
    fn lost_transactions(&self, theirs: &Log, loss: &Loss) -> i16 {
        let Some(count) = theirs.count else { return 0 };
        let known = self.find(theirs.id).map(|known| known.count).unwrap_or_default();
        let lost = i16::from(count.value.get().wrapping_sub(known.total.value.get()) & 0x7F);
        let began_here = known.is_sure || (!loss.joins && loss.checkpoint == Seq::NEVER);
        if began_here { lost } else { lost.min(1) }
    }

    /// Takes the count of a log that came in order.
    pub(crate) fn align(&mut self, theirs: &Log) {
        let ours = self.parameters.iter_mut().rev().find(|parameter| parameter.id == theirs.id);
        if let Some((ours, total)) = ours.zip(theirs.count) {
            (ours.count.total, ours.count.is_sure) = (total, true);
        }
    }

    /// Takes the log's values, whose repair has been executed.
    pub(crate) fn adopt(&mut self, theirs: &Log, loss: &Loss) {
        let parameter: &mut Parameter = self.touch(theirs.id, loss.stamp());
        if theirs.msb.is_some() {
            (parameter.msb, parameter.lsb) = (theirs.msb, None);
        }
        if theirs.lsb.is_some() {
            parameter.lsb = theirs.lsb;
        }
        match theirs.a_button {
            Some(button) => {
                let since_reset = if button.reset { 0 } else { button.count };
                (parameter.a_button, parameter.c_button) = (Some(button), theirs.c_button.unwrap_or(since_reset));
            }
            None if theirs.msb.is_some() || theirs.lsb.is_some() => {
                (parameter.a_button, parameter.c_button) = (None, 0);
            }
            None => {}
        }
        self.align(theirs);
    }

    /// The commands that bring the selection to what `theirs` says, behind its logs.
    pub(crate) fn repair_selection(
        &self,
        theirs: &Chapter<'_>,
        last: Option<Id>,
    ) -> impl Iterator<Item = Voice> + use<> {
        let wanted = match (theirs.pending, theirs.open) {
            (Some((kind, msb)), _) => Selection::Pending(kind, msb),
            (None, true) => last.map_or(Selection::Closed, Selection::Open),
            (None, false) => Selection::Closed,
        };
        let commands: [Option<Voice>; 2] = if wanted == self.selection {
            [None, None]
        } else {
            match wanted {
                Selection::Closed => close().map(Some),
                Selection::Pending(kind, msb) => [Some(Kind::pending(kind, msb)), None],
                Selection::Open(id) => id.select().map(Some),
            }
        };
        commands.into_iter().flatten()
    }
}
