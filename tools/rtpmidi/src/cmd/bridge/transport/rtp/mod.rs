//! Plain RTP MIDI streams (RFC 6295), as descriptions tell of them: each has a port, which is heard, played to, or both.

mod ear;
mod mouth;

use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::time::Duration;

use midi_routing::PortId;
use rtp_midi::midi::Command;

use self::ear::Ear;
use self::mouth::Mouth;
use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::config;
use crate::cmd::bridge::status::{PortState, Transport};
use crate::failure::Result;
use crate::interface::Interface;

/// All streams.
#[derive(Default)]
pub(crate) struct Streams {
    all: BTreeMap<PortId, Stream>,
    /// What a datagram is read to.
    buffer: Vec<u8>,
}

/// What there is of a port.
struct Stream {
    ear: Option<Ear>,
    mouth: Option<Mouth>,
}

/// Octets of the longest datagram.
const LONGEST: usize = 65_536;

/// Datagrams that are read at once from a socket.
const BURST: usize = 256;

/// How often reports are sent.
const REPORTS: Duration = Duration::from_secs(5);

impl Streams {
    /// Opens what a section describes; returns its port.
    pub(crate) fn open(&mut self, at: Duration, bay: &mut Bay, config: &config::Streams) -> Result<PortId> {
        self.buffer.resize(LONGEST, 0);
        let interface = config.interface.as_deref().map(Interface::find).transpose()?;
        let mouth = config.play.as_ref().map(|to| Mouth::open(at, to, config, interface.as_ref())).transpose()?;
        let own = mouth.as_ref().map(Mouth::ssrc);
        let ear = config.hear.as_deref().map(|path| Ear::open(path, interface, own)).transpose()?;
        let port = bay.add(&config.name, Transport::Rtp);
        let places = [ear.as_ref().map(Ear::place), mouth.as_ref().map(Mouth::place)];
        bay.set_address(port, places.into_iter().flatten().reduce(|ear, mouth| format!("{ear}, {mouth}")));
        if mouth.is_none() {
            bay.set_state(at, port, PortState::Away);
        }
        self.all.insert(port, Stream { ear, mouth });
        Ok(port)
    }

    /// The ports, and what is readable when something has come to them.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = (PortId, RawFd)> {
        self.all.iter().flat_map(|(port, stream)| {
            let ear = stream.ear.iter().flat_map(Ear::descriptors);
            let mouth = stream.mouth.iter().map(Mouth::descriptor);
            ear.chain(mouth).map(move |descriptor| (*port, descriptor))
        })
    }

    /// Takes what has come to a port; true if there is more.
    pub(crate) fn read(&mut self, at: Duration, port: PortId) -> bool {
        let Some(Stream { ear, mouth }) = self.all.get_mut(&port) else { return false };
        let buffer = &mut self.buffer;
        let has_more = ear.as_mut().is_some_and(|ear| ear.read(at, buffer));
        has_more | mouth.as_mut().is_some_and(|mouth| mouth.read(at, buffer))
    }

    /// Plays what is due of what has come, and sends what is due though nothing is played.
    pub(crate) fn wake(&mut self, at: Duration, bay: &mut Bay) {
        for (port, Stream { ear, mouth }) in &mut self.all {
            if let Some(ear) = ear {
                ear.wake(at, |command| bay.hear(at, *port, None, command));
                let is_there = mouth.is_some() || ear.is_there();
                bay.set_state(at, *port, if is_there { PortState::There } else { PortState::Away });
            }
            if let Some(mouth) = mouth {
                mouth.wake(at);
            }
        }
    }

    /// How long that may wait.
    pub(crate) fn due(&self, at: Duration) -> Option<Duration> {
        let due = |stream: &Stream| {
            let [ear, mouth] = [stream.ear.as_ref().and_then(Ear::due), stream.mouth.as_ref().map(|it| it.due(at))];
            ear.into_iter().chain(mouth).min()
        };
        self.all.values().filter_map(due).min().map(|due| due.saturating_sub(at))
    }

    /// Plays to a port; `None` if it is none of these. What is played at once goes out with [`flush`](Self::flush).
    pub(crate) fn play(&mut self, at: Duration, port: PortId, command: &Command<'_>) -> Option<bool> {
        let stream = self.all.get_mut(&port)?;
        stream.mouth.iter_mut().for_each(|mouth| mouth.play(at, command));
        Some(true)
    }

    /// Sends what has been played.
    pub(crate) fn flush(&mut self, at: Duration) {
        self.all.values_mut().filter_map(|stream| stream.mouth.as_mut()).for_each(|mouth| mouth.flush(at));
    }

    /// Says goodbye.
    pub(crate) fn leave(&mut self, at: Duration) {
        for Stream { ear, mouth } in self.all.values_mut() {
            ear.iter_mut().for_each(Ear::leave);
            if let Some(mouth) = mouth {
                mouth.leave(at);
            }
        }
    }
}
