//! What a receiver knows of System Exclusives: how many there were, and how far the one under way has come.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::wire::{Chapter, Log, Status};
use super::{Hidden, Meaning, Missing};
use crate::journal::window::{Loss, S, Seq};
use crate::midi::{Part, Segment};

/// The commands seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    /// Commands so far, mod 256.
    count: u8,
    open: Option<Open>,
    /// Fingerprints of the latest commands, oldest first: they tell a command from a new one where the count cannot.
    /// MTC Full Frames, which have no logs, are not among them.
    recent: VecDeque<u64>,
    /// Commands may have been lost that no journal told of: then the count is behind.
    doubt: bool,
}

/// A command of which segments have gone out.
#[derive(Clone, Debug, Default)]
struct Open {
    length: usize,
    hash: DefaultHasher,
    /// The first data octets: as many as it takes to see what the command means.
    head: Vec<u8>,
}

const RECENT: usize = 32;
const HEAD: usize = 9;

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
}

impl Inbox {
    pub(super) fn observe(&mut self, segment: &Segment<'_>) -> Option<Meaning> {
        if matches!(segment.part, Part::Whole(_) | Part::First) {
            self.count = self.count.wrapping_add(1);
            self.open = Some(Open::default());
        }
        self.open.as_mut()?.extend(segment.data.iter().copied());
        match segment.part {
            Part::First | Part::Middle => None,
            Part::Cancel => self.finish().and(None),
            Part::Whole(_) | Part::Last(_) => self.finish().and_then(|open| Meaning::of(&open.head)),
        }
    }

    /// Appends what `theirs` says is missing, in order; without a chapter nothing is known of a command under way.
    ///
    /// `hidden` tells of missing commands that count and have no log.
    pub(super) fn repair(&mut self, theirs: Option<&Chapter<'_>>, hidden: Hidden, loss: &Loss, out: &mut Vec<Missing>) {
        let logs: Vec<(Log<'_>, Option<u8>)> = theirs.into_iter().flat_map(Chapter::logs).collect();
        let known = self.known(&logs, loss);
        // The command under way is the last one known, if the journal still speaks of it.
        let is_open = |count: Option<u8>| self.doubt || count.is_none_or(|count| count == self.count);
        let under_way = known.checked_sub(1).map(|index| logs[index]).filter(|(_, count)| is_open(*count));
        match under_way.filter(|_| self.open.is_some()) {
            Some((log, _)) => self.go_on(&log, out),
            None if self.cancel() => out.push((Part::Cancel, Vec::new())),
            None => {}
        }
        for (log, count) in &logs[known..] {
            self.begin(log, out);
            self.count = count.unwrap_or_else(|| self.count.wrapping_add(1));
        }
        self.doubt = match hidden {
            Hidden::Frame => true,
            Hidden::Reset => known == logs.len(),
            Hidden::Nothing => self.doubt && known == logs.len(),
        };
        if hidden == Hidden::Frame {
            self.count = self.count.wrapping_add(1);
        }
    }

    /// Takes the count from the journal of a packet behind which nothing is missing.
    pub(super) fn align(&mut self, theirs: &Chapter<'_>) {
        if let Some(count) = theirs.last_count() {
            // MTC Full Frames count and have no log, so that ours may be ahead.
            if (1..0x80).contains(&count.wrapping_sub(self.count)) {
                (self.count, self.doubt) = (count, false);
            }
        }
    }

    /// Nothing before the latest command is active: no journal will speak of it.
    pub(super) fn reset_state(&mut self, by_sysex: bool) {
        let latest = self.recent.pop_back().filter(|_| by_sysex);
        self.recent.clear();
        self.recent.extend(latest);
    }

    pub(super) fn cancel(&mut self) -> bool {
        self.open.take().is_some()
    }

    /// How many of the logs are of commands seen before the loss, the one under way included.
    fn known(&self, logs: &[(Log<'_>, Option<u8>)], loss: &Loss) -> usize {
        if loss.heard == Seq::NEVER {
            return 0;
        }
        let open = usize::from(self.open.is_some());
        let (least, most) = told_by_s(logs, open, loss);
        let new = |count: u8| (1..0x80).contains(&count.wrapping_sub(self.count));
        let counted = logs.iter().take_while(|(_, count)| count.is_some_and(|count| !new(count))).count();
        let is_reset = logs.first().is_some_and(|(log, _)| log.is_reset_state());
        // A Reset State command is rather executed twice than not at all: its journal codes all that came behind it.
        let by_count = !self.doubt || (is_reset && counted == 0);
        if by_count && logs.iter().all(|(_, count)| count.is_some()) {
            return counted.clamp(least, most);
        }
        // By content: the longest run at the start of the list that ends what we have seen.
        let print = |log: &Log<'_>| {
            let mut open = Open::default();
            open.extend(log.data());
            open.hash.finish()
        };
        let fits = |known: &usize| {
            let finished = known - open.min(*known);
            let ours = self.recent.iter().skip(self.recent.len().saturating_sub(finished));
            finished <= self.recent.len() && logs.iter().zip(ours).all(|((log, _), ours)| print(log) == *ours)
        };
        (least..=most).rev().find(fits).unwrap_or(least)
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
                self.finish();
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
            self.recent.push_back(open.hash.finish());
        }
        Some(open)
    }
}

/// The least and the most logs that can be of commands seen before, as S bits have it: what S = 0 stands on is in a
/// missing packet, the command under way excepted, and what S = 1 stands on is not, if only one is missing.
fn told_by_s(logs: &[(Log<'_>, Option<u8>)], open: usize, loss: &Loss) -> (usize, usize) {
    // The S bit of the first of several logs is that of the chapter.
    let own = |index: usize| index > 0 || logs.len() == 1 || logs[0].0.s == S::Unchanged;
    let told = |s: S| logs.iter().enumerate().filter(move |(index, (log, _))| own(*index) && log.s == s);
    let most = told(S::Changed).next().map_or(logs.len(), |(index, _)| logs.len().min(index + open));
    let least = told(S::Unchanged).next_back().filter(|_| loss.is_single()).map_or(0, |(index, _)| index + 1);
    (least.min(most), most)
}
