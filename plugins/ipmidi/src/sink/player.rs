//! What a sink plays: messages as datagrams, how fast they may follow each other, and what they leave sounding.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ipmidi::datagrams;
use rtp_midi::midi::{Command, Found, Intake, Sounding, System};

use super::settings::Settings;
use crate::socket::Exit;

/// An open sink.
#[derive(Debug)]
pub(super) struct Player {
    exits: Vec<Exit>,
    intake: Intake,
    sounding: Sounding,
    mtu: usize,
    /// Octets per second of a System Exclusive that takes several datagrams, if that is limited.
    rate: Option<u32>,
    stats: Stats,
    /// What the system said when it took a datagram no more; `None` when it has taken one since.
    trouble: Option<String>,
}

/// What has become of the messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stats {
    pub(super) messages: u64,
    pub(super) datagrams: u64,
    /// Buffers without a message, and messages that nobody knows.
    pub(super) stray: u64,
    /// Datagrams that the system did not take.
    pub(super) failed: u64,
}

/// A datagram, and how long the next one of the same message has to wait.
pub(super) type Paced = (Vec<u8>, Duration);

impl Player {
    pub(super) fn open(settings: &Settings) -> Result<Self, gst::ErrorMessage> {
        let partners = settings.setup.partners()?;
        Ok(Self {
            exits: Exit::open(&partners, settings.reach)?,
            intake: Intake::new(settings.sysex_limit as usize),
            sounding: Sounding::default(),
            mtu: settings.mtu as usize,
            rate: Some(settings.sysex_rate).filter(|rate| *rate > 0),
            stats: Stats::default(),
            trouble: None,
        })
    }

    pub(super) const fn stats(&self) -> Stats {
        self.stats
    }

    /// The datagrams of what is in a buffer.
    pub(super) fn take(&mut self, octets: &[u8]) -> Vec<Paced> {
        let Self { intake, sounding, mtu, rate, stats, .. } = self;
        let mut paced = Vec::new();
        let found = intake.take(octets, |command| {
            // Nobody knows what they mean, and some read on at the wrong place.
            if let Command::System(System::F4(_) | System::F5(_) | System::F9 | System::FD) = command {
                stats.stray += 1;
                return;
            }
            stats.messages += 1;
            let first = paced.len();
            datagrams(command, *mtu, |datagram| paced.push((datagram.to_vec(), Duration::ZERO)));
            match &mut paced[first..] {
                [(message, _)] => sounding.observe(message),
                [pieces @ .., _last] => {
                    for (piece, pause) in pieces {
                        *pause = rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) * piece.len() as u32 / rate);
                    }
                }
                [] => {}
            }
        });
        stats.stray += u64::from(found == Found::Stray);
        paced
    }

    /// Sends a datagram. Returns the first trouble after all went well.
    pub(super) fn send(&mut self, datagram: &[u8]) -> Option<String> {
        let mut news = None;
        for exit in &self.exits {
            match exit.send(datagram) {
                Ok(()) => self.stats.datagrams += 1,
                Err(error) => {
                    self.stats.failed += 1;
                    news = Some(words(exit.destination(), &error));
                }
            }
        }
        let is_told = self.trouble.is_some();
        self.trouble.clone_from(&news);
        news.filter(|_| !is_told)
    }

    /// Lets go what sounds.
    pub(super) fn let_go(&mut self) {
        self.intake.reset();
        for message in std::mem::take(&mut self.sounding).release() {
            self.send(&message);
        }
    }
}

fn words(to: SocketAddr, error: &io::Error) -> String {
    format!("nothing can be sent to {to}: {error}; what is played meanwhile is lost")
}
