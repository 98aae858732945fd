//! The commands of the latest packet whose time is to come.

use crate::journal::{Event, Origin};
use crate::midi::Command;

/// Commands in order, as octets one behind the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    octets: Vec<u8>,
    entries: Vec<Entry>,
    /// Entries that are out.
    done: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// When it is to be executed.
    at: u64,
    time: u32,
    origin: Origin,
    start: usize,
    end: usize,
}

impl Queue {
    /// Adds a command that is to be executed at time `at`.
    pub(super) fn push(&mut self, at: u64, event: &Event<'_>) {
        let start = self.octets.len();
        event.command.encode(&mut self.octets);
        self.entries.push(Entry { at, time: event.time, origin: event.origin, start, end: self.octets.len() });
    }

    /// When the next command is to be executed.
    pub(super) fn head(&self) -> Option<u64> {
        self.entries.get(self.done).map(|entry| entry.at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.done == self.entries.len()
    }

    /// Gives the next command to `out`.
    pub(super) fn give(&mut self, out: impl FnOnce(u64, Event<'_>)) {
        let Some(entry) = self.entries.get(self.done) else { return };
        if let Ok((command, _)) = Command::decode(&self.octets[entry.start..entry.end]) {
            out(entry.at, Event { time: entry.time, command, origin: entry.origin });
        }
        self.done += 1;
        if self.is_empty() {
            self.octets.clear();
            self.entries.clear();
            self.done = 0;
        }
    }
}
