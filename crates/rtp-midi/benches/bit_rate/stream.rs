//! A song on its way: a sender, a network that loses packets and reports, and a receiver.

use std::collections::BTreeMap;
use std::time::Instant;

use rtp_midi::inspect::inspect;
use rtp_midi::midi::{Command, System};
use rtp_midi::{Config, Packet, Received, Receiver, Refusal, Sender};
use smf_timeline::Song;

use crate::music::commands;
use crate::random::Random;

/// RTP clock ticks a second.
pub(crate) const RATE: u64 = 44_100;
/// Octets of an IPv4, a UDP and an RTP header.
const HEADERS: u64 = NETWORK_HEADERS + RTP_HEADER as u64;
/// Octets of an IPv4 and a UDP header.
const NETWORK_HEADERS: u64 = 20 + 8;
const RTP_HEADER: usize = 12;

/// The network, and what is looked at besides.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// Seconds between two reports of the receiver.
    pub(crate) report: u64,
    /// Milliseconds in which messages share a packet.
    pub(crate) ptime: u64,
    pub(crate) span: Span,
    /// Of a hundred packets, and of a hundred reports, so many are lost.
    pub(crate) loss: u64,
    pub(crate) look: Look,
}

/// How much time a packet with messages says that it takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// Up to its last message.
    Music,
    /// All of `ptime`, as `rtpmidi broadcast --rtsp` has it.
    Described,
}

/// What is looked at besides what is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Nowhere,
    /// At the octets, chapter by chapter.
    Inside,
    /// At the repairs of the receiver.
    Behind,
}

/// What a stream took.
#[derive(Clone, Default)]
pub(crate) struct Taken {
    pub(crate) packets: u64,
    /// Headers included.
    pub(crate) octets: u64,
    /// Octets of the longest packet, RTP header included.
    pub(crate) longest: usize,
    pub(crate) ticks: u64,
    pub(crate) lost: u64,
    pub(crate) repaired: u64,
    /// Losses, of one or more packets in a row, and nanoseconds that the packets behind them took.
    pub(crate) losses: u64,
    pub(crate) nanoseconds: u64,
    /// Octets by what they are: a chapter's letter, or words.
    pub(crate) parts: BTreeMap<String, u64>,
}

impl Taken {
    pub(crate) fn kilobits(&self) -> f64 {
        8e-3 * self.octets_per_packet() * self.packet_rate()
    }

    /// The same without the headers of IP and UDP.
    pub(crate) fn kilobits_of_rtp(&self) -> f64 {
        self.kilobits() - 8e-3 * NETWORK_HEADERS as f64 * self.packet_rate()
    }

    pub(crate) fn packet_rate(&self) -> f64 {
        self.packets as f64 * RATE as f64 / self.ticks as f64
    }

    pub(crate) fn octets_per_packet(&self) -> f64 {
        self.octets as f64 / self.packets as f64
    }
}

/// Plays `song` through the stream `config`.
pub(crate) fn send(song: &Song, config: &Config, link: Link) -> Taken {
    let mut stream = Stream::new(config, link);
    let ptime = link.ptime * RATE / 1000;
    let mut first = None;
    for (nanoseconds, command) in commands(song) {
        let now = ticks(nanoseconds);
        if let Some(begun) = first.take_if(|first| now > *first + ptime) {
            if link.span == Span::Described {
                stream.sender.pad((begun + ptime) as u32);
            }
            stream.packet(begun);
        }
        while let Some(due) = stream.sender.due().filter(|due| first.is_none() && u64::from(*due) < now) {
            stream.packet(u64::from(due));
        }
        first.get_or_insert(now);
        match command {
            Command::System(System::SysEx(whole)) => {
                for piece in stream.sender.split(whole) {
                    stream.queue(now, piece.into());
                }
            }
            command => stream.queue(now, command),
        }
    }
    stream.packet(first.unwrap_or_default());
    stream.taken.ticks = ticks(song.duration());
    stream.taken
}

struct Stream {
    sender: Sender,
    receiver: Receiver,
    link: Link,
    random: Random,
    /// The highest packet that arrived, and when the receiver reported last.
    arrived: Option<u16>,
    reported: u64,
    payload: Vec<u8>,
    taken: Taken,
}

impl Stream {
    fn new(config: &Config, link: Link) -> Self {
        Self {
            sender: Sender::new(config.clone(), 1),
            receiver: Receiver::new(config.clone()),
            link,
            random: Random::new(6295),
            arrived: None,
            reported: 0,
            payload: Vec::new(),
            taken: Taken::default(),
        }
    }

    fn queue(&mut self, now: u64, command: Command<'_>) {
        while let Err(refusal) = self.sender.queue(now as u32, command) {
            match refusal {
                Refusal::Full => self.packet(now),
                // Music does not wait.
                Refusal::Stalled => self.sender.press_on(),
            }
        }
    }

    fn packet(&mut self, now: u64) {
        self.payload.clear();
        let packet = self.sender.packet(now as u32, &mut self.payload);
        self.taken.packets += 1;
        self.taken.octets += HEADERS + self.payload.len() as u64;
        self.taken.longest = self.taken.longest.max(RTP_HEADER + self.payload.len());
        let is_lost = self.random.happens(self.link.loss);
        self.taken.lost += u64::from(is_lost);
        match self.link.look {
            Look::Inside => self.take_apart(packet.journal),
            Look::Behind if !is_lost => self.receive(packet),
            _ => {}
        }
        if !is_lost {
            self.arrived = Some(packet.sequence);
        }
        if now - self.reported >= self.link.report * RATE {
            self.reported = now;
            let arrives = !self.random.happens(self.link.loss);
            if let Some(arrived) = self.arrived.filter(|_| arrives) {
                self.sender.acknowledge(1, u32::from(arrived));
            }
        }
    }

    fn receive(&mut self, packet: Packet) {
        let (sequence, timestamp) = (packet.sequence, packet.timestamp);
        let received = Received { sequence, timestamp, payload: &self.payload };
        let repairs = self.receiver.stats().repairs;
        let started = Instant::now();
        self.receiver.receive(received, |_| ());
        if self.arrived.is_some_and(|arrived| arrived.wrapping_add(1) != sequence) {
            self.taken.nanoseconds += started.elapsed().as_nanos() as u64;
            self.taken.losses += 1;
            self.taken.repaired += self.receiver.stats().repairs - repairs;
        }
    }

    /// Counts the octets of a packet by what they are.
    fn take_apart(&mut self, journal: usize) {
        let mut count = |part: &str, octets: usize| {
            *self.taken.parts.entry(part.to_owned()).or_default() += octets as u64;
        };
        count("IP, UDP, RTP", HEADERS as usize);
        count("MIDI list", self.payload.len() - journal);
        let mut frames = journal;
        for chapter in inspect(&self.payload, 0).journal.into_iter().flat_map(|journal| journal.chapters) {
            count(&format!("Chapter {}", chapter.letter), chapter.octets.len());
            frames -= chapter.octets.len();
        }
        count("journal headers", frames);
    }
}

fn ticks(nanoseconds: u64) -> u64 {
    (u128::from(nanoseconds) * u128::from(RATE) / 1_000_000_000) as u64
}
