//! What an end can do and wants.

use std::ops::RangeInclusive;
use std::time::Duration;

use rtp_midi::{Config, Format, Journal, Policy, Timing};

use super::agreement::RtcpUse;
use crate::render::{Abilities, Render, Renderers};
use crate::{Address, Crypto, Host, Origin, Protocol, Setup};

/// What one end of a session can do, and what it proposes when it makes an offer.
#[derive(Clone, PartialEq, Debug)]
pub struct Capabilities {
    /// Who it is, and where.
    pub party: Party,
    /// How its packets get there.
    pub ways: Ways,
    /// What it sends: these commands at most, and in an offer all else too. `None` if it sends nothing.
    pub sends: Option<Config>,
    /// What it takes: these commands at most, and in an offer all else too. `None` if it takes nothing.
    pub takes: Option<Config>,
    /// How what it sends and what it takes stand in an offer.
    pub pairing: Pairing,
    /// What it accepts in an offer.
    pub limits: Limits,
    /// The renderers that it offers, best first.
    pub renderers: Option<Renderers>,
    /// What it can render of what it takes.
    pub abilities: Abilities,
}

/// Who an end is, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Party {
    /// `s=`.
    pub title: String,
    /// `a=tool`.
    pub tool: Option<String>,
    /// `o=`.
    pub origin: Origin,
    /// Where it wants its packets.
    pub address: Address,
    /// The port of the first media line; the following lines have every second port behind it.
    pub port: u16,
    /// The payload type of what it offers.
    pub payload_type: u8,
}

/// How packets get to an end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ways {
    /// The protocols that it has; the first one is offered.
    pub protocols: Vec<Protocol>,
    /// Whether it takes part in multicast.
    pub multicast: bool,
    /// How it has RTCP.
    pub rtcp: RtcpUse,
    /// Its own keys for SRTP, one for each suite that it has, best first; [`Crypto::tag`] means nothing here.
    pub crypto: Vec<Crypto>,
    /// Its part in opening connections.
    pub setup: Setup,
}

/// How a stream in both directions is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pairing {
    /// As one stream in both directions, if the end sends what it takes; else as two.
    Single,
    /// As two streams with this `musicport`, so that each has a configuration of its own (C.5).
    Virtual(u32),
}

/// What an end accepts in offers of others.
#[derive(Clone, PartialEq, Debug)]
pub struct Limits {
    /// The formats, the preferred one first.
    pub formats: Vec<Format>,
    /// The clock rates.
    pub clock_rates: Vec<u32>,
    /// The journals; over reliable transport none is always accepted.
    pub journals: Vec<Journal>,
    /// Whether packets get there without a journal even over UDP, as on a wire between two hosts (C.2.1).
    pub lossless: bool,
    /// Whether it has the enhanced coding of Chapter C (A.3.3).
    pub enhanced: bool,
    /// The meanings of timestamps, whatever line rate and period go with them.
    pub timings: Vec<Timing>,
    /// Whether it leaves out of what it sends the commands that a stream does not allow; else it refuses such a stream.
    pub filters: bool,
    /// From and to which media time per packet it can send and take (`rtp_ptime`, `rtp_maxptime`).
    pub packet_time: RangeInclusive<Duration>,
    /// From and to which time between packets (`guardtime`).
    pub guardtime: RangeInclusive<Duration>,
}

impl Capabilities {
    /// An end that sends and takes all of MIDI over UDP, native or in mpeg4-generic, with every journal and meaning of
    /// timestamps, and leaves rendering to others. It proposes the defaults at 44.1 kHz.
    pub fn new(party: Party) -> Self {
        let config = Config::new(44_100);
        Self {
            party,
            ways: Ways::default(),
            sends: Some(config.clone()),
            takes: Some(config),
            pairing: Pairing::Single,
            limits: Limits::default(),
            renderers: None,
            abilities: Abilities { renders: vec![Render::Unknown], ..Abilities::default() },
        }
    }
}

impl Party {
    /// A party whose description is the first one of this number.
    pub fn new(title: &str, id: u64, host: Host, port: u16) -> Self {
        let address = Address { host: host.clone(), ttl: None };
        let origin = Origin::new(id, 1, host);
        Self { title: title.to_owned(), tool: None, origin, address, port, payload_type: 96 }
    }
}

impl Default for Ways {
    /// RTP over UDP, RTCP on the next port; connections opened by either end.
    fn default() -> Self {
        let protocols = vec![Protocol::Avp, Protocol::Avpf];
        Self { protocols, multicast: false, rtcp: RtcpUse::Separate, crypto: Vec::new(), setup: Setup::ActPass }
    }
}

impl Default for Limits {
    /// All that the protocol crate can.
    fn default() -> Self {
        let policies = [Policy::ClosedLoop, Policy::Anchor, Policy::OpenLoop];
        Self {
            formats: vec![Format::Native, Format::Mpeg4Generic],
            clock_rates: CLOCK_RATES.to_vec(),
            journals: policies.into_iter().map(Journal::Recovery).collect(),
            lossless: false,
            enhanced: true,
            timings: vec![Timing::Comex, ASYNC, BUFFER],
            filters: true,
            packet_time: Duration::ZERO..=Duration::MAX,
            guardtime: Duration::ZERO..=Duration::MAX,
        }
    }
}

/// Rates in common use for audio (RFC 6295, 2.1), the most common first.
const CLOCK_RATES: [u32; 8] = [44_100, 48_000, 88_200, 96_000, 32_000, 64_000, 176_400, 192_000];

/// Asynchronous timestamps, whatever their line (C.3.2).
pub(super) const ASYNC: Timing = Timing::Async { octet: None, line: rtp_midi::LineRate::DIN };
/// Buffered timestamps, whatever their line and period (C.3.3).
pub(super) const BUFFER: Timing = Timing::Buffer { octet: None, line: rtp_midi::LineRate::DIN, period: None };
