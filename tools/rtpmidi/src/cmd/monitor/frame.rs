//! From frames to UDP datagrams: link layers, IP, and what is no UDP.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};

/// A frame as it was captured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    /// Frames are counted from 1, as other tools count them.
    pub(super) number: u64,
    /// Since 1970 or since the start.
    pub(super) at: Duration,
    pub(super) link: Link,
    pub(super) octets: Vec<u8>,
}

/// What a frame begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    Ethernet,
    /// Linux cooked capture, as of `tcpdump -i any`.
    Cooked,
    CookedV2,
    /// Four octets that name the address family.
    Loopback,
    /// Nothing: IP at once.
    Ip,
    /// A link type of this number, which is not understood.
    Other(i32),
}

/// A UDP datagram.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Datagram {
    /// The number of its frame, or of the datagram itself.
    pub(super) frame: u64,
    pub(super) at: Duration,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) octets: Vec<u8>,
}

/// Why a frame is no datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Skip {
    Fragment,
    Tcp,
    LinkType,
    /// Neither, such as ARP, or what cannot be read.
    Other,
}

/// How many frames were skipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Skipped {
    pub(super) fragments: u64,
    pub(super) tcp: u64,
    pub(super) link_types: u64,
    pub(super) others: u64,
}

impl Frame {
    /// Takes the frame apart. Of one that was cut short by the capture, what there is.
    pub(super) fn datagram(&self) -> Result<Datagram, Skip> {
        let packet = match self.link {
            Link::Ethernet => LaxSlicedPacket::from_ethernet(&self.octets).map_err(|_| Skip::Other)?,
            Link::Cooked => self.behind::<16>(14)?,
            Link::CookedV2 => self.behind::<20>(0)?,
            Link::Loopback => ip(self.octets.get(4..).unwrap_or_default())?,
            Link::Ip => ip(&self.octets)?,
            Link::Other(_) => return Err(Skip::LinkType),
        };
        let (from, to, is_fragment) = match &packet.net {
            Some(LaxNetSlice::Ipv4(ip)) => {
                let header = ip.header();
                (IpAddr::from(header.source_addr()), header.destination_addr().into(), ip.is_payload_fragmented())
            }
            Some(LaxNetSlice::Ipv6(ip)) => {
                let header = ip.header();
                (header.source_addr().into(), IpAddr::from(header.destination_addr()), ip.is_payload_fragmented())
            }
            _ => return Err(Skip::Other),
        };
        match &packet.transport {
            _ if is_fragment => Err(Skip::Fragment),
            Some(TransportSlice::Udp(udp)) => Ok(Datagram {
                frame: self.number,
                at: self.at,
                from: (from, udp.source_port()).into(),
                to: (to, udp.destination_port()).into(),
                octets: udp.payload().to_vec(),
            }),
            Some(TransportSlice::Tcp(_)) => Err(Skip::Tcp),
            _ => Err(Skip::Other),
        }
    }

    /// What follows a header of `LENGTH` octets that has an `EtherType` at `place`.
    fn behind<const LENGTH: usize>(&self, place: usize) -> Result<LaxSlicedPacket<'_>, Skip> {
        let (header, rest) = self.octets.split_first_chunk::<LENGTH>().ok_or(Skip::Other)?;
        let kind = u16::from_be_bytes([header[place], header[place + 1]]);
        Ok(LaxSlicedPacket::from_ether_type(EtherType(kind), rest))
    }
}

fn ip(octets: &[u8]) -> Result<LaxSlicedPacket<'_>, Skip> {
    LaxSlicedPacket::from_ip(octets).map_err(|_| Skip::Other)
}

impl Skipped {
    /// Counts one more.
    pub(super) fn count(&mut self, skip: Skip) {
        *match skip {
            Skip::Fragment => &mut self.fragments,
            Skip::Tcp => &mut self.tcp,
            Skip::LinkType => &mut self.link_types,
            Skip::Other => &mut self.others,
        } += 1;
    }
}

/// `3 fragments, 1 TCP segment`, or nothing.
impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.fragments, "IP fragment"),
            (self.tcp, "TCP segment"),
            (self.link_types, "unreadable link layer"),
            (self.others, "other frame"),
        ];
        let mut before = "";
        for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{before}{}", crate::report::plural(count, what))?;
            before = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    const PAYLOAD: &[u8] = b"hello";

    fn parse(link: Link, octets: Vec<u8>) -> Result<Datagram, Skip> {
        Frame { number: 1, at: Duration::ZERO, link, octets }.datagram()
    }

    fn addresses(datagram: &Datagram) -> String {
        format!("{} {} {}", datagram.from, datagram.to, String::from_utf8_lossy(&datagram.octets))
    }

    fn raw() -> Vec<u8> {
        let mut octets = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 9).udp(5004, 5006).write(&mut octets, PAYLOAD).unwrap();
        octets
    }

    #[test]
    fn every_link_layer_leads_to_the_datagram() {
        let mut ethernet = Vec::new();
        PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 9)
            .udp(5004, 5006)
            .write(&mut ethernet, PAYLOAD)
            .unwrap();
        let vlan = [&ethernet[..12], &[0x81, 0, 0, 7], &ethernet[12..]].concat();
        let cooked = [&[0; 14][..], &[8, 0], &raw()].concat();
        let cooked_v2 = [&[8, 0][..], &[0; 18], &raw()].concat();
        let loopback = [&[2, 0, 0, 0][..], &raw()].concat();
        for (link, octets) in [
            (Link::Ethernet, ethernet),
            (Link::Ethernet, vlan),
            (Link::Cooked, cooked),
            (Link::CookedV2, cooked_v2),
            (Link::Loopback, loopback),
            (Link::Ip, raw()),
        ] {
            assert_eq!(addresses(&parse(link, octets).unwrap()), "10.0.0.1:5004 10.0.0.2:5006 hello", "{link:?}");
        }
    }

    #[test]
    fn ipv6_is_understood() {
        let mut octets = Vec::new();
        let (from, to) = ([0xFE; 16], [0xFF; 16]);
        PacketBuilder::ipv6(from, to, 9).udp(1, 2).write(&mut octets, PAYLOAD).unwrap();
        let datagram = parse(Link::Ip, octets).unwrap();
        assert!(datagram.from.is_ipv6() && datagram.to.ip().is_multicast());
    }

    #[test]
    fn a_frame_cut_short_gives_what_there_is() {
        let mut octets = raw();
        octets.truncate(octets.len() - 2);
        assert_eq!(parse(Link::Ip, octets).unwrap().octets, b"hel");
    }

    proptest! {
        #[test]
        fn any_octets_are_a_datagram_or_not(octets in prop::collection::vec(any::<u8>(), 0..80), cut in 0..60_usize) {
            let links = [Link::Ethernet, Link::Cooked, Link::CookedV2, Link::Loopback, Link::Ip, Link::Other(147)];
            let damaged = [&raw()[..cut.min(raw().len())], &octets].concat();
            for link in links {
                let _ = parse(link, octets.clone());
                let _ = parse(link, damaged.clone());
            }
        }
    }

    #[test]
    fn what_is_no_datagram_is_counted_by_kind() {
        let mut fragment = raw();
        fragment[6] |= 0x20;
        let mut tcp = Vec::new();
        PacketBuilder::ipv4([1; 4], [2; 4], 9).tcp(1, 2, 3, 4).write(&mut tcp, &[]).unwrap();
        let mut skipped = Skipped::default();
        for (link, octets) in [
            (Link::Ip, fragment),
            (Link::Ip, tcp),
            (Link::Other(147), raw()),
            (Link::Ethernet, vec![0; 5]),
            (Link::Ip, vec![0xFF; 60]),
        ] {
            skipped.count(parse(link, octets).unwrap_err());
        }
        assert_eq!(skipped.to_string(), "1 IP fragment, 1 TCP segment, 1 unreadable link layer, 2 other frames");
    }
}
