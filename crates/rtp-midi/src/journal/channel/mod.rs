//! Channel journals: one MIDI channel, its chapters P C M W N E T A, and which commands feed which (RFC 6295, 5 and A).

mod catch_up;
mod channel_aftertouch;
mod control;
mod frame;
mod note;
pub(crate) mod parameter;
mod pitch_wheel;
mod poly_aftertouch;
mod program;
mod repair;

pub(crate) use frame::Journal;

use super::window::{Coded, Origin, S, Seq, Stamp, View};
use crate::config::{ChannelChapters, Inclusion};
use crate::midi::{U7, Voice};

/// What both ends remember of one channel.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    program: program::History,
    control: control::History,
    parameter: parameter::History,
    wheel: pitch_wheel::History,
    note: note::History,
    channel_aftertouch: channel_aftertouch::History,
    poly_aftertouch: poly_aftertouch::History,
    /// The packet of the latest command.
    at: Seq,
}

impl History {
    /// The history of a sender.
    pub(crate) fn of_sender(rules: &ChannelChapters) -> Self {
        Self { control: control::History::of_sender(rules), ..Self::default() }
    }

    /// The history of a receiver.
    pub(crate) fn of_receiver(rules: &ChannelChapters) -> Self {
        Self { control: control::History::of_receiver(rules), ..Self::default() }
    }

    /// Takes note of a command. This is the table of which commands feed which chapters.
    #[inline]
    pub(crate) fn observe(&mut self, voice: Voice, stamp: Stamp, origin: Origin) {
        self.at = stamp.packet;
        match voice {
            Voice::NoteOff { note, velocity } => self.note.note_off(note, velocity, stamp, origin),
            Voice::NoteOn { note, velocity } if velocity.get() > 0 => self.note.note_on(note, velocity, stamp, origin),
            Voice::NoteOn { note, .. } => self.note.note_off(note, U7::masked(64), stamp, origin),
            Voice::PolyAftertouch { note, pressure } => self.poly_aftertouch.observe(note, pressure, stamp),
            Voice::ProgramChange { program } => self.program.observe(program, stamp),
            Voice::ChannelAftertouch { pressure } => self.channel_aftertouch.observe(pressure, stamp),
            Voice::PitchWheel { value } => self.wheel.observe(value, stamp),
            Voice::ControlChange { controller, value } => self.observe_control(controller, value, stamp, origin),
        }
    }

    /// A Reset State command: nothing so far is active (A.1).
    pub(crate) fn reset_state(&mut self) {
        self.note.silence();
        self.control.reset_state();
        let (control, note) = (std::mem::take(&mut self.control), std::mem::take(&mut self.note));
        *self = Self { control, note, ..Self::default() };
    }

    fn observe_control(&mut self, controller: U7, value: U7, stamp: Stamp, origin: Origin) {
        let number = controller.get();
        if parameter::selects(number) || (parameter::enters_data(number) && self.parameter.takes()) {
            self.parameter.observe(number, value, stamp, origin);
            return;
        }
        match number {
            control::BANK_MSB => self.program.bank_msb(value),
            control::BANK_LSB => self.program.bank_lsb(value),
            control::RESET_ALL_CONTROLLERS => {
                self.program.reset();
                self.parameter.reset(stamp);
                self.wheel.reset();
                self.channel_aftertouch.reset();
                self.poly_aftertouch.reset();
            }
            120 | 123..=127 => {
                self.note.silence();
                self.channel_aftertouch.reset();
                self.poly_aftertouch.silence(stamp);
            }
            _ => {}
        }
        self.control.observe(controller, value, stamp, origin);
    }

    /// Appends the chapters that the window asks for, in the order of the table of contents.
    fn encode_chapters(&mut self, view: &View, rules: &ChannelChapters, out: &mut Vec<u8>) -> (frame::Toc, Coded) {
        let program = view.of(rules.program);
        let bank_select_elsewhere =
            program.is_some_and(|view| self.program.codes_bank_select(&view)) && rules.leaves_bank_select();
        let mut toc = frame::Toc::default();
        let mut s = S::Unchanged;
        let mut add = |bit: frame::Toc, chapter: Option<S>| {
            if let Some(chapter) = chapter {
                toc |= bit;
                s = s.and(chapter);
            }
        };
        add(frame::P, program.and_then(|view| self.program.encode(&view, out)));
        let control = self.control.encode(view, rules, bank_select_elsewhere, out);
        add(frame::C, control.map(|control| control.s));
        add(frame::M, self.parameter.encode(view, &rules.parameter, out));
        add(frame::W, view.of(rules.wheel).and_then(|view| self.wheel.encode(&view, out)));
        add(frame::N, self.note.encode(view, rules.note, out));
        add(frame::E, self.note.encode_extras(view, rules, out));
        add(frame::T, view.of(rules.channel_aftertouch).and_then(|view| self.channel_aftertouch.encode(&view, out)));
        add(frame::A, self.poly_aftertouch.encode(view, rules.poly_aftertouch, out));
        (toc, Coded { s, cut: false, short: control.is_some_and(|control| control.short) })
    }

    /// All that a loss must not change under these rules, in a form that can be compared and printed.
    #[cfg(test)]
    pub(crate) fn state(&self, rules: &ChannelChapters) -> impl PartialEq + std::fmt::Debug + use<> {
        let bank = rules.control.never & (1 << control::BANK_MSB | 1 << control::BANK_LSB) == 0;
        let program = self.program.program().map(|(program, select)| (program, select.filter(|_| bank)));
        (
            (rules.program.codes(program), self.program.next_select().filter(|_| bank)),
            self.control.values(rules),
            self.parameter.state(&rules.parameter),
            rules.wheel.codes(self.wheel.value()),
            self.note.state(),
            rules.channel_aftertouch.codes(self.channel_aftertouch.pressure()),
            self.poly_aftertouch.pressures(),
        )
    }

    /// Whether a controller may have been heard whose count the sender has not told yet.
    pub(crate) fn is_unsure(&self) -> bool {
        self.control.unsure() != 0
    }

    /// Takes counts from the journal of a packet behind which nothing is missing.
    pub(crate) fn align(&mut self, theirs: Option<&Journal<'_>>) {
        self.control.align(theirs.and_then(|theirs| theirs.control).as_ref());
    }

    /// Whether a note sounds.
    pub(crate) fn sounds(&self, note: U7) -> bool {
        self.note.sounds(note)
    }

    /// The RTP time at which a note was struck that sounds with this velocity.
    pub(crate) fn struck(&self, note: U7, velocity: U7) -> Option<u32> {
        self.note.struck(note, velocity)
    }

    /// The number of sounding notes.
    pub(crate) fn sounding(&self) -> usize {
        self.note.sounding().len()
    }

    /// The commands that end what would go on sounding, as far as `which` journal rules are concerned.
    pub(crate) fn silence<'a>(
        &'a self,
        rules: &'a ChannelChapters,
        which: &'a impl Fn(Inclusion) -> bool,
    ) -> impl Iterator<Item = Voice> + 'a {
        let pedals = [64, 66, 69].map(U7::masked).into_iter();
        let held = pedals.filter(|pedal| self.control.holds(pedal.get()) && which(rules.control.of(*pedal)));
        let release = |controller| Voice::ControlChange { controller, value: U7::default() };
        self.note.note_offs(|note| which(rules.note.of(note))).chain(held.map(release))
    }
}
