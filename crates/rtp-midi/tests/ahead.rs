//! A journal that is coded ahead of time is the one that would have been coded at the time.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod gesture;

use proptest::prelude::*;
use rtp_midi::midi::Command;
use rtp_midi::{Config, Journal, Policy, Sender};

/// Ticks of a millisecond: a note is fresh for ten of them.
const RATE: u32 = 1000;

/// What happens before a packet goes out.
#[derive(Clone, Debug)]
struct Turn {
    commands: Vec<Vec<u8>>,
    /// Ticks since the packet before.
    after: u32,
    /// The report that comes, of the packet so far back.
    report: Option<u16>,
    /// Whether the journal is coded ahead before the report comes, and once more behind it.
    prepares: [bool; 2],
}

fn turn() -> impl Strategy<Value = Turn> {
    let sysex = prop::collection::vec(0..128_u8, 0..30).prop_map(|data| vec![[&[0xF0][..], &data, &[0xF7]].concat()]);
    let system = prop::sample::select(vec![vec![vec![0xF8]], vec![vec![0xFA]], vec![vec![0xF3, 2]], vec![vec![0xFE]]]);
    let commands = prop_oneof![20 => gesture::gesture(), 1 => sysex, 2 => system, 3 => Just(Vec::new())];
    let after = prop_oneof![0..30_u32, Just(10), Just(11)];
    let report = prop::option::weighted(0.3, 0..5_u16);
    (commands, after, report, any::<[bool; 2]>()).prop_map(|(commands, after, report, prepares)| Turn {
        commands,
        after,
        report,
        prepares,
    })
}

/// The payloads of a stream of `turns`; whether any journal is coded ahead is as `prepares` has it.
fn payloads(journal: Journal, turns: &[Turn], prepares: bool) -> Vec<Vec<u8>> {
    let config = Config { journal, mtu: 60_000, ..Config::new(RATE) };
    let mut sender = Sender::new(config, 65_530);
    let mut time = 0;
    let mut play = |turn: &Turn| {
        for octets in &turn.commands {
            sender.queue(time, Command::decode(octets).unwrap().0).unwrap();
        }
        let mut payload = Vec::new();
        let packet = sender.packet(time, &mut payload);
        let [before, behind] = turn.prepares.map(|wish| wish && prepares);
        if before {
            sender.prepare();
        }
        if let Some(back) = turn.report {
            sender.acknowledge(1, packet.sequence.wrapping_sub(back).into());
        }
        if behind {
            sender.prepare();
        }
        time += turn.after;
        payload
    };
    turns.iter().map(&mut play).collect()
}

proptest! {
    #[test]
    fn packets_are_the_same_whether_or_not_their_journals_are_coded_ahead(
        turns in prop::collection::vec(turn(), 1..60),
        policy in prop::option::of(prop::sample::select(vec![Policy::Anchor, Policy::OpenLoop, Policy::ClosedLoop])),
    ) {
        let journal = policy.map_or(Journal::None, Journal::Recovery);
        prop_assert_eq!(payloads(journal, &turns, true), payloads(journal, &turns, false));
    }
}
