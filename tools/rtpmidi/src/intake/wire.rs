//! What came off the wire: who may speak, what is dropped on purpose, and what there was of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::gate::Gate;
use crate::loss::Channel;
use crate::rtp::{says_goodbye, source};

/// Decides about each datagram and counts. Times are counted from any start.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    /// None while no stream is expected.
    gate: Option<Gate>,
    loss: Option<Channel>,
    /// When the sender gave a sign of life.
    heard: Option<Duration>,
    /// The first and the last RTP packet.
    span: Option<(Duration, Duration)>,
    /// The same since [`Self::expect`].
    played: Option<(Duration, Duration)>,
    /// The SSRC that said goodbye, and when.
    left: Option<(u32, Duration)>,
    /// Who has said goodbye before any packet was read: reports have a socket of their own.
    early: Option<(IpAddr, u32)>,
    /// Where the sender's RTCP comes from, and receiver reports go to.
    reports_to: Option<SocketAddr>,
    /// Without the duration, and without what the gate counts.
    tally: Tally,
}

/// What has come of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    /// From the first RTP packet to the last.
    pub(crate) duration: Duration,
    /// RTP packets that were let through.
    pub(crate) packets: u64,
    /// Their octets.
    pub(crate) octets: u64,
    /// Packets dropped on purpose.
    pub(crate) dropped: u64,
    /// Datagrams that were not for us.
    pub(crate) foreign: u64,
}

/// Of two streams at once.
impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            duration: self.duration.max(other.duration),
            packets: self.packets + other.packets,
            octets: self.octets + other.octets,
            dropped: self.dropped + other.dropped,
            foreign: self.foreign + other.foreign,
        }
    }
}

impl Wire {
    /// Nothing received yet, and nothing expected; `loss` drops packets on purpose.
    pub(super) fn new(loss: Option<Channel>) -> Self {
        Self {
            gate: None,
            loss,
            heard: None,
            span: None,
            played: None,
            left: None,
            early: None,
            reports_to: None,
            tally: Tally::default(),
        }
    }

    /// Expects a stream anew, from whom `gate` lets pass; nothing at all without one.
    pub(super) fn expect(&mut self, gate: Option<Gate>) {
        self.tally.foreign = self.foreign();
        (self.gate, self.left, self.early, self.reports_to, self.played) = (gate, None, None, None, None);
    }

    /// Whether a stream is expected.
    pub(super) const fn is_open(&self) -> bool {
        self.gate.is_some()
    }

    /// Whether an RTP datagram goes on to the receiver.
    pub(super) fn rtp(&mut self, at: Duration, from: SocketAddr, datagram: &[u8]) -> bool {
        if !self.gate.as_mut().is_some_and(|gate| gate.admits(at, from, datagram)) {
            return false;
        }
        self.heard = Some(at);
        if let Some((address, ssrc)) = self.early.take()
            && address == from.ip()
            && self.ssrc() == Some(ssrc)
        {
            self.left = Some((ssrc, at));
        }
        for span in [&mut self.span, &mut self.played] {
            *span = Some((span.map_or(at, |(first, _)| first), at));
        }
        if self.loss.as_mut().is_some_and(Channel::loses) {
            self.tally.dropped += 1;
            return false;
        }
        self.tally.packets += 1;
        self.tally.octets += datagram.len() as u64;
        true
    }

    /// Whether an RTCP datagram goes on to the receiver. None is dropped on purpose.
    pub(super) fn rtcp(&mut self, at: Duration, from: SocketAddr, datagram: &[u8]) -> bool {
        let admitted = self.gate.as_mut().is_some_and(|gate| gate.admits_rtcp(from.ip(), datagram));
        if admitted {
            self.heard = Some(at);
            self.reports_to = Some(from);
            let heard = self.ssrc();
            let leaves = heard.or_else(|| source(datagram)).filter(|ssrc| says_goodbye(datagram, *ssrc));
            match leaves {
                Some(ssrc) if heard.is_some() => self.left = Some((ssrc, at)),
                Some(ssrc) => self.early = Some((from.ip(), ssrc)),
                None => {}
            }
        }
        admitted
    }

    /// Counts a datagram that nobody could open.
    pub(super) fn refuse(&mut self) {
        self.gate.iter_mut().for_each(Gate::refuse);
    }

    /// How long ago the sender said goodbye; not if it has come back as another source since.
    pub(super) fn left_for(&self, now: Duration) -> Option<Duration> {
        let (ssrc, left) = self.left?;
        (self.ssrc() == Some(ssrc)).then(|| now.saturating_sub(left))
    }

    /// How long the sender has been silent; `None` before its first datagram.
    pub(super) fn silent_for(&self, now: Duration) -> Option<Duration> {
        self.heard.map(|heard| now.saturating_sub(heard))
    }

    /// When the first RTP packet came.
    pub(super) fn first(&self) -> Option<Duration> {
        self.span.map(|(first, _)| first)
    }

    /// From the first RTP packet to the last, since the stream has been expected; `None` before the first.
    pub(super) fn played(&self) -> Option<Duration> {
        self.played.map(|(first, last)| last.saturating_sub(first))
    }

    pub(super) const fn reports_to(&self) -> Option<SocketAddr> {
        self.reports_to
    }

    /// What has come so far.
    pub(super) fn tally(&self) -> Tally {
        Tally {
            duration: self.span.map_or(Duration::ZERO, |(first, last)| last.saturating_sub(first)),
            foreign: self.foreign(),
            ..self.tally
        }
    }

    /// The SSRC of the sender.
    pub(super) fn ssrc(&self) -> Option<u32> {
        self.gate.as_ref()?.ssrc()
    }

    fn foreign(&self) -> u64 {
        self.tally.foreign + self.gate.as_ref().map_or(0, Gate::foreign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::gate::Proof;
    use crate::intake::gate::Senders;
    use crate::rtp;

    const PACKET: [u8; 14] = [0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];
    const SECOND: Duration = Duration::from_secs(1);

    fn wire(loss: Option<&str>) -> Wire {
        let mut wire = Wire::new(loss.map(|loss| Channel::new(loss.parse().unwrap(), 1)));
        wire.expect(Some(Gate::new(96, Senders::All, Proof::Address)));
        wire
    }

    fn sender() -> SocketAddr {
        "127.0.0.1:4000".parse().unwrap()
    }

    #[test]
    fn packets_are_counted_with_their_header() {
        let mut wire = wire(None);
        assert!(wire.rtp(SECOND, sender(), &PACKET));
        assert!(wire.rtp(3 * SECOND, sender(), &PACKET));
        assert!(!wire.rtp(4 * SECOND, sender(), b"garbage"));
        assert_eq!(wire.tally(), Tally { duration: 2 * SECOND, packets: 2, octets: 28, dropped: 0, foreign: 1 });
        assert_eq!(wire.first(), Some(SECOND));
    }

    #[test]
    fn what_is_dropped_on_purpose_is_still_a_sign_of_life() {
        let mut wire = wire(Some("100"));
        assert_eq!(wire.silent_for(SECOND), None);
        assert!(!wire.rtp(SECOND, sender(), &PACKET));
        assert_eq!((wire.tally().packets, wire.tally().dropped), (0, 1));
        assert_eq!(wire.silent_for(3 * SECOND), Some(2 * SECOND));
    }

    #[test]
    fn goodbye_is_of_the_source_that_is_heard() {
        let mut wire = wire(None);
        assert!(wire.rtp(SECOND, sender(), &PACKET));
        assert!(wire.rtcp(SECOND, sender(), &rtp::goodbye(2)));
        assert_eq!(wire.left_for(3 * SECOND), None);
        assert!(wire.rtcp(2 * SECOND, sender(), &rtp::goodbye(1)));
        assert_eq!(wire.left_for(3 * SECOND), Some(SECOND));
        let mut another = PACKET;
        another[11] = 9;
        assert!(wire.rtp(3 * SECOND, sender(), &another));
        assert_eq!(wire.left_for(3 * SECOND), None, "it has come back");
    }

    #[test]
    fn a_goodbye_that_is_read_before_the_packets_counts_if_it_is_of_their_sender() {
        let stranger: SocketAddr = "10.0.0.1:4001".parse().unwrap();
        for (from, ssrc, left) in [(sender(), 1, Some(SECOND)), (sender(), 2, None), (stranger, 1, None)] {
            let mut wire = wire(None);
            assert!(wire.rtcp(SECOND, from, &rtp::goodbye(ssrc)) && wire.rtp(2 * SECOND, sender(), &PACKET));
            assert_eq!(wire.left_for(3 * SECOND), left, "{from} {ssrc}");
        }
    }

    #[test]
    fn reports_go_to_where_the_senders_come_from() {
        let mut wire = wire(Some("100"));
        assert!(wire.rtp(SECOND, sender(), &PACKET) || wire.reports_to().is_none());
        let rtcp: SocketAddr = "127.0.0.1:4001".parse().unwrap();
        assert!(wire.rtcp(2 * SECOND, rtcp, &rtp::goodbye(1)), "RTCP is never dropped on purpose");
        assert_eq!(wire.reports_to(), Some(rtcp));
        assert!(!wire.rtcp(2 * SECOND, "10.0.0.1:4001".parse().unwrap(), &rtp::goodbye(1)));
        assert_eq!(wire.reports_to(), Some(rtcp));
    }

    #[test]
    fn a_stream_that_is_expected_anew_may_come_from_elsewhere() {
        let mut wire = wire(None);
        assert!(wire.rtp(SECOND, sender(), &PACKET) && wire.rtcp(SECOND, sender(), &rtp::goodbye(1)));
        let elsewhere: SocketAddr = "127.0.0.1:5000".parse().unwrap();
        assert!(!wire.rtp(SECOND, elsewhere, &PACKET));
        wire.expect(None);
        assert!(!wire.rtp(SECOND, sender(), &PACKET), "nothing is expected");
        wire.expect(Some(Gate::new(96, Senders::All, Proof::Address)));
        assert_eq!((wire.left_for(SECOND), wire.reports_to(), wire.played()), (None, None, None));
        assert!(wire.rtp(SECOND, elsewhere, &PACKET));
        assert_eq!((wire.tally().packets, wire.tally().foreign), (2, 1));
    }
}
