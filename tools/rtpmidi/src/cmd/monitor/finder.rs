//! Which datagrams belong to RTP MIDI streams.
//!
//! A stream shows itself by AppleMIDI sessions at its addresses, by a session description, or by its form: RTP with a
//! dynamic payload type whose payloads read whole. Whatever `--port` and `--pt` say is taken at its word.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rtp_midi::Config;
use rtp_types::RtpPacket;

use super::announcement::{self, Announcement};
use super::applemidi::Exchange;
use super::candidates::{Candidates, Verdict};
use super::frame::Datagram;
use super::rtcp;

/// What tells one stream from another: where it comes from, where it goes, and its source.
pub(super) type Key = (SocketAddr, SocketAddr, u32);

/// Finds streams.
#[derive(Debug, Default)]
pub(super) struct Finder {
    port: Option<u16>,
    payload_type: Option<u8>,
    sessions: HashSet<SocketAddr>,
    described: HashMap<(IpAddr, u16, u8), Arc<Described>>,
    formed: HashSet<Key>,
    candidates: Candidates,
    foreign: u64,
}

/// What a description says of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Described {
    pub(super) title: String,
    /// `None` when its journal is of an unknown kind.
    pub(super) config: Option<Config>,
    pub(super) clock_rate: u32,
}

/// How it is known that a stream is RTP MIDI.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// The user says so.
    Told,
    /// There is an AppleMIDI session at one of its addresses.
    Session,
    Described(Arc<Described>),
    /// Its packets look like it.
    Form,
}

/// `found by its AppleMIDI session`
impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told => f.write_str("as you say"),
            Self::Session => f.write_str("found by its AppleMIDI session"),
            Self::Described(described) => write!(f, "found by the description of {:?}", described.title),
            Self::Form => f.write_str("found by its form"),
        }
    }
}

/// What a datagram is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Exchange(Exchange),
    Announcement(Box<Announcement>),
    Rtcp,
    /// A packet of a stream.
    Stream(How),
    /// A packet of a stream, which those kept so far belong to as well.
    Found(Vec<Datagram>),
    /// At the place of a stream, but no RTP packet.
    Broken(String),
    /// It may become part of a stream and is kept.
    Kept,
    Foreign,
}

/// So many places are remembered; a network has fewer.
const MOST_PLACES: usize = 4096;

impl Finder {
    /// A finder that takes what the user says for granted.
    pub(super) fn new(port: Option<u16>, payload_type: Option<u8>) -> Self {
        Self { port, payload_type, ..Self::default() }
    }

    /// Datagrams that belong to no stream.
    pub(super) const fn foreign(&self) -> u64 {
        self.foreign
    }

    /// Says what a datagram is, and takes note of what it says of streams.
    pub(super) fn take(&mut self, datagram: &Datagram) -> Kind {
        let kind = self.recognise(datagram);
        self.foreign += u64::from(kind == Kind::Foreign);
        kind
    }

    /// The packets still kept that look like RTP MIDI, now that no more will come.
    pub(super) fn finish(&mut self) -> Vec<Datagram> {
        let (found, given_up) = self.candidates.finish();
        self.foreign += given_up;
        found
    }

    fn recognise(&mut self, datagram: &Datagram) -> Kind {
        let Datagram { from, to, octets, .. } = datagram;
        if let Some(exchange) = Exchange::parse(octets) {
            return if self.is_wanted(datagram) { self.learn_session(*from, *to, exchange) } else { Kind::Foreign };
        }
        if let Some(announcement) = announcement::find(octets, to.port() == session_announcement::PORT) {
            self.learn_description(*to, &announcement);
            return Kind::Announcement(Box::new(announcement));
        }
        let is_place = |finder: &Self, lower: u16| {
            [from, to].into_iter().any(|address| {
                let address = SocketAddr::new(address.ip(), address.port().wrapping_sub(lower));
                finder.sessions.contains(&address)
                    || finder.port == Some(address.port())
                    || finder.is_described(address)
            })
        };
        if rtcp::is_rtcp(octets) {
            let sources = rtcp::read(octets).sources;
            let is_known =
                is_place(self, 0) || is_place(self, 1) || self.formed.iter().any(|key| sources.contains(&key.2));
            return if is_known && self.is_wanted(datagram) { Kind::Rtcp } else { Kind::Foreign };
        }
        if self.port.is_some_and(|port| from.port() != port && to.port() != port) {
            return Kind::Foreign;
        }
        let packet = match RtpPacket::parse(octets) {
            Ok(packet) => packet,
            Err(error) if is_place(self, 0) => return Kind::Broken(format!("no RTP packet: {error}")),
            Err(_) => return Kind::Foreign,
        };
        let kind = packet.payload_type();
        if self.payload_type.is_some_and(|told| told != kind) {
            return Kind::Foreign;
        }
        let key = (*from, *to, packet.ssrc());
        let described = [to, from].into_iter().find_map(|at| self.described.get(&(at.ip(), at.port(), kind)));
        if let Some(described) = described {
            Kind::Stream(How::Described(described.clone()))
        } else if self.port.is_some() || self.payload_type.is_some() {
            Kind::Stream(How::Told)
        } else if is_place(self, 0) {
            Kind::Stream(How::Session)
        } else if self.formed.contains(&key) {
            Kind::Stream(How::Form)
        } else if (96..=127).contains(&kind) {
            match self.candidates.take(key, datagram) {
                Verdict::Found(kept) if self.formed.len() < MOST_PLACES => {
                    self.formed.insert(key);
                    Kind::Found(kept)
                }
                Verdict::Found(_) => Kind::Foreign,
                Verdict::Kept { given_up } => {
                    self.foreign += given_up;
                    Kind::Kept
                }
            }
        } else {
            Kind::Foreign
        }
    }

    /// Whether the port is one that the user wants to see, if he says so: those of RTP, RTCP and AppleMIDI control.
    fn is_wanted(&self, datagram: &Datagram) -> bool {
        let near = |port: u16| self.port.is_none_or(|wanted| wanted.abs_diff(port) <= 1);
        near(datagram.from.port()) || near(datagram.to.port())
    }

    fn is_described(&self, address: SocketAddr) -> bool {
        self.described.keys().any(|(ip, port, _)| (*ip, *port) == (address.ip(), address.port()))
    }

    /// Both ends of an exchange have the stream's port; where it is the control port, the stream is one above.
    fn learn_session(&mut self, from: SocketAddr, to: SocketAddr, exchange: Exchange) -> Kind {
        for address in [from, to] {
            for port in [Some(address.port()), address.port().checked_add(1)].into_iter().flatten() {
                if self.sessions.len() < MOST_PLACES && exchange.command != "NO" {
                    self.sessions.insert(SocketAddr::new(address.ip(), port));
                }
            }
        }
        Kind::Exchange(exchange)
    }

    fn learn_description(&mut self, to: SocketAddr, announcement: &Announcement) {
        for (media, stream) in announcement.session.streams() {
            let transport = &media.transport;
            let ip = match transport.address.as_ref().map(|address| &address.host) {
                Some(rtp_midi_sdp::Host::Ip(ip)) => *ip,
                _ => to.ip(),
            };
            let described = Described {
                title: announcement.session.title.clone(),
                config: stream.config(transport).ok(),
                clock_rate: stream.clock_rate,
            };
            if self.described.len() < MOST_PLACES {
                self.described.insert((ip, transport.port, stream.payload_type), Arc::new(described));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn datagram(port: u16, octets: Vec<u8>) -> Datagram {
        let address = |last: u8| SocketAddr::from(([10, 0, 0, last], port));
        Datagram { frame: 1, at: Duration::ZERO, from: address(1), to: address(2), octets }
    }

    fn rtp(port: u16, payload_type: u8, sequence: u16, payload: &[u8]) -> Datagram {
        let [high, low] = sequence.to_be_bytes();
        datagram(port, [&[0x80, payload_type, high, low, 0, 0, 0, 0, 0, 0, 0, 7], payload].concat())
    }

    const NOTE: &[u8] = &[0x03, 0x90, 60, 100];
    const EMPTY: &[u8] = &[0x00];

    #[test]
    fn two_packets_in_a_row_make_a_stream() {
        let mut finder = Finder::default();
        let (first, second) = (rtp(5004, 97, 65_535, NOTE), rtp(5004, 97, 0, EMPTY));
        assert_eq!(finder.take(&first), Kind::Kept);
        assert_eq!(finder.take(&second), Kind::Found(vec![first, second]));
        assert_eq!(finder.take(&rtp(5004, 97, 1, b"garbage")), Kind::Stream(How::Form));
    }

    #[test]
    fn what_the_user_says_overrules_the_form() {
        let mut finder = Finder::new(Some(5004), None);
        assert_eq!(finder.take(&rtp(5004, 5, 1, b"garbage")), Kind::Stream(How::Told));
        assert_eq!(finder.take(&rtp(5006, 97, 1, NOTE)), Kind::Foreign);
        let mut finder = Finder::new(None, Some(5));
        assert_eq!(finder.take(&rtp(5004, 5, 1, b"garbage")), Kind::Stream(How::Told));
        assert_eq!(finder.take(&rtp(5004, 97, 1, NOTE)), Kind::Foreign);
    }

    #[test]
    fn an_invitation_marks_the_data_port_above_the_control_port() {
        let mut finder = Finder::default();
        let invitation = [&b"\xFF\xFFIN\0\0\0\x02\0\0\0\x01\0\0\0\x07"[..], b"Studio\0"].concat();
        assert!(matches!(finder.take(&datagram(5004, invitation)), Kind::Exchange(_)));
        assert_eq!(finder.take(&rtp(5005, 97, 1, b"garbage")), Kind::Stream(How::Session));
        assert!(matches!(finder.take(&datagram(5005, b"hello".to_vec())), Kind::Broken(_)));
        assert_eq!(finder.take(&rtp(5010, 5, 1, NOTE)), Kind::Foreign);
    }

    proptest! {
        #[test]
        fn any_datagrams_are_told_apart(
            datagrams in prop::collection::vec((0..3_u16, prop::collection::vec(any::<u8>(), 0..60), 0..6_usize), 0..40)
        ) {
            let heads: [&[u8]; 6] = [b"", b"\xFF\xFFIN\0\0\0\x02", b"\xFF\xFFCK", b"\x80\xC8", b"\x80\x61", b"\x20\0\0\0"];
            let mut finder = Finder::default();
            let mut kept = 0;
            for (port, octets, head) in &datagrams {
                let port = [5004, 5005, session_announcement::PORT][usize::from(*port)];
                let octets = [heads[*head], octets].concat();
                match finder.take(&datagram(port, octets)) {
                    Kind::Kept => kept += 1,
                    Kind::Found(found) => kept -= found.len() as i64 - 1,
                    _ => {}
                }
            }
            let foreign = finder.foreign();
            let found = finder.finish().len() as i64;
            prop_assert!(found + (finder.foreign() - foreign) as i64 <= kept);
        }
    }
}
