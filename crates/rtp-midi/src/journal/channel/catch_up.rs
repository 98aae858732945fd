//! What a receiver that came late learns from packets that come in order (RFC 6295, C.2.2.2).
//!
//! A sender that hears of a new receiver codes all lasting state for a while. What is told of things never heard of is
//! older than all that is known: settings are executed; commands that are no settings, and settings that a CC 121 has taken
//! back, are only counted. Notes that began before are left alone.

use super::control::{BANK_LSB, BANK_MSB};
use super::{History, Journal, control, parameter, poly_aftertouch};
use crate::config::ChannelChapters;
use crate::journal::window::{Loss, Origin};
use crate::midi::{U7, Voice};

impl History {
    /// Takes from `theirs` what this history has never heard of.
    pub(crate) fn catch_up(
        &mut self,
        theirs: &Journal<'_>,
        rules: &ChannelChapters,
        loss: &Loss,
        play: &mut impl FnMut(Voice),
    ) {
        let heard = [BANK_MSB, BANK_LSB].map(|number| self.control.value(number).is_some());
        // A program may have been heard without the bank that was selected before.
        let lost = theirs.program.filter(|program| self.program.lacks(program));
        let selected = lost.is_some_and(|program| self.repair_program(&program, theirs, rules, loss, play));
        let reset = theirs.control.and_then(|control| control.find(control::RESET_ALL_CONTROLLERS));
        let is_reset = |index: usize, number: u8| {
            control::is_reset_to_default(number) && reset.is_some_and(|(reset, _)| index < reset)
        };
        let unknown = |history: &Self, number: u8| history.control.value(number).is_none();
        let steps = theirs.control.and_then(|control| control::Matching::of(&control));
        self.control.align(theirs.control.as_ref());
        for (index, group) in theirs.control.iter().flat_map(control::Chapter::groups).enumerate() {
            let number = group.controller.get();
            let taken = parameter::enters_data(number) && self.parameter.takes();
            let step = steps.as_ref().is_some_and(|steps| steps.is_enhanced(group.controller));
            if matches!(number, BANK_MSB | BANK_LSB) && !step {
                self.catch_up_bank(&group, if selected { [false; 2] } else { heard }, loss, play);
                continue;
            }
            if !unknown(self, number) || taken || step {
                continue;
            }
            if is_reset(index, number) {
                self.note_reset(&group, loss);
                continue;
            }
            if group.count.is_none() {
                for voice in self.control.repair(&group, false) {
                    self.execute(voice, loss, play);
                }
            } else if number != control::RESET_ALL_CONTROLLERS {
                // A CC 121 from before the first packet has not reset what came since.
                let value = group.value.unwrap_or_default();
                self.control.observe(group.controller, value, loss.stamp(), Origin::Repair);
            }
            self.control.adopt(&group);
        }
        if let Some(parameter) = theirs.parameter {
            self.catch_up_parameter(&parameter, loss, play);
        }
        let wheel = theirs.wheel.filter(|_| !self.wheel.is_known()).and_then(|chapter| self.wheel.repair(&chapter));
        let pressure = theirs.channel_aftertouch.filter(|_| !self.channel_aftertouch.is_known());
        let pressure = pressure.and_then(|chapter| self.channel_aftertouch.repair(&chapter));
        for voice in wheel.into_iter().chain(pressure) {
            self.execute(voice, loss, play);
        }
        for log in theirs.poly_aftertouch.iter().flat_map(poly_aftertouch::Chapter::logs) {
            if !log.silenced && !self.poly_aftertouch.is_known(log.note) {
                self.execute(Voice::PolyAftertouch { note: log.note, pressure: log.pressure }, loss, play);
            }
        }
    }

    /// One half of the bank select for the next program; `heard` says which halves have come, CC 0 and CC 32.
    fn catch_up_bank(&mut self, theirs: &control::Group, heard: [bool; 2], loss: &Loss, play: &mut impl FnMut(Voice)) {
        let controller = theirs.controller;
        let newer = self.control.value(BANK_LSB).filter(|_| heard == [false, true]);
        match (controller.get(), heard) {
            (_, [false, false]) | (BANK_MSB, [false, true]) => {
                for voice in self.control.repair(theirs, true) {
                    self.execute(voice, loss, play);
                }
                if let Some(value) = newer {
                    self.execute(Voice::ControlChange { controller: U7::masked(BANK_LSB), value }, loss, play);
                }
            }
            // Older than the CC 0 that was heard, which made it count no more.
            (BANK_LSB, [true, false]) => {
                let value = theirs.value.unwrap_or_default();
                self.control.observe(controller, value, loss.stamp(), Origin::Repair);
            }
            _ => {}
        }
        self.control.adopt(theirs);
    }

    fn catch_up_parameter(&mut self, theirs: &parameter::Chapter<'_>, loss: &Loss, play: &mut impl FnMut(Voice)) {
        let (mut commands, mut last, mut steps) = (Vec::new(), None, parameter::MOST_STEPS);
        let mut selected = false;
        for log in theirs.logs() {
            last = Some(log.id);
            if self.parameter.knows(&log) {
                self.parameter.align(&log);
                continue;
            }
            self.parameter.repair(&log, false, loss, &mut steps, &mut commands);
            for voice in commands.drain(..) {
                self.execute(voice, loss, play);
            }
            self.parameter.adopt(&log, loss);
            selected = true;
        }
        // What has been selected to set a parameter gives way to what the stream has selected.
        if !selected {
            return;
        }
        for voice in self.parameter.repair_selection(theirs, last) {
            self.execute(voice, loss, play);
        }
    }
}
