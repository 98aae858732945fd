//! The law of playout: whatever jitter, reordering, doubling and loss do, commands come out in order and never before
//! their time, and in the end an instrument is set as one at the sender.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod gesture;
mod synth;

use gesture::gesture;
use proptest::prelude::*;
use rtp_midi::midi::Command;
use rtp_midi::{Config, Cue, Journal, Latency, Playout, Policy, Received, Sender};
use synth::Synth;

/// RTP ticks are milliseconds.
const RATE: u32 = 1000;
const MS: u64 = 1_000_000;
/// When the sender begins, in milliseconds of the receiver's clock, and the least time that a packet takes.
const BEGIN: u64 = 1_000_000;
const LEAST: u64 = 5;
/// Near the wrap of both numbers.
const FIRST: u16 = 65_520;
const OFFSET: u32 = u32::MAX - 100;

/// One packet: its commands, with milliseconds before it, and what the network does to it.
#[derive(Clone, Debug)]
struct Step {
    after: u32,
    gestures: Vec<(u32, Vec<Vec<u8>>)>,
    /// Milliseconds it takes beside the least; `None` for one that is lost.
    delay: Option<u64>,
    /// When a second one of it comes behind it.
    again: Option<u64>,
}

fn steps(jitter: u64, loss: u32) -> impl Strategy<Value = Vec<Step>> {
    let gestures = prop::collection::vec((0..5_u32, gesture()), 0..4);
    let delay = prop_oneof![0..3_u64, 0..=jitter];
    let fate = (0..100_u32, delay).prop_map(move |(dice, delay)| (dice >= loss).then_some(delay));
    let step = (1..12_u32, gestures, fate, prop::option::weighted(0.1, 0..300_u64))
        .prop_map(|(after, gestures, delay, again)| Step { after, gestures, delay, again });
    prop::collection::vec(step, 1..60)
}

/// A packet on its way: when it comes, in milliseconds, and its number, timestamp and payload.
type Arrival = (u64, u16, u32, Vec<u8>);

/// What the sender makes of `steps`, and what of it arrives, in the order of arrival; at last, all that is to be known.
fn send(policy: Policy, steps: &[Step]) -> (Synth, Vec<Arrival>) {
    let config = Config { journal: Journal::Recovery(policy), ..Config::new(RATE) };
    let (mut sender, mut synth, mut arrivals) = (Sender::new(config, FIRST), Synth::default(), Vec::new());
    let mut time = OFFSET;
    for step in steps {
        time = time.wrapping_add(step.after);
        for (behind, commands) in &step.gestures {
            time = time.wrapping_add(*behind);
            for octets in commands {
                sender.queue(time, Command::decode(octets).unwrap().0).unwrap();
                synth.execute(octets);
            }
        }
        let mut payload = Vec::new();
        let packet = sender.packet(time, &mut payload);
        let sent = BEGIN + u64::from(time.wrapping_sub(OFFSET)) + LEAST;
        for late in step.delay.into_iter().chain(step.delay.and(step.again)) {
            arrivals.push((sent + late, packet.sequence, packet.timestamp, payload.clone()));
        }
    }
    let mut payload = Vec::new();
    let packet = sender.packet(time.wrapping_add(1000), &mut payload);
    let sent = BEGIN + u64::from(time.wrapping_sub(OFFSET)) + 1000 + LEAST;
    arrivals.push((sent, packet.sequence, packet.timestamp, payload));
    arrivals.sort_by_key(|arrival| arrival.0);
    (synth, arrivals)
}

/// Plays `arrivals` on an instrument; the host wakes when it has asked to.
fn play(playout: &mut Playout, arrivals: &[Arrival], least_delay: u64, synth: &mut Synth) {
    let mut last = 0;
    let mut cue = |cue: Cue<'_>, now: u64| {
        assert!(cue.at >= last && cue.at <= now, "{} behind {last}, now {now}", cue.at);
        last = cue.at;
        let time = BEGIN + u64::from(cue.event.time.wrapping_sub(OFFSET)) + LEAST;
        assert!(cue.at >= time * MS + least_delay, "{} is before {time} ms", cue.at);
        let mut octets = Vec::new();
        cue.event.command.encode(&mut octets);
        synth.execute(&octets);
    };
    for (at, sequence, timestamp, payload) in arrivals {
        let now = at * MS;
        while let Some(due) = playout.due().filter(|due| *due < now) {
            playout.play(due, |event| cue(event, due));
        }
        playout.receive(now, 7, Received { sequence: *sequence, timestamp: *timestamp, payload });
        playout.play(now, |event| cue(event, now));
    }
    while let Some(due) = playout.due() {
        playout.play(due, |event| cue(event, due));
    }
}

fn law(policy: Policy, latency: Latency, steps: &[Step]) -> Result<Playout, TestCaseError> {
    let config = Config { journal: Journal::Recovery(policy), ..Config::new(RATE) };
    let (there, arrivals) = send(policy, steps);
    let (mut playout, mut here) = (Playout::new(config, latency), Synth::default());
    let least = if let Latency::Fixed(latency) = latency { latency } else { 0 };
    play(&mut playout, &arrivals, least, &mut here);
    for (number, here) in &here.channels {
        let there = there.channels.get(number).cloned().unwrap_or_default();
        prop_assert_eq!(&here.settings, &there.settings, "channel {}", number);
        prop_assert!(here.sounding.is_subset(&there.sounding), "hanging {:?}", &here.sounding - &there.sounding);
    }
    let lossless = steps.iter().all(|step| step.delay.is_some());
    let patient = matches!(latency, Latency::Fixed(latency) if latency >= (JITTER + MEDIA) * MS);
    if lossless && patient {
        let stats = playout.stats();
        prop_assert_eq!((stats.late_notes, stats.too_late, playout.receiver().stats().lost), (0, 0, 0));
        let sounding = |synth: &Synth| synth.channels.values().map(|channel| channel.sounding.len()).sum::<usize>();
        prop_assert_eq!(sounding(&here), sounding(&there));
    }
    playout.stop(u64::MAX, |cue| {
        let mut octets = Vec::new();
        cue.event.command.encode(&mut octets);
        here.execute(&octets);
    });
    let silent = |channel: &synth::Channel| channel.sounding.is_empty() && channel.sustained.is_empty();
    prop_assert!(here.channels.values().all(silent));
    Ok(playout)
}

/// Up to sixteen packets overtake one.
const JITTER: u64 = 120;
/// Most time that a packet spans.
const MEDIA: u64 = 15;

fn any_latency() -> impl Strategy<Value = Latency> {
    prop_oneof![
        Just(Latency::Fixed(0)),
        Just(Latency::Fixed(15 * MS)),
        Just(Latency::Fixed((JITTER + MEDIA) * MS)),
        Just(Latency::Adaptive { least: 0, most: 500 * MS }),
    ]
}

fn any_policy() -> impl Strategy<Value = Policy> {
    prop_oneof![Just(Policy::Anchor), Just(Policy::ClosedLoop), Just(Policy::OpenLoop)]
}

proptest! {
    #[test]
    fn jitter_and_loss_leave_an_instrument_as_at_the_sender(
        policy in any_policy(), latency in any_latency(), steps in steps(JITTER, 30),
    ) {
        law(policy, latency, &steps)?;
    }

    #[test]
    fn with_enough_latency_reordering_and_doubling_do_nothing_at_all(steps in steps(JITTER, 0)) {
        law(Policy::ClosedLoop, Latency::Fixed((JITTER + MEDIA) * MS), &steps)?;
    }

    #[test]
    fn any_packets_at_any_time_are_played_without_panic_and_end_in_silence(
        packets in prop::collection::vec(
            (any::<u64>(), 0..3_u32, any::<u16>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..40)), 0..40,
        ),
        latency in any_latency(),
    ) {
        let mut playout = Playout::new(Config { guardtime: Some(1), ..Config::new(44_100) }, latency);
        let mut last = 0;
        for (now, source, sequence, timestamp, payload) in &packets {
            playout.receive(*now, *source, Received { sequence: *sequence, timestamp: *timestamp, payload });
            let mut in_order = |cue: Cue<'_>| assert!(cue.at >= std::mem::replace(&mut last, cue.at));
            playout.play(*now, &mut in_order);
            if let Some(due) = playout.due() {
                playout.play(due, &mut in_order);
            }
        }
        playout.stop(0, |_| {});
        prop_assert_eq!(playout.receiver().sounding(), 0);
        prop_assert_eq!(playout.stats().waiting, 0);
    }
}

#[test]
fn packets_of_a_tenth_of_a_second_play_evenly() {
    let config = Config { max_ptime: Some(100), ..Config::new(RATE) };
    let mut sender = Sender::new(config.clone(), FIRST);
    let mut playout = Playout::new(config, Latency::Adaptive { least: 0, most: 300 * MS });
    let mut times = Vec::new();
    let mut wait = |playout: &mut Playout, until: u64| {
        while let Some(due) = playout.due().filter(|due| *due <= until) {
            playout.play(due, |cue| times.push((cue.event.time, cue.at)));
        }
    };
    for packet in 0..100_u32 {
        // Ten notes, 10 ms apart; the packet leaves behind the last of them and meets up to 9 ms of jitter.
        for note in 0..10_u32 {
            let octets = [0x90, 40 + note as u8, 100];
            sender.queue(packet * 100 + note * 10, Command::decode(&octets).unwrap().0).unwrap();
        }
        let mut payload = Vec::new();
        let sent = sender.packet(0, &mut payload);
        let now = (BEGIN + u64::from(packet) * 100 + 90 + u64::from(packet * 7 % 10)) * MS;
        wait(&mut playout, now);
        playout.receive(now, 7, Received { sequence: sent.sequence, timestamp: sent.timestamp, payload: &payload });
    }
    wait(&mut playout, u64::MAX);
    assert_eq!((times.len(), playout.stats().late_notes), (1000, 0));
    for pair in times.windows(2) {
        let apart = (pair[1].1 - pair[0].1) as i64 - i64::from(pair[1].0 - pair[0].0) * MS as i64;
        assert!(apart.unsigned_abs() <= 9 * MS, "{apart} ns more than there should be, at {}", pair[1].0);
    }
    let uneven = times.windows(2).filter(|pair| (pair[1].1 - pair[0].1).abs_diff(10 * MS) > MS / 2).count();
    assert!(uneven < 100, "{uneven} of 1000");
}
