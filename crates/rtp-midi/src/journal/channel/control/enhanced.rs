//! Several commands of a controller in one list: enhanced coding, the sender's side (A.3.3).
//!
//! A controller whose commands are steps rather than settings, such as a rotary encoder, is told command by command. The
//! oldest one in the list has a count log, and so has the oldest one of the packet before; all have a value log.

use super::history::{LOGS, close};
use super::inclusion::is_bank;
use super::{Group, History, RESET_ALL_CONTROLLERS};
use crate::config::{ChannelChapters, Inclusion};
use crate::journal::recency::Recency;
use crate::journal::window::{Coded, S, Seq, View};
use crate::midi::U7;

/// Most commands of a number in a list: counts are modulo 64, and a receiver may lack none to all of them.
const MOST: u8 = 63;

/// The latest commands of some controllers, [`MOST`] of each and as many of all as a list has logs.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    /// One bit a controller with enhanced coding.
    numbers: u128,
    /// The slots in the order of their commands.
    order: Recency,
    slots: [Slot; LOGS],
    /// How many slots have been in use.
    used: u8,
    queues: [Queue; 128],
    /// The place of the latest command of each controller, with enhanced coding or not, among all commands.
    place: [u64; 128],
    /// How many commands there have been.
    commands: u64,
}

/// One command.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    number: u8,
    value: U7,
    count: u8,
    /// The slot of the next command of the same controller.
    next: u8,
    place: u64,
}

/// The commands of one controller.
#[derive(Clone, Copy, Debug, Default)]
struct Queue {
    oldest: u8,
    newest: u8,
    length: u8,
    /// The packet of the latest command that has been forgotten.
    forgotten: Seq,
}

/// The slots to be coded, and whether that is all that the window asks for.
struct Selected {
    newest_first: [u8; LOGS],
    length: usize,
    short: bool,
}

impl Recent {
    pub(super) fn new(numbers: u128) -> Self {
        Self {
            numbers,
            order: Recency::default(),
            slots: [Slot::default(); LOGS],
            used: 0,
            queues: [Queue::default(); 128],
            place: [0; 128],
            commands: 0,
        }
    }

    pub(super) const fn numbers(&self) -> u128 {
        self.numbers
    }

    /// Takes note of a command, which is the one with this count among those of its number.
    pub(super) fn observe(&mut self, number: u8, value: U7, count: u8, packet: Seq) {
        self.commands += 1;
        self.place[usize::from(number)] = self.commands;
        if self.numbers & 1 << number == 0 {
            return;
        }
        let slot = self.free(number);
        self.slots[usize::from(slot)] = Slot { number, value, count, next: slot, place: self.commands };
        self.order.touch(slot, packet);
        let queue = &mut self.queues[usize::from(number)];
        match queue.length {
            0 => queue.oldest = slot,
            _ => self.slots[usize::from(queue.newest)].next = slot,
        }
        (queue.newest, queue.length) = (slot, queue.length + 1);
    }

    /// A slot for a command; the oldest one of the number, or of all, is forgotten where there is no other.
    fn free(&mut self, number: u8) -> u8 {
        let queue = self.queues[usize::from(number)];
        if queue.length < MOST && usize::from(self.used) < LOGS {
            self.used += 1;
            return self.used - 1;
        }
        let slot = if queue.length == MOST { queue.oldest } else { self.order.oldest().unwrap_or_default() };
        // The oldest of all is the oldest of its number, too.
        let Slot { number, next, .. } = self.slots[usize::from(slot)];
        let queue = &mut self.queues[usize::from(number)];
        (queue.oldest, queue.length, queue.forgotten) = (next, queue.length - 1, self.order.at(slot));
        self.order.remove(slot);
        slot
    }

    /// Chooses the commands of each number from packet `since(number)` on, the latest ones where there are more than
    /// `room` logs for.
    fn select(&self, view: &View, since: impl Fn(u8) -> Seq, room: usize) -> Selected {
        let mut numbers = (0..128_u8).filter(|number| self.numbers & 1 << number != 0);
        let forgotten = |number: u8| self.queues[usize::from(number)].forgotten;
        let short = numbers.any(|number| forgotten(number) >= since(number));
        let mut selected = Selected { newest_first: [0; LOGS], length: 0, short };
        let (mut changed, mut unchanged, mut logs) = (0_u128, 0_u128, 0);
        for slot in self.order.newest_first() {
            let number = self.slots[usize::from(slot)].number;
            let at = self.order.at(slot);
            if at < since(number) {
                continue;
            }
            // The count log moves from command to command; that of the packet before stays.
            let bit = 1 << number;
            let of_kind = if view.s(at) == S::Changed { &mut changed } else { &mut unchanged };
            logs += 1 + usize::from(*of_kind & bit == 0);
            *of_kind |= bit;
            if logs > room {
                selected.short = true;
                break;
            }
            selected.newest_first[selected.length] = slot;
            selected.length += 1;
        }
        selected
    }
}

impl History {
    /// Appends the chapter where some controllers have enhanced coding.
    pub(super) fn encode_enhanced(
        &self,
        recent: &Recent,
        view: &View,
        rules: &ChannelChapters,
        bank_select_elsewhere: bool,
        out: &mut Vec<u8>,
    ) -> Option<Coded> {
        let plain = |number: &u8| recent.numbers & 1 << *number == 0 && self.is_listed(*number, view, rules);
        let here = |number: &u8| !(bank_select_elsewhere && is_bank(*number));
        let plain = self.order.since(Seq::FIRST).filter(plain).filter(here);
        let room = LOGS.saturating_sub(plain.clone().map(|number| self.group(number, view).len()).sum());
        let since = |number: u8| match rules.control.of(U7::masked(number)) {
            Inclusion::Anchor => Seq::FIRST,
            // With what is anchored, see `is_listed`.
            _ if number == RESET_ALL_CONTROLLERS && self.is_listed(number, view, rules) => {
                self.order.at(number).min(view.checkpoint)
            }
            _ => view.checkpoint,
        };
        let selected = recent.select(view, since, room);
        let start = out.len();
        out.push(0);
        let mut list = List { recent, view, counted: 0, changed: 0, s: S::Unchanged };
        let mut slots = selected.newest_first[..selected.length].iter().rev().copied().peekable();
        for number in plain {
            let place = recent.place[usize::from(number)];
            while let Some(slot) = slots.next_if(|slot| recent.slots[usize::from(*slot)].place < place) {
                list.add(slot, out);
            }
            let group = self.group(number, view);
            list.s = list.s.and(group.s);
            group.encode(out);
        }
        slots.for_each(|slot| list.add(slot, out));
        let s = list.s;
        close(start, s, out).then_some(Coded { s, cut: false, short: selected.short })
    }
}

/// The list as far as it is written.
struct List<'a> {
    recent: &'a Recent,
    view: &'a View,
    /// One bit a number that has a command in the list.
    counted: u128,
    /// The same of commands of the packet before.
    changed: u128,
    s: S,
}

impl List<'_> {
    fn add(&mut self, slot: u8, out: &mut Vec<u8>) {
        let Slot { number, value, count, .. } = self.recent.slots[usize::from(slot)];
        let s = self.view.s(self.recent.order.at(slot));
        let bit = 1 << number;
        let changed = if s == S::Changed { bit } else { 0 };
        let first = self.counted & bit == 0 || changed & !self.changed != 0;
        (self.counted, self.changed, self.s) = (self.counted | bit, self.changed | changed, self.s.and(s));
        let (controller, count) = (U7::masked(number), first.then_some(count));
        Group { s, controller, value: Some(value), toggle: None, count }.encode(out);
    }
}
