//! Where a receiver lets commands out.

use super::{CANCEL, Subset, Verdict};
use crate::journal::Event;

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
        let verdict = match &mut self.subset {
            Some(subset) => subset.decide(&event.command),
            None => Verdict::In,
        };
        if verdict == Verdict::In {
            out(event);
            return;
        }
        self.kept += 1;
        if verdict == Verdict::Cancel {
            out(Event { command: CANCEL, ..event });
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
