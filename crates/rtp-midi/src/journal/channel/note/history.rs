//! What a channel's notes last did (A.6, A.7).

use super::sounding::Sounding;
use super::wire::{ALL_LOGS, NO_OFFBITS, off_range};
use crate::config::{ChannelChapters, Split};
use crate::journal::recency::Recency;
use crate::journal::window::{Origin, S, Seq, Stamp, View};
use crate::midi::{U7, Voice};

/// The latest command of each note that no CC 120 or 123 to 127 followed.
#[derive(Clone, Debug)]
pub(crate) struct History {
    sounding: Sounding,
    /// One bit a note: its latest command is a NoteOff.
    released: u128,
    pub(super) notes: [Note; 128],
    /// The packet of the latest NoteOff.
    released_at: Seq,
    /// The notes that Chapter E has something to say of.
    extras: Recency,
    window: Released,
}

/// One note; velocity 0 while it does not sound.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Note {
    pub(super) at: Seq,
    /// RTP time of the NoteOn.
    pub(super) struck: u32,
    pub(super) velocity: U7,
    pub(super) release: U7,
    /// NoteOns less NoteOffs.
    pub(super) count: u16,
}

/// The released notes inside the window of the latest journal: kept, because windows move little.
#[derive(Clone, Copy, Debug, Default)]
struct Released {
    since: Seq,
    notes: u128,
}

/// Most logs in Chapter E.
const LOGS: usize = 128;
/// The release velocity that needs no word.
pub(super) const COMMON_RELEASE: U7 = U7::masked(64);

impl Default for History {
    fn default() -> Self {
        Self {
            sounding: Sounding::default(),
            released: 0,
            notes: [Note::default(); 128],
            released_at: Seq::NEVER,
            extras: Recency::default(),
            window: Released::default(),
        }
    }
}

impl History {
    #[inline]
    pub(crate) fn note_on(&mut self, note: U7, velocity: U7, stamp: Stamp, origin: Origin) {
        let bit = 1 << note.get();
        let state = &mut self.notes[usize::from(note)];
        if state.velocity.get() > 0 {
            self.sounding.remove(note.get());
        }
        self.sounding.push(note.get());
        self.released &= !bit;
        self.window.notes &= !bit;
        state.count = state.count.saturating_add(u16::from(origin == Origin::Stream));
        (state.at, state.struck, state.velocity) = (stamp.packet, stamp.time, velocity);
        if state.count > 1 {
            self.extras.touch(note.get(), stamp.packet);
        } else {
            self.extras.remove(note.get());
        }
    }

    #[inline]
    pub(crate) fn note_off(&mut self, note: U7, release: U7, stamp: Stamp, origin: Origin) {
        let bit = 1 << note.get();
        let state = &mut self.notes[usize::from(note)];
        if state.velocity.get() > 0 {
            self.sounding.remove(note.get());
        }
        self.released |= bit;
        self.window.notes |= bit;
        state.count = state.count.saturating_sub(u16::from(origin == Origin::Stream));
        (state.at, state.velocity, state.release) = (stamp.packet, U7::default(), release);
        self.released_at = stamp.packet;
        if state.count > 0 || release != COMMON_RELEASE {
            self.extras.touch(note.get(), stamp.packet);
        } else {
            self.extras.remove(note.get());
        }
    }

    /// CC 120 and 123 to 127.
    pub(crate) fn silence(&mut self) {
        if self.released != 0 || !self.sounding.as_slice().is_empty() {
            *self = Self { released_at: self.released_at, ..Self::default() };
        }
    }

    /// Sets the reference count of a note, which repairs do not move.
    pub(super) fn set_count(&mut self, note: U7, count: u16) {
        let state = &mut self.notes[usize::from(note)];
        state.count = count;
        let sounds = state.velocity.get() > 0;
        if count > u16::from(sounds) || (!sounds && state.release != COMMON_RELEASE) {
            self.extras.touch(note.get(), state.at);
        } else {
            self.extras.remove(note.get());
        }
    }

    /// A NoteOff was the latest command, though there was nothing to end here.
    pub(super) fn set_released(&mut self, note: U7) {
        self.released |= 1 << note.get();
        self.window.notes |= 1 << note.get();
    }

    /// Whether a note's latest command is a NoteOn.
    pub(crate) fn sounds(&self, note: U7) -> bool {
        self.notes[usize::from(note)].velocity.get() > 0
    }

    /// The RTP time of the NoteOn of a note that sounds with this velocity.
    pub(crate) fn struck(&self, note: U7, velocity: U7) -> Option<u32> {
        let state = &self.notes[usize::from(note)];
        (velocity.get() > 0 && state.velocity == velocity).then_some(state.struck)
    }

    /// The sounding notes, oldest first.
    pub(crate) fn sounding(&self) -> &[u8] {
        self.sounding.as_slice()
    }

    /// NoteOffs for what sounds among `these`.
    pub(crate) fn note_offs(&self, these: impl Fn(U7) -> bool) -> impl Iterator<Item = Voice> {
        let notes = self.sounding().iter().map(|note| U7::masked(*note));
        notes.filter(move |note| these(*note)).map(|note| Voice::NoteOff { note, velocity: COMMON_RELEASE })
    }

    /// Appends Chapter N.
    pub(crate) fn encode(&mut self, view: &View, rules: Split, out: &mut Vec<u8>) -> Option<S> {
        let released = (self.released_since(view.checkpoint) | self.released & rules.anchor) & !rules.never;
        let sounding = self.sounding.as_slice();
        let recent = |note: u8| self.notes[usize::from(note)].at >= view.checkpoint;
        let first = sounding.iter().rposition(|note| !recent(*note)).map_or(0, |index| index + 1);
        let mut listed;
        let logs = if rules.is_default() {
            &sounding[first..]
        } else {
            let coded =
                |note: u8| view.of(rules.of(U7::masked(note))).is_some_and(|view| self.at(note) >= view.checkpoint);
            listed = Sounding::default();
            sounding.iter().filter(|note| coded(**note)).for_each(|note| listed.push(*note));
            listed.as_slice()
        };
        if logs.is_empty() && released == 0 {
            return None;
        }
        let mut s = view.s(self.released_at);
        let range = off_range(released);
        let octets = match range {
            Some((low, high)) => low << 4 | high,
            None if logs.len() == 128 => ALL_LOGS,
            None => NO_OFFBITS,
        };
        // At most 2 + 256 + 16 octets; one append is what makes this cheap.
        let mut chapter = [0; 274];
        chapter[0] = s.bit() | logs.len().min(127) as u8;
        chapter[1] = octets;
        let mut end = 2;
        for (slot, &note) in chapter[2..].chunks_exact_mut(2).zip(logs) {
            let state = &self.notes[usize::from(note)];
            let log = view.s(state.at);
            let play = view.now.wrapping_sub(state.struck) <= view.fresh;
            slot[0] = log.bit() | note;
            slot[1] = u8::from(play) << 7 | state.velocity.get();
            s = s.and(log);
            end += 2;
        }
        if let Some((low, high)) = range {
            let bits = released.reverse_bits().to_be_bytes();
            let bits = &bits[usize::from(low)..=usize::from(high)];
            chapter[end..end + bits.len()].copy_from_slice(bits);
            end += bits.len();
        }
        out.extend_from_slice(&chapter[..end]);
        Some(s)
    }

    /// Appends Chapter E, whose notes obey the rules of Chapter N too (C.2.3).
    pub(crate) fn encode_extras(&self, view: &View, rules: &ChannelChapters, out: &mut Vec<u8>) -> Option<S> {
        if rules.codes_extras_by_default() {
            return self.encode_extras_since(view, view.checkpoint, |_, _| true, out);
        }
        let oldest = if rules.anchors() { Seq::FIRST } else { view.checkpoint };
        let wanted = |note: u8, velocity: bool| {
            let kind = if velocity { rules.releases } else { rules.counts };
            let view = view.of(kind.and(rules.note.of(U7::masked(note))));
            view.is_some_and(|view| self.at(note) >= view.checkpoint)
        };
        self.encode_extras_since(view, oldest, wanted, out)
    }

    /// `wanted` says of a note whether its count (false) or its release velocity (true) is to be told.
    #[inline]
    fn encode_extras_since(
        &self,
        view: &View,
        oldest: Seq,
        wanted: impl Fn(u8, bool) -> bool,
        out: &mut Vec<u8>,
    ) -> Option<S> {
        if self.extras.newest() < oldest {
            return None;
        }
        let counted = |note: &u8| self.counted(*note) && wanted(*note, false);
        let start = out.len();
        out.push(0);
        // Two logs a note may be too many; then counts come first.
        let crowded = self.extras.len() > LOGS / 2;
        let mut releases = LOGS - if crowded { self.extras.since(oldest).filter(counted).count() } else { 0 };
        let mut s = S::Unchanged;
        for note in self.extras.since(oldest) {
            let state = &self.notes[usize::from(note)];
            let log = view.s(state.at);
            if counted(&note) {
                out.extend([log.bit() | note, state.count.min(127) as u8]);
                s = s.and(log);
            }
            let released = state.velocity.get() == 0 && state.release != COMMON_RELEASE;
            if released && releases > 0 && wanted(note, true) {
                out.extend([log.bit() | note, 0x80 | state.release.get()]);
                s = s.and(log);
                releases -= 1;
            }
        }
        if out.len() == start + 1 {
            out.truncate(start);
            return None;
        }
        out[start] = s.bit() | ((out.len() - start) / 2 - 1) as u8;
        Some(s)
    }

    fn at(&self, note: u8) -> Seq {
        self.notes[usize::from(note & 0x7F)].at
    }

    /// Whether a note's count is not what Chapter N lets expect: 1 sounding, 0 released (A.7.2).
    fn counted(&self, note: u8) -> bool {
        let state = &self.notes[usize::from(note)];
        state.count > u16::from(state.velocity.get() > 0)
    }

    /// The released notes of packet `since` and later.
    fn released_since(&mut self, since: Seq) -> u128 {
        if since < self.window.since {
            self.window = Released { since: Seq::NEVER, notes: self.released };
        }
        if since > self.window.since {
            let mut notes = self.window.notes;
            while notes != 0 {
                let note = notes.trailing_zeros();
                notes &= notes - 1;
                if self.notes[note as usize].at < since {
                    self.window.notes &= !(1 << note);
                }
            }
            self.window.since = since;
        }
        self.window.notes
    }

    /// Velocity and count of every note that has either.
    #[cfg(test)]
    pub(crate) fn state(&self) -> Vec<(u8, U7, u16)> {
        (0..128_u8)
            .map(|note| (note, self.notes[usize::from(note)]))
            .filter(|(_, state)| state.velocity.get() > 0 || state.count > 0)
            .map(|(note, state)| (note, state.velocity, state.count))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Inclusion;
    use crate::journal::testing::{VIEW, view};

    /// Note, velocity, packet; a velocity above 127 is a NoteOff with the release velocity 128 less.
    fn history(commands: &[(u8, u8, u32)]) -> History {
        let mut history = History::default();
        for &(note, velocity, packet) in commands {
            let stamp = Stamp { packet: Seq(packet), time: if packet == 19 { 0 } else { u32::MAX / 2 } };
            let (note, value) = (U7::masked(note), U7::masked(velocity));
            match velocity {
                128.. => history.note_off(note, value, stamp, Origin::Stream),
                _ => history.note_on(note, value, stamp, Origin::Stream),
            }
        }
        history
    }

    fn encode(mut history: History, view: &View) -> (Vec<u8>, Vec<u8>) {
        let (mut notes, mut extras) = (Vec::new(), Vec::new());
        history.encode(view, Split::default(), &mut notes);
        history.encode_extras(view, &ChannelChapters::default(), &mut extras);
        (notes, extras)
    }

    const OFF: u8 = 128 + 64;

    #[test]
    fn a_note_just_struck_is_to_be_played_and_an_old_one_is_not() {
        assert_eq!(encode(history(&[(60, 64, 19)]), &VIEW).0, [0x81, 0xF1, 0x3C, 0xC0]);
        assert_eq!(encode(history(&[(60, 64, 12)]), &VIEW).0, [0x81, 0xF1, 0xBC, 0x40]);
    }

    #[test]
    fn a_release_is_a_bit_and_clears_b() {
        assert_eq!(encode(history(&[(60, 64, 12), (60, OFF, 19)]), &VIEW).0, [0x00, 0x77, 0x08]);
        assert_eq!(encode(history(&[(60, 64, 12), (60, OFF, 13)]), &VIEW).0, [0x80, 0x77, 0x08]);
        let restruck = history(&[(60, 64, 12), (60, OFF, 19), (60, 65, 19)]);
        assert_eq!(encode(restruck, &VIEW).0, [0x01, 0xF1, 0x3C, 0x80 | 65]);
    }

    #[test]
    fn logs_are_oldest_first() {
        let history = history(&[(62, 1, 11), (60, 2, 12), (62, OFF, 13), (62, 3, 13)]);
        assert_eq!(encode(history, &VIEW).0, [0x82, 0xF1, 0xBC, 2, 0xBE, 3]);
    }

    #[test]
    fn the_window_decides_over_logs_and_bits() {
        let history = history(&[(60, 1, 11), (61, 1, 12), (61, OFF, 12), (62, 1, 13), (63, OFF, 14)]);
        assert_eq!(encode(history.clone(), &view(Seq(13))).0, [0x81, 0x77, 0xBE, 1, 0x01]);
        assert_eq!(encode(history.clone(), &view(Seq(14))).0, [0x80, 0x77, 0x01]);
        let mut moved = history;
        for since in [12, 15, 11] {
            moved.encode(&view(Seq(since)), Split::default(), &mut Vec::new());
        }
        assert_eq!(encode(moved, &view(Seq(12))).0, [0x81, 0x77, 0xBE, 1, 0x05], "a window that moves back sees all");
    }

    #[test]
    fn all_notes_off_empties_the_chapters() {
        let mut history = history(&[(60, 1, 19), (60, 1, 19), (61, 128, 19)]);
        history.silence();
        assert_eq!(encode(history, &VIEW), (vec![], vec![]));
    }

    #[test]
    fn full_chapters_have_their_special_lengths() {
        let all: Vec<_> = (0..128).map(|note| (note, 1, 12)).collect();
        let (octets, _) = encode(history(&all), &VIEW);
        assert_eq!((&octets[..2], octets.len()), (&[0xFF, 0xF0][..], 258));
        let (octets, _) = encode(history(&all[..127]), &VIEW);
        assert_eq!((&octets[..2], octets.len()), (&[0xFF, 0xF1][..], 256));
        let (octets, _) = encode(history(&[&all[..], &[(127, OFF, 19)]].concat()), &VIEW);
        assert_eq!((&octets[..2], octets.len(), octets[256]), (&[0x7F, 0xFF][..], 257, 0x01));
    }

    #[test]
    fn a_release_velocity_other_than_64_is_an_extra() {
        assert_eq!(encode(history(&[(60, 128 + 32, 19)]), &VIEW), (vec![0x00, 0x77, 0x08], vec![0x00, 0x3C, 0xA0]));
        assert_eq!(encode(history(&[(60, OFF, 19)]), &VIEW).1, []);
    }

    #[test]
    fn overlapping_note_ons_are_counted() {
        assert_eq!(encode(history(&[(60, 1, 12), (60, 2, 12)]), &VIEW).1, [0x80, 0xBC, 0x02]);
        assert_eq!(encode(history(&[(60, 1, 12), (60, 2, 12), (60, OFF, 19)]), &VIEW).1, [0x00, 0x3C, 0x01]);
        assert_eq!(encode(history(&[(60, 1, 12); 200]), &VIEW).1, [0x80, 0xBC, 0x7F]);
    }

    #[test]
    fn each_kind_of_log_of_chapter_e_can_be_left_out_or_anchored() {
        let extras = |rules: &ChannelChapters, view: &View| {
            let mut out = Vec::new();
            let history = history(&[(60, 1, 12), (60, 2, 12), (60, 128 + 3, 13)]);
            history.encode_extras(view, rules, &mut out);
            out
        };
        let rules = |counts, releases| ChannelChapters { counts, releases, ..ChannelChapters::default() };
        let (never, default) = (Inclusion::Never, Inclusion::Default);
        assert_eq!(extras(&rules(default, default), &VIEW), [0x81, 0xBC, 1, 0xBC, 0x80 | 3]);
        assert_eq!(extras(&rules(default, never), &VIEW), [0x80, 0xBC, 1]);
        assert_eq!(extras(&rules(never, default), &VIEW), [0x80, 0xBC, 0x80 | 3]);
        assert_eq!(extras(&rules(never, never), &VIEW), []);
        assert_eq!(extras(&rules(Inclusion::Anchor, never), &view(Seq(14))), [0x80, 0xBC, 1]);
        let notes = Split { never: 1 << 60, anchor: 0 };
        assert_eq!(extras(&ChannelChapters { note: notes, ..rules(Inclusion::Anchor, default) }, &VIEW), []);
    }

    #[test]
    fn counts_come_before_release_velocities_when_there_is_no_room() {
        let twice = (0..100).flat_map(|note| [(note, 1, 12), (note, 1, 12), (note, 128 + 3, 12)]);
        let (_, extras) = encode(history(&twice.collect::<Vec<_>>()), &VIEW);
        assert_eq!((extras.len(), extras[0]), (257, 0xFF));
        let counts = extras[1..].chunks(2).filter(|log| log[1] & 0x80 == 0).count();
        assert_eq!(counts, 100);
    }
}
