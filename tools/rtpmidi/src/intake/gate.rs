//! Who is heard: one sender, and nothing but RTP of the described payload type.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::rtp::{self, Header};

/// How long the sender must have been silent before another one is accepted in its place.
pub(super) const FAITHFUL_FOR: Duration = Duration::from_secs(5);

/// Lets the packets of one sender pass.
///
/// The first packet of the described payload type decides who the sender is. It may change its SSRC at any time, as a
/// sender does that found a collision or was started again from the same port; another address is accepted only when
/// the sender has been silent for some seconds.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    payload_type: u8,
    senders: Senders,
    proof: Proof,
    sender: Option<Sender>,
    foreign: u64,
}

/// By what a packet is known to be the sender's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Proof {
    /// By where it comes from.
    Address,
    /// Only who has the key could have made it. It may come from elsewhere as well: whoever sends a copy from there
    /// before the packet itself comes must not keep it from being heard, since it is heard once only.
    Seal,
}

/// Who may be the sender (`a=source-filter`, RFC 4570).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Senders {
    /// Anybody.
    #[default]
    All,
    /// One of these.
    Only(Vec<IpAddr>),
    /// None of these.
    AllBut(Vec<IpAddr>),
}

impl Senders {
    fn has(&self, address: IpAddr) -> bool {
        match self {
            Self::All => true,
            Self::Only(addresses) => addresses.contains(&address),
            Self::AllBut(addresses) => !addresses.contains(&address),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Sender {
    address: SocketAddr,
    ssrc: u32,
    heard: Duration,
}

impl Gate {
    /// A gate for streams of this payload type that one of these senders has.
    pub(super) const fn new(payload_type: u8, senders: Senders, proof: Proof) -> Self {
        Self { payload_type, senders, proof, sender: None, foreign: 0 }
    }

    /// Whether an RTP datagram passes; `at` is a time that only rises.
    pub(crate) fn admits(&mut self, at: Duration, from: SocketAddr, datagram: &[u8]) -> bool {
        let header = Header::parse(datagram)
            .filter(|header| header.payload_type == self.payload_type && self.senders.has(from.ip()));
        let is_the_sender = |sender: Sender| {
            sender.address == from
                || self.proof == Proof::Seal && header.is_some_and(|header| header.ssrc == sender.ssrc)
        };
        let free =
            self.sender.is_none_or(|sender| is_the_sender(sender) || at.saturating_sub(sender.heard) > FAITHFUL_FOR);
        match header {
            Some(Header { ssrc, .. }) if free => self.sender = Some(Sender { address: from, ssrc, heard: at }),
            _ => self.foreign += 1,
        }
        header.is_some() && free
    }

    /// Whether an RTCP datagram passes. It comes from another port of the sender, or from anywhere if it is sealed; before
    /// the first RTP packet any address may turn out to be the sender's.
    pub(crate) fn admits_rtcp(&mut self, from: IpAddr, datagram: &[u8]) -> bool {
        let admitted = rtp::is_rtcp(datagram)
            && self.senders.has(from)
            && (self.proof == Proof::Seal || self.sender.is_none_or(|sender| sender.address.ip() == from));
        if !admitted {
            self.foreign += 1;
        }
        admitted
    }

    /// Counts a datagram that cannot pass.
    pub(super) const fn refuse(&mut self) {
        self.foreign += 1;
    }

    /// The SSRC of the sender, if there is one.
    pub(super) fn ssrc(&self) -> Option<u32> {
        self.sender.map(|sender| sender.ssrc)
    }

    /// Datagrams that did not pass.
    pub(super) const fn foreign(&self) -> u64 {
        self.foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn packet(payload_type: u8, ssrc: u8) -> Vec<u8> {
        vec![0x80, payload_type, 0, 1, 0, 0, 0, 0, 0, 0, 0, ssrc, 0]
    }

    fn from(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_sender_is_the_sender() {
        let mut gate = Gate::new(96, Senders::All, Proof::Address);
        assert!(gate.admits(SECOND, from("10.0.0.1:4000"), &packet(96, 1)));
        assert!(!gate.admits(SECOND, from("10.0.0.2:4000"), &packet(96, 2)));
        assert!(!gate.admits(SECOND, from("10.0.0.1:4001"), &packet(96, 2)));
        assert!(gate.admits(SECOND, from("10.0.0.1:4000"), &packet(96, 3)), "a new SSRC from the same address");
        assert_eq!(gate.foreign(), 2);
    }

    #[test]
    fn a_sealed_packet_is_the_senders_wherever_it_comes_from() {
        let mut gate = Gate::new(96, Senders::All, Proof::Seal);
        assert!(gate.admits(SECOND, from("10.0.0.9:9"), &packet(96, 1)), "a copy that was faster");
        assert!(gate.admits(SECOND, from("10.0.0.1:4000"), &packet(96, 1)));
        assert!(gate.admits(SECOND, from("10.0.0.1:4000"), &packet(96, 2)));
        assert!(!gate.admits(SECOND, from("10.0.0.2:4000"), &packet(96, 3)), "another sender with the key");
        assert!(gate.admits_rtcp(from("10.0.0.9:9").ip(), &rtp::goodbye(2)), "a copy of a report");
    }

    #[test]
    fn garbage_does_not_become_the_sender() {
        let mut gate = Gate::new(96, Senders::All, Proof::Address);
        for garbage in [&b""[..], b"hello", &[0x80; 13], &packet(97, 1), &[0xFF; 1500]] {
            assert!(!gate.admits(SECOND, from("10.0.0.9:9"), garbage));
        }
        assert!(gate.admits(SECOND, from("10.0.0.1:4000"), &packet(96, 1)));
        assert_eq!(gate.foreign(), 5);
    }

    #[test]
    fn a_sender_that_fell_silent_can_be_replaced() {
        let mut gate = Gate::new(96, Senders::All, Proof::Address);
        assert!(gate.admits(SECOND, from("10.0.0.1:4000"), &packet(96, 1)));
        assert!(!gate.admits(6 * SECOND, from("10.0.0.1:5000"), &packet(96, 2)));
        assert!(gate.admits(7 * SECOND, from("10.0.0.1:5000"), &packet(96, 2)));
        assert!(!gate.admits(8 * SECOND, from("10.0.0.1:4000"), &packet(96, 1)));
    }

    #[test]
    fn rtcp_comes_from_the_senders_address() {
        let mut gate = Gate::new(96, Senders::All, Proof::Address);
        let report = rtp::goodbye(1);
        assert!(gate.admits_rtcp(from("10.0.0.2:1").ip(), &report));
        assert!(gate.admits(SECOND, from("10.0.0.1:4000"), &packet(96, 1)));
        assert!(gate.admits_rtcp(from("10.0.0.1:1").ip(), &report));
        assert!(!gate.admits_rtcp(from("10.0.0.2:1").ip(), &report));
        assert!(!gate.admits_rtcp(from("10.0.0.1:1").ip(), b"garbage"));
    }

    #[test]
    fn who_is_not_among_the_sources_is_not_heard() {
        let (here, there) = (from("192.0.2.1:5004"), from("192.0.2.2:5004"));
        let mut only = Gate::new(96, Senders::Only(vec![here.ip()]), Proof::Address);
        assert!(!only.admits(SECOND, there, &packet(96, 1)) && only.admits(SECOND, here, &packet(96, 1)));
        let mut but = Gate::new(96, Senders::AllBut(vec![here.ip()]), Proof::Address);
        assert!(!but.admits(SECOND, here, &packet(96, 1)) && but.admits(SECOND, there, &packet(96, 1)));
        assert_eq!((only.foreign(), but.foreign()), (1, 1));
    }
}
