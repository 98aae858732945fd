//! Any stream of system commands under any policy: the system journal says what its history demands.

use proptest::prelude::*;
use rtp_midi::midi::{End, Part, Segment};
use rtp_midi::{Policy, Sender};

use crate::kit::{FIRST, config, octets, send};
use crate::model::Window;
use crate::system_judge::{Stream, compare};
use crate::system_walker::{System, walk};

/// The commands of one packet, a System Exclusive that begins behind it in so many segments, and whether a report of
/// it reaches the sender.
type Step = (Vec<Vec<Vec<u8>>>, Option<Exclusive>, bool);

/// Data, pieces, and how it ends: 1 by being called off, 2 without F7, else with it.
type Exclusive = (Vec<u8>, usize, u8);

/// Quarter frames of a time of day, from one type to another.
fn quarter_frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let time = (0..24_u8, prop::sample::select(vec![0_u8, 1, 9, 10, 59]), 58..60_u8, 22..30_u8, 0..4_u8);
    (time, 0..8_u8, 0..8_u8, any::<bool>(), any::<bool>()).prop_map(|((h, m, s, f, rate), start, end, whole, rises)| {
        let frame = f.min([23, 24, 29, 29][usize::from(rate)]);
        let parts = [frame, s, m, h | rate << 5];
        let quarter = |kind: u8| vec![0xF1, kind << 4 | parts[usize::from(kind / 2)] >> (4 * (kind % 2)) & 0x0F];
        let (low, high) = if whole { (0, 7) } else { (start.min(end), start.max(end)) };
        let rising = (low..=high).map(quarter);
        if rises { rising.collect() } else { rising.rev().collect() }
    })
}

fn commands() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let full = (0..24_u8, 0..60_u8, 0..24_u8).prop_map(|(h, m, f)| vec![0xF0, 0x7F, 0x7F, 1, 1, h, m, 0, f, 0xF7]);
    prop_oneof![
        12 => command().prop_map(|command| vec![command]),
        2 => quarter_frames(),
        1 => full.prop_map(|command| vec![command]),
    ]
}

fn command() -> impl Strategy<Value = Vec<u8>> {
    let single = prop::sample::select(vec![0xF6_u8, 0xF9, 0xFD, 0xFE, 0xF8, 0xF8, 0xF8, 0xF8, 0xFA, 0xFB, 0xFC]);
    prop_oneof![
        40 => single.prop_map(|status| vec![status]),
        4 => (0..4_u8).prop_map(|song| vec![0xF3, song]),
        4 => (0..4_u8).prop_map(|position| vec![0xF2, position, 0]),
        4 => prop::collection::vec(0..128_u8, 0..5).prop_map(|data| [&[0xF4][..], &data, &[0xF7]].concat()),
        4 => prop::collection::vec(0..128_u8, 0..2).prop_map(|data| [&[0xF5][..], &data, &[0xF7]].concat()),
        1 => Just(vec![0xFF]),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let data = prop_oneof![
        6 => prop::collection::vec(0..128_u8, 0..12),
        1 => Just(vec![0x7E, 0x7F, 9, 1]),
        1 => Just(vec![0x7F, 0x7F, 1, 1, 2, 3, 4, 5]),
    ];
    let sysex = prop::option::weighted(0.3, (data, 1..5_usize, 0..12_u8));
    prop::collection::vec((prop::collection::vec(commands(), 0..5), sysex, prop::bool::weighted(0.2)), 1..40)
}

/// The segments of a System Exclusive as octets.
fn segments((data, pieces, ending): &Exclusive) -> Vec<Vec<u8>> {
    let end = if *ending == 2 { End::Dropped } else { End::Eox };
    let whole = Segment { part: Part::Whole(end), data };
    let mut pieces: Vec<Vec<u8>> =
        whole.split(data.len().div_ceil(*pieces).max(1)).map(|segment| octets(&segment.into())).collect();
    if *ending == 1 && pieces.len() > 1 {
        pieces.pop();
        pieces.push(vec![0xF7, 0xF4]);
    }
    pieces
}

fn run(policy: Policy, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut sender = Sender::new(config(policy), FIRST);
    let (mut stream, mut checkpoint, mut pending) = (Stream::default(), 0, Vec::<Vec<u8>>::new());
    for (next, (commands, sysex, report)) in steps.iter().enumerate() {
        let mut list = commands.concat();
        if pending.is_empty() {
            pending = sysex.as_ref().map(segments).unwrap_or_default();
        } else {
            // Nothing but real-time commands stands between segments.
            list.retain(|octets| octets[0] >= 0xF8 && octets[0] != 0xFF);
        }
        if !pending.is_empty() {
            list.push(pending.remove(0));
        }
        let before = stream.clone();
        list.retain(|octets| {
            let keep = !stream.turns(octets);
            if keep {
                stream.take(next, octets);
            }
            keep
        });
        let slices: Vec<_> = list.iter().map(Vec::as_slice).collect();
        let (packet, payload) = send(&mut sender, 100_000 * next as u32, &slices);
        let octets = crate::walker::walk(&payload).journal.unwrap().system;
        let found = if octets.is_empty() { System::default() } else { walk(&octets) };
        compare(&found, &before, Window { since: checkpoint, checkpoint, next })?;
        if *report {
            sender.acknowledge(7, u32::from(packet.sequence));
            checkpoint = if policy == Policy::ClosedLoop { next + 1 } else { 0 };
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_anchored_system_journal_says_what_the_history_demands(steps in steps()) {
        run(Policy::Anchor, &steps)?;
    }

    #[test]
    fn a_closed_loop_system_journal_says_what_the_checkpoint_history_demands(steps in steps()) {
        run(Policy::ClosedLoop, &steps)?;
    }
}
