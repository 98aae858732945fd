//! Loops through the world outside are cut, and nobody is cut who only plays the same over and over.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::time::Duration;

use midi_routing::{ConnectionId, Event, Filter, PortId, Router};
use proptest::prelude::*;
use rtp_midi::midi::Command;

const MS: Duration = Duration::from_millis(1);

/// Routers, and lines outside: what one router plays to a port is heard at a port of one, later.
#[derive(Default)]
struct World {
    routers: Vec<Router>,
    lines: Vec<Line>,
    /// By time, and in the order in which they were sent.
    on_the_way: BTreeMap<(Duration, u64), (usize, PortId, Vec<u8>)>,
    /// How long what has come waits before it is routed.
    delay: Duration,
    now: Duration,
    sent: u64,
    heard: Vec<(Duration, usize, PortId, Vec<u8>)>,
    cut: Vec<(Duration, usize, ConnectionId)>,
}

struct Line {
    from: (usize, PortId),
    to: (usize, PortId),
    delays: Vec<Duration>,
}

impl World {
    fn with_routers(count: usize) -> Self {
        Self { routers: std::iter::repeat_with(Router::default).take(count).collect(), ..Self::default() }
    }

    fn line(&mut self, from: (usize, PortId), to: (usize, PortId), delays: &[Duration]) {
        self.lines.push(Line { from, to, delays: delays.to_vec() });
    }

    fn play(&mut self, at: Duration, to: (usize, PortId), octets: &[u8]) {
        self.sent += 1;
        self.on_the_way.insert((at + self.delay, self.sent), (to.0, to.1, octets.to_vec()));
    }

    fn run_until(&mut self, end: Duration) {
        loop {
            let arrival = self.on_the_way.first_key_value().map(|(key, _)| key.0);
            let due = self.routers.iter().filter_map(Router::due).min();
            let next = arrival.into_iter().chain(due).min().filter(|at| *at <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            for index in 0..self.routers.len() {
                self.step(index, |router, at, out| router.wake(at, out));
            }
            let Some(entry) = self.on_the_way.first_entry().filter(|it| it.key().0 <= self.now) else { continue };
            let ((index, port, octets), waited) = (entry.remove(), self.delay);
            let command = Command::decode(&octets).unwrap().0;
            self.step(index, |router, at, out| router.play_late(at, waited, port, command, out));
        }
    }

    fn step(&mut self, index: usize, act: impl FnOnce(&mut Router, Duration, &mut dyn FnMut(Event<'_>))) {
        let (now, mut played) = (self.now, Vec::new());
        act(&mut self.routers[index], now, &mut |event| match event {
            Event::Play { to, command } => {
                let mut octets = Vec::new();
                command.encode(&mut octets);
                played.push((to, octets));
            }
            Event::Loop { connection, .. } => self.cut.push((now, index, connection)),
        });
        for (to, octets) in played {
            for line in 0..self.lines.len() {
                let line = &self.lines[line];
                if line.from == (index, to) {
                    let (at, to) = (now + line.delays[self.sent as usize % line.delays.len()], line.to);
                    self.play(at, to, &octets);
                }
            }
            self.heard.push((now, index, to, octets));
        }
        assert!(self.heard.len() < 20_000, "an avalanche");
    }
}

#[test]
fn the_connection_that_closes_a_loop_is_cut_within_a_second_and_no_other() {
    for trip in [0.05, 0.3, 2.0, 11.0, 40.0, 49.0].map(|ms: f64| MS.mul_f64(ms)) {
        let mut world = World::with_routers(1);
        let router = &mut world.routers[0];
        let [keyboard, synthesizer, network] = std::array::from_fn(|_| router.add_port());
        router.connect(keyboard, network, Filter::default()).unwrap();
        let closes = router.connect(network, network, Filter::default()).unwrap();
        let plays = router.connect(network, synthesizer, Filter::default()).unwrap();
        world.line((0, network), (0, network), &[trip]);
        world.play(MS, (0, keyboard), &[0x90, 60, 100]);
        world.play(400 * MS, (0, keyboard), &[0x80, 60, 100]);
        world.run_until(5000 * MS);
        let [(at, _, connection)] = world.cut[..] else { panic!("{trip:?}: {:?}", world.cut) };
        assert_eq!(connection, closes, "{trip:?}");
        assert!(at < 1001 * MS, "{trip:?}: {at:?}");
        assert!(world.routers[0].connection(plays).unwrap().in_loop.is_none());
        let latest = world.heard.iter().rfind(|heard| heard.2 == synthesizer).unwrap();
        assert_eq!(latest.3[0] & 0xF0, 0x80, "{trip:?}: nothing hangs");
    }
}

#[test]
fn a_delay_hides_no_loop() {
    for (delay, trip) in [(20, 5), (40, 10), (60, 1), (100, 30), (500, 45), (2000, 3)] {
        let (delay, trip) = (delay * MS, trip * MS);
        let mut world = World::with_routers(1);
        world.delay = delay;
        let router = &mut world.routers[0];
        let [keyboard, synthesizer, network] = std::array::from_fn(|_| router.add_port());
        router.connect(keyboard, network, Filter::default()).unwrap();
        let closes = router.connect(network, network, Filter::default()).unwrap();
        let plays = router.connect(network, synthesizer, Filter::default()).unwrap();
        world.line((0, network), (0, network), &[trip]);
        world.play(MS, (0, keyboard), &[0x90, 60, 100]);
        world.play(400 * MS, (0, keyboard), &[0x80, 60, 100]);
        world.run_until(100_000 * MS);
        let [(at, _, connection)] = world.cut[..] else { panic!("{delay:?} {trip:?}: {:?}", world.cut) };
        assert_eq!(connection, closes, "{delay:?} {trip:?}");
        // A round takes both.
        assert!(at < 20 * (delay + trip) + 100 * MS, "{delay:?} {trip:?}: {at:?}");
        assert!(at < 1001 * MS || delay + trip > 50 * MS, "{delay:?} {trip:?}: {at:?}");
        assert!(world.routers[0].connection(plays).unwrap().in_loop.is_none());
        assert!(world.on_the_way.is_empty(), "{delay:?} {trip:?}: it still goes round");
    }
}

#[test]
fn two_bridges_joined_by_two_networks_are_cut_before_there_is_an_avalanche() {
    for trip in (1..190).chain([300]).map(|n| MS.mul_f64(f64::from(n) * 0.1)) {
        let mut world = World::with_routers(2);
        let ports: Vec<[PortId; 3]> = world
            .routers
            .iter_mut()
            .map(|router| {
                let [local, one, other] = std::array::from_fn(|_| router.add_port());
                for (from, to) in [(local, one), (local, other), (one, other), (other, one), (one, local)] {
                    router.connect(from, to, Filter::default()).unwrap();
                }
                [local, one, other]
            })
            .collect();
        for network in [1, 2] {
            for (from, to) in [(0, 1), (1, 0)] {
                let way = [trip, trip.mul_f64(1.3), trip.mul_f64(0.8)];
                world.line((from, ports[from][network]), (to, ports[to][network]), &way);
            }
        }
        for beat in 0..20_u32 {
            world.play(MS + beat * 250 * MS, (0, ports[0][0]), &[0x90, 60 + beat as u8, 100]);
            world.play(MS + beat * 250 * MS + 200 * MS, (0, ports[0][0]), &[0x80, 60 + beat as u8, 100]);
        }
        world.run_until(1000 * MS + MS);
        assert!(!world.cut.is_empty(), "{trip:?}");
        world.run_until(10_000 * MS);
        let plays =
            |at: u32| world.heard.iter().filter(|heard| heard.0 > at * MS && heard.3[..2] == [0x90, 79]).count();
        assert!((1..40).contains(&plays(4000)), "{trip:?}: {}", plays(4000));
        assert!(world.on_the_way.is_empty(), "{trip:?}: it still goes round");
    }
}

#[test]
fn clocks_in_a_loop_are_cut() {
    let mut world = World::with_routers(1);
    let router = &mut world.routers[0];
    let [sequencer, network] = std::array::from_fn(|_| router.add_port());
    router.connect(sequencer, network, Filter::default()).unwrap();
    let closes = router.connect(network, network, Filter::default()).unwrap();
    world.line((0, network), (0, network), &[5 * MS]);
    (0..200).for_each(|tick| world.play(tick * 20 * MS, (0, sequencer), &[0xF8]));
    world.run_until(1000 * MS);
    assert_eq!(world.cut.iter().map(|it| it.2).collect::<Vec<_>>(), [closes]);
}

#[test]
fn whatever_goes_round_alone_is_cut() {
    let long: Vec<u8> = [&[0xF0][..], &[1; 200], &[0xF0]].concat();
    let off: &[&[u8]] = &[&[0x80, 60, 64]];
    for played in [off, &[&long, &[0xF7, 2, 0xF0], &[0xF7, 3, 0xF7]], &[&[0xFE]], &[&[0xB0, 64, 0]], &[&[0xFF]]] {
        let mut world = World::with_routers(1);
        let router = &mut world.routers[0];
        let [player, network, synthesizer] = std::array::from_fn(|_| router.add_port());
        router.connect(player, network, Filter::default()).unwrap();
        let closes = router.connect(network, network, Filter::default()).unwrap();
        router.connect(network, synthesizer, Filter::default()).unwrap();
        world.line((0, network), (0, network), &[40 * MS]);
        for again in 0..if played[0] == [0xFE] { 20 } else { 1 } {
            for octets in played {
                world.play(MS + again * 300 * MS, (0, player), octets);
            }
        }
        world.run_until(8000 * MS);
        assert_eq!(world.cut[0].2, closes, "{played:02X?}");
        assert!(world.on_the_way.is_empty(), "{played:02X?}");
        if played[0] != [0xFE] {
            assert!(world.cut.len() == 1 && world.cut[0].0 < 2000 * MS, "{played:02X?}: {:?}", world.cut);
        }
    }
}

#[test]
fn a_connection_that_was_cut_carries_again_when_it_is_restored() {
    let mut world = World::with_routers(1);
    let router = &mut world.routers[0];
    let [port, other] = std::array::from_fn(|_| router.add_port());
    let connection = router.connect(port, other, Filter::default()).unwrap();
    world.line((0, other), (0, port), &[MS]);
    world.play(MS, (0, port), &[0xB0, 7, 100]);
    world.run_until(500 * MS);
    assert_eq!(world.cut.len(), 1);
    world.lines.clear();
    let before = world.heard.len();
    world.play(600 * MS, (0, port), &[0xB0, 7, 101]);
    world.run_until(700 * MS);
    assert_eq!(world.heard.len(), before);
    world.routers[0].restore(connection);
    world.play(800 * MS, (0, port), &[0xB0, 7, 102]);
    world.run_until(900 * MS);
    assert_eq!(world.heard.len(), before + 1);
}

#[test]
fn clocks_of_a_common_tempo_in_a_slow_loop_are_cut_within_a_second() {
    let mut world = World::with_routers(1);
    let router = &mut world.routers[0];
    let [sequencer, network] = std::array::from_fn(|_| router.add_port());
    router.connect(sequencer, network, Filter::default()).unwrap();
    let closes = router.connect(network, network, Filter::default()).unwrap();
    world.line((0, network), (0, network), &[50 * MS]);
    (0..50).for_each(|tick| world.play(tick * MS.mul_f64(1000.0 / 48.0), (0, sequencer), &[0xF8]));
    world.run_until(1000 * MS);
    assert_eq!(world.cut.iter().map(|it| it.2).collect::<Vec<_>>(), [closes]);
}

#[test]
fn clocks_that_the_network_has_held_up_are_no_loop() {
    let mut world = World::with_routers(1);
    let router = &mut world.routers[0];
    let [sequencer, synthesizer] = std::array::from_fn(|_| router.add_port());
    router.connect(sequencer, synthesizer, Filter::default()).unwrap();
    // Two seconds of them come at once.
    (0..480_u32).for_each(|tick| world.play((tick * 21 * MS).max(2000 * MS), (0, sequencer), &[0xF8]));
    world.run_until(20_000 * MS);
    assert_eq!((world.cut.len(), world.heard.len()), (0, 480));
}

#[test]
fn many_who_play_the_same_at_a_time_are_heard_at_once() {
    const MANY: u32 = 300;
    for has_loop in [false, true] {
        let mut world = World::with_routers(1);
        let router = &mut world.routers[0];
        let ways: Vec<(PortId, PortId)> = (0..MANY).map(|_| (router.add_port(), router.add_port())).collect();
        for (from, to) in &ways {
            router.connect(*from, *to, Filter::default()).unwrap();
        }
        let network = router.add_port();
        let closes = router.connect(network, network, Filter::default()).unwrap();
        if has_loop {
            world.line((0, network), (0, network), &[7 * MS]);
            world.play(2000 * MS, (0, network), &[0x90, 99, 100]);
        }
        // Everybody plays the same, one after the other within 30 ms, and another note each time.
        let mut played = Vec::new();
        for round in 0..100_u32 {
            for (number, (from, to)) in ways.iter().enumerate() {
                let (at, octets) = (round * 30 * MS + number as u32 * MS / 10, [0x90, 20 + round as u8, 100]);
                world.play(at, (0, *from), &octets);
                played.push((at, 0, *to, octets.to_vec()));
            }
            world.run_until((round + 1) * 30 * MS);
            let of_loop = world.heard.iter().filter(|heard| heard.2 == network).count();
            assert!(of_loop < 200, "an avalanche");
            world.heard.retain(|heard| heard.2 != network);
            let of_a_suspect = |heard: &(Duration, usize, PortId, Vec<u8>)| has_loop && heard.3[1] == 99;
            let late = played.iter().find(|it| !world.heard.contains(it) && !of_a_suspect(it));
            assert_eq!(late, None, "round {round}");
            played.clear();
            world.heard.clear();
        }
        world.run_until(10_000 * MS);
        let cut: Vec<_> = world.cut.iter().map(|it| it.2).collect();
        assert_eq!(cut, if has_loop { vec![closes] } else { vec![] });
        assert!(world.on_the_way.is_empty(), "it still goes round");
    }
}

/// Plays a message to a port at these intervals, where nothing comes back.
fn all_is_heard(
    message: &[u8],
    delay: Duration,
    intervals: impl Iterator<Item = Duration>,
) -> Result<(), TestCaseError> {
    let mut world = World { delay, ..World::with_routers(1) };
    let router = &mut world.routers[0];
    let [port, other, third] = std::array::from_fn(|_| router.add_port());
    router.connect(port, other, Filter::default()).unwrap();
    router.connect(port, third, Filter::default()).unwrap();
    let (mut at, mut played) = (MS, 0);
    for interval in intervals {
        world.play(at, (0, port), message);
        played += 1;
        at += interval;
    }
    world.run_until(at + 10_000 * MS + 20 * delay);
    prop_assert!(world.cut.is_empty());
    for to in [other, third] {
        prop_assert_eq!(world.heard.iter().filter(|heard| heard.2 == to).count(), played);
    }
    Ok(())
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    (0_u8..128, 0_usize..4).prop_map(|(data, kind)| {
        [vec![0x90, data, 100], vec![0xB0, data, 1], vec![0xF0, data, 0xF7], vec![0xC0, data]][kind].clone()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn who_plays_the_same_over_and_over_loses_nothing(
        message in message(), interval in 1.0..150.0_f64, jitter in proptest::collection::vec(0.7..1.3_f64, 1..200),
    ) {
        all_is_heard(&message, Duration::ZERO, jitter.iter().map(|by| MS.mul_f64(interval * by)))?;
    }

    #[test]
    fn who_floods_a_port_with_the_same_loses_nothing(
        message in message(), interval in 0.04..1.0_f64, jitter in proptest::collection::vec(0.7..1.3_f64, 1..2000),
    ) {
        all_is_heard(&message, Duration::ZERO, jitter.iter().map(|by| MS.mul_f64(interval * by)))?;
    }

    #[test]
    fn who_plays_the_same_in_bursts_loses_nothing(
        message in message(), interval in 1.0..150.0_f64, bursts in proptest::collection::vec((0..20_usize, 400.0..3000.0_f64), 1..10),
    ) {
        let intervals = bursts.iter().flat_map(|(count, pause)| std::iter::repeat_n(interval, *count).chain([*pause]));
        all_is_heard(&message, Duration::ZERO, intervals.map(|ms| MS.mul_f64(ms)))?;
    }

    #[test]
    fn who_plays_the_same_over_and_over_and_is_heard_later_loses_nothing(
        message in message(), delay in 1.0..2000.0_f64, behind in 0.8..60.0_f64,
        jitter in proptest::collection::vec(-0.01..0.01_f64, 1..100),
    ) {
        // About as far apart as it would take to come back.
        let intervals = jitter.iter().map(|by| MS.mul_f64((delay + behind) * (1.0 + by)));
        all_is_heard(&message, MS.mul_f64(delay), intervals)?;
    }

    #[test]
    fn a_loop_of_two_bridges_is_cut_soon_however_their_networks_stutter(
        trip in 1.0..10.0_f64, stutters in proptest::collection::vec((20..60_usize, 5.0..35.0_f64), 1..20),
    ) {
        let delays = stutters.iter().flat_map(|(quick, slow)| std::iter::repeat_n(trip, *quick).chain([*slow]));
        let delays: Vec<_> = delays.map(|ms| MS.mul_f64(ms)).collect();
        let mut world = World::with_routers(2);
        let keyboard = world.routers[0].add_port();
        let ports = [0, 1].map(|index| [(); 2].map(|()| world.routers[index].add_port()));
        for (index, [from, to]) in ports.into_iter().enumerate() {
            world.routers[index].connect(from, to, Filter::default()).unwrap();
            world.line((index, to), (1 - index, ports[1 - index][0]), &delays);
        }
        world.routers[0].connect(keyboard, ports[0][1], Filter::default()).unwrap();
        world.play(MS, (0, keyboard), &[0x90, 60, 100]);
        world.run_until(5000 * MS);
        prop_assert!(!world.cut.is_empty(), "it goes round after {} messages", world.heard.len());
        world.run_until(7000 * MS);
        prop_assert!(world.on_the_way.is_empty(), "it still goes round");
    }

    #[test]
    fn who_repeats_a_note_fast_leaves_nothing_sounding(
        beats in proptest::collection::vec((10..70_u32, 0.05..0.95_f64), 1..30), pedal in any::<bool>(),
    ) {
        let (begin, end): (&[u8], &[u8]) =
            if pedal { (&[0xB0, 64, 127], &[0xB0, 64, 0]) } else { (&[0x90, 60, 100], &[0x80, 60, 100]) };
        let mut world = World::with_routers(1);
        let router = &mut world.routers[0];
        let [keyboard, synthesizer, other] = std::array::from_fn(|_| router.add_port());
        router.connect(keyboard, synthesizer, Filter::default()).unwrap();
        router.connect(keyboard, other, Filter::default()).unwrap();
        let mut at = MS;
        for (pause, down) in beats {
            world.play(at, (0, keyboard), begin);
            world.play(at + MS.mul_f64(f64::from(pause) * down), (0, keyboard), end);
            at += pause * MS;
        }
        world.run_until(at + 10_000 * MS);
        prop_assert!(world.cut.is_empty());
        for to in [synthesizer, other] {
            let last = world.heard.iter().rfind(|heard| heard.2 == to).unwrap();
            prop_assert_eq!(&last.3[..], end, "it goes on sounding");
        }
    }
}
