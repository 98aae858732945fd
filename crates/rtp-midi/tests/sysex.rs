//! The law of System Exclusives: each arrives once and whole, in its order, or not at all; and none is missing as long
//! as a journal has room for what was lost, for which a sender waits where receivers report.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use proptest::prelude::*;
use rtp_midi::midi::{Command, End, Part, Reassembler, Segment, System};
use rtp_midi::{Config, Journal, Policy, Received, Receiver, Refusal, Sender};

/// One packet of the stream, and whether it is lost.
#[derive(Clone, Debug)]
struct Step {
    /// A System Exclusive of this many data octets begins.
    begin: Option<usize>,
    lost: bool,
    report: bool,
}

fn steps(longest: usize) -> impl Strategy<Value = Vec<Step>> {
    let begin = prop::option::weighted(0.4, 2..longest);
    let step = (begin, prop::bool::weighted(0.4), prop::bool::weighted(0.3));
    prop::collection::vec(step.prop_map(|(begin, lost, report)| Step { begin, lost, report }), 1..60)
}

/// What is sent, and what arrives; segments go out one a packet. A receiver that is `heard` reports from the start.
fn run(policy: Policy, steps: &[Step], segment: usize, heard: bool) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let config = Config { journal: Journal::Recovery(policy), ..Config::new(1000) };
    let (mut sender, mut receiver) = (Sender::new(config.clone(), 9), Receiver::new(config));
    if heard {
        sender.reporter_joined(1);
    }
    let mut reassembler = Reassembler::new(100_000);
    let (mut sent, mut arrived) = (Vec::new(), Vec::new());
    let mut queue: Vec<(Part, Vec<u8>)> = Vec::new();
    let ending = std::iter::repeat_n(Step { begin: None, lost: false, report: false }, 1);
    let mut steps = steps.iter().cloned().chain(ending);
    let mut time = 0;
    loop {
        let step = match steps.next() {
            Some(step) => step,
            None if queue.is_empty() => break,
            None => Step { begin: None, lost: false, report: true },
        };
        if let Some(length) = step.begin {
            // The first two octets make each command another one.
            let mut data = vec![(sent.len() & 0x7F) as u8, (sent.len() >> 7) as u8];
            data.resize(length, 0x55);
            let whole = Segment { part: Part::Whole(End::Eox), data: &data };
            queue.extend(whole.split(segment).map(|segment| (segment.part, segment.data.to_vec())));
            sent.push(data);
        }
        if let Some((part, data)) = queue.first() {
            match sender.queue(time, Command::from(Segment { part: *part, data })) {
                Ok(()) => drop(queue.remove(0)),
                Err(refusal) => assert_eq!(refusal, Refusal::Stalled),
            }
        }
        let mut payload = Vec::new();
        let packet = sender.packet(time, &mut payload);
        time += 10;
        if step.lost {
            continue;
        }
        let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload: &payload };
        receiver.receive(received, |event| {
            let Command::System(System::SysEx(segment)) = event.command else { return };
            arrived.extend(reassembler.push(segment).map(|(data, _)| data.to_vec()));
        });
        if step.report {
            sender.acknowledge(1, u32::from(packet.sequence));
        }
    }
    (sent, arrived)
}

proptest! {
    #[test]
    fn short_ones_all_arrive(steps in steps(12), segment in 1..20_usize, closed: bool) {
        let policy = if closed { Policy::ClosedLoop } else { Policy::Anchor };
        let (sent, arrived) = run(policy, &steps, segment, false);
        prop_assert_eq!(arrived, sent);
    }

    #[test]
    fn long_ones_all_arrive_where_the_sender_waits_for_reports(steps in steps(3000), segment in 100..600_usize) {
        let (sent, arrived) = run(Policy::ClosedLoop, &steps, segment, true);
        prop_assert!(arrived == sent, "{} of {}", arrived.len(), sent.len());
    }

    #[test]
    fn long_ones_arrive_whole_and_in_order_or_not_at_all(steps in steps(3000), segment in 100..900_usize, closed: bool) {
        let policy = if closed { Policy::ClosedLoop } else { Policy::Anchor };
        let (sent, arrived) = run(policy, &steps, segment, false);
        let mut rest = sent.iter();
        for data in &arrived {
            prop_assert!(rest.any(|sent| sent == data), "twice, in pieces or out of order: {} octets", data.len());
        }
    }
}

/// The System Exclusives that come out of so many of the packets, each of which has one command.
fn hear(packets: &[&[u8]], lost: impl Fn(usize) -> bool) -> Vec<Vec<u8>> {
    let config = Config { journal: Journal::Recovery(Policy::Anchor), ..Config::new(1000) };
    let (mut sender, mut receiver) = (Sender::new(config.clone(), 9), Receiver::new(config));
    let (mut reassembler, mut arrived) = (Reassembler::new(100), Vec::new());
    for (number, octets) in packets.iter().enumerate() {
        sender.queue(0, Command::decode(octets).unwrap().0).unwrap();
        let mut payload = Vec::new();
        let packet = sender.packet(0, &mut payload);
        if lost(number) {
            continue;
        }
        receiver.receive(Received { sequence: packet.sequence, timestamp: 0, payload: &payload }, |event| {
            let Command::System(System::SysEx(segment)) = event.command else { return };
            arrived.extend(reassembler.push(segment).map(|(data, _)| data.to_vec()));
        });
    }
    arrived
}

const FRAME: &[u8] = &[0xF0, 0x7F, 0x7F, 1, 1, 0x21, 2, 3, 4, 0xF7];

#[test]
fn a_time_code_command_that_was_cut_off_does_not_get_the_end_of_another_one() {
    let packets: [&[u8]; 8] = [
        &[0xFE],
        &[0xF0, 0x7F, 0x7F, 1, 1, 5, 6, 7, 0xF7],
        FRAME,
        &[0xFE],
        &[0xF0, 0x7F, 0x7F, 1, 1, 0x22, 0xF0],
        &[0xF7, 3, 4, 5, 0xF7],
        &[0xF1, 0],
        &[0xFE],
    ];
    let whole = [0x7F, 0x7F, 1, 1, 5, 6, 7];
    for lost in [&[5][..], &[2, 5], &[2, 5, 6], &[2, 4, 5]] {
        let arrived = hear(&packets, |number| lost.contains(&number));
        let others: Vec<_> = arrived.iter().filter(|data| data.len() < 8).collect();
        assert_eq!(others, [&whole], "{lost:?}");
        assert_eq!(arrived.last().unwrap(), &[0x7F, 0x7F, 1, 1, 0x22, 3, 4, 5], "{lost:?}");
    }
}

#[test]
fn a_command_that_began_in_a_lost_packet_begins_behind_all_other_repairs() {
    let packets: [&[u8]; 5] = [&[0xFE], FRAME, &[0xF0, 1, 0xF0], &[0xF7, 2, 0xF0], &[0xF7, 3, 0xF7]];
    for lost in [1..3, 1..4] {
        let arrived = hear(&packets, |number| lost.contains(&number));
        assert_eq!(arrived, [&FRAME[1..9], &[1, 2, 3]], "{lost:?}");
    }
}

/// Packets of one command: one without meaning and of a number of its own, time code whole or in segments, a reset.
fn packets() -> impl Strategy<Value = Vec<(Vec<Vec<u8>>, bool)>> {
    let command = (0..9_u8, 0..60_u8, any::<bool>()).prop_map(|(kind, minute, cut)| match kind {
        0..3 => vec![vec![0xF0, 1, 0, 0, 0xF7]],
        3..5 if cut => vec![vec![0xF0, 0x7F, 0x7F, 1, 1, 1, 0xF0], vec![0xF7, minute, 0, 0, 0xF7]],
        3..5 => vec![vec![0xF0, 0x7F, 0x7F, 1, 1, 1, minute, 0, 0, 0xF7]],
        5 if minute == 0 => vec![vec![0xF0, 0x7E, 0x7F, 9, 1, 0xF7]],
        _ => vec![vec![0xFE]],
    });
    prop::collection::vec((command, prop::bool::weighted(0.4)), 1..200)
}

proptest! {
    #[test]
    fn none_comes_twice_whatever_stands_between(packets in packets()) {
        let mut numbers = 0..;
        let number = |octets: &Vec<u8>| match octets[..] {
            [0xF0, 1, ..] => numbers.next().map(|number| vec![0xF0, 1, number & 0x7F, number >> 7, 0xF7]).unwrap(),
            _ => octets.clone(),
        };
        let (commands, lost): (Vec<_>, Vec<_>) =
            packets.into_iter().flat_map(|(commands, lost)| commands.into_iter().map(move |octets| (octets, lost))).unzip();
        let commands: Vec<_> = commands.iter().map(number).collect();
        let slices: Vec<_> = commands.iter().map(Vec::as_slice).collect();
        let mut arrived = hear(&slices, |number| lost[number]);
        prop_assert!(arrived.iter().all(|data| matches!(data[..], [1, _, _] | [0x7E, ..] | [0x7F, 0x7F, 1, 1, 1, ..])));
        arrived.retain(|data| data[0] == 1);
        let rises = arrived.is_sorted_by(|a, b| (a[2], a[1]) < (b[2], b[1]));
        prop_assert!(rises, "{:?}", arrived);
    }
}
