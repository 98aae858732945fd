//! The law of the journal: for any stream of commands and any pattern of loss, sender and receiver remember the same
//! after every packet that arrives.

use proptest::prelude::*;

use crate::config::{Chapters, Inclusion, Letters, Numbers, Selection};
use crate::midi::Command;
use crate::{Commands, Config, Journal, Policy, Received, Receiver, Sender};

/// One packet: its commands, and what the network does to it.
#[derive(Clone, Debug)]
struct Step {
    commands: Vec<Vec<u8>>,
    lost: bool,
    doubled: bool,
    /// A report of what has arrived reaches the sender.
    report: bool,
}

fn voice() -> impl Strategy<Value = Vec<u8>> {
    let channel = prop_oneof![4 => Just(0_u8), 1 => Just(9)];
    let note = 58..62_u8;
    let data = prop_oneof![Just(0_u8), Just(64), Just(127), 0..128_u8];
    let controller = prop_oneof![
        3 => prop::sample::select(vec![0, 32]),
        3 => prop::sample::select(vec![6, 38, 96, 97, 98, 99, 100, 101]),
        3 => prop::sample::select(vec![1, 7, 64, 66, 67, 69]),
        2 => prop::sample::select(vec![120, 121, 122, 123, 124, 126, 127]),
        1 => 0..128_u8,
    ];
    (channel, note, data, controller, 0..22_u8).prop_map(|(channel, note, data, controller, kind)| match kind {
        0..=4 => vec![0x90 | channel, note, data],
        5..=7 => vec![0x80 | channel, note, data],
        8 => vec![0x80 | channel, note, 64],
        9..=16 => {
            vec![0xB0 | channel, controller, if (98..102).contains(&controller) { data & 0x41 } else { data }]
        }
        17 => vec![0xC0 | channel, data],
        18 => vec![0xE0 | channel, data, data],
        19 => vec![0xD0 | channel, data],
        _ => vec![0xA0 | channel, note, data],
    })
}

fn system() -> impl Strategy<Value = Vec<u8>> {
    let data = 0..4_u8;
    let sysex = prop_oneof![
        10 => prop::collection::vec(0..4_u8, 0..6),
        1 => Just(vec![0x7E, 0x7F, 0x09, 0x01]),
        1 => data.clone().prop_map(|frame| vec![0x7F, 0x7F, 0x01, 0x01, 0x21, 2, 3, frame]),
    ];
    prop_oneof![
        4 => Just(vec![0xF8]),
        2 => prop::sample::select(vec![0xFA, 0xFB, 0xFC, 0xFE, 0xF6, 0xF9, 0xFD]).prop_map(|status| vec![status]),
        1 => data.clone().prop_map(|song| vec![0xF3, song]),
        1 => data.clone().prop_map(|position| vec![0xF2, position, 0]),
        1 => data.clone().prop_map(|value| vec![0xF4, value, 0xF7]),
        1 => Just(vec![0xF5, 0xF7]),
        3 => (0..8_u8, data).prop_map(|(kind, nibble)| vec![0xF1, kind << 4 | nibble]),
        3 => sysex.prop_map(|data| [&[0xF0][..], &data, &[0xF7]].concat()),
        1 => Just(vec![0xFF]),
    ]
}

fn steps(longest: usize) -> impl Strategy<Value = Vec<Step>> {
    let commands = prop::collection::vec(prop_oneof![4 => voice(), 1 => system()], 0..6);
    let step = (commands, prop::bool::weighted(0.4), prop::bool::weighted(0.1), prop::bool::weighted(0.3))
        .prop_map(|(commands, lost, doubled, report)| Step { commands, lost, doubled, report });
    prop::collection::vec(step, 1..longest)
}

/// What one assignment to `ch_never`, `ch_default` or `ch_anchor` speaks of: letters, fields, and whether it may be
/// never coded so that only itself is unprotected.
const ASSIGNMENTS: [(&str, &[u32], bool); 19] = [
    ("PW", &[], true),
    ("T", &[], true),
    ("P", &[], false),
    ("NEA", &[], false),
    ("N", &[59, 60], false),
    ("C", &[], false),
    ("C", &[0, 32], true),
    ("C", &[1, 7, 64], true),
    ("C", &[6, 66, 69], true),
    ("C", &[126], false),
    ("C", &[121, 123, 127], false),
    ("C", &[129, 135, 192, 194], false),
    ("C", &[128, 160], false),
    ("C", &[134, 166, 224, 225], false),
    ("C", &[249, 251, 254], false),
    ("M", &[], true),
    ("M", &[0, 1, 64], true),
    ("M", &[0, 16384, 16385], true),
    ("BFGHQVX", &[], false),
];

/// Assignments by their number in the table, and what they assign to.
fn assignments() -> impl Strategy<Value = Vec<(usize, u8)>> {
    prop::collection::vec((0..ASSIGNMENTS.len(), 0..4_u8), 0..6)
}

/// Rules that leave nothing unprotected but what the histories do not compare then.
fn chapters(assignments: &[(usize, u8)]) -> Chapters {
    let mut chapters = Chapters::default();
    for &(index, inclusion) in assignments {
        let (letters, fields, may_be_left_out) = ASSIGNMENTS[index];
        let inclusion = match inclusion {
            0 | 1 if may_be_left_out => Inclusion::Never,
            0 | 2 => Inclusion::Default,
            _ => Inclusion::Anchor,
        };
        let (channels, letters) = (Numbers::default(), Letters::of(letters));
        let fields = Numbers::new(fields.iter().map(|field| *field..=*field));
        chapters.assign(inclusion, &Selection::Types { channels, letters, fields });
    }
    chapters
}

fn run(policy: Policy, first: u16, steps: &[Step]) -> Result<(), TestCaseError> {
    run_with(policy, first, &[], steps)
}

fn run_with(policy: Policy, first: u16, assignments: &[(usize, u8)], steps: &[Step]) -> Result<(), TestCaseError> {
    let chapters = chapters(assignments);
    let counted_parameters = Some(Numbers::new([0..=0, 16384..=16385]));
    let (journal, commands) = (Journal::Recovery(policy), Commands::all());
    let config = Config { journal, commands, chapters, counted_parameters, ..Config::new(1000) };
    let mut sender = Sender::new(config.clone(), first);
    let mut receiver = Receiver::new(config);
    for (step, time) in steps.iter().zip((0..).step_by(7)) {
        for octets in &step.commands {
            sender.queue(time, Command::decode(octets).unwrap().0).unwrap();
        }
        let mut payload = Vec::new();
        let packet = sender.packet(time, &mut payload);
        if step.lost {
            continue;
        }
        let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload: &payload };
        for _ in 0..=u8::from(step.doubled) {
            receiver.receive(received, |_| {});
        }
        prop_assert_eq!(receiver.history().state(), sender.history().state());
        if step.report {
            sender.acknowledge(7, u32::from(packet.sequence));
        }
    }
    prop_assert_eq!(receiver.stats().malformed_journals, 0);
    prop_assert_eq!(receiver.stats().uncovered, 0);
    Ok(())
}

proptest! {
    #[test]
    fn anchor(steps in steps(40)) {
        run(Policy::Anchor, 3, &steps)?;
    }

    #[test]
    fn closed_loop(steps in steps(60)) {
        run(Policy::ClosedLoop, 65_530, &steps)?;
    }

    #[test]
    fn open_loop(steps in steps(40)) {
        run(Policy::OpenLoop, 0, &steps)?;
    }

    #[test]
    fn anchor_with_rules(rules in assignments(), steps in steps(30)) {
        run_with(Policy::Anchor, 3, &rules, &steps)?;
    }

    #[test]
    fn closed_loop_with_rules(rules in assignments(), steps in steps(50)) {
        run_with(Policy::ClosedLoop, 65_530, &rules, &steps)?;
    }

    #[test]
    fn open_loop_with_rules(rules in assignments(), steps in steps(30)) {
        run_with(Policy::OpenLoop, 0, &rules, &steps)?;
    }
}
