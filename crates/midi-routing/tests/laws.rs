//! Whatever happens: nothing hangs when its source is gone, and System Exclusives are not mixed with anything.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;
use std::time::Duration;

use midi_routing::{ConnectionId, Event, Filter, PortId, Router};
use proptest::prelude::*;
use rtp_midi::midi::{Channel, Command, Parser, Sounding};

#[derive(Clone, Debug)]
enum Act {
    Play(usize, Vec<u8>),
    Connect(usize, usize, i8, u8),
    Disconnect(usize),
    Filter(usize, i8),
    Mute(usize, bool),
    Silence(usize),
    Wait(u64),
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0x80..0xA0_u8, 58..62_u8, 0..3_u8).prop_map(|(status, note, velocity)| vec![status & 0xF1, note, velocity]),
        2 => (0..2_u8, 62..66_u8, prop_oneof![Just(0_u8), Just(127)]).prop_map(|(channel, it, value)| vec![0xB0 | channel, it, value]),
        1 => Just(vec![0xF0, 1, 2, 0xF0]),
        1 => Just(vec![0xF7, 3, 0xF0]),
        2 => Just(vec![0xF7, 4, 0xF7]),
        1 => Just(vec![0xF8]),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        20 => (0..4_usize, message()).prop_map(|(port, octets)| Act::Play(port, octets)),
        2 => (0..4_usize, 4..6_usize, -2..2_i8, 0..3_u8).prop_map(|(from, to, up, map)| Act::Connect(from, to, up, map)),
        1 => (0..8_usize).prop_map(Act::Disconnect),
        1 => (0..8_usize, -2..2_i8).prop_map(|(which, up)| Act::Filter(which, up)),
        1 => (0..8_usize, any::<bool>()).prop_map(|(which, is_muted)| Act::Mute(which, is_muted)),
        1 => (0..4_usize).prop_map(Act::Silence),
        2 => (0..3000_u64).prop_map(Act::Wait),
    ]
}

/// What the destinations hear, octet by octet as on a cable.
#[derive(Default)]
struct Heard {
    sounding: HashMap<PortId, Sounding>,
    open: HashMap<PortId, bool>,
    mixed: usize,
}

impl Heard {
    fn take(&mut self, event: Event<'_>) {
        let Event::Play { to, command } = event else { return };
        let mut octets = Vec::new();
        command.encode(&mut octets);
        self.sounding.entry(to).or_default().observe(&octets);
        let open = self.open.entry(to).or_default();
        match (octets[0], octets.last().unwrap()) {
            (0xF8.., _) => {}
            (0xF0, 0xF0) => self.mixed += usize::from(std::mem::replace(open, true)),
            (0xF7, 0xF0) => self.mixed += usize::from(!*open),
            (0xF7, _) => self.mixed += usize::from(!std::mem::replace(open, false)),
            _ => self.mixed += usize::from(*open),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn nothing_hangs_and_nothing_is_mixed(acts in proptest::collection::vec(act(), 1..200)) {
        let mut router = Router::default();
        let ports: [PortId; 6] = std::array::from_fn(|_| router.add_port());
        let mut connections: Vec<ConnectionId> = Vec::new();
        let mut heard = Heard::default();
        let mut at = Duration::ZERO;
        for act in acts {
            let which = |index: usize| connections.get(index).copied().unwrap_or_default();
            match act {
                Act::Play(port, octets) => {
                    let command = Command::decode(&octets).unwrap().0;
                    router.play(at, ports[port], command, |event| heard.take(event));
                }
                Act::Connect(from, to, up, map) => {
                    let filter = Filter::default().transpose(up).channel(Channel::masked(0), Some(Channel::masked(map)));
                    connections.extend(router.connect(ports[from], ports[to], filter));
                }
                Act::Disconnect(index) => router.disconnect(at, which(index), |event| heard.take(event)),
                Act::Filter(index, up) => {
                    router.set_filter(at, which(index), Filter::default().transpose(up), |event| heard.take(event));
                }
                Act::Mute(index, is_muted) => router.set_muted(at, which(index), is_muted, |event| heard.take(event)),
                Act::Silence(port) => router.silence(at, ports[port], |event| heard.take(event)),
                Act::Wait(ms) => at += Duration::from_millis(ms),
            }
            if router.due().is_some_and(|due| due <= at) {
                router.wake(at, |event| heard.take(event));
            }
        }
        ports[..4].iter().for_each(|port| router.remove_port(at, *port, |event| heard.take(event)));
        while let Some(due) = router.due() {
            router.wake(due, |event| heard.take(event));
        }
        for (port, sounding) in &heard.sounding {
            prop_assert_eq!(sounding, &Sounding::default(), "{:?}", port);
        }
        prop_assert_eq!(heard.mixed, 0);
        prop_assert!(heard.open.values().all(|open| !open));
        prop_assert_eq!(router.connections().count(), 0);
    }
}

#[test]
fn a_note_that_another_source_holds_as_well_goes_on() {
    let mut router = Router::default();
    let [one, other, to] = std::array::from_fn(|_| router.add_port());
    for from in [one, other] {
        router.connect(from, to, Filter::default()).unwrap();
    }
    let mut octets = Vec::new();
    let mut hear = |event: Event<'_>| match event {
        Event::Play { command, .. } => command.encode(&mut octets),
        Event::Loop { .. } => panic!("nothing comes back"),
    };
    let on = Command::decode(&[0x90, 60, 1]).unwrap().0;
    router.play(Duration::ZERO, one, on, &mut hear);
    router.play(Duration::ZERO, other, on, &mut hear);
    router.silence(Duration::ZERO, one, &mut hear);
    router.silence(Duration::ZERO, other, &mut hear);
    assert_eq!(octets, [0x90, 60, 1, 0x90, 60, 1, 0x80, 60, 64]);
    let mut count = 0;
    Parser::new(16).push(&octets, |_, _| count += 1);
    assert_eq!(count, 3);
}
