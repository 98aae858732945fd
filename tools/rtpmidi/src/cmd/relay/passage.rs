//! The way of packets through an edge: RTP as it came, and RTCP without goodbyes.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::intake::Packet;
use crate::lock::lock;
use crate::rtp::{self, Header};
use crate::serve::Live;

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
    /// Which of the latest numbers have not come: bit 0 is that of the latest one, bit 1 of the one before it.
    missing: u128,
    lost: u64,
}

impl Passage {
    /// A way to a channel, when so many packets have been missing before.
    pub(super) fn to(live: Live, lost: u64) -> Self {
        Self { live, count: Arc::new(Mutex::new(Count { lost, ..Count::default() })) }
    }

    /// Hands a packet on. RTCP of another source than the stream's is not about it.
    pub(super) fn take(&self, packet: Packet<'_>) {
        match packet {
            Packet::Rtp { octets, .. } => {
                self.count().observe(octets);
                self.live.push(octets, Instant::now());
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
        let ssrc = self.count().next.map(|(ssrc, _)| ssrc);
        // Nobody else says it: the reports of the server itself do not reach its clients.
        if let Some(ssrc) = ssrc {
            self.live.report(&rtp::goodbye(ssrc));
        }
        self.live.end();
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        lock(&self.count)
    }
}

impl Count {
    fn observe(&mut self, packet: &[u8]) {
        let (Some(header), Some(&[high, low])) = (Header::parse(packet), packet.get(2..4)) else { return };
        let sequence = u16::from_be_bytes([high, low]);
        match self.next.filter(|(ssrc, _)| *ssrc == header.ssrc).map(|(_, next)| sequence.wrapping_sub(next)) {
            Some(ahead) if ahead < 0x8000 => {
                self.lost += u64::from(ahead);
                let ahead = u32::from(ahead);
                let gap = 1_u128.checked_shl(ahead).map_or(u128::MAX, |bit| bit - 1) << 1;
                self.missing = self.missing.checked_shl(ahead + 1).unwrap_or(0) | gap;
            }
            Some(behind) => {
                // It was overtaken, and counted as lost, or comes twice; what is too long ago cannot be told.
                let bit = 1_u128.checked_shl(u32::from(!behind)).unwrap_or(0);
                self.lost -= u64::from(self.missing & bit != 0);
                self.missing &= !bit;
                return;
            }
            None => self.missing = 0,
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

    #[test]
    fn what_comes_twice_takes_the_place_of_nothing_that_is_lost() {
        let mut count = Count::default();
        let lost = [1_u16, 3, 3, 1, 2, 2, 200, 199, 199, 150, 20, 3000, 2999].map(|sequence| {
            let [high, low] = sequence.to_be_bytes();
            count.observe(&[0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
            count.lost
        });
        // 20 came too late to be told from one that comes twice.
        assert_eq!(lost, [0, 1, 1, 1, 0, 0, 196, 195, 195, 194, 194, 2993, 2992]);
    }
}
