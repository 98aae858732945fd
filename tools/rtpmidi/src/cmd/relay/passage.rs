//! The way of packets through an edge: RTP as it came, and RTCP without goodbyes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cmd::broadcast::rtsp::Live;
use crate::intake::Packet;
use crate::rtp::{self, Header};

/// Hands on what comes; all clones are one.
#[derive(Clone)]
pub(super) struct Passage {
    live: Live,
    count: Arc<Mutex<Count>>,
}

/// What the sequence numbers tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Count {
    /// The SSRC and the number that come next.
    next: Option<(u32, u16)>,
    lost: u64,
}

impl Passage {
    /// A way to a channel.
    pub(super) fn to(live: Live) -> Self {
        Self { live, count: Arc::default() }
    }

    /// Hands a packet on. RTCP of another source than the stream's is not about it.
    pub(super) fn take(&self, packet: Packet<'_>) {
        match packet {
            Packet::Rtp(packet) => {
                self.count().observe(packet);
                self.live.push(packet, gst::ClockTime::ZERO);
            }
            Packet::Rtcp(compound) => {
                let ssrc = self.count().next.map(|(ssrc, _)| ssrc);
                if ssrc.is_some() && rtp::source(compound) == ssrc {
                    // Who leaves may come back, and the clients stay.
                    self.live.report(&rtp::without_goodbye(compound));
                }
            }
        }
    }

    /// Packets that are missing in what came.
    pub(super) fn lost(&self) -> u64 {
        self.count().lost
    }

    /// The channel has another stream from now on: this one ends.
    pub(super) fn end(&self) {
        self.live.end();
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn observe(&mut self, packet: &[u8]) {
        let (Some(header), Some(&[high, low])) = (Header::parse(packet), packet.get(2..4)) else { return };
        let sequence = u16::from_be_bytes([high, low]);
        match self.next.filter(|(ssrc, _)| *ssrc == header.ssrc).map(|(_, next)| sequence.wrapping_sub(next)) {
            Some(ahead) if ahead < 0x8000 => self.lost += u64::from(ahead),
            // It was overtaken, and counted as lost.
            Some(_) => {
                self.lost = self.lost.saturating_sub(1);
                return;
            }
            None => {}
        }
        self.next = Some((header.ssrc, sequence.wrapping_add(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_counted_and_not_between_two_sources() {
        let mut count = Count::default();
        let lost = [(1, 65_534), (1, 1), (1, 0), (1, 2), (2, 900), (2, 902)].map(|(ssrc, sequence): (u8, u16)| {
            let [high, low] = sequence.to_be_bytes();
            count.observe(&[0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, ssrc, 0]);
            count.lost
        });
        assert_eq!(lost, [0, 2, 1, 1, 1, 2]);
        count.observe(&[0x80]);
        assert_eq!(count.lost, 2);
    }
}
