//! Which packets a journal covers, and which a receiver lost (RFC 6295 A.1).

use crate::config::Inclusion;
use crate::midi::{Command, Voice};

/// An extended sequence number: it counts on where the sixteen bits of the RTP header wrap.
///
/// The value 0 stands for "never"; streams start above it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Seq(pub(crate) u32);

impl Seq {
    pub(crate) const NEVER: Self = Self(0);
    /// Before every packet of a stream.
    pub(crate) const FIRST: Self = Self(1);

    /// The number of a stream's first packet.
    pub(crate) const fn first(low: u16) -> Self {
        Self(0x1_0000 | low as u32)
    }

    /// What the RTP header carries.
    pub(crate) const fn low(self) -> u16 {
        self.0 as u16
    }

    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub(crate) const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The newest number at or before `self` whose low half is `low`.
    pub(crate) const fn latest(self, low: u16) -> Self {
        Self(self.0.saturating_sub(self.low().wrapping_sub(low) as u32))
    }
}

/// Where a command stands in the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    pub(crate) packet: Seq,
    /// RTP time.
    pub(crate) time: u32,
}

/// Whether a command came in the stream or was made up from a journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// From a MIDI list.
    Stream,
    /// From a recovery journal.
    Repair,
}

/// What a sender codes in the journal of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct View {
    /// Lasting state changed in this packet or later is coded.
    pub(crate) since: Seq,
    /// The checkpoint packet; notes are coded from it on.
    pub(crate) checkpoint: Seq,
    /// The packet before the one that carries the journal: what it changed has S = 0.
    pub(crate) previous: Seq,
    /// RTP time of the packet that carries the journal.
    pub(crate) now: u32,
    /// RTP clock ticks for which a NoteOn is fresh (Y = 1).
    pub(crate) fresh: u32,
    /// Most octets of the system journal.
    pub(crate) room: usize,
}

impl View {
    /// The view of a chapter under a rule of its own; `None` for one that is left out (C.2.3).
    pub(crate) const fn of(&self, inclusion: Inclusion) -> Option<Self> {
        match inclusion {
            Inclusion::Never => None,
            Inclusion::Default => Some(*self),
            Inclusion::Anchor => Some(Self { since: Seq::FIRST, checkpoint: Seq::FIRST, ..*self }),
        }
    }

    /// The S bit of a fact that last changed in packet `at`.
    pub(crate) fn s(&self, at: Seq) -> S {
        if at == self.previous { S::Changed } else { S::Unchanged }
    }
}

/// The S bit: a receiver that lost a single packet may skip what is unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum S {
    /// S = 0: the packet before changed the element.
    Changed,
    /// S = 1.
    Unchanged,
}

impl S {
    pub(crate) const fn read(octet: u8) -> Self {
        if octet & 0x80 == 0 { Self::Changed } else { Self::Unchanged }
    }

    /// The bit in its place, the most significant one.
    pub(crate) const fn bit(self) -> u8 {
        match self {
            Self::Changed => 0,
            Self::Unchanged => 0x80,
        }
    }

    /// The S bit of what encloses both.
    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unchanged, Self::Unchanged) => Self::Unchanged,
            _ => Self::Changed,
        }
    }
}

/// What became of a part of a journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Coded {
    pub(crate) s: S,
    /// It would have been longer than LENGTH can say, so something is left out.
    pub(crate) cut: bool,
    /// The window has commands of controllers with enhanced coding that the list could not take (A.3.3).
    pub(crate) short: bool,
}

/// A run of packets that a receiver missed, and the packet that showed it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Loss {
    /// The last packet received before; [`Seq::NEVER`] at the start of a stream.
    pub(crate) heard: Seq,
    /// The last packet missed.
    pub(crate) previous: Seq,
    /// The journal's checkpoint packet; [`Seq::NEVER`] where it covers the whole stream.
    pub(crate) checkpoint: Seq,
    /// RTP time of the packet that carries the journal.
    pub(crate) time: u32,
    /// RTP clock ticks after which a note counts as not struck just now.
    pub(crate) recent: u32,
    /// Nothing was heard of the stream before: what the journal tells may be long past.
    pub(crate) joins: bool,
}

impl Loss {
    /// Whether one packet is missing, so that elements with S = 1 are not concerned.
    pub(crate) fn is_single(&self) -> bool {
        self.heard != Seq::NEVER && self.heard.next() == self.previous
    }

    /// Whether the journal reaches back to the last packet received. If not, what sounded has been ended, and an element
    /// with S = 1 may tell of a pedal that is to go down again.
    pub(crate) fn is_covered(&self) -> bool {
        self.heard == Seq::NEVER || self.checkpoint <= self.heard.next()
    }

    /// The same loss for a receiver that has forgotten everything: every element concerns it.
    pub(crate) fn total(self) -> Self {
        Self { heard: Seq::NEVER, ..self }
    }

    /// Whether an element with this S bit may have changed in the missing packets.
    pub(crate) fn concerns(&self, s: S) -> bool {
        s == S::Changed || !self.is_single() || !self.is_covered()
    }

    /// The same loss for a part of the journal under a rule of its own: an anchored one covers the whole stream.
    pub(crate) fn of(&self, inclusion: Inclusion) -> Self {
        let checkpoint = if inclusion == Inclusion::Anchor { Seq::NEVER } else { self.checkpoint };
        Self { checkpoint, ..*self }
    }

    /// The stamp that repairs are observed with.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { packet: self.previous, time: self.time }
    }
}

/// What a repair makes of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Repair {
    /// Execute it and take note of it.
    Play(Voice),
    /// Take note of it only: a NoteOn that would come too late.
    Note(Voice),
}

/// A command on its way out of a receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event<'a> {
    /// The RTP time at which it is to be executed.
    pub time: u32,
    /// The command.
    pub command: Command<'a>,
    /// Where it comes from.
    pub origin: Origin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_number_with_given_low_bits_is_at_or_before() {
        let now = Seq(0x2_0005);
        assert_eq!(now.latest(5), now);
        assert_eq!(now.latest(3), Seq(0x2_0003));
        assert_eq!(now.latest(0xFFFF), Seq(0x1_FFFF));
    }

    #[test]
    fn a_single_loss_concerns_only_what_changed() {
        let loss = |heard| Loss { heard, previous: Seq(11), checkpoint: Seq(1), time: 0, recent: 0, joins: false };
        assert!(loss(Seq(10)).is_single() && !loss(Seq(10)).concerns(S::Unchanged));
        assert!(loss(Seq(9)).concerns(S::Unchanged));
        assert!(loss(Seq::NEVER).concerns(S::Unchanged));
    }
}
