//! The System Exclusives that a sender may have to repeat (B.5.2).

use std::collections::VecDeque;

use super::Meaning;
use super::wire::{self, Status};
use crate::config::{Inclusion, SysEx};
use crate::journal::window::{S, Seq, Stamp, View};
use crate::midi::{Part, Segment};

/// The commands inside the widest window so far, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    commands: VecDeque<Sent>,
    /// Commands so far, mod 256.
    count: u8,
}

#[derive(Clone, Debug)]
struct Sent {
    count: u8,
    status: Status,
    /// The packet of its latest segment.
    at: Seq,
    /// The first data octets.
    head: Vec<u8>,
    /// The last data octets.
    tail: Vec<u8>,
    /// The data octets there were behind each packet that had some; those that the tail has lost count as one.
    marks: VecDeque<(Seq, usize)>,
    /// Data octets in all.
    length: usize,
}

/// The commands that a journal lists, one bit for each by its age, the newest 0.
#[derive(Clone, Copy, Debug, Default)]
struct Choice {
    listed: u128,
    /// Those of which only the length is told.
    bare: u128,
    /// Something had to be left out.
    cut: bool,
}

/// Data octets kept at the end of one command; no journal holds more.
const MOST_DATA: usize = 1023;
/// Data octets kept at the beginning of one command, to know its class by.
const HEAD: usize = 64;
/// Commands kept.
const MOST_COMMANDS: usize = 256;
/// Commands that a journal may list.
const MOST_LOGS: usize = 128;

impl Outbox {
    pub(super) fn observe(&mut self, segment: &Segment<'_>, stamp: Stamp) -> Option<Meaning> {
        if matches!(segment.part, Part::Whole(_) | Part::First) {
            self.count = self.count.wrapping_add(1);
            if let Some(broken) = self.commands.back_mut().filter(|sent| sent.status == Status::Unfinished) {
                (broken.status, broken.at) = (Status::Cancelled, stamp.packet);
            }
            if self.commands.len() == MOST_COMMANDS {
                self.commands.pop_front();
            }
            self.commands.push_back(Sent {
                count: self.count,
                status: Status::Unfinished,
                at: stamp.packet,
                head: Vec::new(),
                tail: Vec::new(),
                marks: VecDeque::new(),
                length: 0,
            });
        }
        let sent = self.commands.back_mut().filter(|sent| sent.status == Status::Unfinished)?;
        sent.extend(segment.data, stamp.packet);
        match segment.part {
            Part::First | Part::Middle => return None,
            Part::Cancel => {
                sent.status = Status::Cancelled;
                return None;
            }
            Part::Whole(end) | Part::Last(end) => sent.status = Status::Finished(end),
        }
        let meaning = Meaning::of(&sent.head);
        if let Some(Meaning::FullFrame(_)) = meaning {
            self.commands.pop_back();
        }
        meaning
    }

    pub(super) fn reset_state(&mut self, by_sysex: bool) {
        let latest = self.commands.pop_back().filter(|_| by_sysex);
        self.commands.clear();
        self.commands.extend(latest);
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.commands.back().is_some_and(|sent| sent.status == Status::Unfinished)
    }

    /// Codes the newest commands that `room` holds; of one that does not fit, only how long it is.
    pub(super) fn encode(&mut self, view: &View, rules: &SysEx, room: usize, out: &mut Vec<u8>) -> (Option<S>, bool) {
        self.forget(view.since, rules);
        let Choice { mut listed, bare, cut } = self.choose(view, rules, room);
        let start = out.len();
        let mut s = S::Unchanged;
        while listed != 0 {
            let age = listed.ilog2() as usize;
            listed &= !(1 << age);
            let Some((sent, view)) = self.coded(age, view, rules) else { break };
            let next = age.checked_sub(1).filter(|next| listed & 1 << next != 0);
            let follows = next.is_some_and(|next| self.at_age(next).count == sent.count.wrapping_add(1));
            let log = view.s(sent.at);
            s = s.and(log);
            let (before, data) = match bare & 1 << age {
                0 => sent.since(view.since),
                _ => (sent.length, &[][..]),
            };
            wire::encode(log, sent.status, (!follows).then_some(sent.count), before, data, out);
        }
        if out.len() == start {
            return (None, cut);
        }
        // The S bit of the first log is that of the chapter.
        out[start] = out[start] & 0x7F | s.bit();
        (Some(s), cut)
    }

    /// Chooses the commands to list, the newest first.
    fn choose(&self, view: &View, rules: &SysEx, room: usize) -> Choice {
        let mut choice = Choice::default();
        let (mut left, mut behind) = (room, None);
        for age in 0..self.commands.len() {
            let Some((sent, view)) = self.coded(age, view, rules) else { continue };
            // The log tells its count where the one behind is not the next.
            let counted = behind != Some(sent.count.wrapping_add(1));
            let (whole, short) = (sent.coded_length(counted, view.since), wire::length(counted, sent.length, 0));
            let fits = whole <= left && age < MOST_LOGS;
            choice.cut |= !fits;
            if short > left || age >= MOST_LOGS {
                break;
            }
            choice.listed |= 1 << age;
            choice.bare |= u128::from(!fits) << age;
            left -= if fits { whole } else { short };
            behind = Some(sent.count);
        }
        choice
    }

    /// The command of this age, and the window for it, if a journal must speak of it.
    fn coded(&self, age: usize, view: &View, rules: &SysEx) -> Option<(&Sent, View)> {
        let sent = self.at_age(age);
        let view = view.of(rules.of(sent.length, &sent.head))?;
        (sent.at >= view.since || sent.status == Status::Unfinished).then_some((sent, view))
    }

    fn at_age(&self, age: usize) -> &Sent {
        &self.commands[self.commands.len() - 1 - age]
    }

    /// Drops the commands that no journal will speak of again.
    fn forget(&mut self, since: Seq, rules: &SysEx) {
        let past = |sent: &Sent| sent.at < since && sent.status != Status::Unfinished;
        if rules.anchors() {
            self.commands.retain(|sent| !past(sent) || rules.of(sent.length, &sent.head) == Inclusion::Anchor);
        } else {
            while self.commands.front().is_some_and(past) {
                self.commands.pop_front();
            }
        }
    }
}

impl Sent {
    fn extend(&mut self, data: &[u8], packet: Seq) {
        self.at = packet;
        self.length += data.len();
        self.head.extend_from_slice(&data[..data.len().min(HEAD - self.head.len())]);
        self.tail.extend_from_slice(&data[data.len().saturating_sub(MOST_DATA)..]);
        self.tail.drain(..self.tail.len().saturating_sub(MOST_DATA));
        match self.marks.back_mut() {
            Some((last, length)) if *last == packet => *length = self.length,
            _ => self.marks.push_back((packet, self.length)),
        }
        let lost = self.length - self.tail.len();
        while self.marks.get(1).is_some_and(|(_, length)| *length <= lost) {
            self.marks.pop_front();
        }
    }

    /// How many data octets packets before `since` carried.
    fn before(&self, since: Seq) -> usize {
        self.marks.iter().rev().find(|(packet, _)| *packet < since).map_or(0, |(_, length)| *length)
    }

    /// The same, and those after them.
    fn since(&self, since: Seq) -> (usize, &[u8]) {
        let before = self.before(since);
        let lost = self.length - self.tail.len();
        (before, self.tail.get(before.saturating_sub(lost)..).unwrap_or_default())
    }

    /// The octets of the log, or more than any journal holds when not all data is kept.
    fn coded_length(&self, counted: bool, since: Seq) -> usize {
        let before = self.before(since);
        match self.length - self.tail.len() {
            lost if before < lost => usize::MAX,
            _ => wire::length(counted, before, self.length - before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::{VIEW, view};
    use crate::midi::{Command, System};

    fn observe(outbox: &mut Outbox, packet: Seq, octets: &[u8]) -> Option<Meaning> {
        let Ok((Command::System(System::SysEx(segment)), [])) = Command::decode(octets) else { panic!() };
        outbox.observe(&segment, Stamp { packet, time: 0 })
    }

    fn encode(outbox: &mut Outbox, view: &View) -> Vec<u8> {
        let mut out = Vec::new();
        outbox.encode(view, &SysEx::default(), 1000, &mut out);
        out
    }

    #[test]
    fn a_whole_command_has_its_data_and_count() {
        let mut outbox = Outbox::default();
        let meaning = observe(&mut outbox, VIEW.previous, &[0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7]);
        assert_eq!(meaning, Some(Meaning::ResetState));
        assert_eq!(encode(&mut outbox, &VIEW), [0x2F, 1, 0x7E, 0x7F, 0x09, 0x81]);
    }

    #[test]
    fn first_leaves_out_what_the_window_does_not_need() {
        let mut outbox = Outbox::default();
        observe(&mut outbox, Seq(12), &[0xF0, 1, 2, 0xF0]);
        observe(&mut outbox, VIEW.previous, &[0xF7, 3, 4, 0xF0]);
        assert_eq!(encode(&mut outbox, &view(VIEW.previous)), [0x3C, 1, 2, 3, 0x84]);
        assert_eq!(encode(&mut outbox, &VIEW), [0x2C, 1, 1, 2, 3, 0x84]);
        observe(&mut outbox, VIEW.previous, &[0xF7, 0xF4]);
        assert_eq!(encode(&mut outbox, &VIEW), [0x2D, 1, 1, 2, 3, 0x84]);
    }

    #[test]
    fn only_the_last_log_needs_a_count_unless_one_is_missing_between() {
        let mut outbox = Outbox::default();
        observe(&mut outbox, VIEW.previous, &[0xF0, 1, 0xF7]);
        observe(&mut outbox, VIEW.previous, &[0xF0, 2, 0xF5]);
        assert_eq!(encode(&mut outbox, &VIEW), [0x0F, 0x81, 0x2E, 2, 0x82]);
        let frame = observe(&mut outbox, VIEW.previous, &[0xF0, 0x7F, 0x7F, 1, 1, 0x21, 2, 3, 4, 0xF7]);
        assert_eq!(frame, Some(Meaning::FullFrame([0x21, 2, 3, 4])));
        observe(&mut outbox, VIEW.previous, &[0xF0, 0xF7]);
        assert_eq!(encode(&mut outbox, &VIEW), [0x0F, 0x81, 0x2E, 2, 0x82, 0x27, 4]);
    }

    #[test]
    fn a_command_that_is_too_long_is_told_by_its_length() {
        let mut outbox = Outbox::default();
        let long = [&[0xF0][..], &[1; 2000], &[0xF7]].concat();
        observe(&mut outbox, VIEW.previous, &long);
        observe(&mut outbox, VIEW.previous, &[0xF0, 5, 0xF7]);
        let mut out = Vec::new();
        assert_eq!(outbox.encode(&VIEW, &SysEx::default(), 1000, &mut out), (Some(S::Changed), true));
        assert_eq!(out, [0x17, 0x8F, 0x50, 0x2F, 2, 0x85]);
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut outbox = Outbox::default();
        observe(&mut outbox, Seq(12), &[0xF0, 1, 0xF7]);
        observe(&mut outbox, VIEW.previous, &[0xF0, 2, 0xF7]);
        assert_eq!(encode(&mut outbox, &view(Seq(13))), [0x2F, 2, 0x82]);
        assert_eq!(outbox.commands.len(), 1);
    }
}
