//! Packets keep to the MTU and journals to LENGTH, as long as a receiver that reports can make them shorter.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use proptest::prelude::*;
use rtp_midi::midi::{Command, System};
use rtp_midi::{Config, Journal, Policy, Received, Receiver, Refusal, Sender};

const RATE: u32 = 1000;
const FIRST: u16 = 65_500;

fn config(policy: Policy, mtu: usize) -> Config {
    Config { journal: Journal::Recovery(policy), mtu, ..Config::new(RATE) }
}

/// Commands that make long journals.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let voice = (0..16_u8, 0..128_u8, 0..128_u8, 0..12_u8).prop_map(|(channel, first, second, kind)| match kind {
        0..=1 => vec![0x90 | channel, first, second],
        2..=3 => vec![0x80 | channel, first, second],
        4..=6 => vec![0xB0 | channel, first, second],
        7 => vec![0xB0 | channel, 98 + (first & 3), second],
        8 => vec![0xB0 | channel, 6, second],
        9 => vec![0xA0 | channel, first, second],
        10 => vec![0xE0 | channel, first, second],
        _ => vec![0xC0 | channel, first],
    });
    let sysex = prop::collection::vec(0..128_u8, 0..900).prop_map(|data| [&[0xF0][..], &data, &[0xF7]].concat());
    prop_oneof![60 => voice, 1 => sysex]
}

/// A sender and a receiver whose reports make the journal shorter.
struct Loop {
    sender: Sender,
    receiver: Receiver,
    time: u32,
    longest: usize,
}

impl Loop {
    fn new(config: &Config) -> Self {
        let mut sender = Sender::new(config.clone(), FIRST);
        sender.reporter_joined(1);
        Self { sender, receiver: Receiver::new(config.clone()), time: 0, longest: 0 }
    }

    fn packet(&mut self, lost: bool, report: bool) {
        let mut payload = Vec::new();
        let packet = self.sender.packet(self.time, &mut payload);
        // As if there were time, now and then.
        if !packet.sequence.is_multiple_of(3) {
            self.sender.prepare();
        }
        self.longest = self.longest.max(12 + payload.len());
        self.time += 10;
        if !lost {
            let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload: &payload };
            self.receiver.receive(received, |_| {});
            if report {
                self.sender.acknowledge(1, u32::from(packet.sequence));
            }
        }
    }

    /// Sends packets until the command is taken; every third one arrives and is reported while it waits.
    fn queue(&mut self, command: Command<'_>) {
        for attempt in 0..100 {
            match self.sender.queue(self.time, command) {
                Ok(()) => return,
                Err(_) => self.packet(false, attempt % 3 == 2),
            }
        }
        panic!("{command:?} waits for ever");
    }

    fn send(&mut self, octets: &[u8]) {
        match Command::decode(octets).unwrap().0 {
            Command::System(System::SysEx(segment)) => {
                segment.split(self.sender.segment_size()).for_each(|piece| self.queue(piece.into()));
            }
            command => self.queue(command),
        }
    }
}

proptest! {
    #[test]
    fn no_packet_is_too_long_while_a_receiver_reports(
        packets in prop::collection::vec((prop::collection::vec(command(), 0..40), prop::bool::weighted(0.2)), 1..60),
        mtu in prop::sample::select(vec![576_usize, 1400]),
    ) {
        let mut link = Loop::new(&config(Policy::ClosedLoop, mtu));
        for (commands, lost) in &packets {
            for octets in commands {
                link.send(octets);
            }
            link.packet(*lost, false);
        }
        link.packet(false, true);
        let stats = link.sender.stats();
        prop_assert_eq!((stats.oversized, stats.journal_cuts), (0, 0));
        prop_assert!(link.longest <= mtu);
        prop_assert_eq!(link.receiver.sounding(), link.sender.sounding());
    }
}

/// Changes so many controllers on so many channels that no packet holds the journal.
fn flood(sender: &mut Sender, mut stalled: impl FnMut(&mut Sender, u32) -> bool) -> u32 {
    let mut time = 0;
    for channel in 0..16_u8 {
        for controller in (1..60_u8).filter(|controller| !matches!(controller, 6 | 32 | 38)) {
            let octets = [0xB0 | channel, controller, 1];
            let (command, _) = Command::decode(&octets).unwrap();
            loop {
                match sender.queue(time, command) {
                    Ok(()) => break,
                    Err(Refusal::Stalled) if !stalled(sender, time) => return time,
                    Err(_) => {}
                }
                let _ = sender.packet(time, &mut Vec::new());
                time += 10;
            }
        }
        let _ = sender.packet(time, &mut Vec::new());
        time += 10;
    }
    time
}

#[test]
fn a_journal_that_nobody_can_trim_goes_out_beyond_the_mtu_and_is_counted() {
    for policy in [Policy::Anchor, Policy::ClosedLoop] {
        let mut sender = Sender::new(config(policy, 1400), FIRST);
        flood(&mut sender, |_, _| panic!("nobody reports: nothing to wait for"));
        let mut payload = Vec::new();
        let _ = sender.packet(100_000, &mut payload);
        assert!(payload.len() > 1600, "{} octets", payload.len());
        let stats = sender.stats();
        assert!(stats.oversized > 0 && stats.journal_cuts == 0 && stats.stalls == 0, "{stats:?}");
    }
}

#[test]
fn a_first_packet_full_of_commands_keeps_to_the_mtu() {
    for journal in [Journal::None, Journal::Recovery(Policy::Anchor), Journal::Recovery(Policy::ClosedLoop)] {
        let mut sender = Sender::new(Config { journal, ..config(Policy::Anchor, 1400) }, FIRST);
        let mut number = 0;
        while sender.queue(0, Command::decode(&[0xB0, number % 90, number / 2]).unwrap().0).is_ok() {
            number = (number + 1) % 128;
        }
        let mut payload = Vec::new();
        let _ = sender.packet(0, &mut payload);
        assert!((1380..=1400 - 12).contains(&payload.len()), "{journal:?}: {} octets", payload.len());
    }
}

#[test]
fn a_report_ends_the_stall() {
    let mut sender = Sender::new(config(Policy::ClosedLoop, 1400), FIRST);
    sender.reporter_joined(1);
    flood(&mut sender, |sender, _| {
        assert!(sender.is_stalled());
        let sent = sender.next_sequence().wrapping_sub(1);
        sender.acknowledge(1, u32::from(sent));
        true
    });
    let stats = sender.stats();
    assert!(stats.stalls > 0 && stats.oversized == 0, "{stats:?}");
    assert!(!sender.is_stalled());
}

#[test]
fn packets_without_commands_go_out_every_second_of_a_stall() {
    let mut sender = Sender::new(config(Policy::ClosedLoop, 1400), FIRST);
    sender.reporter_joined(1);
    let stalled_at = flood(&mut sender, |_, _| false);
    let mut last = stalled_at;
    for _ in 0..10 {
        let due = sender.due().expect("the stall keeps the stream alive");
        assert!(due - last <= RATE && due <= last + 1600, "{last} to {due}");
        let packet = sender.packet(due, &mut Vec::new());
        assert!(!packet.marker);
        last = due;
    }
}

#[test]
fn a_receiver_that_says_nothing_for_two_intervals_of_rtcp_is_taken_for_gone() {
    let mut sender = Sender::new(config(Policy::ClosedLoop, 1400), FIRST);
    sender.reporter_joined(1);
    let mut waited = 0;
    flood(&mut sender, |sender, time| {
        waited = time;
        let _ = sender.packet(time + 400, &mut Vec::new());
        assert!(time < 20_000, "it waits for ever");
        true
    });
    assert_eq!((sender.stats().reporters, sender.stats().stalls), (0, 1));
}

#[test]
fn whoever_presses_on_waits_for_nobody() {
    let mut sender = Sender::new(config(Policy::ClosedLoop, 1400), FIRST);
    sender.reporter_joined(1);
    flood(&mut sender, |sender, _| {
        sender.press_on();
        true
    });
    let stats = sender.stats();
    assert_eq!((stats.stalls, stats.reporters), (1, 1));
    assert!(stats.oversized > 0);
}

#[test]
fn a_packet_spans_no_more_than_rtp_maxptime() {
    let mut sender = Sender::new(Config { max_ptime: Some(5), ..config(Policy::Anchor, 1400) }, FIRST);
    let (note, _) = Command::decode(&[0x90, 60, 1]).unwrap();
    for (time, expected) in [(100, Ok(())), (105, Ok(())), (106, Err(Refusal::Full))] {
        assert_eq!(sender.queue(time, note), expected, "{time}");
    }
}
