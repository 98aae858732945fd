//! The average bit rate of real music, by policy: IP, UDP and RTP headers counted, messages of 50 ms in a packet.
//!
//! `tests/corpus` fetches the music into `target/corpus`; without it there is nothing to measure.

use std::fs;
use std::path::{Path, PathBuf};

use rtp_midi::midi::{Command, System};
use rtp_midi::{Config, Journal, Policy, Sender};
use smf_timeline::{Body, Song};

const RATE: u64 = 44_100;
/// Octets of an IPv4, a UDP and an RTP header.
const HEADERS: u64 = 20 + 8 + 12;
/// RTP clock ticks in which messages share a packet.
const PTIME: u64 = RATE / 20;
/// RTP clock ticks between two reports of a receiver.
const REPORT: u64 = 3 * RATE;

const POLICIES: [(&str, Journal); 4] = [
    ("none", Journal::None),
    ("closed-loop", Journal::Recovery(Policy::ClosedLoop)),
    ("open-loop", Journal::Recovery(Policy::OpenLoop)),
    ("anchor", Journal::Recovery(Policy::Anchor)),
];

/// What a stream took.
#[derive(Clone, Copy, Default)]
struct Taken {
    packets: u64,
    octets: u64,
    ticks: u64,
}

impl Taken {
    fn kilobits(self) -> f64 {
        8e-3 * self.octets as f64 * RATE as f64 / self.ticks as f64
    }
}

/// A sender whose receiver gets everything and reports now and then.
struct Stream {
    sender: Sender,
    reported: u64,
    taken: Taken,
}

impl Stream {
    fn packet(&mut self, now: u64) {
        let mut payload = Vec::new();
        let packet = self.sender.packet(now as u32, &mut payload);
        self.taken.packets += 1;
        self.taken.octets += HEADERS + payload.len() as u64;
        if now - self.reported >= REPORT {
            self.sender.acknowledge(1, u32::from(packet.sequence));
            self.reported = now;
        }
    }

    fn queue(&mut self, now: u64, command: Command<'_>) {
        if self.sender.queue(now as u32, command).is_err() {
            self.packet(now);
            self.sender.queue(now as u32, command).expect("an empty packet takes what fits");
        }
    }
}

fn send(song: &Song, journal: Journal) -> Taken {
    let sender = Sender::new(Config { journal, ..Config::new(RATE as u32) }, 1);
    let mut stream = Stream { sender, reported: 0, taken: Taken::default() };
    let mut first = None;
    for event in song.events() {
        let Body::Message(octets) = event.body else { continue };
        let Ok((command, _)) = Command::decode(octets) else { continue };
        let now = (u128::from(event.time) * u128::from(RATE) / 1_000_000_000) as u64;
        if first.is_some_and(|first| now > first + PTIME) {
            stream.packet(first.unwrap_or(now));
            first = None;
        }
        while let Some(due) = stream.sender.due().filter(|due| first.is_none() && u64::from(*due) < now) {
            stream.packet(u64::from(due));
        }
        first.get_or_insert(now);
        match command {
            Command::System(System::SysEx(segment)) => {
                for piece in segment.split(stream.sender.segment_size()) {
                    stream.queue(now, piece.into());
                }
            }
            command => stream.queue(now, command),
        }
    }
    stream.packet(first.unwrap_or_default());
    stream.taken.ticks = (u128::from(song.duration()) * u128::from(RATE) / 1_000_000_000) as u64;
    stream.taken
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_music =
            path.extension().is_some_and(|end| end.eq_ignore_ascii_case("mid") || end.eq_ignore_ascii_case("midi"));
        if path.is_dir() {
            files(&path, found);
        } else if is_music {
            found.push(path);
        }
    }
}

fn main() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/corpus");
    let mut paths = Vec::new();
    files(&corpus, &mut paths);
    let songs: Vec<Song> = paths
        .iter()
        .filter_map(|path| Song::read(&fs::read(path).ok()?, 0).ok())
        // A few files of test suites last no time at all, or a night.
        .filter(|song| (10..1200).contains(&(song.duration() / 1_000_000_000)))
        .collect();
    if songs.is_empty() {
        println!("no music in {}: run tests/corpus", corpus.display());
        return;
    }
    println!("{} songs, averages over songs    kbit/s   median   packets a second", songs.len());
    for (name, journal) in POLICIES {
        let taken: Vec<Taken> = songs.iter().map(|song| send(song, journal)).collect();
        let mut rates: Vec<f64> = taken.iter().map(|taken| taken.kilobits()).collect();
        rates.sort_by(f64::total_cmp);
        let packets: f64 = taken.iter().map(|taken| taken.packets as f64 * RATE as f64 / taken.ticks as f64).sum();
        let count = songs.len() as f64;
        println!(
            "  {name:32} {:6.2}   {:6.2}   {:6.2}",
            rates.iter().sum::<f64>() / count,
            rates[rates.len() / 2],
            packets / count
        );
    }
}
