//! Chapter T: MIDI Channel Aftertouch (RFC 6295, A.8).
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! +-+-+-+-+-+-+-+-+
//! |S|   PRESSURE  |
//! +-+-+-+-+-+-+-+-+
//! ```

use crate::error::Result;
use crate::journal::octets::array;
use crate::journal::window::{S, Seq, Stamp, View};
use crate::midi::{U7, Voice};

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter {
    pub(crate) s: S,
    pub(crate) pressure: U7,
}

/// The latest pressure that no CC 120, 121, or 123 to 127 followed.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pressure: Option<U7>,
    at: Seq,
}

impl Chapter {
    pub(crate) fn decode(octets: &[u8]) -> Result<(Self, &[u8])> {
        let ([octet], rest) = array(octets)?;
        Ok((Self { s: S::read(octet), pressure: U7::masked(octet) }, rest))
    }
}

impl History {
    pub(crate) fn observe(&mut self, pressure: U7, stamp: Stamp) {
        (self.pressure, self.at) = (Some(pressure), stamp.packet);
    }

    /// CC 120, 121, and 123 to 127.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn encode(&self, view: &View, out: &mut Vec<u8>) -> Option<S> {
        let pressure = self.pressure.filter(|_| self.at >= view.since)?;
        let s = view.s(self.at);
        out.push(s.bit() | pressure.get());
        Some(s)
    }

    pub(crate) fn is_known(&self) -> bool {
        self.pressure.is_some()
    }

    /// The command that brings this history to what `theirs` says.
    pub(crate) fn repair(&self, theirs: &Chapter) -> Option<Voice> {
        (self.pressure != Some(theirs.pressure)).then_some(Voice::ChannelAftertouch { pressure: theirs.pressure })
    }

    #[cfg(test)]
    pub(crate) fn pressure(&self) -> Option<U7> {
        self.pressure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::{VIEW, view};

    #[test]
    fn the_chapter_codes_the_latest_pressure() {
        let mut history = History::default();
        history.observe(U7::masked(0x55), Stamp { packet: VIEW.previous, time: 0 });
        let mut out = Vec::new();
        assert_eq!(history.encode(&VIEW, &mut out), Some(S::Changed));
        assert_eq!(out, [0x55]);
        let (chapter, _) = Chapter::decode(&out).unwrap();
        assert_eq!(history.repair(&chapter), None);
        let pressure = U7::masked(0x55);
        assert_eq!(History::default().repair(&chapter), Some(Voice::ChannelAftertouch { pressure }));
    }

    #[test]
    fn a_pressure_older_than_the_window_or_reset_is_not_coded() {
        let mut history = History::default();
        history.observe(U7::MAX, Stamp { packet: VIEW.previous, time: 0 });
        assert_eq!(history.encode(&view(VIEW.previous.next()), &mut Vec::new()), None);
        history.reset();
        assert_eq!(history.encode(&VIEW, &mut Vec::new()), None);
    }
}
