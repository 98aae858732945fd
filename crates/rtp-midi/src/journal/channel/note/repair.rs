//! What Chapters N and E say was lost.
//!
//! The caller executes [`History::lost_offs`], then (behind the pedals) [`History::lost_ons`], then calls
//! [`History::adopt`]. Chapter E is read whenever Chapter N is: it tells how many NoteOns overlap.

use super::History;
use super::history::COMMON_RELEASE;
use super::wire::{Chapter, Extras, Log};
use crate::config::Split;
use crate::journal::window::{Loss, Repair, S};
use crate::midi::{U7, Voice};

impl History {
    /// Appends the NoteOffs that were lost, those before a lost NoteOn of the same note included.
    pub(crate) fn lost_offs(
        &self,
        theirs: &Chapter<'_>,
        extras: &Extras<'_>,
        rules: Split,
        loss: &Loss,
        out: &mut Vec<Voice>,
    ) {
        let mut released = theirs.released;
        while released != 0 {
            let note = U7::masked(released.trailing_zeros() as u8);
            released &= released - 1;
            let ours = &self.notes[usize::from(note)];
            let (count, release) = extras.of(note);
            let surplus = ours.count.saturating_sub(count.unwrap_or(0)).max(u16::from(self.sounds(note)));
            let off = Voice::NoteOff { note, velocity: release.unwrap_or(COMMON_RELEASE) };
            out.extend(std::iter::repeat_n(off, usize::from(surplus)));
        }
        for log in theirs.logs().filter(|log| self.restruck(log, rules, loss)) {
            out.push(Voice::NoteOff { note: log.note, velocity: COMMON_RELEASE });
        }
    }

    /// Appends the NoteOns that were lost; call it before the NoteOffs are observed.
    pub(crate) fn lost_ons(&self, theirs: &Chapter<'_>, rules: Split, loss: &Loss, out: &mut Vec<Repair>) {
        for log in theirs.logs() {
            if !self.sounds(log.note) || self.restruck(&log, rules, loss) {
                let on = Voice::NoteOn { note: log.note, velocity: log.velocity };
                out.push(if log.play { Repair::Play(on) } else { Repair::Note(on) });
            }
        }
    }

    /// Takes what commands alone do not tell, and remembers that every note of the chapter was compared just now.
    pub(crate) fn adopt(&mut self, theirs: &Chapter<'_>, extras: &Extras<'_>, loss: &Loss) {
        let mut notes = theirs.notes();
        while notes != 0 {
            let note = U7::masked(notes.trailing_zeros() as u8);
            notes &= notes - 1;
            let (count, release) = extras.of(note);
            let sounds = self.sounds(note);
            let state = &mut self.notes[usize::from(note)];
            state.at = loss.previous;
            if !sounds {
                state.release = release.unwrap_or(COMMON_RELEASE);
            }
            self.set_count(note, count.unwrap_or(u16::from(sounds)));
            if !sounds {
                self.set_released(note);
            }
        }
    }

    /// Whether a note that sounds has ended and begun again in the missing packets (RFC 4696, 7.2).
    fn restruck(&self, log: &Log, rules: Split, loss: &Loss) -> bool {
        let loss = loss.of(rules.of(log.note));
        let ours = &self.notes[usize::from(log.note)];
        if !self.sounds(log.note) || !loss.concerns(log.s) {
            return false;
        }
        let old = loss.time.wrapping_sub(ours.struck);
        log.s == S::Changed
            || log.velocity != ours.velocity
            || ours.at < loss.checkpoint
            || (log.play && old > loss.recent && old < u32::MAX / 2)
    }
}
