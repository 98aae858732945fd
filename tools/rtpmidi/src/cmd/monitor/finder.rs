//! Which datagrams belong to RTP MIDI streams.
//!
//! A stream shows itself by AppleMIDI sessions at its addresses, by a session description, or by its form: RTP with a
//! dynamic payload type whose payloads read whole. Whatever `--port` and `--pt` say is taken at its word.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rtp_midi::Config;
use rtp_midi::inspect::inspect;
use rtp_types::RtpPacket;

use super::announcement::{self, Announcement, SAP_PORT};
use super::applemidi::Exchange;
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
    Announcement(Announcement),
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

/// RTP that may be MIDI, oldest first.
#[derive(Debug, Default)]
struct Candidates(VecDeque<(Key, VecDeque<Datagram>)>);

/// So many places are remembered; a network has fewer.
const MOST_PLACES: usize = 4096;
/// So many sources are looked at at a time, and so many packets of each.
const MOST_CANDIDATES: usize = 256;
const MOST_KEPT: usize = 8;
/// A packet that goes on from another one is at most so many numbers behind it.
const MOST_AHEAD: u16 = 16;

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
        let mut found = Vec::new();
        for (key, kept) in std::mem::take(&mut self.candidates.0) {
            let forms: Vec<Form> = kept.iter().map(form).collect();
            if forms.contains(&Form::Speaks) && !forms.contains(&Form::Other) {
                self.formed.insert(key);
                found.extend(kept);
            } else {
                self.foreign += kept.len() as u64;
            }
        }
        found.sort_by_key(|datagram| datagram.frame);
        found
    }

    fn recognise(&mut self, datagram: &Datagram) -> Kind {
        let Datagram { from, to, octets, .. } = datagram;
        if let Some(exchange) = Exchange::parse(octets) {
            return if self.is_wanted(datagram) { self.learn_session(*from, *to, exchange) } else { Kind::Foreign };
        }
        if let Some(announcement) = announcement::find(octets, to.port() == SAP_PORT) {
            self.learn_description(*to, &announcement);
            return Kind::Announcement(announcement);
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
            self.consider(key, datagram)
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
        for stream in &announcement.session.streams {
            let ip = match stream.address.as_ref().map(|address| &address.host) {
                Some(rtp_midi_sdp::Host::Ip(ip)) => *ip,
                _ => to.ip(),
            };
            let described = Described {
                title: announcement.session.title.clone(),
                config: stream.config().ok(),
                clock_rate: stream.clock_rate,
            };
            if self.described.len() < MOST_PLACES {
                self.described.insert((ip, stream.port, stream.payload_type), Arc::new(described));
            }
        }
    }

    /// Looks whether packets of one source go on from each other and read whole.
    fn consider(&mut self, key: Key, datagram: &Datagram) -> Kind {
        let number = |datagram: &Datagram| u16::from_be_bytes([datagram.octets[2], datagram.octets[3]]);
        let kept = self.candidates.of(key);
        let before = kept.back().is_some_and(|before| {
            let ahead = number(datagram).wrapping_sub(number(before));
            (1..=MOST_AHEAD).contains(&ahead) && form(before) != Form::Other
        });
        let form_now = form(datagram);
        kept.push_back(datagram.clone());
        if before && form_now != Form::Other && kept.iter().any(|datagram| form(datagram) == Form::Speaks) {
            self.formed.insert(key);
            return Kind::Found(self.candidates.remove(key).into());
        }
        if kept.len() > MOST_KEPT {
            kept.pop_front();
            self.foreign += 1;
        }
        self.foreign += self.candidates.forget();
        Kind::Kept
    }
}

impl Candidates {
    fn of(&mut self, key: Key) -> &mut VecDeque<Datagram> {
        let place = match self.0.iter().position(|(other, _)| *other == key) {
            Some(place) => place,
            None => {
                self.0.push_back((key, VecDeque::new()));
                self.0.len() - 1
            }
        };
        &mut self.0[place].1
    }

    fn remove(&mut self, key: Key) -> VecDeque<Datagram> {
        let place = self.0.iter().position(|(other, _)| *other == key);
        place.and_then(|place| self.0.remove(place)).map(|(_, kept)| kept).unwrap_or_default()
    }

    /// Gives up the oldest when there are too many; returns how many packets that is.
    fn forget(&mut self) -> u64 {
        if self.0.len() <= MOST_CANDIDATES {
            return 0;
        }
        self.0.pop_front().map_or(0, |(_, kept)| kept.len() as u64)
    }
}

/// What an RTP packet looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// Commands, or a journal that tells something.
    Speaks,
    /// An empty list, perhaps with an empty journal, as a guard packet has it. Other payloads look like that as well.
    Silent,
    /// No RTP MIDI.
    Other,
}

fn form(datagram: &Datagram) -> Form {
    let Ok(packet) = RtpPacket::parse(&datagram.octets) else { return Form::Other };
    let found = inspect(packet.payload(), packet.timestamp());
    // Only at the end of a channel journal may octets stand that nobody knows.
    let is_whole = found.defects.is_empty() && found.fields.iter().all(|field| field.name != "rtpmidi.unknown_data");
    let tells = found.journal.is_some_and(|journal| !journal.chapters.is_empty());
    match is_whole {
        false => Form::Other,
        true if tells || !found.commands.is_empty() => Form::Speaks,
        true => Form::Silent,
    }
}
