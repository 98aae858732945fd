//! The frame of a channel journal (RFC 6295 section 5, figure 9).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S| CHAN  |H|      LENGTH       |P|C|M|W|N|E|T|A|  Chapters ... |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::{History, channel_aftertouch, control, note, parameter, pitch_wheel, poly_aftertouch, program};
use crate::config::ChannelChapters;
use crate::error::Result;
use crate::journal::octets::{LENGTH_MAX, array, chapter, length, take};
use crate::journal::window::{Coded, S, Seq, View};
use crate::midi::Channel;

/// The table of contents: which chapters there are.
pub(super) type Toc = u8;

pub(super) const P: Toc = 0x80;
pub(super) const C: Toc = 0x40;
pub(super) const M: Toc = 0x20;
pub(super) const W: Toc = 0x10;
pub(super) const N: Toc = 0x08;
pub(super) const E: Toc = 0x04;
pub(super) const T: Toc = 0x02;
pub(super) const A: Toc = 0x01;

/// Enhanced coding of some controllers (A.3.3).
const H: u8 = 0x04;

/// A channel journal as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Journal<'a> {
    pub(crate) s: S,
    pub(crate) channel: Channel,
    pub(super) program: Option<program::Chapter>,
    pub(super) control: Option<control::Chapter<'a>>,
    pub(super) parameter: Option<parameter::Chapter<'a>>,
    pub(super) wheel: Option<pitch_wheel::Chapter>,
    pub(super) note: Option<note::Chapter<'a>>,
    pub(super) extras: note::Extras<'a>,
    pub(super) channel_aftertouch: Option<channel_aftertouch::Chapter>,
    pub(super) poly_aftertouch: Option<poly_aftertouch::Chapter<'a>>,
}

impl<'a> Journal<'a> {
    /// Splits off the octets of one channel journal by its LENGTH.
    pub(crate) fn split(octets: &'a [u8]) -> Result<(&'a [u8], &'a [u8])> {
        let ([high, low], _) = array(octets)?;
        take(octets, length(high, low, 3)?)
    }

    /// Reads what [`Journal::split`] split off. Octets behind the last chapter are no error: they are stepped over.
    pub(crate) fn decode(octets: &'a [u8]) -> Result<Self> {
        let ([first, _, toc], mut rest) = array(octets)?;
        let rest = &mut rest;
        let enhanced = first & H != 0;
        Ok(Self {
            s: S::read(first),
            channel: Channel::masked(first >> 3),
            program: chapter(toc & P, rest, program::Chapter::decode)?,
            control: chapter(toc & C, rest, |octets| control::Chapter::decode(octets, enhanced))?,
            parameter: chapter(toc & M, rest, parameter::Chapter::decode)?,
            wheel: chapter(toc & W, rest, pitch_wheel::Chapter::decode)?,
            note: chapter(toc & N, rest, note::Chapter::decode)?,
            extras: chapter(toc & E, rest, note::Extras::decode)?.unwrap_or_default(),
            channel_aftertouch: chapter(toc & T, rest, channel_aftertouch::Chapter::decode)?,
            poly_aftertouch: chapter(toc & A, rest, poly_aftertouch::Chapter::decode)?,
        })
    }
}

#[cfg(test)]
impl Journal<'_> {
    /// The chapters that captured packets have, as the test data spells them.
    pub(crate) fn describe(&self) -> String {
        let bit = |s: S| u8::from(s == S::Unchanged);
        let mut text = Vec::new();
        if let Some(control) = self.control {
            let log = |log: control::Group| {
                format!(
                    "S{} cc{} {}",
                    bit(log.s),
                    log.controller,
                    log.value.map_or_else(String::new, |v| v.to_string())
                )
            };
            text.push(format!(" | C: {}", control.groups().map(log).collect::<Vec<_>>().join(", ")));
        }
        if let Some(wheel) = self.wheel {
            text.push(format!(" | W: {} {}", wheel.value.lsb(), wheel.value.msb()));
        }
        if let Some(note) = self.note {
            let log =
                |log: note::Log| format!("S{} n{} Y{} v{}", bit(log.s), log.note, u8::from(log.play), log.velocity);
            let released: Vec<u8> = (0..128).filter(|number| note.released & 1 << number != 0).collect();
            text.push(format!(" | N: logs[{}] off{released:?}", note.logs().map(log).collect::<Vec<_>>().join(", ")));
        }
        text.concat()
    }
}

impl History {
    /// Appends the channel journal, or nothing when the window asks for nothing, or for more than LENGTH can say of the
    /// latest packet alone: that is a cut.
    pub(crate) fn encode(
        &mut self,
        channel: Channel,
        view: &View,
        rules: &ChannelChapters,
        out: &mut Vec<u8>,
    ) -> Option<Coded> {
        if self.at < view.since && self.at < view.checkpoint && !rules.anchors() {
            return None;
        }
        match self.encode_within(channel, view, rules, out) {
            Frame::Whole(coded) => Some(coded),
            Frame::Empty(_) => None,
            Frame::TooLong => self.encode_less(channel, view, rules, out),
        }
    }

    /// Half of the packets are forgotten until it fits; notes go last.
    #[cold]
    fn encode_less(
        &mut self,
        channel: Channel,
        whole: &View,
        rules: &ChannelChapters,
        out: &mut Vec<u8>,
    ) -> Option<Coded> {
        let (mut view, mut unanchored) = (*whole, None);
        loop {
            let middle = |from: Seq| Seq(from.0 + (view.previous.0.saturating_sub(from.0)) / 2 + 1);
            if view.since <= view.previous {
                view.since = middle(view.since);
            } else if view.checkpoint <= view.previous {
                view.checkpoint = middle(view.checkpoint);
            } else {
                // What is anchored does not fit by itself.
                (unanchored, view) = (Some(rules.without_anchors()), *whole);
            }
            match self.encode_within(channel, &view, unanchored.as_ref().unwrap_or(rules), out) {
                Frame::Whole(coded) => return Some(Coded { cut: true, ..coded }),
                Frame::Empty(short) => return Some(Coded { s: S::Changed, cut: true, short }),
                Frame::TooLong => {}
            }
        }
    }

    /// Appends what LENGTH can say of, or nothing.
    #[inline]
    fn encode_within(&mut self, channel: Channel, view: &View, rules: &ChannelChapters, out: &mut Vec<u8>) -> Frame {
        let start = out.len();
        out.extend([0; 3]);
        let (toc, coded) = self.encode_chapters(view, rules, out);
        let length = out.len() - start;
        if toc == 0 || length > LENGTH_MAX {
            out.truncate(start);
            return if toc == 0 { Frame::Empty(coded.short) } else { Frame::TooLong };
        }
        let enhanced = if rules.enhanced == 0 { 0 } else { H };
        out[start] = coded.s.bit() | channel.get() << 3 | enhanced | (length >> 8) as u8;
        out[start + 1] = length as u8;
        out[start + 2] = toc;
        Frame::Whole(coded)
    }
}

/// What a window of the history comes to.
enum Frame {
    Whole(Coded),
    /// Nothing is asked for, and whether a list was too short to say so.
    Empty(bool),
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Chapters, Inclusion, Letters, Selection};
    use crate::journal::testing::VIEW;
    use crate::journal::window::{Origin, Stamp};
    use crate::midi::{U7, Voice};
    use proptest::prelude::*;

    #[test]
    fn chapters_follow_in_the_order_of_the_table_of_contents() {
        let mut history = History::default();
        let (note, velocity) = (U7::masked(36), U7::masked(64));
        history.observe(Voice::NoteOff { note, velocity }, Stamp { packet: Seq(12), time: 0 }, Origin::Stream);
        let mut out = Vec::new();
        let coded = history.encode(Channel::masked(9), &VIEW, &ChannelChapters::default(), &mut out);
        assert_eq!(coded, Some(Coded { s: S::Unchanged, cut: false, short: false }));
        assert_eq!(out, [0xC8, 0x06, 0x08, 0x80, 0x44, 0x08]);
    }

    #[test]
    fn a_channel_that_cannot_fit_leaves_out_its_oldest_settings() {
        let mut history = History::default();
        for packet in 10..20 {
            let stamp = Stamp { packet: Seq(packet), time: 0 };
            for number in 0..30 {
                for (controller, value) in [(99, packet as u8), (98, number), (6, 1), (38, 2), (96, 0)] {
                    let (controller, value) = (U7::masked(controller), U7::masked(value));
                    history.observe(Voice::ControlChange { controller, value }, stamp, Origin::Stream);
                }
            }
        }
        let mut out = Vec::new();
        assert!(
            history
                .encode(Channel::default(), &VIEW, &ChannelChapters::default(), &mut out)
                .is_some_and(|coded| coded.cut)
        );
        assert!(out.len() <= LENGTH_MAX && out.len() > LENGTH_MAX / 4);
        let (octets, rest) = Journal::split(&out).unwrap();
        assert!(rest.is_empty() && Journal::decode(octets).is_ok());
    }

    #[test]
    fn a_channel_of_which_nothing_fits_is_a_cut() {
        let mut history = History::default();
        let stamp = Stamp { packet: VIEW.previous, time: 0 };
        for number in 0..=255_u8 {
            for (controller, value) in [(99, number >> 7), (98, number & 0x7F), (6, 1), (38, 2)] {
                let (controller, value) = (U7::masked(controller), U7::masked(value));
                history.observe(Voice::ControlChange { controller, value }, stamp, Origin::Stream);
            }
        }
        let mut out = Vec::new();
        let coded = history.encode(Channel::default(), &VIEW, &ChannelChapters::default(), &mut out);
        assert_eq!((coded.map(|coded| coded.cut), out.len()), (Some(true), 0));
    }

    #[test]
    fn anchored_settings_that_cannot_fit_are_left_out_like_others() {
        let mut history = History::default();
        let stamp = Stamp { packet: Seq(10), time: 0 };
        for number in 0..=255_u8 {
            for (controller, value) in [(99, number >> 7), (98, number & 0x7F), (6, 1), (38, 2)] {
                let (controller, value) = (U7::masked(controller), U7::masked(value));
                history.observe(Voice::ControlChange { controller, value }, stamp, Origin::Stream);
            }
        }
        let mut chapters = Chapters::default();
        chapters.assign(Inclusion::Anchor, &Selection::of(Letters::of("M")));
        let mut out = Vec::new();
        let coded = history.encode(Channel::default(), &VIEW, chapters.channel(Channel::default()), &mut out);
        assert!(coded.is_none_or(|coded| coded.cut) && out.len() <= LENGTH_MAX, "{} octets", out.len());
    }

    #[test]
    fn octets_behind_the_last_chapter_are_stepped_over() {
        let octets = [0x00, 0x0A, 0x18, 0x08, 0x40, 0x81, 0xF1, 0x90, 0x40, 0x2D, 0xFF];
        let (journal, rest) = Journal::split(&octets).unwrap();
        assert_eq!(rest, [0xFF]);
        assert!(Journal::decode(journal).unwrap().note.is_some());
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_panic(octets in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Journal::split(&octets).and_then(|(journal, _)| Journal::decode(journal).map(drop));
        }
    }
}
