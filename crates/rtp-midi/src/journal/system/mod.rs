//! The system journal: chapters D V Q F X, and which commands feed which (RFC 6295, 5 and B).

mod active_sense;
mod frame;
mod repair;
mod sequencer;
mod simple;
mod sysex;
mod time_code;

pub(crate) use frame::Journal;
pub(crate) use sysex::{Missing, is_reset_state, missing_segment};

use super::window::{Origin, S, Seq, Stamp, View};
use crate::config::SystemChapters;
use crate::midi::System;
use sysex::Meaning;

/// What both ends remember of the commands for the whole system.
#[derive(Clone, Debug)]
pub(crate) struct History {
    simple: simple::History,
    active_sense: active_sense::History,
    sequencer: sequencer::History,
    time_code: time_code::History,
    sysex: sysex::History,
    /// The packet of the latest command.
    at: Seq,
}

/// What a command does beyond its chapter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    None,
    /// Everything before it is inactive, on all channels (A.1).
    ResetState,
}

impl History {
    /// The history of a sender, which keeps the octets of System Exclusives.
    pub(crate) fn of_sender() -> Self {
        Self::new(sysex::History::of_sender())
    }

    /// The history of a receiver.
    pub(crate) fn of_receiver() -> Self {
        Self::new(sysex::History::of_receiver())
    }

    fn new(sysex: sysex::History) -> Self {
        Self {
            simple: simple::History::default(),
            active_sense: active_sense::History::default(),
            sequencer: sequencer::History::default(),
            time_code: time_code::History::default(),
            sysex,
            at: Seq::NEVER,
        }
    }

    /// Takes note of a command. This is the table of which commands feed which chapters.
    pub(crate) fn observe(&mut self, system: &System<'_>, stamp: Stamp, origin: Origin) -> Effect {
        self.at = stamp.packet;
        match *system {
            System::Reset => {
                self.reset_state(false);
                self.simple.observe(system, stamp, origin);
                return Effect::ResetState;
            }
            System::TuneRequest | System::SongSelect(_) => self.simple.observe(system, stamp, origin),
            System::F4(_) | System::F5(_) | System::F9 | System::FD => self.simple.observe(system, stamp, origin),
            System::ActiveSense => self.active_sense.observe(stamp, origin),
            System::Clock | System::Start | System::Continue | System::Stop | System::SongPosition(_) => {
                self.sequencer.observe(system, stamp);
            }
            System::QuarterFrame(value) => self.time_code.quarter_frame(value, stamp),
            System::SysEx(segment) => match self.sysex.observe(&segment, stamp, origin) {
                Some(Meaning::FullFrame(frame)) => self.time_code.full_frame(frame, stamp),
                Some(Meaning::ResetState) => {
                    self.reset_state(true);
                    return Effect::ResetState;
                }
                None => {}
            },
        }
        Effect::None
    }

    /// A Reset State command makes everything before it inactive; the counts go on (A.1).
    fn reset_state(&mut self, by_sysex: bool) {
        self.simple.reset_state();
        self.active_sense.reset_state();
        self.sequencer = sequencer::History::default();
        self.time_code = time_code::History::default();
        self.sysex.reset_state(by_sysex);
    }

    /// Appends the chapters that the window asks for, in the order of the table of contents.
    fn encode_chapters(
        &mut self,
        view: &View,
        rules: &SystemChapters,
        room: usize,
        out: &mut Vec<u8>,
    ) -> (frame::Toc, S, bool) {
        let start = out.len();
        let mut toc = frame::Toc::default();
        let mut s = S::Unchanged;
        let mut add = |bit: frame::Toc, chapter: Option<S>| {
            if let Some(chapter) = chapter {
                toc |= bit;
                s = s.and(chapter);
            }
        };
        add(frame::D, self.simple.encode(view, rules, out));
        add(frame::V, view.of(rules.active_sense).and_then(|view| self.active_sense.encode(&view, out)));
        add(frame::Q, view.of(rules.sequencer).and_then(|view| self.sequencer.encode(&view, out)));
        add(frame::F, view.of(rules.time_code).and_then(|view| self.time_code.encode(&view, out)));
        let (sysex, cut) = self.sysex.encode(view, &rules.sysex, room.saturating_sub(out.len() - start), out);
        add(frame::X, sysex);
        (toc, s, cut)
    }

    /// All that a loss must not change, in a form that can be compared and printed.
    #[cfg(test)]
    pub(crate) fn state(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        (self.simple.state(), self.sequencer.state(), self.time_code.state())
    }
}
