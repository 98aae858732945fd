//! What a receiver knows of System Exclusives: which ones journals have told of, and how far the one under way has come.
//!
//! COUNT alone says which logs are new, and only journals tell it: commands without logs, such as MTC Full Frames, count
//! too, so that nobody can count along with what arrives. What was heard behind the latest journal that told of commands
//! is found again in the next one by its octets.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::wire::{Chapter, Log, Status};
use super::{Meaning, Missing};
use crate::journal::window::{Loss, S, Seq};
use crate::midi::{Part, Segment};

/// The commands seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    /// The count of the latest command that a journal has told of.
    told: Option<u8>,
    open: Option<Open>,
    /// The latest commands, oldest first, MTC Full Frames aside.
    recent: VecDeque<Heard>,
    /// How many of those no journal has told of yet.
    untold: usize,
    /// Commands of any kind heard since the journal that told of one.
    heard: u8,
    /// What the command means whose end the latest repair has made up.
    ended: Option<Meaning>,
}

/// A command that has ended.
#[derive(Clone, Copy, Debug)]
struct Heard {
    length: usize,
    /// The fingerprint of its octets.
    print: u64,
    /// How many commands had been heard then since the journal that told of one.
    number: u8,
}

impl Heard {
    /// Whether a log has these octets, as far as it has any.
    fn is(&self, log: &Log<'_>) -> bool {
        self.length == log.first + log.len() && (log.first > 0 || self.print == Open::print(log.data()))
    }
}

/// A command of which segments have gone out.
#[derive(Clone, Debug, Default)]
struct Open {
    length: usize,
    hash: DefaultHasher,
    /// The first data octets: as many as it takes to see what the command means.
    head: Vec<u8>,
    /// The count is that of this command.
    told: bool,
}

/// A log, and the count of its command.
type Counted<'a> = (Log<'a>, Option<u8>);

const RECENT: usize = 32;
const HEAD: usize = 9;
/// Half of all counts: one that is further ahead is behind.
const HALF: u8 = 0x80;
/// A newest count that is further ahead than this is that of an earlier command; hidden ones may be many.
const OLDER: u8 = 0xC0;

impl Open {
    fn extend(&mut self, data: impl Iterator<Item = u8>) {
        for octet in data {
            octet.hash(&mut self.hash);
            self.length += 1;
            if self.head.len() < HEAD {
                self.head.push(octet);
            }
        }
    }

    /// The fingerprint of data octets.
    fn print(data: impl Iterator<Item = u8>) -> u64 {
        let mut open = Self::default();
        open.extend(data);
        open.hash.finish()
    }

    /// Whether `log` may be of this command, which has come so many commands after the one that its count tells of.
    fn goes_on_in(&self, log: &Log<'_>, behind: Option<u8>) -> bool {
        let counts = match behind {
            Some(behind) if self.told => behind == 0,
            // Commands without logs may have been lost in front of it.
            behind => behind.is_none_or(|behind| behind < HALF),
        };
        // Octets that the log leaves out have been reported, so that they were heard.
        let octets = log.first > 0 || Self::print(log.data().take(self.length)) == self.hash.finish();
        counts && octets && (log.len() > 0 || behind == Some(0))
    }
}

impl Inbox {
    pub(super) fn observe(&mut self, segment: &Segment<'_>) -> Option<Meaning> {
        if matches!(segment.part, Part::Whole(_) | Part::First) {
            self.heard = self.heard.saturating_add(1);
            self.open = Some(Open::default());
        }
        self.open.as_mut()?.extend(segment.data.iter().copied());
        match segment.part {
            Part::First | Part::Middle => None,
            Part::Cancel => self.finish().and(None),
            Part::Whole(_) | Part::Last(_) => self.finish().and_then(|open| Meaning::of(&open.head)),
        }
    }

    /// What a command means that a repaired segment finishes.
    pub(super) fn meaning(&mut self, repaired: &Segment<'_>) -> Option<Meaning> {
        match repaired.part {
            Part::Whole(_) => Meaning::of(repaired.data),
            Part::Last(_) => self.ended.take(),
            Part::First | Part::Middle | Part::Cancel => None,
        }
    }

    /// Appends what `theirs` says is missing, in order; without a chapter nothing is known of a command under way.
    pub(super) fn repair(&mut self, theirs: Option<&Chapter<'_>>, loss: &Loss, out: &mut Vec<Missing>) {
        let logs: Vec<Counted<'_>> = theirs.into_iter().flat_map(Chapter::logs).collect();
        let (known, under_way) = self.known(&logs, loss);
        match under_way {
            Some(index) => self.go_on(&logs[index].0, out),
            None if self.cancel() => out.push((Part::Cancel, Vec::new())),
            None => {}
        }
        for (log, _) in &logs[known..] {
            self.begin(log, out);
        }
    }

    /// Everything up to the packet of the journal has been heard or repaired: takes the count.
    pub(super) fn align(&mut self, theirs: &Chapter<'_>) {
        if let Some(count) = theirs.last_count() {
            (self.told, self.untold, self.heard) = (Some(count), 0, 0);
            if let Some(open) = &mut self.open {
                open.told = true;
            }
        }
    }

    /// Nothing before the latest command is active: no journal will speak of it.
    pub(super) fn reset_state(&mut self, by_sysex: bool) {
        let latest = self.recent.pop_back().filter(|_| by_sysex);
        self.recent.clear();
        self.recent.extend(latest);
        self.untold = self.untold.min(self.recent.len());
    }

    pub(super) fn cancel(&mut self) -> bool {
        self.open.take().is_some()
    }

    /// How many of the logs are of commands seen before the loss, the one under way included, and which that is.
    fn known(&self, logs: &[Counted<'_>], loss: &Loss) -> (usize, Option<usize>) {
        if loss.heard == Seq::NEVER {
            return (0, None);
        }
        let (least, most) = told_by_s(logs, usize::from(self.open.is_some()), loss);
        let told = self.counted(logs);
        let untold = match told {
            Some(_) => self.untold,
            None => self.recent.len(),
        };
        let told = told.unwrap_or(0);
        let heard: Vec<&Heard> = self.recent.iter().skip(self.recent.len() - untold).collect();
        let known = told + self.found(&logs[told..], &heard);
        let under_way = self.open.as_ref().and_then(|open| {
            let index = if open.told { told.checked_sub(1)? } else { known };
            let (log, count) = logs.get(index).filter(|_| index < most)?;
            let least = self.told.map(|told| if open.told { told } else { told.wrapping_add(self.heard) });
            let behind = count.zip(least).map(|(count, least)| count.wrapping_sub(least));
            open.goes_on_in(log, behind).then_some(index)
        });
        let known = known.max(under_way.map_or(0, |index| index + 1));
        (known.clamp(least, most), under_way)
    }

    /// How many of the logs are of commands that were heard, some of which may have no log any more.
    fn found(&self, logs: &[Counted<'_>], mut heard: &[&Heard]) -> usize {
        for (index, (log, count)) in logs.iter().enumerate() {
            let same = |heard: &[&Heard]| {
                let number = self.told.unwrap_or(0).wrapping_add(heard[0].number);
                let follows = heard.get(1).zip(logs.get(index + 1)).is_some_and(|(heard, (log, _))| heard.is(log));
                // A Reset State command is rather executed twice than not at all: its journal codes all behind it.
                let sure = count.is_none_or(|count| count == number) || follows || !log.is_reset_state();
                sure && heard[0].is(log)
            };
            let Some(place) = (0..heard.len()).find(|place| same(&heard[*place..])) else { return index };
            heard = &heard[place + 1..];
        }
        logs.len()
    }

    /// How many of the logs are of commands that an earlier journal told of, if counts say so. They are told apart from
    /// the newest one on: old ones may be more than 256 commands back. The newest one is itself a little older than told
    /// when that was an MTC Full Frame on its way.
    fn counted(&self, logs: &[Counted<'_>]) -> Option<usize> {
        let (newest, told) = (logs.last()?.1?, self.told?);
        let news = Some(newest.wrapping_sub(told)).filter(|news| *news < OLDER).unwrap_or(0);
        let is_new = |(_, count): &&Counted<'_>| count.is_some_and(|count| newest.wrapping_sub(count) < news);
        Some(logs.len() - logs.iter().rev().take_while(is_new).count())
    }

    /// The missing end of the command under way.
    fn go_on(&mut self, log: &Log<'_>, out: &mut Vec<Missing>) {
        let Some(open) = &mut self.open else { return };
        let whole = log.first + log.len();
        if open.length < log.first || open.length > whole {
            // Octets are missing that the journal does not have.
            self.open = None;
            out.push((Part::Cancel, Vec::new()));
            return;
        }
        let data: Vec<u8> = log.data().skip(open.length - log.first).collect();
        open.extend(data.iter().copied());
        match log.status {
            Status::Unfinished if data.is_empty() => {}
            Status::Unfinished => out.push((Part::Middle, data)),
            Status::Cancelled => {
                self.finish();
                out.push((Part::Cancel, Vec::new()));
            }
            Status::Finished(end) => {
                self.ended = self.finish().and_then(|open| Meaning::of(&open.head));
                out.push((Part::Last(end), data));
            }
        }
    }

    /// A command of which nothing has been seen.
    fn begin(&mut self, log: &Log<'_>, out: &mut Vec<Missing>) {
        let data: Vec<u8> = log.data().collect();
        self.open = None;
        if log.first > 0 || (data.is_empty() && log.status == Status::Unfinished) {
            return;
        }
        let mut open = Open::default();
        open.extend(data.iter().copied());
        self.open = Some(open);
        match log.status {
            Status::Unfinished => out.push((Part::First, data)),
            Status::Cancelled => drop(self.finish()),
            Status::Finished(end) => {
                self.finish();
                out.push((Part::Whole(end), data));
            }
        }
    }

    fn finish(&mut self) -> Option<Open> {
        let open = self.open.take()?;
        if !matches!(Meaning::of(&open.head), Some(Meaning::FullFrame(_))) {
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(Heard { length: open.length, print: open.hash.finish(), number: self.heard });
            self.untold = (self.untold + usize::from(!open.told)).min(RECENT);
        }
        Some(open)
    }
}

/// The least and the most logs that can be of commands seen before, as S bits have it: what S = 0 stands on is in a
/// missing packet, the command under way excepted, and what S = 1 stands on is not, if only one is missing.
fn told_by_s(logs: &[Counted<'_>], open: usize, loss: &Loss) -> (usize, usize) {
    // The S bit of the first of several logs is that of the chapter.
    let own = |index: usize| index > 0 || logs.len() == 1 || logs[0].0.s == S::Unchanged;
    let told = |s: S| logs.iter().enumerate().filter(move |(index, (log, _))| own(*index) && log.s == s);
    let most = told(S::Changed).next().map_or(logs.len(), |(index, _)| logs.len().min(index + open));
    let least = told(S::Unchanged).next_back().filter(|_| loss.is_single()).map_or(0, |(index, _)| index + 1);
    (least.min(most), most)
}
