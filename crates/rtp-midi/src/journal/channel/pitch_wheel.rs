//! Chapter W: MIDI Pitch Wheel (RFC 6295, A.5).
//!
//! ```text
//!  0                   1
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|     FIRST   |R|    SECOND   |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::error::Result;
use crate::journal::octets::array;
use crate::journal::window::{S, Seq, Stamp, View};
use crate::midi::{U7, U14, Voice};

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter {
    pub(crate) s: S,
    pub(crate) value: U14,
}

/// The latest wheel command that no CC 121 followed.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    value: Option<U14>,
    at: Seq,
}

impl Chapter {
    pub(crate) fn decode(octets: &[u8]) -> Result<(Self, &[u8])> {
        let ([first, second], rest) = array(octets)?;
        let value = U14::join(U7::masked(first), U7::masked(second));
        Ok((Self { s: S::read(first), value }, rest))
    }
}

impl History {
    pub(crate) fn observe(&mut self, value: U14, stamp: Stamp) {
        (self.value, self.at) = (Some(value), stamp.packet);
    }

    /// CC 121.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn encode(&self, view: &View, out: &mut Vec<u8>) -> Option<S> {
        let value = self.value.filter(|_| self.at >= view.since)?;
        let s = view.s(self.at);
        out.extend([s.bit() | value.lsb().get(), value.msb().get()]);
        Some(s)
    }

    pub(crate) fn is_known(&self) -> bool {
        self.value.is_some()
    }

    /// The command that brings this history to what `theirs` says.
    pub(crate) fn repair(&self, theirs: &Chapter) -> Option<Voice> {
        (self.value != Some(theirs.value)).then_some(Voice::PitchWheel { value: theirs.value })
    }

    #[cfg(test)]
    pub(crate) fn value(&self) -> Option<U14> {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::{VIEW, view};

    #[test]
    fn the_chapter_codes_the_latest_wheel() {
        let mut history = History::default();
        history.observe(U14::join(U7::masked(0x12), U7::masked(0x34)), Stamp { packet: VIEW.previous, time: 0 });
        let mut out = Vec::new();
        assert_eq!(history.encode(&VIEW, &mut out), Some(S::Changed));
        assert_eq!(out, [0x12, 0x34]);
        let (chapter, _) = Chapter::decode(&out).unwrap();
        assert_eq!(history.repair(&chapter), None);
        assert!(History::default().repair(&chapter).is_some());
    }

    #[test]
    fn a_wheel_older_than_the_window_or_before_cc_121_is_not_coded() {
        let mut history = History::default();
        history.observe(U14::MAX, Stamp { packet: VIEW.previous, time: 0 });
        assert_eq!(history.encode(&view(VIEW.previous.next()), &mut Vec::new()), None);
        history.reset();
        assert_eq!(history.encode(&VIEW, &mut Vec::new()), None);
    }

    #[test]
    fn the_reserved_bit_is_ignored() {
        assert_eq!(Chapter::decode(&[0x12, 0xB4]), Chapter::decode(&[0x12, 0x34]));
    }
}
