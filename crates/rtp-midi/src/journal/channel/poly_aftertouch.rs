//! Chapter A: MIDI Poly Aftertouch (RFC 6295, A.9).
//!
//! ```text
//!  0                   1                   2
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|    LEN      |S|   NOTENUM   |X|  PRESSURE   |  ...
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::config::Split;
use crate::error::Result;
use crate::journal::octets::{array, take};
use crate::journal::recency::Recency;
use crate::journal::window::{Loss, S, Seq, Stamp, View};
use crate::midi::{U7, Voice};

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter<'a> {
    logs: &'a [u8],
}

/// The pressure of one note.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Log {
    pub(crate) s: S,
    pub(crate) note: U7,
    pub(crate) pressure: U7,
    /// X: a CC 120 or 123 to 127 came after the command.
    pub(crate) silenced: bool,
}

/// The latest pressure of each note that no CC 121 followed.
#[derive(Clone, Debug)]
pub(crate) struct History {
    notes: Recency,
    pressure: [U7; 128],
    silenced: u128,
    /// The packet of the latest command that silenced.
    silenced_at: Seq,
}

impl Default for History {
    fn default() -> Self {
        Self { notes: Recency::default(), pressure: [U7::default(); 128], silenced: 0, silenced_at: Seq::NEVER }
    }
}

impl<'a> Chapter<'a> {
    pub(crate) fn decode(octets: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let ([header], rest) = array(octets)?;
        let (logs, rest) = take(rest, 2 * (usize::from(header & 0x7F) + 1))?;
        Ok((Self { logs }, rest))
    }

    pub(crate) fn logs(&self) -> impl Iterator<Item = Log> + use<'a> {
        self.logs.chunks_exact(2).map(|log| Log {
            s: S::read(log[0]),
            note: U7::masked(log[0]),
            pressure: U7::masked(log[1]),
            silenced: log[1] & 0x80 != 0,
        })
    }
}

impl History {
    pub(crate) fn observe(&mut self, note: U7, pressure: U7, stamp: Stamp) {
        self.notes.touch(note.get(), stamp.packet);
        self.pressure[usize::from(note)] = pressure;
        self.silenced &= !(1 << note.get());
    }

    /// CC 120 and 123 to 127.
    pub(crate) fn silence(&mut self, stamp: Stamp) {
        (self.silenced, self.silenced_at) = (u128::MAX, stamp.packet);
    }

    /// CC 121.
    pub(crate) fn reset(&mut self) {
        self.notes.clear();
    }

    pub(crate) fn encode(&self, view: &View, rules: Split, out: &mut Vec<u8>) -> Option<S> {
        let oldest = if rules.anchor == 0 { view.since } else { Seq::FIRST };
        if self.notes.newest() < oldest {
            return None;
        }
        let start = out.len();
        out.push(0);
        let (mut s, mut logs) = (S::Unchanged, 0_u8);
        let wanted =
            |note: u8| view.of(rules.of(U7::masked(note))).is_some_and(|view| self.notes.at(note) >= view.since);
        for note in self.notes.since(oldest).filter(|note| wanted(*note)) {
            let (x, flagged) = match self.silenced & 1 << note {
                0 => (0, Seq::NEVER),
                _ => (0x80, self.silenced_at),
            };
            let log = view.s(self.notes.at(note)).and(view.s(flagged));
            out.extend([log.bit() | note, x | self.pressure[usize::from(note)].get()]);
            s = s.and(log);
            logs += 1;
        }
        if logs == 0 {
            out.truncate(start);
            return None;
        }
        out[start] = s.bit() | (logs - 1);
        Some(s)
    }

    /// Whether a pressure of the note has been heard.
    pub(crate) fn is_known(&self, note: U7) -> bool {
        self.notes.at(note.get()) != Seq::NEVER
    }

    /// The command that brings this history to what `log` says.
    pub(crate) fn repair(&self, log: &Log, loss: &Loss) -> Option<Voice> {
        let silenced = self.silenced & 1 << log.note.get() != 0;
        let known = self.notes.at(log.note.get()) != Seq::NEVER
            && self.pressure[usize::from(log.note)] == log.pressure
            && (log.silenced || !silenced);
        let lost = loss.concerns(log.s) && !known;
        lost.then_some(Voice::PolyAftertouch { note: log.note, pressure: log.pressure })
    }

    #[cfg(test)]
    pub(crate) fn pressures(&self) -> Vec<(u8, U7)> {
        (0..128).filter(|n| self.notes.at(*n) != Seq::NEVER).map(|n| (n, self.pressure[usize::from(n)])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::{VIEW, view};

    fn observe(history: &mut History, note: u8, pressure: u8, packet: Seq) {
        history.observe(U7::masked(note), U7::masked(pressure), Stamp { packet, time: 0 });
    }

    #[test]
    fn one_note_is_two_octets_behind_the_header() {
        let mut history = History::default();
        observe(&mut history, 0x3C, 0x2A, VIEW.previous);
        let mut out = Vec::new();
        assert_eq!(history.encode(&VIEW, Split::default(), &mut out), Some(S::Changed));
        assert_eq!(out, [0x00, 0x3C, 0x2A]);
    }

    #[test]
    fn logs_are_oldest_first_with_their_own_s_bits() {
        let mut history = History::default();
        for (note, packet) in [(64, VIEW.since), (60, VIEW.since), (64, VIEW.previous)] {
            observe(&mut history, note, 1, packet);
        }
        let mut out = Vec::new();
        history.encode(&VIEW, Split::default(), &mut out);
        assert_eq!(out, [0x01, 0x80 | 60, 1, 64, 1]);
        out.clear();
        history.encode(&view(VIEW.previous), Split::default(), &mut out);
        assert_eq!(out, [0x00, 64, 1]);
    }

    #[test]
    fn all_notes_off_sets_x_and_s_tells_of_it() {
        let mut history = History::default();
        observe(&mut history, 60, 5, VIEW.since);
        history.silence(Stamp { packet: VIEW.previous, time: 0 });
        let mut out = Vec::new();
        assert_eq!(history.encode(&VIEW, Split::default(), &mut out), Some(S::Changed));
        assert_eq!(out, [0x00, 60, 0x80 | 5]);
        history.reset();
        assert_eq!(history.encode(&VIEW, Split::default(), &mut out), None);
    }
}
