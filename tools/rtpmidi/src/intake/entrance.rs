//! The one way in for the packets of a stream, however they arrive: what is known of them, and the way back.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::source::Source;
use super::wire::{Tally, Wire};
use crate::loss::Channel;

/// What the threads that read packets share with those that look on.
#[derive(Debug)]
pub(crate) struct Entrance {
    wire: Mutex<Wire>,
    /// Sends reports.
    back: UdpSocket,
    started: Instant,
}

/// How long nothing has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Silence {
    /// Since the start.
    BeforeFirst(Duration),
    /// Since the last sign of life.
    AfterLast(Duration),
}

impl Entrance {
    /// An entrance for the packets of `source`, of which `loss` drops some on purpose; reports leave by `back`.
    pub(super) fn new(source: &Source, loss: Option<Channel>, back: UdpSocket) -> Self {
        let wire = Mutex::new(Wire::new(&source.stream, source.senders.clone(), loss));
        Self { wire, back, started: Instant::now() }
    }

    /// Whether an RTP packet from this address goes on.
    pub(super) fn admits_rtp(&self, from: SocketAddr, packet: &[u8]) -> bool {
        self.wire().rtp(self.started.elapsed(), from, packet)
    }

    /// Whether an RTCP packet from this address goes on.
    pub(super) fn admits_rtcp(&self, from: SocketAddr, packet: &[u8]) -> bool {
        self.wire().rtcp(self.started.elapsed(), from, packet)
    }

    /// Sends RTCP to where that of the sender comes from; to nobody as long as none has come.
    pub(crate) fn report(&self, packet: &[u8]) {
        if let Some(to) = self.wire().reports_to() {
            // The next report says the same and more; without a BYE the sender waits for reports for a while.
            let _ = self.back.send_to(packet, to);
        }
    }

    /// How long nothing has come.
    pub(crate) fn silence(&self) -> Silence {
        let now = self.started.elapsed();
        self.wire().silent_for(now).map_or(Silence::BeforeFirst(now), Silence::AfterLast)
    }

    /// How long ago the sender said goodbye; not if it has come back as another source since.
    pub(crate) fn left_for(&self) -> Option<Duration> {
        self.wire().left_for(self.started.elapsed())
    }

    /// Time since the first packet.
    pub(crate) fn position(&self) -> Duration {
        let now = self.started.elapsed();
        self.wire().first().map_or(Duration::ZERO, |first| now.saturating_sub(first))
    }

    /// What has come so far.
    pub(crate) fn tally(&self) -> Tally {
        self.wire().tally()
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
