//! Where packets come from: a capture, an address to listen on, or a network interface.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::capture::Capture;
use super::frame::{Datagram, Frame, Link, Skip};
use super::interface::Interface;
use crate::destination::Destination;
use crate::failure::{Failure, Result};
use crate::sockets::{self, Arrival, Membership, Reader};

/// What to listen to, as it stands on the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    File(PathBuf),
    Address(Destination),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("udp://") { text.parse().map(Self::Address) } else { Ok(Self::File(text.into())) }
    }
}

/// Packets as they come.
pub(super) enum Source {
    Capture(Capture),
    Sockets { packets: Receiver<Datagram>, frames: u64, _readers: Vec<Reader> },
    Interface { interface: Interface, started: Instant, frames: u64 },
}

/// What a source gives.
#[derive(Debug)]
pub(super) enum Event {
    Datagram(Datagram),
    /// A frame that is no datagram.
    Skipped(Skip),
    /// Nothing came for a while.
    Nothing,
    End,
}

/// How long to wait for a packet before the clock and Ctrl-C are looked at.
const PATIENCE: Duration = Duration::from_millis(100);

/// Datagrams that may wait to be printed. When more come, they are lost as in any full buffer.
const WAITING: usize = 4096;

impl Source {
    /// Opens a capture file.
    pub(super) fn capture(path: &Path) -> Result<Self> {
        Capture::open(path).map(Self::Capture)
    }

    /// Listens on the port of `destination` and on that of RTCP above it, and joins its group.
    pub(super) fn listen(destination: &Destination) -> Result<Self> {
        let rtp = destination.resolve()?;
        let rtcp = SocketAddr::new(rtp.ip(), rtp.port() + 1);
        let started = Instant::now();
        let (sender, packets) = sync_channel(WAITING);
        let mut readers = Vec::new();
        for to in [rtp, rtcp] {
            readers.push(Reader::start(
                "monitor",
                sockets::open(to, &Membership::default())?,
                forward(sender.clone(), to, started),
            )?);
        }
        Ok(Self::Sockets { packets, frames: 0, _readers: readers })
    }

    /// Listens to all that passes a network interface.
    pub(super) fn interface(name: &str) -> Result<Self> {
        Ok(Self::Interface { interface: Interface::open(name)?, started: Instant::now(), frames: 0 })
    }

    /// The next packet; waits for it for a moment only.
    pub(super) fn next(&mut self) -> Result<Event> {
        match self {
            Self::Capture(capture) => Ok(capture.next().map_or(Event::End, |frame| of_frame(&frame))),
            Self::Sockets { packets, frames, .. } => match packets.recv_timeout(PATIENCE) {
                Ok(datagram) => {
                    *frames += 1;
                    Ok(Event::Datagram(Datagram { frame: *frames, ..datagram }))
                }
                Err(RecvTimeoutError::Timeout) => Ok(Event::Nothing),
                Err(RecvTimeoutError::Disconnected) => Err(Failure::new("the sockets are closed")),
            },
            Self::Interface { interface, started, frames } => {
                let Some(octets) = interface.next()? else { return Ok(Event::Nothing) };
                *frames += 1;
                let at = started.elapsed();
                Ok(of_frame(&Frame { number: *frames, at, link: Link::Ip, octets: octets.to_vec() }))
            }
        }
    }

    /// What was wrong with the source itself.
    pub(super) fn damage(&self) -> Option<&str> {
        match self {
            Self::Capture(capture) => capture.damage(),
            Self::Sockets { .. } | Self::Interface { .. } => None,
        }
    }
}

fn of_frame(frame: &Frame) -> Event {
    frame.datagram().map_or_else(Event::Skipped, Event::Datagram)
}

fn forward(sender: SyncSender<Datagram>, to: SocketAddr, started: Instant) -> impl FnMut(Arrival<'_>) + Send + 'static {
    move |Arrival { from, octets, age }| {
        let at = started.elapsed().saturating_sub(age);
        // Nobody waits for it any more when the program ends.
        let _ = sender.try_send(Datagram { frame: 0, at, from, to, octets: octets.to_vec() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_files_are_told_apart() {
        assert!(matches!("udp://239.1.2.3:5004".parse(), Ok(Place::Address(_))));
        assert_eq!("song.pcap".parse(), Ok(Place::File("song.pcap".into())));
        assert_eq!("-".parse(), Ok(Place::File("-".into())));
        assert!("udp://239.1.2.3".parse::<Place>().is_err());
    }
}
