//! The one way in for the packets of a stream, however they arrive: what is known of them, and the way back.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::gate::{Gate, Proof, Senders};
use super::source::Source;
use super::wire::{Tally, Wire};
use crate::loss::Channel;
use crate::srtp::Sealer;

/// What the threads that read packets share with those that look on. It stays while connections come and go.
#[derive(Debug)]
pub(crate) struct Entrance {
    wire: Mutex<Wire>,
    /// Sends reports.
    back: Mutex<Option<Back>>,
    started: Instant,
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
        Self { wire: Mutex::new(Wire::new(loss)), back: Mutex::new(None), started: Instant::now() }
    }

    /// Lets the packets of `source` through from here on, if they come from one of `senders`. Reports leave by `back`.
    pub(super) fn open(&self, source: &Source, senders: Senders, back: Option<Back>) {
        let proof = if back.as_ref().is_some_and(|back| back.sealer.is_some()) { Proof::Seal } else { Proof::Address };
        lock(&self.wire).expect(Some(Gate::new(source.stream.payload_type, senders, proof)));
        *lock(&self.back) = back;
    }

    /// Lets nothing through.
    pub(super) fn close(&self) {
        lock(&self.wire).expect(None);
    }

    /// Whether an RTP packet from this address goes on.
    pub(super) fn admits_rtp(&self, from: SocketAddr, packet: &[u8]) -> bool {
        lock(&self.wire).rtp(self.started.elapsed(), from, packet)
    }

    /// Whether an RTCP packet from this address goes on.
    pub(super) fn admits_rtcp(&self, from: SocketAddr, packet: &[u8]) -> bool {
        lock(&self.wire).rtcp(self.started.elapsed(), from, packet)
    }

    /// Counts a packet that nobody could open: it is somebody else's, and whose it says it is means nothing.
    pub(super) fn refuse(&self) {
        lock(&self.wire).refuse();
    }

    /// Sends RTCP to where that of the sender comes from, as long as that is known. In RTSP the client reports itself.
    pub(crate) fn report(&self, packet: &[u8]) {
        let to = lock(&self.wire).reports_to();
        if let (Some(back), Some(to)) = (&*lock(&self.back), to) {
            // The next report says the same and more; without a BYE the sender waits for reports for a while.
            let _ = back.send(packet, to);
        }
    }

    /// How long nothing has come.
    pub(crate) fn silence(&self) -> Silence {
        let now = self.started.elapsed();
        lock(&self.wire).silent_for(now).map_or(Silence::BeforeFirst(now), Silence::AfterLast)
    }

    /// How long ago the sender said goodbye; not if it has come back as another source since.
    pub(super) fn left_for(&self) -> Option<Duration> {
        lock(&self.wire).left_for(self.started.elapsed())
    }

    /// From the first packet to the last, since the entrance has been opened; `None` before the first.
    pub(super) fn played(&self) -> Option<Duration> {
        lock(&self.wire).played()
    }

    /// The SSRC of the sender, if it is heard.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        lock(&self.wire).ssrc()
    }

    /// Time since the first packet.
    pub(crate) fn position(&self) -> Duration {
        let now = self.started.elapsed();
        lock(&self.wire).first().map_or(Duration::ZERO, |first| now.saturating_sub(first))
    }

    /// What has come so far.
    pub(crate) fn tally(&self) -> Tally {
        lock(&self.wire).tally()
    }
}

impl Back {
    fn send(&self, packet: &[u8], to: SocketAddr) -> io::Result<usize> {
        let Some(sealer) = &self.sealer else { return self.socket.send_to(packet, to) };
        sealer.rtcp(packet).map_or(Ok(0), |sealed| self.socket.send_to(&sealed, to))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
