//! Chapter V: MIDI Active Sense (RFC 6295, B.2).
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! +-+-+-+-+-+-+-+-+
//! |S|    COUNT    |
//! +-+-+-+-+-+-+-+-+
//! ```

use crate::error::Result;
use crate::journal::octets::array;
use crate::journal::window::{Origin, S, Seq, Stamp, View};

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter {
    s: S,
    pub(crate) count: u8,
}

/// How many commands there were, mod 128.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    count: u8,
    at: Seq,
}

impl Chapter {
    pub(crate) fn decode(octets: &[u8]) -> Result<(Self, &[u8])> {
        let ([octet], rest) = array(octets)?;
        Ok((Self { s: S::read(octet), count: octet & 0x7F }, rest))
    }
}

impl History {
    pub(crate) fn observe(&mut self, stamp: Stamp, origin: Origin) {
        self.count = (self.count + u8::from(origin == Origin::Stream)) & 0x7F;
        self.at = stamp.packet;
    }

    pub(crate) fn reset_state(&mut self) {
        self.at = Seq::NEVER;
    }

    pub(crate) fn encode(&self, view: &View, out: &mut Vec<u8>) -> Option<S> {
        if self.at < view.checkpoint || self.at == Seq::NEVER {
            return None;
        }
        let s = view.s(self.at);
        out.push(s.bit() | self.count);
        Some(s)
    }

    /// Whether a command is lost; however many are, one tells the instrument what it needs to know.
    pub(crate) fn lacks(&self, theirs: &Chapter) -> bool {
        self.count != theirs.count
    }

    pub(crate) fn adopt(&mut self, theirs: &Chapter) {
        self.count = theirs.count;
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> u8 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::VIEW;

    #[test]
    fn commands_are_counted_modulo_128_and_repairs_are_not() {
        let mut history = History::default();
        let stamp = Stamp { packet: VIEW.previous, time: 0 };
        (0..130).for_each(|_| history.observe(stamp, Origin::Stream));
        let mut out = Vec::new();
        assert_eq!(history.encode(&VIEW, &mut out), Some(S::Changed));
        assert_eq!(out, [2]);
        let (chapter, _) = Chapter::decode(&out).unwrap();
        let mut other = History::default();
        assert!(!history.lacks(&chapter) && other.lacks(&chapter));
        other.observe(stamp, Origin::Repair);
        other.adopt(&chapter);
        assert_eq!(other.count(), 2);
    }

    #[test]
    fn a_reset_leaves_the_count_and_ends_the_chapter() {
        let mut history = History::default();
        history.observe(Stamp { packet: VIEW.previous, time: 0 }, Origin::Stream);
        history.reset_state();
        assert_eq!((history.encode(&VIEW, &mut Vec::new()), history.count()), (None, 1));
    }
}
