//! Where a receiver lets commands out.

use super::{CANCEL, Subset, Verdict};
use crate::journal::Event;
use crate::midi::Command;

/// A subset at work, for as long as one packet's commands go out.
pub(crate) struct Gate {
    subset: Option<Box<Subset>>,
    /// Commands that were kept back.
    kept: u64,
}

impl Gate {
    /// Lets everything through without a subset.
    pub(crate) const fn new(subset: Option<Box<Subset>>) -> Self {
        Self { subset, kept: 0 }
    }

    /// Gives a command to `out` if it may come.
    #[inline]
    pub(crate) fn pass(&mut self, event: Event<'_>, out: &mut impl FnMut(Event<'_>)) {
        if self.subset.as_ref().is_none_or(|subset| subset.is_free(&event.command)) {
            out(event);
        } else if let Some(command) = self.judged(event.command) {
            out(Event { command, ..event });
        }
    }

    /// What goes out in the place of a command. Apart from [`Gate::pass`], so that a command that needs no judging is
    /// not copied to memory first.
    #[inline(never)]
    fn judged<'a>(&mut self, command: Command<'a>) -> Option<Command<'a>> {
        let subset = self.subset.as_mut()?;
        let verdict = subset.judge(&command);
        subset.observe(&command, verdict);
        self.kept += u64::from(verdict != Verdict::In);
        match verdict {
            Verdict::In => Some(command),
            Verdict::Out => None,
            Verdict::Cancel => Some(CANCEL),
        }
    }

    /// The packet ends; gives the subset back, and how many commands were kept.
    pub(crate) fn close(mut self) -> (Option<Box<Subset>>, u64) {
        if let Some(subset) = &mut self.subset {
            subset.end_packet();
        }
        (self.subset, self.kept)
    }
}
