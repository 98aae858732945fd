//! Thousands of packets of everything under every policy: receivers come late, report, lose reports and leave, state is
//! reset, sixteen bits wrap, and each journal that is looked at says what the history demands.
//!
//! Set `RTPMIDI_THOROUGH` to look at every journal of ten times as many sessions.

use std::collections::{BTreeMap, VecDeque};

use rtp_midi::midi::{End, Part, Segment};
use rtp_midi::{Config, OPEN_LOOP_PACKETS, Policy, Sender};

use crate::channel_judge;
use crate::composer::{Composer, Style};
use crate::kit::{config, send};
use crate::model::{Window, view};
use crate::random::Random;
use crate::system_judge::{self, Stream};
use crate::system_walker::{self, System};
use crate::walker::walk;

/// A session, the same for the same seed.
#[derive(Clone, Copy, Debug)]
struct Plan {
    policy: Policy,
    seed: u64,
    packets: usize,
    /// One journal in so many is compared, on average.
    looked_at: u64,
    /// Packets between Reset State commands, roughly.
    resets: u64,
}

const CHANNELS: u8 = 3;

/// The checkpoint as the text has it (C.2.2), in packets counted from 0.
struct Checkpoint {
    policy: Policy,
    /// The highest packet that each receiver has reported, and the one to report until which it is told everything.
    reporters: BTreeMap<u32, (usize, Option<usize>)>,
    needed: usize,
}

impl Checkpoint {
    fn window(&self, next: usize) -> Window {
        let (since, checkpoint) = match self.policy {
            Policy::Anchor => (0, 0),
            Policy::OpenLoop => [next.saturating_sub(OPEN_LOOP_PACKETS as usize); 2].into(),
            Policy::ClosedLoop => {
                let late = self.reporters.values().any(|(_, complete)| complete.is_some());
                // Nobody reports, but somebody may be there. A checkpoint that nobody moves follows at a distance that
                // sixteen bits can name.
                (
                    if late || self.reporters.is_empty() { 0 } else { self.needed },
                    self.needed.max(next.saturating_sub(0x7FFF)),
                )
            }
        };
        Window { since, checkpoint, next }
    }

    fn report(&mut self, id: u32, highest: usize, next: usize) {
        let complete = (self.needed > 0).then_some(next);
        let (reported, complete) = self.reporters.entry(id).or_insert((highest, complete));
        *reported = highest.max(*reported);
        *complete = complete.filter(|complete| highest < *complete);
        self.advance();
    }

    fn advance(&mut self) {
        let slowest = self.reporters.values().map(|(reported, _)| reported + 1).min();
        self.needed = self.needed.max(slowest.unwrap_or(0));
    }
}

/// The commands of packets: gestures, commands of any controller, and System Exclusives in segments.
struct Source {
    composer: Composer,
    random: Random,
    /// Commands that follow a System Exclusive.
    waiting: VecDeque<Vec<u8>>,
    /// What is still to be sent of a System Exclusive, and all of it.
    segments: Vec<Vec<u8>>,
    whole: Vec<u8>,
}

impl Source {
    fn packet(&mut self) -> Vec<Vec<u8>> {
        let mut commands = Vec::new();
        if !self.segments.is_empty() {
            commands.extend(self.random.happens(50).then(|| vec![0xF8]));
            commands.push(self.segments.remove(0));
            return commands;
        }
        for _ in 0..self.random.below(3) {
            let gesture = if self.random.happens(90) { self.composer.gesture() } else { vec![self.control()] };
            self.waiting.extend(gesture);
        }
        while let Some(octets) = self.waiting.pop_front() {
            if octets[0] == 0xF0 {
                // Nothing follows it in its packet, so that it may go on in the next one.
                self.cut(octets);
                commands.push(self.segments.remove(0));
                break;
            }
            commands.push(octets);
        }
        commands
    }

    /// Cuts a System Exclusive into segments.
    fn cut(&mut self, octets: Vec<u8>) {
        let most = 1 + self.random.below(12) as usize;
        let whole = Segment { part: Part::Whole(End::Eox), data: &octets[1..octets.len() - 1] };
        self.segments = whole.split(most).map(|segment| crate::kit::octets(&segment.into())).collect();
        self.whole = octets;
    }

    /// Any controller, those of transactions included.
    fn control(&mut self) -> Vec<u8> {
        let channel = self.random.below(u64::from(CHANNELS)) as u8;
        let number = match self.random.below(3) {
            0 => self.random.pick(&[0, 6, 32, 38, 96, 97, 98, 99, 100, 101]),
            _ => self.random.below(128) as u8,
        };
        let data = self.random.data();
        vec![0xB0 | channel, number, if (98..=101).contains(&number) { data & 1 } else { data }]
    }
}

/// Plays a session; returns how many journals were compared.
fn play(plan: Plan) -> usize {
    let style = Style { channels: CHANNELS, notes: 8, exclusive: 20, resets: plan.resets };
    let mut random = Random::new(!plan.seed);
    let first = random.below(0x1_0000) as u16;
    // Everything has room here: what happens when it has not is another matter.
    let mut sender = Sender::new(Config { mtu: 20_000, ..config(plan.policy) }, first);
    let mut source = Source {
        composer: Composer::new(plan.seed, style),
        random: Random::new(plan.seed ^ 7),
        waiting: VecDeque::new(),
        segments: Vec::new(),
        whole: Vec::new(),
    };
    let mut checkpoint = Checkpoint { policy: plan.policy, reporters: BTreeMap::new(), needed: 0 };
    let (mut stream, mut log, mut compared) = (Stream::default(), Vec::new(), 0);
    for next in 0..plan.packets {
        let list = source.packet();
        let slices: Vec<_> = list.iter().map(Vec::as_slice).collect();
        let (_, payload) = send(&mut sender, 441 * next as u32, &slices);
        if random.below(plan.looked_at) == 0 {
            compared += 1;
            let judged = look(&payload, first, checkpoint.window(next), &log, &stream);
            judged.unwrap_or_else(|why| panic!("{plan:?}, packet {next}: {why}"));
        }
        for octets in list {
            stream.take(next, &octets);
            // A System Exclusive takes effect with its last segment.
            let ended = matches!(octets[..], [0xF0 | 0xF7, .., 0xF7]);
            log.push((next, if ended { std::mem::take(&mut source.whole) } else { octets }));
        }
        // Some report behind others, and now and then one comes late or leaves.
        for id in 0..3 {
            if random.below(40 + 400 * u64::from(id)) == 0 {
                let highest = next.saturating_sub(random.below(60) as usize);
                sender.acknowledge(id, u32::from(first.wrapping_add(highest as u16)));
                checkpoint.report(id, highest, next + 1);
            }
            if random.below(1500) == 0 {
                sender.reporter_left(id);
                checkpoint.reporters.remove(&id);
                checkpoint.advance();
            }
        }
    }
    assert_eq!(sender.stats().journal_cuts, 0);
    compared
}

/// Compares a journal, field by field.
fn look(
    payload: &[u8],
    first: u16,
    window: Window,
    log: &[(usize, Vec<u8>)],
    stream: &Stream,
) -> Result<(), proptest::prelude::TestCaseError> {
    let journal = walk(payload).journal.expect("every packet has a journal");
    assert_eq!(journal.checkpoint, first.wrapping_add(window.checkpoint as u16), "{window:?}");
    assert!(journal.channels.iter().all(|channel| channel.number < CHANNELS), "nobody used the others");
    for channel in 0..CHANNELS {
        channel_judge::compare(&journal, channel, &view(log, channel, window))?;
    }
    let system = &journal.system;
    let found = if system.is_empty() { System::default() } else { system_walker::walk(system) };
    system_judge::compare(&found, stream, window)
}

/// Plays sessions of these lengths; one journal in `looked_at` is compared.
fn sessions(policy: Policy, count: u64, packets: usize, looked_at: u64, resets: u64) {
    let thorough = std::env::var_os("RTPMIDI_THOROUGH").is_some();
    let (count, looked_at) = if thorough { (10 * count, 1 + looked_at / 10) } else { (count, looked_at) };
    let compared: usize = (0..count).map(|seed| play(Plan { policy, seed, packets, looked_at, resets })).sum();
    println!("{policy:?}, {count} sessions of {packets} packets: {compared} journals compared");
}

#[test]
fn anchored_journals_of_long_sessions_say_what_the_history_demands() {
    sessions(Policy::Anchor, 4, 3000, 60, 300);
}

#[test]
fn closed_loop_journals_of_long_sessions_say_what_the_history_demands() {
    sessions(Policy::ClosedLoop, 4, 4000, 20, 300);
}

#[test]
fn open_loop_journals_of_long_sessions_say_what_the_history_demands() {
    sessions(Policy::OpenLoop, 4, 4000, 60, 300);
}

#[test]
fn journals_behind_sixteen_bits_say_what_the_history_demands() {
    for policy in [Policy::Anchor, Policy::ClosedLoop, Policy::OpenLoop] {
        sessions(policy, 1, 70_000, 400, 150);
    }
}
