//! Any stream under any policy: each journal says what the history of the stream demands, and nothing else.

use proptest::prelude::*;
use rtp_midi::{Policy, Sender};

use crate::channel_judge::compare;
use crate::kit::{FIRST, config, send};
use crate::model::{Window, view};
use crate::walker::walk;

/// One packet, and whether a report of it reaches the sender.
type Step = (Vec<Vec<u8>>, bool);

/// Whole transactions and bank selects of two channels, a few notes each; now and then a reset of everything.
fn gesture() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let data = || prop_oneof![Just(0_u8), Just(64), Just(127), 0..128_u8];
    let mode = prop::sample::select(vec![120_u8, 121, 121, 122, 123, 124, 127]);
    let controller = prop::sample::select(vec![0_u8, 1, 7, 32, 33, 64, 64, 66, 67, 69, 84]);
    (0..2_u8, 58..62_u8, data(), data(), mode, controller, 0..30_u8).prop_map(
        |(channel, note, a, b, mode, controller, kind)| {
            let control = |number: u8, value: u8| vec![0xB0 | channel, number, value];
            match kind {
                0..=5 => vec![vec![0x90 | channel, note, a]],
                6..=9 => vec![vec![0x80 | channel, note, b]],
                10..=13 => vec![control(controller, a)],
                14 | 15 => vec![control(mode, b)],
                16 => vec![vec![0xE0 | channel, a, b]],
                17 => vec![vec![0xD0 | channel, a]],
                18 | 19 => vec![vec![0xA0 | channel, note, a]],
                20 => vec![control(0, a & 3), control(32, b & 3), vec![0xC0 | channel, b]],
                21 => vec![vec![0xC0 | channel, a]],
                22 => vec![control(101, a & 1), control(100, b & 1), control(6, a)],
                23 => vec![control(99, a & 1), control(98, b & 1), control(38, b)],
                24 => vec![control(101, 127), control(100, 127)],
                25 => vec![control(if a < 64 { 99 } else { 101 }, b & 3)],
                26 => vec![control(99, 1), control(98, 2), control(6, b), control(98, 3), control(6, a)],
                27 => vec![control(if a < 64 { 96 } else { 97 }, 0); usize::from(b & 3)],
                28 => vec![control(if a < 64 { 6 } else { 38 }, b)],
                _ if a == 127 => vec![vec![0xFF]],
                _ if b == 127 => vec![vec![0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7]],
                _ => vec![control(6, b), control(96, 0)],
            }
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let commands = prop::collection::vec(gesture(), 0..5).prop_map(|gestures| gestures.concat());
    prop::collection::vec((commands, prop::bool::weighted(0.2)), 1..40)
}

fn run(policy: Policy, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut sender = Sender::new(config(policy), FIRST);
    let mut stream: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut checkpoint = 0;
    for (next, (commands, report)) in steps.iter().enumerate() {
        let list: Vec<_> = commands.iter().map(Vec::as_slice).collect();
        let (packet, payload) = send(&mut sender, 100_000 * next as u32, &list);
        let journal = walk(&payload).journal.expect("every packet has a journal");
        prop_assert_eq!(journal.length, packet.journal);
        prop_assert_eq!(journal.checkpoint, FIRST.wrapping_add(checkpoint as u16));
        prop_assert!(journal.channels.iter().all(|channel| channel.number < 2), "nobody used the others");
        let window = Window { since: checkpoint, checkpoint, next };
        for channel in 0..2 {
            compare(&journal, channel, &view(&stream, channel, window))?;
        }
        stream.extend(commands.iter().map(|octets| (next, octets.clone())));
        if *report {
            sender.acknowledge(7, u32::from(packet.sequence));
            checkpoint = if policy == Policy::ClosedLoop { next + 1 } else { 0 };
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_anchored_journal_says_what_the_history_demands(steps in steps()) {
        run(Policy::Anchor, &steps)?;
    }

    #[test]
    fn a_closed_loop_journal_says_what_the_checkpoint_history_demands(steps in steps()) {
        run(Policy::ClosedLoop, &steps)?;
    }

    #[test]
    fn a_young_open_loop_journal_says_what_the_history_demands(steps in steps()) {
        run(Policy::OpenLoop, &steps)?;
    }
}
