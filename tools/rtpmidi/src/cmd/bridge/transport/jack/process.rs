//! What runs in JACK's own thread, in every period of its sound. It never waits, allocates or prints.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use jack::{Client, Control, MidiIn, MidiOut, Port, ProcessHandler, ProcessScope, RawMidi};
use rtrb::{Consumer, Producer};

use super::ring::{LONGEST, Reader, Writer};
use crate::cmd::bridge::inbox::Inbox;
use crate::ports::Threads;

/// A pair of ports.
pub(super) struct Pair {
    pub(super) slot: usize,
    pub(super) input: Port<MidiIn>,
    pub(super) output: Port<MidiOut>,
    /// What is to be played, with its time in microseconds since a start.
    pub(super) plays: Reader,
    pub(super) losses: Arc<Losses>,
}

/// What has been lost at a pair since somebody looked.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Of what came.
    pub(super) heard: AtomicBool,
    /// Of what was to be played, because it is longer than JACK can take.
    pub(super) played: AtomicBool,
}

/// A pair comes or goes.
pub(super) enum Change {
    Come(Pair),
    Go(usize),
}

/// Pairs at most.
pub(super) const MOST: usize = 1024;

/// All that is done in a period.
pub(super) struct Process {
    /// With room for all: it never grows.
    pairs: Vec<Pair>,
    changes: Consumer<Change>,
    /// Pairs that have gone, for whoever lets go their ports.
    gone: Producer<Pair>,
    /// What has come, with the slot of its pair.
    heard: Writer,
    room: Box<[u8]>,
    inbox: Inbox,
    /// From which times count.
    start: Instant,
    end: End,
}

/// How the thread comes to its end: by its own word, since whoever cancels it hits it anywhere.
pub(super) struct End {
    pub(super) threads: Arc<Threads>,
    pub(super) is_over: Arc<AtomicBool>,
}

impl Process {
    pub(super) fn new(
        changes: Consumer<Change>,
        gone: Producer<Pair>,
        heard: Writer,
        inbox: Inbox,
        start: Instant,
        end: End,
    ) -> Self {
        let room = vec![0; LONGEST].into_boxed_slice();
        Self { pairs: Vec::with_capacity(MOST), changes, gone, heard, room, inbox, start, end }
    }

    fn change(&mut self) {
        // Who goes must find room there.
        while self.gone.slots() > 0
            && let Ok(change) = self.changes.pop()
        {
            match change {
                Change::Come(pair) if self.pairs.len() < MOST => self.pairs.push(pair),
                Change::Come(pair) => drop(self.gone.push(pair)),
                Change::Go(slot) => {
                    if let Some(index) = self.pairs.iter().position(|pair| pair.slot == slot) {
                        let _ = self.gone.push(self.pairs.swap_remove(index));
                    }
                }
            }
        }
    }
}

impl ProcessHandler for Process {
    fn process(&mut self, client: &Client, scope: &ProcessScope) -> Control {
        let _inside = self.end.threads.enter();
        if self.end.is_over.load(Ordering::Relaxed) {
            // What stands in a buffer would be played again.
            for pair in &mut self.pairs {
                let _empty = pair.output.writer(scope);
            }
            return Control::Quit;
        }
        self.change();
        let (period, mut has_heard) = (Period::of(self.start, client, scope), false);
        for pair in &mut self.pairs {
            for event in pair.input.iter(scope) {
                has_heard = true;
                if !self.heard.put(pair.slot as u64, event.bytes) {
                    pair.losses.heard.store(true, Ordering::Relaxed);
                }
            }
            pair.play(scope, &period, &mut self.room);
        }
        if has_heard {
            self.inbox.nudge();
        }
        Control::Continue
    }
}

impl Pair {
    /// Plays what is due in this period, each message as long behind its time as the others.
    fn play(&mut self, scope: &ProcessScope, period: &Period, room: &mut [u8]) {
        let (mut writer, mut last) = (self.output.writer(scope), None);
        while let Some((stamp, bytes)) = self.plays.peek(room) {
            let Some(time) = period.frame(stamp) else { break };
            let time = time.max(last.unwrap_or(0));
            match (writer.write(&RawMidi { time, bytes }), last) {
                (Ok(()), _) => last = Some(time),
                // It has room in the next one.
                (Err(_), Some(_)) => break,
                (Err(_), None) => self.losses.played.store(true, Ordering::Relaxed),
            }
            let length = bytes.len();
            self.plays.skip(length);
        }
    }
}

/// When a period is, in microseconds since a start.
struct Period {
    start: u64,
    length: u64,
    frames: u32,
}

impl Period {
    fn of(start: Instant, client: &Client, scope: &ProcessScope) -> Self {
        let micros = |frames: u32| u64::from(frames) * 1_000_000 / u64::from(client.sample_rate().max(1));
        let now = start.elapsed().as_micros() as u64;
        let start = now.saturating_sub(micros(scope.frames_since_cycle_start()));
        Self { start, length: micros(scope.n_frames()), frames: scope.n_frames() }
    }

    /// The frame of this period at which a message is played, a whole period behind its time; `None` if that is in a later
    /// one. What is late is played at once, and so is what no clock that goes evenly can have stamped.
    fn frame(&self, stamp: u64) -> Option<u32> {
        let due = stamp.saturating_add(self.length).saturating_sub(self.start);
        if self.length == 0 || due > FARTHEST * self.length {
            return Some(0);
        }
        (due < self.length).then(|| (due * u64::from(self.frames) / self.length) as u32)
    }
}

/// Periods ahead, of which no stamp is that was made in this one or before.
const FARTHEST: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_within_a_period_is_played_at_the_same_place_in_the_next() {
        let period = Period { start: 100_000, length: 20_000, frames: 960 };
        for (stamp, frame) in [
            (80_000, Some(0)),
            (90_000, Some(480)),
            (99_999, Some(959)),
            (100_000, None),
            (119_999, None),
            // Late.
            (10, Some(0)),
            // The clock has stood still.
            (9_000_000, Some(0)),
        ] {
            assert_eq!(period.frame(stamp), frame, "{stamp}");
        }
        assert_eq!(Period { start: 0, length: 0, frames: 960 }.frame(7), Some(0));
    }
}
