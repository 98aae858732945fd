//! The frame of the system journal (RFC 6295 section 5, figure 10).
//!
//! ```text
//!  0                   1
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|D|V|Q|F|X|      LENGTH       |  System chapters ...
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::{History, active_sense, sequencer, simple, sysex, time_code};
use crate::config::SystemChapters;
use crate::error::Result;
use crate::journal::octets::{LENGTH_MAX, array, chapter, length, take};
use crate::journal::window::{Coded, S, View};

/// The table of contents: which chapters there are.
pub(super) type Toc = u8;

pub(super) const D: Toc = 0x40;
pub(super) const V: Toc = 0x20;
pub(super) const Q: Toc = 0x10;
pub(super) const F: Toc = 0x08;
pub(super) const X: Toc = 0x04;

const HEADER: usize = 2;

/// A system journal as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Journal<'a> {
    pub(crate) s: S,
    pub(super) simple: Option<simple::Chapter<'a>>,
    pub(super) active_sense: Option<active_sense::Chapter>,
    pub(super) sequencer: Option<sequencer::Chapter>,
    pub(super) time_code: Option<time_code::Chapter>,
    pub(super) sysex: Option<sysex::Chapter<'a>>,
}

impl<'a> Journal<'a> {
    /// Splits off the octets of the system journal by its LENGTH.
    pub(crate) fn split(octets: &'a [u8]) -> Result<(&'a [u8], &'a [u8])> {
        let ([high, low], _) = array(octets)?;
        take(octets, length(high, low, HEADER)?)
    }

    /// Reads what [`Journal::split`] split off.
    pub(crate) fn decode(octets: &'a [u8]) -> Result<Self> {
        let ([flags, _], mut rest) = array(octets)?;
        let rest = &mut rest;
        Ok(Self {
            s: S::read(flags),
            simple: chapter(flags & D, rest, simple::Chapter::decode)?,
            active_sense: chapter(flags & V, rest, active_sense::Chapter::decode)?,
            sequencer: chapter(flags & Q, rest, sequencer::Chapter::decode)?,
            time_code: chapter(flags & F, rest, time_code::Chapter::decode)?,
            // The list of logs ends where the journal ends.
            sysex: chapter(flags & X, rest, sysex::Chapter::decode)?,
        })
    }
}

#[cfg(test)]
impl Journal<'_> {
    /// The chapters that captured packets have, as the test data spells them.
    pub(crate) fn describe(&self) -> String {
        let sequencer = self.sequencer.map(|chapter| chapter.describe());
        let time_code = self.time_code.map(|chapter| chapter.describe());
        sequencer.into_iter().chain(time_code).collect()
    }
}

impl History {
    /// Appends the system journal, or nothing when the window asks for nothing.
    pub(crate) fn encode(&mut self, view: &View, rules: &SystemChapters, out: &mut Vec<u8>) -> Option<Coded> {
        if self.at < view.since && !self.sysex.is_under_way() && !rules.anchors() {
            return None;
        }
        let start = out.len();
        out.extend([0; HEADER]);
        let (toc, s, cut) = self.encode_chapters(view, rules, view.room.min(LENGTH_MAX).saturating_sub(HEADER), out);
        if toc == 0 {
            out.truncate(start);
            return cut.then_some(Coded { s: S::Changed, cut, short: false });
        }
        let length = out.len() - start;
        out[start] = s.bit() | toc | (length >> 8) as u8;
        out[start + 1] = length as u8;
        Some(Coded { s, cut, short: false })
    }
}
