//! What a channel's controllers were set to (A.3.1).

use super::enhanced::Recent;
use super::inclusion::is_bank;
use super::{Group, RESET_ALL_CONTROLLERS, Tool, is_on, tool};
use crate::config::ChannelChapters;
use crate::journal::recency::Recency;
use crate::journal::window::{Coded, Origin, S, Seq, Stamp, View};
use crate::midi::U7;

/// The latest command of each controller number.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(super) order: Recency,
    pub(super) value: [U7; 128],
    /// Commands seen, mod 64; other senders may count where we do not.
    pub(super) count: [u8; 128],
    pub(super) switches: [Switch; 4],
    /// One bit a switch or command that has had a value its own tool does not tell: from then on its value is coded.
    valued: u128,
    /// One bit a controller that has had a command since the latest CC 121, or ever if there was none.
    since_reset: u128,
    /// What a sender remembers of controllers with enhanced coding.
    pub(super) recent: Option<Box<Recent>>,
    /// One bit a controller that has come in the stream, see [`History::align`].
    pub(super) heard: u128,
    /// One bit a controller whose count is that of the sender, and not only that of the latest packet.
    pub(super) counted: u128,
    /// Whether the channel has controllers with enhanced coding.
    pub(super) enhanced: bool,
}

/// A switch that the toggle tool codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Switch {
    pub(super) on: bool,
    /// Changes between off and on so far, mod 64, those by CC 121 included.
    pub(super) toggles: u8,
    /// The same up to the latest command: what ALT codes.
    pub(super) coded: u8,
}

/// Most logs in a chapter.
pub(super) const LOGS: usize = 128;

/// Controllers whose counts are taken as they come: their commands do no harm when they are executed again.
const PLAINLY_COUNTED: u128 = 1 << 120 | 1 << 121 | 0x1F << 123;

impl Default for History {
    fn default() -> Self {
        Self {
            order: Recency::default(),
            value: [U7::default(); 128],
            count: [0; 128],
            switches: [Switch::default(); 4],
            valued: 0,
            since_reset: u128::MAX,
            recent: None,
            heard: 0,
            counted: PLAINLY_COUNTED,
            enhanced: false,
        }
    }
}

impl Switch {
    /// A CC 121 turns it off.
    fn reset(&mut self) {
        self.toggles = (self.toggles + u8::from(self.on)) & 0x3F;
        self.on = false;
    }
}

impl History {
    /// The history of a sender, which remembers more of controllers with enhanced coding.
    pub(crate) fn of_sender(rules: &ChannelChapters) -> Self {
        let numbers = rules.enhanced & !rules.control.never;
        Self { recent: (numbers != 0).then(|| Box::new(Recent::new(numbers))), ..Self::default() }
    }

    /// The history of a receiver.
    pub(crate) fn of_receiver(rules: &ChannelChapters) -> Self {
        Self { enhanced: rules.enhanced != 0, ..Self::default() }
    }

    /// A Reset State command: no command is active, and all counts are 0.
    pub(crate) fn reset_state(&mut self) {
        let (mut recent, enhanced) = (self.recent.take(), self.enhanced);
        if let Some(recent) = &mut recent {
            **recent = Recent::new(recent.numbers());
        }
        *self = Self { recent, counted: u128::MAX, enhanced, ..Self::default() };
    }

    /// A command; a repair moves values and switches but no counts.
    pub(crate) fn observe(&mut self, controller: U7, value: U7, stamp: Stamp, origin: Origin) {
        let number = controller.get();
        self.order.touch(number, stamp.packet);
        self.value[usize::from(number)] = value;
        let counts = u8::from(origin == Origin::Stream);
        self.since_reset |= 1 << number;
        self.valued |= u128::from(!is_implied(number, value)) << number;
        match tool(number) {
            Tool::Value => {}
            Tool::Toggle(index) => {
                let switch = &mut self.switches[index];
                if switch.on != is_on(value) {
                    switch.toggles = (switch.toggles + counts) & 0x3F;
                }
                switch.on = is_on(value);
                if origin == Origin::Stream {
                    switch.coded = switch.toggles;
                }
            }
            Tool::Count => {}
        }
        let count = &mut self.count[usize::from(number)];
        *count = (*count + counts) & 0x3F;
        if origin == Origin::Stream {
            self.heard |= 1 << number;
        }
        if let Some(recent) = &mut self.recent {
            recent.observe(number, value, *count, stamp.packet);
        }
        if number == RESET_ALL_CONTROLLERS {
            self.since_reset = 1 << RESET_ALL_CONTROLLERS;
            // A repaired CC 121 toggles too: the logs behind it count on from there.
            self.switches.iter_mut().for_each(Switch::reset);
        }
    }

    /// Takes note that a CC 121 has come since the controller's latest command.
    pub(crate) fn reset(&mut self, controller: U7) {
        self.since_reset &= !(1 << controller.get());
        if let Tool::Toggle(index) = tool(controller.get()) {
            self.switches[index].reset();
        }
    }

    /// The value of a controller's latest command.
    pub(crate) fn value(&self, controller: u8) -> Option<U7> {
        (self.order.at(controller) != Seq::NEVER).then(|| self.value[usize::from(controller & 0x7F)])
    }

    /// Whether a CC 121 has come since the controller's latest command.
    pub(crate) fn is_reset(&self, controller: U7) -> bool {
        self.since_reset & 1 << controller.get() == 0
    }

    /// Whether a pedal is down.
    pub(crate) fn holds(&self, pedal: u8) -> bool {
        match tool(pedal) {
            Tool::Toggle(index) => self.switches[index].on,
            _ => self.value(pedal).is_some_and(is_on),
        }
    }

    /// Appends the chapter; `bank_select_elsewhere` leaves CC 0 and 32 to Chapter P.
    pub(crate) fn encode(
        &self,
        view: &View,
        rules: &ChannelChapters,
        bank_select_elsewhere: bool,
        out: &mut Vec<u8>,
    ) -> Option<Coded> {
        if self.recent.is_some() || !rules.control.is_default() {
            return self.encode_by_rules(view, rules, bank_select_elsewhere, out);
        }
        if self.order.newest() < view.since {
            return None;
        }
        let here = |number: &u8| !(bank_select_elsewhere && is_bank(*number));
        let partner = self.bank_select_before(view.since);
        self.encode_list(partner.into_iter().chain(self.order.since(view.since)).filter(here), view, out)
    }

    /// Appends the chapter where some controllers have rules of their own.
    #[cold]
    fn encode_by_rules(
        &self,
        view: &View,
        rules: &ChannelChapters,
        bank_select_elsewhere: bool,
        out: &mut Vec<u8>,
    ) -> Option<Coded> {
        let here = |number: &u8| !(bank_select_elsewhere && is_bank(*number));
        let listed = |number: &u8| self.is_listed(*number, view, rules);
        match &self.recent {
            Some(recent) => self.encode_enhanced(recent, view, rules, bank_select_elsewhere, out),
            None => self.encode_list(self.order.since(Seq::FIRST).filter(here).filter(listed), view, out),
        }
    }

    /// Appends the latest command of each of these controllers.
    fn encode_list(&self, numbers: impl Iterator<Item = u8> + Clone, view: &View, out: &mut Vec<u8>) -> Option<Coded> {
        let start = out.len();
        out.push(0);
        let mut s = S::Unchanged;
        let mut left = numbers.clone().count();
        for number in numbers {
            left -= 1;
            let mut group = self.group(number, view);
            if (out.len() - start) / 2 + left + group.len() > LOGS {
                // No room for the second tool; the first tells of the loss.
                group.value = group.value.filter(|_| group.len() == 1);
            }
            s = s.and(group.s);
            group.encode(out);
        }
        close(start, s, out).then_some(Coded { s, cut: false, short: false })
    }

    pub(super) fn group(&self, number: u8, view: &View) -> Group {
        let value = self.value[usize::from(number)];
        let mut group = Group {
            s: view.s(self.order.at(number)),
            controller: U7::masked(number),
            value: Some(value),
            toggle: None,
            count: None,
        };
        match tool(number) {
            Tool::Value => {}
            Tool::Toggle(index) => {
                group.toggle = Some(self.switches[index].coded);
                group.value = group.value.filter(|_| self.valued & 1 << number != 0);
            }
            Tool::Count => {
                group.count = Some(self.count[usize::from(number)]);
                group.value = group.value.filter(|_| self.valued & 1 << number != 0);
            }
        }
        group
    }

    /// The controllers that have come, their values, and what else is told of them.
    #[cfg(test)]
    pub(crate) fn values(&self, rules: &ChannelChapters) -> Vec<(u8, U7, u8)> {
        let extra = |number| match tool(number) {
            _ if rules.enhanced & 1 << number != 0 => 0,
            Tool::Value => 0,
            Tool::Toggle(index) => self.switches[index].toggles,
            Tool::Count => self.count[usize::from(number)],
        };
        // Without Chapter M nobody knows whether these belong to a transaction.
        let data_entry = if rules.parameter.is_never() { 1 << 6 | 1 << 38 | 1 << 96 | 1 << 97 } else { 0_u128 };
        // Where Chapter C tells half of a bank select, Chapter P tells the other half as far as it can.
        let bank_select = 1 << super::BANK_MSB | 1 << super::BANK_LSB;
        let bank_select = if rules.control.never & bank_select == 0 { 0 } else { bank_select };
        let unsure = data_entry | bank_select;
        let told = |number: &u8| (rules.control.never | unsure) & 1 << *number == 0;
        let known = |number| self.value(number).map(|value| (number, value, extra(number)));
        (0..128).filter(told).filter_map(known).collect()
    }
}

/// Writes the header in front of the logs behind `start`; says whether there are any.
pub(super) fn close(start: usize, s: S, out: &mut Vec<u8>) -> bool {
    if out.len() == start + 1 {
        out.truncate(start);
        return false;
    }
    out[start] = s.bit() | ((out.len() - start) / 2 - 1) as u8;
    true
}

/// Whether the toggle or count tool alone tells the value.
const fn is_implied(number: u8, value: U7) -> bool {
    match tool(number) {
        Tool::Value => true,
        Tool::Toggle(_) => matches!(value.get(), 0 | 127),
        Tool::Count => value.get() == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::channel::control::Chapter;
    use crate::journal::testing::{VIEW, view};

    fn history(commands: &[(u8, u8, u32)]) -> History {
        let mut history = History::default();
        for &(controller, value, packet) in commands {
            let stamp = Stamp { packet: Seq(packet), time: 0 };
            history.observe(U7::masked(controller), U7::masked(value), stamp, Origin::Stream);
        }
        history
    }

    fn encode(history: &History, view: &View) -> Vec<u8> {
        let mut out = Vec::new();
        history.encode(view, &ChannelChapters::default(), false, &mut out);
        out
    }

    #[test]
    fn value_toggle_and_count_are_coded_as_in_the_derived_vector() {
        let commands = [(7, 100, 19), (64, 127, 12), (64, 0, 13), (64, 127, 19), (123, 0, 19)];
        assert_eq!(encode(&history(&commands), &VIEW), [0x02, 0x07, 0x64, 0x40, 0x83, 0x7B, 0xC1]);
    }

    #[test]
    fn a_repeated_command_moves_to_the_end() {
        assert_eq!(encode(&history(&[(1, 5, 11), (7, 6, 12), (1, 7, 13)]), &VIEW), [0x81, 0x87, 6, 0x81, 7]);
    }

    #[test]
    fn what_is_older_than_the_window_is_left_out() {
        let history = history(&[(1, 5, 11), (7, 6, 12)]);
        assert_eq!(encode(&history, &view(Seq(12))), [0x80, 0x87, 6]);
        assert_eq!(encode(&history, &view(Seq(13))), []);
    }

    #[test]
    fn half_a_bank_select_brings_its_other_half() {
        let history = history(&[(32, 2, 11), (0, 1, 19)]);
        assert_eq!(encode(&history, &view(Seq(19))), [0x01, 0xA0, 2, 0x00, 1]);
        let mut out = Vec::new();
        assert_eq!(history.encode(&VIEW, &ChannelChapters::default(), true, &mut out), None);
        assert!(out.is_empty());
    }

    #[test]
    fn a_half_pressed_pedal_has_two_logs() {
        assert_eq!(encode(&history(&[(64, 80, 19)]), &VIEW), [0x01, 64, 80, 64, 0x81]);
    }

    #[test]
    fn cc_121_toggles_the_switches_and_their_coded_count_stays() {
        let history = history(&[(64, 127, 11), (121, 0, 12)]);
        assert_eq!(encode(&history, &VIEW), [0x81, 0xC0, 0x81, 0xF9, 0xC1]);
        assert_eq!(history.switches[0], Switch { on: false, toggles: 2, coded: 1 });
    }

    #[test]
    fn a_list_never_has_more_than_128_logs() {
        let commands: Vec<_> = (0..128).map(|number| (number, 80, 19)).collect();
        let out = encode(&history(&commands), &VIEW);
        let (chapter, rest) = Chapter::decode(&out, false).unwrap();
        assert!(rest.is_empty());
        assert_eq!(out.len(), 257);
        assert_eq!(chapter.groups().count(), 128);
    }
}
