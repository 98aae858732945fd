//! Chapter F: MIDI Time Code tape position (RFC 6295, B.4).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|C|P|Q|D|POINT|  COMPLETE (32) if C = 1, PARTIAL (32) if P = 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! A frame is told by eight quarter frames, types 0 to 7 forwards or 7 to 0 in reverse, or by one Full Frame.

use crate::error::Result;
use crate::journal::octets::array;
use crate::journal::window::{S, Seq, Stamp, View};
use crate::midi::U7;

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter {
    s: S,
    complete: Option<Frame>,
    partial: Option<Partial>,
    reverse: bool,
}

/// A whole frame value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Frame {
    /// Nibbles of types 0 to 7, two to an octet, with the two frames that a forward series lags added.
    Quarters([u8; 4]),
    /// Hours with the rate, minutes, seconds, frames.
    Full([u8; 4]),
}

/// A series of quarter frames that is not at its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Partial {
    nibbles: [u8; 8],
    /// The latest type.
    point: u8,
}

/// The latest frame and the series under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    complete: Option<Frame>,
    complete_at: Seq,
    partial: Option<Partial>,
    reverse: bool,
    at: Seq,
}

/// What a receiver has to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Repair {
    /// The data octets of a Full Frame System Exclusive.
    Full([u8; 8]),
    Quarter(U7),
}

const C: u8 = 0x40;
const P: u8 = 0x20;
const Q: u8 = 0x10;
const D: u8 = 0x08;

impl Chapter {
    pub(crate) fn decode(octets: &[u8]) -> Result<(Self, &[u8])> {
        let ([flags], mut rest) = array(octets)?;
        let mut field = |bit: u8| -> Result<Option<[u8; 4]>> {
            if flags & bit == 0 {
                return Ok(None);
            }
            let (field, behind) = array(rest)?;
            rest = behind;
            Ok(Some(field))
        };
        let complete = field(C)?;
        let partial = field(P)?;
        let chapter = Self {
            s: S::read(flags),
            complete: complete.map(if flags & Q == 0 { Frame::Full } else { Frame::Quarters }),
            partial: partial.map(|octets| Partial { nibbles: unpack(octets), point: flags & 0x07 }),
            reverse: flags & D != 0,
        };
        Ok((chapter, rest))
    }
}

#[cfg(test)]
impl Chapter {
    /// As the test data spells it, for a whole frame told by a Full Frame.
    pub(crate) fn describe(&self) -> String {
        let s = u8::from(self.s == S::Unchanged);
        let frame = u32::from_be_bytes(self.complete.map_or([0; 4], Frame::octets));
        format!(" | F:S{s} C1 P0 Q0 D0 POINT7 COMPLETE {frame:08x}")
    }
}

impl Frame {
    /// Hours with the rate, minutes, seconds, frames.
    fn octets(self) -> [u8; 4] {
        match self {
            Self::Full(octets) => octets,
            Self::Quarters(octets) => {
                let n = unpack(octets);
                [n[7] << 4 | n[6], n[5] << 4 | n[4], n[3] << 4 | n[2], n[1] << 4 | n[0]].map(|octet| octet & 0x7F)
            }
        }
    }
}

impl History {
    pub(crate) fn quarter_frame(&mut self, value: U7, stamp: Stamp) {
        let (kind, nibble) = (value.get() >> 4, value.get() & 0x0F);
        let next =
            |partial: &Partial| if self.reverse { partial.point.checked_sub(1) } else { Some(partial.point + 1) };
        let mut partial = self.partial.filter(|partial| next(partial) == Some(kind));
        if partial.is_none() && matches!(kind, 0 | 7) {
            // The end of a series that began in the middle looks like the start of one in the other direction.
            self.reverse = kind == 7;
            partial = Some(Partial { nibbles: [0; 8], point: kind });
        }
        if let Some(partial) = &mut partial {
            partial.nibbles[usize::from(kind)] = nibble;
            partial.point = kind;
        }
        let end = if self.reverse { 0 } else { 7 };
        if let Some(whole) = partial.filter(|partial| partial.point == end) {
            let nibbles = if self.reverse { whole.nibbles } else { two_frames_later(whole.nibbles) };
            (self.complete, self.complete_at) = (Some(Frame::Quarters(pack(nibbles))), stamp.packet);
            partial = None;
        }
        (self.partial, self.at) = (partial, stamp.packet);
    }

    /// A Full Frame: hours with the rate, minutes, seconds, frames. The direction is told by what follows.
    pub(crate) fn full_frame(&mut self, octets: [u8; 4], stamp: Stamp) {
        *self = Self {
            complete: Some(Frame::Full(octets)),
            complete_at: stamp.packet,
            at: stamp.packet,
            ..Self::default()
        };
    }

    pub(crate) fn encode(&self, view: &View, out: &mut Vec<u8>) -> Option<S> {
        // The chapter has no optional use: who comes late waits for the next frame (B.4).
        if self.at < view.checkpoint || self.at == Seq::NEVER {
            return None;
        }
        let s = view.s(self.at);
        let complete = self.complete.filter(|_| self.complete_at >= view.checkpoint);
        let quarters = matches!(complete, Some(Frame::Quarters(_)));
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let point = self.partial.map_or(if self.reverse { 0 } else { 7 }, |partial| partial.point);
        out.push(
            s.bit()
                | bit(complete.is_some(), C)
                | bit(self.partial.is_some(), P)
                | bit(quarters, Q)
                | bit(self.reverse, D)
                | point,
        );
        out.extend(complete.into_iter().flat_map(|(Frame::Full(octets) | Frame::Quarters(octets))| octets));
        out.extend(self.partial.into_iter().flat_map(|partial| pack(partial.nibbles)));
        Some(s)
    }

    fn lacks_frame(&self, theirs: &Chapter) -> bool {
        theirs.complete.is_some_and(|frame| Some(frame.octets()) != self.complete.map(Frame::octets))
    }

    /// Appends what brings a follower of this time code to that of `theirs`.
    pub(crate) fn repair(&self, theirs: &Chapter, out: &mut Vec<Repair>) {
        // A series heard in part has ended, perhaps with a frame that was known.
        let ended = self.partial.is_some() && theirs.partial.is_none();
        if let Some(frame) = theirs.complete.filter(|_| ended || self.lacks_frame(theirs)) {
            let [hours, minutes, seconds, frames] = frame.octets();
            out.push(Repair::Full([0x7F, 0x7F, 0x01, 0x01, hours, minutes, seconds, frames]));
        }
        let Some(partial) = theirs.partial else { return };
        let order: Vec<u8> =
            if theirs.reverse { (partial.point..=7).rev().collect() } else { (0..=partial.point).collect() };
        // Ours is the same series if theirs begins with it.
        let known = self.partial.filter(|_| out.is_empty() && self.reverse == theirs.reverse);
        let ours = known.and_then(|known| order.iter().position(|kind| *kind == known.point).zip(Some(known.nibbles)));
        let same = |(last, nibbles): &(usize, [u8; 8])| {
            order[..=*last].iter().all(|kind| nibbles[usize::from(*kind)] == partial.nibbles[usize::from(*kind)])
        };
        let missing = order.iter().skip(ours.filter(same).map_or(0, |(last, _)| last + 1));
        out.extend(missing.map(|kind| Repair::Quarter(U7::masked(kind << 4 | partial.nibbles[usize::from(*kind)]))));
    }

    pub(crate) fn adopt(&mut self, theirs: &Chapter, stamp: Stamp) {
        if theirs.complete.is_some() {
            (self.complete, self.complete_at) = (theirs.complete, stamp.packet);
        }
        (self.partial, self.reverse, self.at) = (theirs.partial, theirs.reverse, stamp.packet);
    }

    #[cfg(test)]
    pub(crate) fn state(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        (self.complete.map(Frame::octets), self.partial)
    }
}

fn pack(nibbles: [u8; 8]) -> [u8; 4] {
    std::array::from_fn(|index| nibbles[2 * index] << 4 | nibbles[2 * index + 1] & 0x0F)
}

fn unpack(octets: [u8; 4]) -> [u8; 8] {
    std::array::from_fn(|index| octets[index / 2] >> (4 * (1 - index % 2)) & 0x0F)
}

/// A forward series ends two frames after the moment it tells (B.4).
fn two_frames_later(nibbles: [u8; 8]) -> [u8; 8] {
    let pair = |index: usize| u32::from(nibbles[2 * index + 1]) << 4 | u32::from(nibbles[2 * index]);
    let rate = nibbles[7] >> 1 & 0x03;
    let per_second = [24, 25, 30, 30][usize::from(rate)];
    let (mut frames, mut seconds, mut minutes) = (pair(0) & 0x1F, pair(1) & 0x3F, pair(2) & 0x3F);
    let (mut hours, flags) = (pair(3) & 0x1F, nibbles[7] & 0x0E);
    for _ in 0..2 {
        frames += 1;
        if frames < per_second {
            continue;
        }
        (frames, seconds) = (0, seconds + 1);
        if seconds < 60 {
            continue;
        }
        (seconds, minutes) = (0, minutes + 1);
        if minutes == 60 {
            (minutes, hours) = (0, (hours + 1) % 24);
        }
        // 30 frames a second with drop: minutes begin with frame 2, every tenth one excepted.
        if rate == 2 && minutes % 10 != 0 {
            frames = 2;
        }
    }
    let split = |value: u32| [value as u8 & 0x0F, (value >> 4) as u8];
    let ([f0, f1], [s0, s1], [m0, m1], [h0, h1]) = (split(frames), split(seconds), split(minutes), split(hours));
    [f0, f1, s0, s1, m0, m1, h0, h1 & 0x01 | flags]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::{VIEW, view};

    fn history(quarters: &[u8]) -> History {
        let mut history = History::default();
        for value in quarters {
            history.quarter_frame(U7::masked(*value), Stamp { packet: VIEW.previous, time: 0 });
        }
        history
    }

    fn encode(history: &History) -> Vec<u8> {
        let mut out = Vec::new();
        history.encode(&VIEW, &mut out);
        out
    }

    /// 01:02:03:04 at 25 frames a second.
    const FORWARD: [u8; 8] = [0x04, 0x10, 0x23, 0x30, 0x42, 0x50, 0x61, 0x72];

    #[test]
    fn a_forward_series_is_two_frames_later() {
        assert_eq!(encode(&history(&FORWARD)), [0x57, 0x60, 0x30, 0x20, 0x12]);
    }

    #[test]
    fn a_reverse_series_is_as_told() {
        let mut reverse = FORWARD;
        reverse.reverse();
        assert_eq!(encode(&history(&reverse)), [0x58, 0x40, 0x30, 0x20, 0x12]);
    }

    #[test]
    fn a_series_under_way_is_partial() {
        assert_eq!(encode(&history(&FORWARD[..2])), [0x21, 0x40, 0x00, 0x00, 0x00]);
        assert_eq!(encode(&history(&[0x72, 0x61])), [0x2E, 0x00, 0x00, 0x00, 0x12]);
        assert_eq!(encode(&history(&[0x30, 0x42])), [0x07], "a series that begins in the middle says nothing");
    }

    #[test]
    fn a_full_frame_is_coded_in_its_own_octets() {
        let mut history = history(&FORWARD[..3]);
        history.full_frame([0x21, 2, 3, 4], Stamp { packet: VIEW.previous, time: 0 });
        assert_eq!(encode(&history), [0x47, 0x21, 2, 3, 4]);
    }

    #[test]
    fn nothing_is_coded_without_need() {
        assert_eq!(history(&FORWARD).encode(&view(VIEW.previous.next()), &mut Vec::new()), None);
    }

    #[test]
    fn the_drop_frame_count_skips_two_frames_a_minute_except_every_tenth() {
        // 00:00:59:29 and 00:09:59:29 at 30 drop.
        let at = |minutes: u8| two_frames_later([0x0D, 1, 0x0B, 3, minutes, 0, 0, 0x04]);
        assert_eq!(at(0), [3, 0, 0, 0, 1, 0, 0, 0x04]);
        assert_eq!(at(9), [1, 0, 0, 0, 0x0A, 0, 0, 0x04]);
        assert_eq!(two_frames_later([0x0D, 1, 0x0B, 3, 0x0B, 3, 7, 0x07]), [1, 0, 0, 0, 0, 0, 0, 0x06], "a day ends");
    }

    #[test]
    fn a_repair_sends_only_the_quarter_frames_that_are_missing() {
        let octets = encode(&history(&FORWARD[..4]));
        let (chapter, _) = Chapter::decode(&octets).unwrap();
        let mut repairs = Vec::new();
        history(&FORWARD[..2]).repair(&chapter, &mut repairs);
        assert_eq!(repairs, [Repair::Quarter(U7::masked(0x23)), Repair::Quarter(U7::masked(0x30))]);
    }

    #[test]
    fn a_series_that_is_not_the_one_heard_is_sent_from_its_start() {
        let falling = [0x72, 0x61, 0x50, 0x42];
        for (heard, theirs) in [(&falling[..], &falling[..2]), (&falling[..2], &[0x72, 0x60, 0x50])] {
            let octets = encode(&history(theirs));
            let mut repairs = Vec::new();
            history(heard).repair(&Chapter::decode(&octets).unwrap().0, &mut repairs);
            let quarters: Vec<_> = theirs.iter().map(|value| Repair::Quarter(U7::masked(*value))).collect();
            assert_eq!(repairs, quarters);
        }
    }

    #[test]
    fn the_end_of_a_series_is_told_even_if_its_frame_was_known() {
        let falling = [0x72, 0x61, 0x50, 0x42, 0x30, 0x23, 0x10, 0x04];
        let octets = encode(&history(&[&falling[..], &falling].concat()));
        let mut repairs = Vec::new();
        history(&[&falling[..], &falling[..3]].concat()).repair(&Chapter::decode(&octets).unwrap().0, &mut repairs);
        assert_eq!(repairs, [Repair::Full([0x7F, 0x7F, 1, 1, 0x21, 2, 3, 4])]);
    }

    #[test]
    fn a_lost_frame_comes_as_a_full_frame() {
        let octets = encode(&history(&FORWARD));
        let (chapter, _) = Chapter::decode(&octets).unwrap();
        let (mut ours, mut repairs) = (history(&FORWARD[..2]), Vec::new());
        ours.repair(&chapter, &mut repairs);
        assert_eq!(repairs, [Repair::Full([0x7F, 0x7F, 1, 1, 0x21, 2, 3, 6])]);
        ours.adopt(&chapter, Stamp { packet: VIEW.previous, time: 0 });
        repairs.clear();
        ours.repair(&chapter, &mut repairs);
        assert_eq!(repairs, []);
    }
}
