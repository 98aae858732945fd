//! What a channel journal makes a receiver do, in an order in which no chapter undoes another's work.
//!
//! Settings come before notes. Notes end before pedals go down and begin after, so that nothing is held that the
//! sender let go (A.6.2). Commands are executed and observed one by one: each chapter is compared with a history that
//! knows all repairs before it.

use super::control::{self, BANK_LSB, BANK_MSB, Fate, Matching, RESET_ALL_CONTROLLERS, is_pedal};
use super::{History, Journal, note, parameter, program};
use crate::config::ChannelChapters;
use crate::journal::window::{Loss, Origin, Repair};
use crate::midi::{U7, Voice};

impl History {
    /// Repairs what `theirs` says was lost; gives each command to `play`.
    pub(crate) fn repair(
        &mut self,
        theirs: &Journal<'_>,
        rules: &ChannelChapters,
        loss: &Loss,
        play: &mut impl FnMut(Voice),
    ) {
        let select = theirs.program.is_some_and(|program| self.repair_program(&program, theirs, rules, loss, play));
        let pedals = self.repair_control(theirs, select, rules, loss, play);
        if let Some(parameter) = theirs.parameter {
            self.repair_parameter(&parameter, loss, play);
        }
        if let Some(voice) = theirs.wheel.and_then(|wheel| self.wheel.repair(&wheel)) {
            self.execute(voice, loss, play);
        }
        let (mut offs, mut ons) = (Vec::new(), Vec::new());
        if let Some(chapter) = &theirs.note {
            self.note.lost_offs(chapter, &theirs.extras, rules.note, loss, &mut offs);
            self.note.lost_ons(chapter, rules.note, loss, &mut ons);
        }
        for voice in offs.into_iter().chain(pedals) {
            self.execute(voice, loss, play);
        }
        self.start_notes(theirs.note.as_ref(), &theirs.extras, &ons, loss, play);
        if let Some(voice) = theirs.channel_aftertouch.and_then(|chapter| self.channel_aftertouch.repair(&chapter)) {
            self.execute(voice, loss, play);
        }
        self.repair_poly_aftertouch(theirs, loss, false, play);
    }

    pub(super) fn execute(&mut self, voice: Voice, loss: &Loss, play: &mut impl FnMut(Voice)) {
        play(voice);
        self.observe(voice, loss.stamp(), Origin::Repair);
    }

    /// Says whether a bank select was sent, which CC 0 and 32 of Chapter C must then follow.
    pub(super) fn repair_program(
        &mut self,
        theirs: &program::Chapter,
        journal: &Journal<'_>,
        rules: &ChannelChapters,
        loss: &Loss,
        play: &mut impl FnMut(Voice),
    ) -> bool {
        let listed = |number| journal.control.and_then(|control| control.find(number));
        // Where Chapter C lists neither half of the bank select, Chapter P codes the one in force (A.3.1).
        let in_force = rules.leaves_bank_select() && listed(BANK_MSB).or(listed(BANK_LSB)).is_none();
        let lost = self.program.lacks(theirs);
        let mut selected = false;
        if let Some(bank) = theirs.bank.filter(|bank| lost || (in_force && !self.program.selects(*bank))) {
            let differs = |number, value: &U7| self.control.value(number).unwrap_or_default() != *value;
            let known = self.program.selects(bank);
            let (older, msb, newer) = match (listed(BANK_MSB), listed(BANK_LSB)) {
                (None, None) if !known => (None, Some(bank.msb), Some(bank.lsb)),
                (None, None) => (None, None, None),
                // BANK-LSB 0 also says that no CC 32 followed the CC 0: then an older one stays in force.
                (Some((msb, _)), Some((lsb, log))) if bank.lsb.get() == 0 && lsb < msb => {
                    (log.value.filter(|lsb| differs(BANK_LSB, lsb)), Some(bank.msb), None)
                }
                // A CC 32 behind the CC 0 would be listed too.
                (Some(_), None) if bank.lsb.get() == 0 => (None, Some(bank.msb), None),
                _ => (None, Some(bank.msb), Some(bank.lsb).filter(|lsb| differs(BANK_LSB, lsb))),
            };
            let msb = msb.filter(|msb| !known || differs(BANK_MSB, msb) || older.or(newer).is_some());
            selected = msb.is_some();
            for (number, value) in [(BANK_LSB, older), (BANK_MSB, msb), (BANK_LSB, newer)] {
                if let Some(value) = value {
                    self.execute(Voice::ControlChange { controller: U7::masked(number), value }, loss, play);
                }
            }
        }
        if lost {
            // Chapter P knows no bank without CC 0. A CC 32 that no CC 0 came before is the bank select of this program.
            let alone = listed(BANK_LSB).filter(|(lsb, _)| listed(BANK_MSB).is_none_or(|(msb, _)| *lsb < msb));
            if let (None, Some((_, log))) = (theirs.bank, alone)
                && let Some(value) = log.value.filter(|value| self.control.value(BANK_LSB) != Some(*value))
            {
                self.execute(Voice::ControlChange { controller: U7::masked(BANK_LSB), value }, loss, play);
            }
            self.execute(Voice::ProgramChange { program: theirs.program }, loss, play);
            self.program.adopt(theirs);
        }
        selected
    }

    /// Returns the pedals to be put down once the lost NoteOffs are out.
    fn repair_control(
        &mut self,
        journal: &Journal<'_>,
        bank_selected: bool,
        rules: &ChannelChapters,
        loss: &Loss,
        play: &mut impl FnMut(Voice),
    ) -> Vec<Voice> {
        let Some(theirs) = &journal.control else { return Vec::new() };
        let bank_lost = bank_selected || self.bank_select_lost(theirs);
        let mut matching = Matching::new(&mut self.control, theirs, rules.control, loss);
        let lost_reset = self.lost_reset(theirs, matching.clone());
        if lost_reset.is_none() {
            self.repair_poly_aftertouch(journal, loss, true, play);
        }
        let reset_is_told = rules.control.never & 1 << RESET_ALL_CONTROLLERS == 0;
        let listed_reset = theirs.find(RESET_ALL_CONTROLLERS).map(|(index, _)| index);
        let mut pedals = Vec::new();
        for (index, group) in theirs.groups().enumerate() {
            let fate = Matching::fate(matching.as_mut(), group.controller);
            if fate == Fate::Known {
                if loss.joins {
                    self.observe(group.command(), loss.stamp(), Origin::Repair);
                }
                continue;
            }
            let number = group.controller.get();
            // Only those who came late do not know what stands before a CC 121 that they know.
            let is_old = fate == Fate::Plain && lost_reset.is_none() && listed_reset.is_some_and(|reset| index < reset);
            if is_old && control::is_reset_to_default(number) && self.control.value(number).is_none() {
                self.note_reset(&group, loss);
                continue;
            }
            let is_bank = matches!(number, BANK_MSB | BANK_LSB);
            let last = fate != Fate::Lost { last: false };
            let final_pedal = is_pedal(number) && last && lost_reset.is_none_or(|reset| reset < index);
            // A command behind the CC 121 is lost when the latest one known stands before it.
            let behind_reset = listed_reset.map_or(reset_is_told, |reset| reset < index);
            let forced = if is_bank { bank_lost } else { behind_reset && self.control.is_reset(group.controller) };
            let plain = (fate == Fate::Plain).then(|| self.control.repair(&group, forced));
            let one = (fate != Fate::Plain).then(|| group.command());
            for voice in plain.into_iter().flatten().chain(one) {
                if parameter::enters_data(number) && self.parameter.takes() {
                    for voice in parameter::close() {
                        self.execute(voice, loss, play);
                    }
                }
                match voice {
                    Voice::ControlChange { value, .. } if final_pedal && value.get() >= 64 => pedals.push(voice),
                    _ => self.execute(voice, loss, play),
                }
            }
            if fate == Fate::Plain {
                self.control.adopt(&group);
            } else {
                self.control.adopt_next(&group);
            }
            if lost_reset == Some(index) {
                self.repair_poly_aftertouch(journal, loss, true, play);
            }
        }
        pedals
    }

    /// Takes note of a command whose effect a CC 121 has taken back.
    pub(super) fn note_reset(&mut self, theirs: &control::Group, loss: &Loss) {
        for voice in self.control.repair(theirs, false) {
            self.observe(voice, loss.stamp(), Origin::Repair);
        }
        self.control.adopt(theirs);
        self.control.reset(theirs.controller);
    }

    /// The place of the last CC 121 in the list if it is lost.
    fn lost_reset(&self, theirs: &control::Chapter<'_>, mut matching: Option<Matching>) -> Option<usize> {
        let mut lost = |group: &control::Group| match Matching::fate(matching.as_mut(), group.controller) {
            Fate::Plain => self.control.lacks_reset(group),
            Fate::Known => false,
            Fate::Lost { .. } => group.controller.get() == RESET_ALL_CONTROLLERS,
        };
        theirs.groups().enumerate().filter(|(_, group)| lost(group)).map(|(index, _)| index).last()
    }

    /// Whether CC 0 and 32 came in another order, or with other values, than this history knows.
    fn bank_select_lost(&self, theirs: &control::Chapter<'_>) -> bool {
        let differs = |group: &control::Group| group.value != self.control.value(group.controller.get());
        match (theirs.find(BANK_MSB), theirs.find(BANK_LSB)) {
            (Some((msb, first)), Some((lsb, second))) => {
                differs(&first) || differs(&second) || (msb < lsb) != self.program.lsb_follows()
            }
            (Some((_, group)), None) | (None, Some((_, group))) => differs(&group),
            (None, None) => false,
        }
    }

    fn repair_parameter(&mut self, theirs: &parameter::Chapter<'_>, loss: &Loss, play: &mut impl FnMut(Voice)) {
        let (mut lost, mut last, mut commands, mut steps) = (false, None, Vec::new(), parameter::MOST_STEPS);
        for log in theirs.logs() {
            lost |= self.parameter.repair(&log, lost, loss, &mut steps, &mut commands);
            for voice in commands.drain(..) {
                self.execute(voice, loss, play);
            }
            self.parameter.adopt(&log, loss);
            last = Some(log.id);
        }
        for voice in self.parameter.repair_selection(theirs, last) {
            self.execute(voice, loss, play);
        }
    }

    fn start_notes(
        &mut self,
        theirs: Option<&note::Chapter<'_>>,
        extras: &note::Extras<'_>,
        ons: &[Repair],
        loss: &Loss,
        play: &mut impl FnMut(Voice),
    ) {
        for on in ons {
            match *on {
                Repair::Play(voice) => self.execute(voice, loss, play),
                Repair::Note(voice) => self.observe(voice, loss.stamp(), Origin::Repair),
            }
        }
        if let Some(chapter) = theirs {
            self.note.adopt(chapter, extras, loss);
        }
    }

    /// Pressure that an all-notes-off followed comes before it and behind a CC 121, other pressure behind the notes.
    fn repair_poly_aftertouch(
        &mut self,
        theirs: &Journal<'_>,
        loss: &Loss,
        silenced: bool,
        play: &mut impl FnMut(Voice),
    ) {
        let Some(chapter) = theirs.poly_aftertouch else {
            return;
        };
        for log in chapter.logs().filter(|log| log.silenced == silenced) {
            if let Some(voice) = self.poly_aftertouch.repair(&log, loss) {
                self.execute(voice, loss, play);
            }
        }
    }
}
