//! The law of System Exclusives: each arrives once and whole, in its order, or not at all; and none is missing as long
//! as a journal has room for what was lost.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use proptest::prelude::*;
use rtp_midi::midi::{Command, End, Part, Reassembler, Segment, System};
use rtp_midi::{Config, Journal, Policy, Received, Receiver, Sender};

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

/// What is sent, and what arrives; segments go out one a packet.
fn run(policy: Policy, steps: &[Step], segment: usize, mtu: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let config = Config { journal: Journal::Recovery(policy), mtu, ..Config::new(1000) };
    let (mut sender, mut receiver) = (Sender::new(config.clone(), 9), Receiver::new(config));
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
        if !queue.is_empty() {
            let (part, data) = queue.remove(0);
            sender.queue(time, Command::from(Segment { part, data: &data })).unwrap();
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
        let (sent, arrived) = run(policy, &steps, segment, 1400);
        prop_assert_eq!(arrived, sent);
    }

    #[test]
    fn long_ones_arrive_whole_and_in_order_or_not_at_all(steps in steps(3000), segment in 100..900_usize, closed: bool) {
        let policy = if closed { Policy::ClosedLoop } else { Policy::Anchor };
        let (sent, arrived) = run(policy, &steps, segment, 1400);
        let mut rest = sent.iter();
        for data in &arrived {
            prop_assert!(rest.any(|sent| sent == data), "twice, in pieces or out of order: {} octets", data.len());
        }
    }
}
