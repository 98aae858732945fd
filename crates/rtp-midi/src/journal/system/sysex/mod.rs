//! Chapter X: MIDI System Exclusive (RFC 6295, B.5).
//!
//! ```text
//!  0                   1                   2
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|T|C|F|D|L|STA|    TCOUNT     |     COUNT     |  FIRST ...  DATA ...
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! A sender keeps octets, a receiver counts and knows how far the command under way has come. Every command is
//! coded with the list tool; COUNT tells instances apart. It stands in the last log, and in others where the log
//! behind is not the next command.

mod inbox;
mod outbox;
mod wire;

pub(crate) use wire::Chapter;

use crate::config::SysEx;
use crate::journal::window::{Loss, Origin, S, Stamp, View};
use crate::midi::{Part, Segment};
use inbox::Inbox;
use outbox::Outbox;

/// What the two ends remember.
#[derive(Clone, Debug)]
pub(crate) enum History {
    Sender(Outbox),
    Receiver(Inbox),
}

/// A command that is more than a System Exclusive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning {
    /// Everything before it is inactive (A.1).
    ResetState,
    /// An MTC Full Frame, which Chapter F codes: hours with the rate, minutes, seconds, frames.
    FullFrame([u8; 4]),
}

/// A segment made up from a journal.
pub(crate) type Missing = (Part, Vec<u8>);

pub(crate) fn missing_segment((part, data): &Missing) -> Segment<'_> {
    Segment { part: *part, data }
}

impl Meaning {
    /// Of the data octets of a finished command.
    pub(crate) fn of(data: &[u8]) -> Option<Self> {
        match *data {
            // GM 1 on, GM 2 on, GM off; DLS on, DLS off.
            [0x7E, _, 0x09, 0x00 | 0x01 | 0x03] | [0x7E, _, 0x0A, 0x01 | 0x02] => Some(Self::ResetState),
            [0x7F, _, 0x01, 0x01, hours, minutes, seconds, frames] => {
                Some(Self::FullFrame([hours, minutes, seconds, frames]))
            }
            _ => None,
        }
    }
}

/// Whether a System Exclusive is a Reset State command (A.1).
pub(crate) fn is_reset_state(data: &[u8]) -> bool {
    Meaning::of(data) == Some(Meaning::ResetState)
}

impl History {
    pub(crate) fn of_sender() -> Self {
        Self::Sender(Outbox::default())
    }

    pub(crate) fn of_receiver() -> Self {
        Self::Receiver(Inbox::default())
    }

    /// Takes note of a segment; says what the command that it finishes means.
    pub(crate) fn observe(&mut self, segment: &Segment<'_>, stamp: Stamp, origin: Origin) -> Option<Meaning> {
        match (self, origin) {
            (Self::Sender(outbox), _) => outbox.observe(segment, stamp),
            (Self::Receiver(inbox), Origin::Stream) => inbox.observe(segment),
            (Self::Receiver(inbox), Origin::Repair) => inbox.meaning(segment),
        }
    }

    /// A Reset State command: nothing before the latest command is active.
    pub(crate) fn reset_state(&mut self, by_sysex: bool) {
        match self {
            Self::Sender(outbox) => outbox.reset_state(by_sysex),
            Self::Receiver(inbox) => inbox.reset_state(by_sysex),
        }
    }

    /// Appends the chapter within `room` octets; says whether octets had to be left out.
    pub(crate) fn encode(&mut self, view: &View, rules: &SysEx, room: usize, out: &mut Vec<u8>) -> (Option<S>, bool) {
        match self {
            Self::Sender(outbox) => outbox.encode(view, rules, room, out),
            Self::Receiver(_) => (None, false),
        }
    }

    /// What `theirs` says is missing.
    pub(crate) fn repair(&mut self, theirs: Option<&Chapter<'_>>, loss: &Loss) -> Vec<Missing> {
        let mut missing = Vec::new();
        if let Self::Receiver(inbox) = self {
            inbox.repair(theirs, loss, &mut missing);
        }
        missing
    }

    /// Takes the count from the journal of a packet behind which nothing is missing.
    pub(crate) fn align(&mut self, theirs: &Chapter<'_>) {
        if let Self::Receiver(inbox) = self {
            inbox.align(theirs);
        }
    }

    /// Whether a sender is in the middle of a command: then every journal speaks of it.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self, Self::Sender(outbox) if outbox.is_under_way())
    }

    /// Calls off the command under way; says whether there was one.
    pub(crate) fn cancel(&mut self) -> bool {
        match self {
            Self::Sender(_) => false,
            Self::Receiver(inbox) => inbox.cancel(),
        }
    }
}
