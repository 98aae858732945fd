//! The transactions of the parameter system (A.1, A.4.1).
//!
//! Of the variants in A.1, type 2 (LSB alone) uses the latest MSB of its kind, type 3 (MSB alone) takes LSB 0 with the
//! first data entry. An LSB followed by its MSB in the same packet is read as if the MSB came first: many files
//! write it so.

use super::wire::{self, Button, Entry, Log};
use super::{Id, Kind, Selection};
use crate::config::{Inclusion, Parameters};
use crate::journal::window::{Origin, S, Seq, Stamp, View};
use crate::midi::U7;

/// Every parameter's value and the state of the transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// In the order of their latest transaction.
    pub(super) parameters: Vec<Parameter>,
    pub(super) selection: Selection,
    /// The packet in which the selection last changed.
    selected_at: Seq,
    /// An LSB that came without MSB, and the packet it came in.
    loose: Option<(Kind, U7, Seq)>,
    /// The packet of the latest CC 121.
    reset_at: Seq,
}

/// What the value tool codes of one parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Parameter {
    pub(super) id: Id,
    at: Seq,
    pub(super) msb: Option<Entry>,
    pub(super) lsb: Option<Entry>,
    /// Counts of CC 96 and 97 since the latest data entry.
    pub(super) a_button: Option<Button>,
    pub(super) c_button: i16,
    pub(super) count: Count,
}

/// The transactions of one parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Count {
    /// How many, mod 128, and whether a CC 121 came behind the latest one.
    pub(super) total: Entry,
    /// The packet of the latest one.
    at: Seq,
    /// Whether a journal has told the number.
    pub(super) is_sure: bool,
}

/// Most parameters remembered on a channel; beyond it the one unused for longest is forgotten.
pub(super) const MOST: usize = 256;

impl History {
    /// A command of the parameter system; the caller has asked [`History::takes`].
    ///
    /// A repair moves values and the selection but no counts.
    pub(crate) fn observe(&mut self, controller: u8, value: U7, stamp: Stamp, origin: Origin) {
        match controller {
            99 => self.select_msb(Kind::Nrpn, value, stamp, origin),
            101 => self.select_msb(Kind::Rpn, value, stamp, origin),
            98 => self.select_lsb(Kind::Nrpn, value, stamp, origin),
            100 => self.select_lsb(Kind::Rpn, value, stamp, origin),
            _ => self.enter(controller, value, stamp, origin),
        }
    }

    /// Whether a CC 6, 38, 96 or 97 belongs to a transaction (A.3.4).
    pub(crate) fn takes(&self) -> bool {
        self.selection != Selection::Closed
    }

    /// CC 121: it closes the transaction and keeps the values.
    pub(crate) fn reset(&mut self, stamp: Stamp) {
        (self.selection, self.loose, self.reset_at) = (Selection::Closed, None, stamp.packet);
        self.selected_at = Seq::NEVER;
        for parameter in &mut self.parameters {
            for entry in [&mut parameter.msb, &mut parameter.lsb].into_iter().flatten() {
                entry.reset = true;
            }
            if let Some(button) = &mut parameter.a_button {
                button.reset = true;
            }
            parameter.c_button = 0;
            parameter.count.total.reset = true;
        }
    }

    /// Appends the chapter when the window asks for it.
    pub(crate) fn encode(&self, view: &View, rules: &Parameters, out: &mut Vec<u8>) -> Option<S> {
        let logs = self.parameters.iter().filter_map(|parameter| self.log(parameter, view, rules));
        if rules.is_default() {
            let first = self.parameters.partition_point(|parameter| parameter.at < view.since);
            let logs = self.parameters[first..].iter().map(|parameter| parameter.log(view, rules, self.reset_at));
            return self.encode_logs(logs, view, true, out);
        }
        // A log in front of it says which transaction is not the one that is open.
        let others = logs.clone().next().is_some();
        let open = self.open_parameter().filter(|open| others && self.log(open, view, rules).is_none());
        let open = open.map(|open| Log::without_fields(open.id, S::Unchanged));
        self.encode_logs(logs.chain(open), view, !rules.is_never(), out)
    }

    /// Appends the chapter with these logs; without any, when the selection has changed and `may_be_empty`.
    fn encode_logs(
        &self,
        logs: impl Iterator<Item = Log> + Clone,
        view: &View,
        may_be_empty: bool,
        out: &mut Vec<u8>,
    ) -> Option<S> {
        let is_open = matches!(self.selection, Selection::Open(_));
        let selected = may_be_empty && self.selected_at >= view.since && !is_open;
        if logs.clone().next().is_none() && !selected {
            return None;
        }
        let selection = view.s(self.selected_at).and(view.s(self.reset_at));
        let s = logs.clone().fold(selection, |s, log| s.and(log.s));
        let pending = match self.selection {
            Selection::Pending(kind, msb) => Some((kind, msb)),
            _ => None,
        };
        wire::encode(s, pending, is_open, logs, out);
        Some(s)
    }

    /// The log of a parameter where some have rules of their own.
    ///
    /// One that is never coded has a log without fields while its transaction is open: what comes next belongs to it.
    fn log(&self, parameter: &Parameter, view: &View, rules: &Parameters) -> Option<Log> {
        let in_window = parameter.at >= view.since;
        match rules.of(parameter.id.number()) {
            Inclusion::Never => (in_window && self.selection == Selection::Open(parameter.id))
                .then(|| Log::without_fields(parameter.id, view.s(parameter.at))),
            Inclusion::Default => in_window.then(|| parameter.log(view, rules, self.reset_at)),
            Inclusion::Anchor => {
                let view = View { since: Seq::FIRST, ..*view };
                Some(parameter.log(&view, rules, self.reset_at))
            }
        }
    }

    fn open_parameter(&self) -> Option<&Parameter> {
        self.parameters.last().filter(|parameter| self.selection == Selection::Open(parameter.id))
    }

    /// Whether the value that a log tells has been heard of, or all steps where it tells no more.
    pub(crate) fn knows(&self, log: &Log) -> bool {
        let pressed = |button: Option<Button>| button.map_or(0, |button| button.count);
        let told = log.msb.is_some() || log.lsb.is_some();
        let knows = |known: &Parameter| {
            if told {
                known.msb.is_some() || known.lsb.is_some()
            } else {
                pressed(known.a_button) == pressed(log.a_button)
            }
        };
        self.find(log.id).is_some_and(knows)
    }

    pub(super) fn find(&self, id: Id) -> Option<&Parameter> {
        self.parameters.iter().rev().find(|parameter| parameter.id == id)
    }

    fn select_msb(&mut self, kind: Kind, msb: U7, stamp: Stamp, origin: Origin) {
        match self.loose.take() {
            Some((loose, lsb, packet)) if loose == kind && packet == stamp.packet => {
                self.open(Id { kind, msb, lsb }, stamp, origin);
            }
            _ => {
                self.selection = Selection::Pending(kind, msb);
                self.selected_at = stamp.packet;
            }
        }
    }

    fn select_lsb(&mut self, kind: Kind, lsb: U7, stamp: Stamp, origin: Origin) {
        let msb = match self.selection {
            Selection::Pending(pending, msb) if pending == kind => Some(msb),
            Selection::Open(id) if id.kind == kind => Some(id.msb),
            _ => None,
        };
        match msb {
            Some(msb) => self.open(Id { kind, msb, lsb }, stamp, origin),
            None => {
                self.loose = Some((kind, lsb, stamp.packet));
                self.selection = Selection::Closed;
                self.selected_at = stamp.packet;
            }
        }
    }

    fn open(&mut self, id: Id, stamp: Stamp, origin: Origin) {
        self.loose = None;
        self.selected_at = stamp.packet;
        if id.is_null() {
            self.selection = Selection::Closed;
        } else {
            self.begin(id, stamp, origin);
        }
    }

    /// A transaction is initiated.
    fn begin(&mut self, id: Id, stamp: Stamp, origin: Origin) {
        self.selection = Selection::Open(id);
        self.selected_at = stamp.packet;
        let count = &mut self.touch(id, stamp).count;
        if origin == Origin::Stream {
            let value = U7::masked(count.total.value.get() + 1);
            (count.total, count.at) = (Entry { value, reset: false }, stamp.packet);
        }
    }

    fn enter(&mut self, controller: u8, value: U7, stamp: Stamp, origin: Origin) {
        self.loose = None;
        let id = match self.selection {
            Selection::Open(id) => id,
            Selection::Pending(kind, msb) => {
                let id = Id { kind, msb, lsb: U7::default() };
                self.begin(id, stamp, origin);
                id
            }
            Selection::Closed => return,
        };
        let parameter = self.touch(id, stamp);
        let entry = Some(Entry { value, reset: false });
        match controller {
            6 => (parameter.msb, parameter.lsb) = (entry, None),
            38 => parameter.lsb = entry,
            _ => {
                let step = if controller == 96 { 1 } else { -1 };
                let add = |count: i16| (count + step).clamp(-0x3FFF, 0x3FFF);
                let count = add(parameter.a_button.map_or(0, |button| button.count));
                parameter.a_button = Some(Button { count, reset: false });
                parameter.c_button = add(parameter.c_button);
                return;
            }
        }
        (parameter.a_button, parameter.c_button) = (None, 0);
    }

    /// Moves a parameter to the new end of the list.
    pub(super) fn touch(&mut self, id: Id, stamp: Stamp) -> &mut Parameter {
        let last = self.parameters.len().wrapping_sub(1);
        match self.parameters.iter().rposition(|parameter| parameter.id == id) {
            Some(index) if index != last => self.parameters[index..].rotate_left(1),
            Some(_) => {}
            None => {
                if self.parameters.len() == MOST {
                    self.parameters.remove(0);
                }
                let at = stamp.packet;
                self.parameters.push(Parameter {
                    id,
                    at,
                    msb: None,
                    lsb: None,
                    a_button: None,
                    c_button: 0,
                    count: Count::default(),
                });
            }
        }
        let last = self.parameters.len() - 1;
        self.parameters[last].at = stamp.packet;
        &mut self.parameters[last]
    }

    #[cfg(test)]
    #[allow(clippy::type_complexity, reason = "the tests name each part at once")]
    pub(crate) fn state(&self, rules: &Parameters) -> (Selection, Vec<(Id, [Option<U7>; 2], i16)>) {
        let value = |entry: Option<Entry>| entry.map(|entry| entry.value);
        let mut values: Vec<_> = self
            .parameters
            .iter()
            .filter(|parameter| rules.of(parameter.id.number()) != Inclusion::Never)
            .map(|p| (p.id, [value(p.msb), value(p.lsb)], p.a_button.map_or(0, |button| button.count)))
            .collect();
        values.sort_unstable();
        (if rules.is_never() { Selection::Closed } else { self.selection }, values)
    }
}

impl Parameter {
    fn log(&self, view: &View, rules: &Parameters, reset_at: Seq) -> Log {
        let by_count = rules.counts(self.id.number());
        let count = Some(self.count.total).filter(|_| by_count && self.count.at >= view.since);
        let entries = [self.msb, self.lsb, count];
        let reset =
            entries.iter().flatten().any(|entry| entry.reset) || self.a_button.is_some_and(|button| button.reset);
        Log {
            s: view.s(self.at).and(view.s(if reset { reset_at } else { Seq::NEVER })),
            id: self.id,
            msb: self.msb,
            lsb: self.lsb,
            a_button: self.a_button,
            c_button: self
                .a_button
                .filter(|button| !button.reset && button.count != self.c_button)
                .map(|_| self.c_button),
            count,
            by_count,
            by_value: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::{VIEW, view};

    fn history(commands: &[(u8, u8, u32)]) -> History {
        let mut history = History::default();
        for &(controller, value, packet) in commands {
            let stamp = Stamp { packet: Seq(packet), time: 0 };
            if controller == 121 {
                history.reset(stamp);
            } else {
                history.observe(controller, U7::masked(value), stamp, Origin::Stream);
            }
        }
        history
    }

    fn encode(history: &History) -> Vec<u8> {
        let mut out = Vec::new();
        history.encode(&VIEW, &Parameters::default(), &mut out);
        out
    }

    #[test]
    fn an_open_transaction_is_coded_with_its_value() {
        assert_eq!(encode(&history(&[(101, 0, 19), (100, 0, 19), (6, 2, 19)])), [0x34, 0x05, 0x00, 0x82, 0x02]);
    }

    #[test]
    fn an_msb_alone_is_pending() {
        assert_eq!(encode(&history(&[(101, 0, 19)])), [0x40, 0x03, 0x00]);
        assert_eq!(encode(&history(&[(99, 1, 19)])), [0x40, 0x03, 0x81]);
    }

    #[test]
    fn null_closes_and_is_never_logged() {
        let closed = history(&[(101, 0, 11), (100, 0, 11), (6, 2, 11), (101, 127, 19), (100, 127, 19)]);
        assert_eq!(encode(&closed), [0x14, 0x05, 0x80, 0x82, 0x02]);
        assert!(!closed.takes());
        assert_eq!(encode(&history(&[(101, 127, 19), (100, 127, 19)])), [0x00, 0x02]);
    }

    #[test]
    fn an_msb_with_data_entry_has_lsb_zero() {
        let (selection, values) = history(&[(101, 3, 19), (6, 12, 19)]).state(&Parameters::default());
        let id = Id { kind: Kind::Rpn, msb: U7::masked(3), lsb: U7::default() };
        assert_eq!(selection, Selection::Open(id));
        assert_eq!(values, [(id, [U7::new(12), None], 0)]);
    }

    #[test]
    fn a_second_lsb_keeps_the_msb() {
        let (selection, _) = history(&[(99, 1, 18), (98, 2, 18), (98, 3, 19)]).state(&Parameters::default());
        let id = Id { kind: Kind::Nrpn, msb: U7::masked(1), lsb: U7::masked(3) };
        assert_eq!(selection, Selection::Open(id));
    }

    #[test]
    fn lsb_before_msb_counts_when_they_come_together() {
        let id = Id { kind: Kind::Rpn, msb: U7::default(), lsb: U7::masked(1) };
        assert_eq!(history(&[(100, 1, 19), (101, 0, 19)]).selection, Selection::Open(id));
        let apart = history(&[(100, 1, 18), (101, 0, 19)]);
        assert_eq!(apart.selection, Selection::Pending(Kind::Rpn, U7::default()));
    }

    #[test]
    fn an_msb_entry_drops_the_lsb_and_any_entry_the_buttons() {
        let (_, values) = history(&[(101, 0, 19), (100, 0, 19), (6, 2, 19), (38, 5, 19), (96, 0, 19), (6, 3, 19)])
            .state(&Parameters::default());
        assert_eq!((values[0].1, values[0].2), ([U7::new(3), None], 0));
    }

    #[test]
    fn cc_121_closes_and_sets_x_and_splits_the_buttons() {
        let start = [(101, 0, 11), (100, 0, 11), (6, 2, 11), (96, 0, 11)];
        let reset = history(&[&start[..], &[(121, 0, 19)]].concat());
        assert_eq!(encode(&reset), [0x14, 0x07, 0x00, 0xA2, 0x82, 0x40, 0x01]);
        let again =
            history(&[&start[..], &[(121, 0, 12), (101, 0, 19), (100, 0, 19), (97, 0, 19), (97, 0, 19)]].concat());
        assert_eq!(encode(&again), [0x34, 0x09, 0x00, 0xB2, 0x82, 0x80, 0x01, 0x80, 0x02]);
    }

    #[test]
    fn what_is_older_than_the_window_is_left_out() {
        let history = history(&[(101, 0, 11), (100, 0, 11), (6, 2, 11), (100, 1, 15), (6, 3, 15)]);
        let mut out = Vec::new();
        history.encode(&view(Seq(12)), &Parameters::default(), &mut out);
        assert_eq!(out, [0xB4, 0x05, 0x81, 0x82, 0x03]);
        assert_eq!(history.encode(&view(Seq(16)), &Parameters::default(), &mut Vec::new()), None);
    }
}
