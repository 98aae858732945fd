//! The one way in for the packets of a stream, however they arrive: what is known of them, and the way back.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::gate::{Gate, Proof, Senders};
use super::source::Source;
use super::wire::{Tally, Wire};
use crate::lock::lock;
use crate::loss::Channel;
use crate::srtp::Sealer;

/// What the threads that read packets share with those that look on. It stays while connections come and go.
#[derive(Debug)]
pub(crate) struct Entrance {
    /// Those of all streams that are taken in.
    lanes: Mutex<Vec<Lane>>,
    /// What drops packets on purpose, for each stream anew.
    loss: Option<Channel>,
    started: Instant,
}

/// The way of one stream.
#[derive(Debug)]
struct Lane {
    wire: Wire,
    /// Sends reports.
    back: Option<Arc<Back>>,
}

/// The way back to a sender.
#[derive(Debug)]
pub(super) struct Back {
    pub(super) socket: UdpSocket,
    /// Seals what leaves, where all is sealed.
    pub(super) sealer: Option<Sealer>,
}

/// How long nothing has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Silence {
    /// Since the start.
    BeforeFirst(Duration),
    /// Since the last sign of life.
    AfterLast(Duration),
}

impl Silence {
    /// How long it is.
    pub(crate) const fn length(self) -> Duration {
        let (Self::BeforeFirst(length) | Self::AfterLast(length)) = self;
        length
    }
}

impl Entrance {
    /// An entrance that lets nothing through yet. `loss` drops packets on purpose.
    pub(super) fn new(loss: Option<Channel>) -> Self {
        Self { lanes: Mutex::default(), loss, started: Instant::now() }
    }

    /// Lets the packets of `source`, which is the stream of this number, through from here on, if they come from one of
    /// `senders`. Reports leave by `back`.
    pub(super) fn open(&self, number: usize, source: &Source, senders: Senders, back: Option<Back>) {
        let proof = if source.transport.protocol.has_crypto() { Proof::Seal } else { Proof::Address };
        let mut lanes = lock(&self.lanes);
        while lanes.len() <= number {
            lanes.push(Lane { wire: Wire::new(self.loss.clone()), back: None });
        }
        if let Some(lane) = lanes.get_mut(number) {
            lane.wire.expect(Some(Gate::new(source.stream.payload_type, senders, proof)));
            lane.back = back.map(Arc::new);
        }
    }

    /// Lets nothing through.
    pub(super) fn close(&self) {
        lock(&self.lanes).iter_mut().for_each(|lane| lane.wire.expect(None));
    }

    /// Whether an RTP packet of the stream of this number from this address goes on, which came so long ago.
    pub(super) fn admits_rtp(&self, number: usize, from: SocketAddr, packet: &[u8], age: Duration) -> bool {
        let at = self.started.elapsed().saturating_sub(age);
        lock(&self.lanes).get_mut(number).is_some_and(|lane| lane.wire.rtp(at, from, packet))
    }

    /// Whether an RTCP packet from this address goes on.
    pub(super) fn admits_rtcp(&self, number: usize, from: SocketAddr, packet: &[u8]) -> bool {
        let at = self.started.elapsed();
        lock(&self.lanes).get_mut(number).is_some_and(|lane| lane.wire.rtcp(at, from, packet))
    }

    /// Counts a packet that nobody could open: it is somebody else's, and whose it says it is means nothing.
    pub(super) fn refuse(&self, number: usize) {
        lock(&self.lanes).get_mut(number).into_iter().for_each(|lane| lane.wire.refuse());
    }

    /// Sends RTCP to where that of the sender comes from, as long as that is known. In RTSP the client reports itself.
    pub(crate) fn report(&self, number: usize, packet: &[u8]) {
        let way = {
            let lanes = lock(&self.lanes);
            lanes.get(number).and_then(|lane| lane.back.clone().zip(lane.wire.reports_to()))
        };
        if let Some((back, to)) = way {
            // The next report says the same and more; without a BYE the sender waits for reports for a while.
            let _ = back.send(packet, to);
        }
    }

    /// How long nothing has come, of any stream.
    pub(crate) fn silence(&self) -> Silence {
        let (now, lanes) = (self.started.elapsed(), lock(&self.lanes));
        let shortest = lanes.iter().filter_map(|lane| lane.wire.silent_for(now)).min();
        shortest.map_or(Silence::BeforeFirst(now), Silence::AfterLast)
    }

    /// How long ago the last sender said goodbye; not if it has come back as another source since. One that was never heard
    /// has left with the others.
    pub(super) fn left_for(&self) -> Option<Duration> {
        let (now, lanes) = (self.started.elapsed(), lock(&self.lanes));
        let mut heard = lanes.iter().map(|lane| &lane.wire).filter(|wire| wire.is_open() && wire.ssrc().is_some());
        let first = heard.next()?.left_for(now)?;
        heard.try_fold(first, |shortest, wire| Some(shortest.min(wire.left_for(now)?)))
    }

    /// From the first packet to the last, since the entrance has been opened; `None` before the first.
    pub(super) fn played(&self) -> Option<Duration> {
        lock(&self.lanes).iter().filter_map(|lane| lane.wire.played()).max()
    }

    /// The SSRC of the sender of the stream of this number, if it is heard.
    pub(crate) fn ssrc(&self, number: usize) -> Option<u32> {
        lock(&self.lanes).get(number)?.wire.ssrc()
    }

    /// Time since the first packet.
    pub(crate) fn position(&self) -> Duration {
        let (now, lanes) = (self.started.elapsed(), lock(&self.lanes));
        let first = lanes.iter().filter_map(|lane| lane.wire.first()).min();
        first.map_or(Duration::ZERO, |first| now.saturating_sub(first))
    }

    /// What has come so far.
    pub(crate) fn tally(&self) -> Tally {
        lock(&self.lanes).iter().fold(Tally::default(), |sum, lane| sum + lane.wire.tally())
    }
}

impl Back {
    fn send(&self, packet: &[u8], to: SocketAddr) -> io::Result<usize> {
        let Some(sealer) = &self.sealer else { return self.socket.send_to(packet, to) };
        sealer.rtcp(packet).map_or(Ok(0), |sealed| self.socket.send_to(&sealed, to))
    }
}
