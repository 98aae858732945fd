//! Chapter D: Reset, Tune Request, Song Select, and the undefined commands (RFC 6295, B.1).
//!
//! ```text
//!  0                   1                   2
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//! +-+-+-+-+-+-+-+-+
//! |S|B|G|H|J|K|Y|Z|                                  then logs in this order:
//! +-+-+-+-+-+-+-+-+
//! |S|    COUNT    |                                  B (FF), G (F6)
//! |S|    VALUE    |                                  H (F3)
//! |S|C|V|L|DSZ|      LENGTH       |    COUNT      |  J (F4), K (F5); VALUE and LEGAL follow
//! |S|C|L| LENGTH  |     COUNT     |                  Y (F9), Z (FD); LEGAL follows
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::config::{Inclusion, SystemChapters};
use crate::error::{Error, Result};
use crate::journal::octets::{array, length, take};
use crate::journal::window::{Origin, S, Seq, Stamp, View};
use crate::midi::{System, U7};

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter<'a> {
    reset: Option<u8>,
    tune_request: Option<u8>,
    song: Option<U7>,
    common: [Option<Common<'a>>; 2],
    real_time: [Option<u8>; 2],
}

/// The log of F4 or F5; the last octet of the value still has its most significant bit set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Common<'a> {
    count: Option<u8>,
    value: &'a [u8],
}

/// The latest of each command.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    reset: Counted,
    tune_request: Counted,
    song: Option<U7>,
    song_at: Seq,
    common: [Counted; 2],
    /// The data octets of the latest F4 and F5.
    data: [Vec<u8>; 2],
    real_time: [Counted; 2],
}

/// How many commands there were, mod 256, and the packet of the latest active one.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    count: u8,
    at: Seq,
}

const B: u8 = 0x40;
const G: u8 = 0x20;
const H: u8 = 0x10;
const J: u8 = 0x08;
const K: u8 = 0x04;
const Y: u8 = 0x02;
const Z: u8 = 0x01;

/// More data octets of F4 or F5 than this fit no system journal beside the rest of the chapter.
const MOST_DATA: usize = 1000;

impl<'a> Chapter<'a> {
    pub(crate) fn decode(octets: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let ([flags], mut rest) = array(octets)?;
        let mut count = |bit: u8| -> Result<Option<u8>> {
            if flags & bit == 0 {
                return Ok(None);
            }
            let ([octet], behind) = array(rest)?;
            rest = behind;
            Ok(Some(octet & 0x7F))
        };
        let (reset, tune_request) = (count(B)?, count(G)?);
        let song = count(H)?.map(U7::masked);
        let mut chapter = Self { reset, tune_request, song, common: [None; 2], real_time: [None; 2] };
        for (slot, bit) in chapter.common.iter_mut().zip([J, K]) {
            if flags & bit != 0 {
                let (log, behind) = Common::decode(rest)?;
                (*slot, rest) = (Some(log), behind);
            }
        }
        for (slot, bit) in chapter.real_time.iter_mut().zip([Y, Z]) {
            if flags & bit != 0 {
                let ([header], _) = array(rest)?;
                let (log, behind) = take(rest, usize::from(header & 0x1F).max(1))?;
                // C says whether there is a COUNT.
                *slot = if header & 0x40 == 0 { None } else { log.get(1).copied() };
                rest = behind;
            }
        }
        Ok((chapter, rest))
    }
}

impl<'a> Common<'a> {
    fn decode(octets: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let ([flags, low], _) = array(octets)?;
        let (log, rest) = take(octets, length(flags, low, 2)?)?;
        let mut fields = &log[2..];
        let mut count = None;
        if flags & 0x40 != 0 {
            let ([octet], behind) = array(fields)?;
            (count, fields) = (Some(octet), behind);
        }
        let mut value: &[u8] = &[];
        if flags & 0x20 != 0 {
            let end = fields.iter().position(|octet| octet & 0x80 != 0).ok_or(Error::Unterminated)?;
            value = &fields[..=end];
        }
        Ok((Self { count, value }, rest))
    }

    fn data(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.value.iter().map(|octet| octet & 0x7F)
    }
}

impl Counted {
    fn observe(&mut self, stamp: Stamp, origin: Origin) {
        self.count = self.count.wrapping_add(u8::from(origin == Origin::Stream));
        self.at = stamp.packet;
    }
}

impl History {
    pub(crate) fn observe(&mut self, system: &System<'_>, stamp: Stamp, origin: Origin) {
        match *system {
            System::Reset => self.reset.observe(stamp, origin),
            System::TuneRequest => self.tune_request.observe(stamp, origin),
            System::SongSelect(song) => (self.song, self.song_at) = (Some(song), stamp.packet),
            System::F4(data) => self.observe_common(0, data, stamp, origin),
            System::F5(data) => self.observe_common(1, data, stamp, origin),
            System::F9 => self.real_time[0].observe(stamp, origin),
            System::FD => self.real_time[1].observe(stamp, origin),
            _ => {}
        }
    }

    fn observe_common(&mut self, index: usize, data: &[u8], stamp: Stamp, origin: Origin) {
        self.common[index].observe(stamp, origin);
        self.data[index].clear();
        if data.len() <= MOST_DATA {
            self.data[index].extend_from_slice(data);
        } else {
            self.common[index].at = Seq::NEVER;
        }
    }

    /// Nothing so far is active; the counts go on.
    pub(crate) fn reset_state(&mut self) {
        (self.song, self.song_at) = (None, Seq::NEVER);
        self.data.iter_mut().for_each(Vec::clear);
        let counted = [&mut self.reset, &mut self.tune_request];
        for counted in counted.into_iter().chain(&mut self.common).chain(&mut self.real_time) {
            counted.at = Seq::NEVER;
        }
    }

    pub(crate) fn encode(&self, view: &View, rules: &SystemChapters, out: &mut Vec<u8>) -> Option<S> {
        let start = out.len();
        out.push(0);
        let mut flags = 0;
        let mut s = S::Unchanged;
        let mut add = |bit: u8, at: Seq, from: Option<Seq>| {
            let coded = from.is_some_and(|from| at >= from && at != Seq::NEVER);
            if coded {
                flags |= bit;
                s = s.and(view.s(at));
            }
            coded.then(|| view.s(at).bit())
        };
        // What is counted leaves nothing behind that those who came late must know.
        let counts = |rule: Inclusion| view.of(rule).map(|view| view.checkpoint);
        let lasts = |rule: Inclusion| view.of(rule).map(|view| view.since);
        for (bit, counted, rule) in [(B, &self.reset, rules.reset), (G, &self.tune_request, rules.tune_request)] {
            out.extend(add(bit, counted.at, counts(rule)).map(|s| s | counted.count & 0x7F));
        }
        out.extend(add(H, self.song_at, lasts(rules.song)).zip(self.song).map(|(s, song)| s | song.get()));
        for (((bit, counted), data), rule) in [J, K].into_iter().zip(&self.common).zip(&self.data).zip(rules.common) {
            let from = if data.is_empty() { counts(rule.count) } else { lasts(rule.value) };
            if let Some(s) = add(bit, counted.at, from) {
                encode_common(s, counted.count, data, out);
            }
        }
        for ((bit, counted), rule) in [Y, Z].into_iter().zip(&self.real_time).zip(rules.real_time) {
            if let Some(s) = add(bit, counted.at, counts(rule)) {
                out.extend([s | 0x42, counted.count]);
            }
        }
        if flags == 0 {
            out.truncate(start);
            return None;
        }
        out[start] = s.bit() | flags;
        Some(s)
    }

    /// Whether a Reset is lost.
    pub(crate) fn lacks_reset(&self, theirs: &Chapter<'_>) -> bool {
        theirs.reset.is_some_and(|count| count != self.reset.count & 0x7F)
    }

    /// The song, if none is known.
    pub(crate) fn unknown_song(&self, theirs: &Chapter<'_>) -> Option<System<'static>> {
        theirs.song.filter(|_| self.song.is_none()).map(System::SongSelect)
    }

    /// Appends the other commands that are lost: settings once, counted commands as often as they are missing.
    pub(crate) fn repair<'a>(&self, theirs: &Chapter<'a>, data: &'a mut [Vec<u8>; 2], out: &mut Vec<System<'a>>) {
        if theirs.tune_request.is_some_and(|count| count != self.tune_request.count & 0x7F) {
            out.push(System::TuneRequest);
        }
        out.extend(theirs.song.filter(|song| self.song != Some(*song)).map(System::SongSelect));
        for (slot, log) in data.iter_mut().zip(theirs.common) {
            slot.extend(log.iter().flat_map(Common::data));
        }
        let [first, second] = &*data;
        for (index, log) in theirs.common.iter().enumerate() {
            let Some(log) = log else { continue };
            let (system, data) = if index == 0 { (System::F4(first), first) } else { (System::F5(second), second) };
            let missing = match log.count {
                Some(count) => count.wrapping_sub(self.common[index].count),
                None => u8::from(self.data[index] != *data),
            };
            out.extend(std::iter::repeat_n(system, usize::from(missing)));
        }
        for ((count, ours), system) in theirs.real_time.iter().zip(&self.real_time).zip([System::F9, System::FD]) {
            let missing = count.map_or(0, |count| count.wrapping_sub(ours.count));
            out.extend(std::iter::repeat_n(system, usize::from(missing)));
        }
    }

    /// Takes the counts, which repairs do not move.
    pub(crate) fn adopt(&mut self, theirs: &Chapter<'_>) {
        self.reset.count = theirs.reset.unwrap_or(self.reset.count);
        self.tune_request.count = theirs.tune_request.unwrap_or(self.tune_request.count);
        for (ours, log) in self.common.iter_mut().zip(theirs.common) {
            ours.count = log.and_then(|log| log.count).unwrap_or(ours.count);
        }
        for (ours, count) in self.real_time.iter_mut().zip(theirs.real_time) {
            ours.count = count.unwrap_or(ours.count);
        }
    }

    #[cfg(test)]
    pub(crate) fn state(&self) -> (Option<U7>, [Vec<u8>; 2]) {
        (self.song, self.data.clone())
    }
}

/// Counts tell instances without data apart; others are told by their data.
fn encode_common(s: u8, count: u8, data: &[u8], out: &mut Vec<u8>) {
    let size = data.len().min(3) as u8;
    let Some((last, others)) = data.split_last() else {
        out.extend([s | 0x40, 3, count]);
        return;
    };
    let length = 2 + data.len();
    out.extend([s | 0x20 | size << 2 | (length >> 8) as u8, length as u8]);
    out.extend_from_slice(others);
    out.push(0x80 | last);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::VIEW;

    fn history(commands: &[System<'_>]) -> History {
        let mut history = History::default();
        let stamp = Stamp { packet: VIEW.previous, time: 0 };
        for system in commands {
            history.observe(system, stamp, Origin::Stream);
        }
        history
    }

    fn encode(history: &History) -> Vec<u8> {
        let mut out = Vec::new();
        history.encode(&VIEW, &SystemChapters::default(), &mut out);
        out
    }

    fn repairs(ours: &History, octets: &[u8]) -> Vec<Vec<u8>> {
        let (chapter, rest) = Chapter::decode(octets).unwrap();
        assert!(rest.is_empty());
        let (mut data, mut out) = (<[Vec<u8>; 2]>::default(), Vec::new());
        ours.repair(&chapter, &mut data, &mut out);
        let encode = |system: &System<'_>| {
            let mut octets = Vec::new();
            crate::midi::Command::System(*system).encode(&mut octets);
            octets
        };
        out.iter().map(encode).collect()
    }

    #[test]
    fn each_log_is_coded_as_derived() {
        for (command, octets) in [
            (System::Reset, &[0x40, 0x01][..]),
            (System::TuneRequest, &[0x20, 0x01]),
            (System::SongSelect(U7::masked(5)), &[0x10, 0x05]),
            (System::F4(&[1, 2]), &[0x08, 0x28, 0x04, 0x01, 0x82]),
            (System::F5(&[]), &[0x04, 0x40, 0x03, 0x01]),
            (System::F9, &[0x02, 0x42, 0x01]),
            (System::FD, &[0x01, 0x42, 0x01]),
        ] {
            assert_eq!(encode(&history(&[command])), octets, "{command:?}");
        }
    }

    #[test]
    fn what_is_lost_comes_back_and_what_is_known_does_not() {
        let known = [System::TuneRequest, System::SongSelect(U7::masked(5)), System::F4(&[1, 2]), System::F9];
        let octets = encode(&history(&[&known[..], &[System::F9, System::F9, System::F5(&[])]].concat()));
        assert_eq!(repairs(&history(&known), &octets), [vec![0xF5, 0xF7], vec![0xF9], vec![0xF9]]);
        let all = repairs(&History::default(), &octets);
        assert_eq!(
            all,
            [vec![0xF6], vec![0xF3, 5], vec![0xF4, 1, 2, 0xF7], vec![0xF5, 0xF7], vec![0xF9], vec![0xF9], vec![0xF9]]
        );
    }

    #[test]
    fn legal_fields_are_stepped_over_by_length() {
        let octets = [0x0F, 0x38, 0x07, 0x01, 0x82, 9, 9, 9, 0x40, 0x03, 0x07, 0x65, 0x01, 9, 9, 9, 0x42, 0x02];
        assert_eq!(repairs(&History::default(), &octets).len(), 1 + 7 + 1 + 2);
    }

    #[test]
    fn as_much_of_an_undefined_command_as_length_can_say_is_coded() {
        let data = [1; MOST_DATA + 1];
        assert_eq!(encode(&history(&[System::F4(&data[..MOST_DATA])])).len(), 1 + 2 + MOST_DATA);
        assert_eq!(encode(&history(&[System::F4(&data)])), []);
    }

    #[test]
    fn a_reset_state_hides_the_logs_and_keeps_the_counts() {
        let mut history = history(&[System::Reset, System::TuneRequest]);
        history.reset_state();
        assert_eq!(encode(&history), []);
        history.observe(&System::TuneRequest, Stamp { packet: VIEW.previous, time: 0 }, Origin::Stream);
        assert_eq!(encode(&history), [0x20, 0x02]);
    }
}
