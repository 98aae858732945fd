//! What a packet of sixteen notes costs to send and to receive, by policy, and how large it is.
//!
//! The music: on each of four channels chords of four notes, one packet a chord change, with controllers, wheel and
//! program changes in between; so every journal speaks of four channels with chapters P, C, W and N.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rtp_midi::midi::Command;
use rtp_midi::{Config, Journal, Policy, Received, Receiver, Sender};

const POLICIES: [(&str, Journal); 4] = [
    ("none", Journal::None),
    ("closed-loop", Journal::Recovery(Policy::ClosedLoop)),
    ("open-loop", Journal::Recovery(Policy::OpenLoop)),
    ("anchor", Journal::Recovery(Policy::Anchor)),
];

/// Packets between two receiver reports in the closed loop.
const REPORT: u32 = 32;

fn config(journal: Journal) -> Config {
    Config { journal, ..Config::new(44_100) }
}

/// Four NoteOffs and four NoteOns on two of the four channels.
fn chords(packet: u32) -> Vec<Command<'static>> {
    let mut octets = Vec::new();
    for channel in [packet % 4, (packet + 1) % 4] {
        for voice in 0..4 {
            let note = |packet: u32| (48 + 7 * voice + packet / 4 % 12) as u8;
            octets.push([0x80 | channel as u8, note(packet.wrapping_sub(4)), 64]);
            octets.push([0x90 | channel as u8, note(packet), 100]);
        }
    }
    octets.into_iter().map(decode).collect()
}

fn decode(octets: [u8; 3]) -> Command<'static> {
    let (command, _) = Command::decode(Box::leak(Box::new(octets))).expect("a whole command with its status octet");
    command
}

fn settings() -> Vec<Command<'static>> {
    let settings = |channel: u8| {
        [[0xC0 | channel, 5, 0], [0xB0 | channel, 7, 100], [0xB0 | channel, 10, 64], [0xE0 | channel, 0, 64]]
    };
    (0..4).flat_map(settings).map(decode).collect()
}

/// A sender in the middle of its music.
struct Stage {
    sender: Sender,
    music: Vec<Vec<Command<'static>>>,
    packet: u32,
}

impl Stage {
    fn new(journal: Journal) -> Self {
        let mut sender = Sender::new(config(journal), 1);
        for command in settings() {
            sender.queue(0, command).expect("an empty packet has room");
        }
        sender.packet(0, &mut Vec::new());
        let mut stage = Self { sender, music: (0..48).map(chords).collect(), packet: 0 };
        for _ in 0..2 * REPORT {
            stage.send(&mut Vec::new());
        }
        stage
    }

    fn send(&mut self, out: &mut Vec<u8>) -> rtp_midi::Packet {
        let time = self.packet * 4410;
        for command in &self.music[self.packet as usize % self.music.len()] {
            self.sender.queue(time, *command).expect("sixteen notes fit");
        }
        self.packet += 1;
        let packet = self.sender.packet(time, out);
        if self.packet.is_multiple_of(REPORT) {
            self.sender.acknowledge(1, u32::from(packet.sequence));
        }
        packet
    }
}

fn send(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("send, packets of 16 notes");
    group.throughput(Throughput::Elements(1));
    for (name, journal) in POLICIES {
        let (mut stage, mut out) = (Stage::new(journal), Vec::with_capacity(1500));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                black_box(stage.send(&mut out));
            });
        });
    }
    group.finish();
}

fn receive(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("receive, packets of 16 notes");
    group.throughput(Throughput::Elements(1));
    for (name, journal) in POLICIES {
        for (loss, every) in [("no loss", u16::MAX), ("one packet in four lost", 4)] {
            let mut stage = Stage::new(journal);
            // A round of the music and of the sequence numbers, so that it can be played for ever.
            let packets: Vec<_> = (0..65_536)
                .map(|_| {
                    let mut payload = Vec::new();
                    (stage.send(&mut payload), payload)
                })
                .filter(|(packet, _)| packet.sequence % every != 3)
                .collect();
            let mut receiver = Receiver::new(config(journal));
            let mut packets = packets.iter().cycle();
            group.bench_function(format!("{name}, {loss}"), |bencher| {
                bencher.iter(|| {
                    let (packet, payload) = packets.next().expect("the music never ends");
                    let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload };
                    black_box(receiver.receive(received, |event| {
                        black_box(event);
                    }))
                });
            });
        }
    }
    group.finish();
}

/// One line a policy, for those who want one number: octets, and packets and commands a second on one core.
fn table(_: &mut Criterion) {
    println!("packets of 16 notes       octets   of which     sent a second       received a second");
    println!("with RTP header                     journal   packets  commands   packets  commands");
    for (name, journal) in POLICIES {
        let mut stage = Stage::new(journal);
        let (mut octets, mut in_journal, mut packets) = (0, 0, Vec::new());
        for _ in 0..65_536 {
            let mut payload = Vec::new();
            let packet = stage.send(&mut payload);
            in_journal += packet.journal;
            octets += 12 + payload.len();
            packets.push((packet, payload));
        }
        let each = |sum: usize| sum as f64 / packets.len() as f64;
        let mut out = Vec::with_capacity(1500);
        let sent = rate(|| {
            out.clear();
            black_box(stage.send(&mut out));
        });
        let (mut receiver, mut packets) = (Receiver::new(config(journal)), packets.iter().cycle());
        let received = rate(|| {
            let (packet, payload) = packets.next().expect("the music never ends");
            let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload };
            receiver.receive(received, |event| {
                black_box(event);
            });
        });
        println!(
            "{name:22} {:9.1}  {:9.1}   {:5.2} M   {:5.1} M   {:5.2} M   {:5.1} M",
            each(octets),
            each(in_journal),
            sent / 1e6,
            16.0 * sent / 1e6,
            received / 1e6,
            16.0 * received / 1e6
        );
    }
}

/// How often a second `step` can be done: the best of several short runs, since other programs only ever slow it down.
fn rate(mut step: impl FnMut()) -> f64 {
    const STEPS: u32 = 20_000;
    let run = |_| {
        let start = Instant::now();
        (0..STEPS).for_each(|_| step());
        f64::from(STEPS) / start.elapsed().as_secs_f64()
    };
    (0..40).map(run).fold(0.0, f64::max)
}

criterion_group!(benches, table, send, receive);
criterion_main!(benches);
