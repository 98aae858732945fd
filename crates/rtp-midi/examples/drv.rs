#![allow(warnings)]
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

fn main() {
    let a: Vec<String> = std::env::args().collect();
    let j = POLICIES[a[1].parse::<usize>().unwrap()].1;
    let n: u32 = a[2].parse().unwrap();
    let mut stage = Stage::new(j);
    let mut out = Vec::with_capacity(1500);
    let run = |stage: &mut Stage, out: &mut Vec<u8>, n| {
        let t = std::time::Instant::now();
        for _ in 0..n {
            out.clear();
            std::hint::black_box(stage.send(out));
        }
        t.elapsed().as_secs_f64()
    };
    if n < 10000 {
        run(&mut stage, &mut out, n);
        return;
    }
    let mut best = f64::MAX;
    for _ in 0..60 {
        best = best.min(run(&mut stage, &mut out, n));
    }
    println!("{:.3} M/s", n as f64 / best / 1e6);
}
