//! One RTP MIDI stream of a session: where it goes, its payload type, and its parameters (RFC 6295, section 6).

use std::fmt;
use std::net::IpAddr;

use rtp_midi::{Config, Format};

use crate::{Direction, Error, Parameters};

/// One payload type of one media line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    /// `c=`: the address that receives the stream, if the description names one.
    pub address: Option<Address>,
    /// The UDP port of the RTP packets.
    pub port: u16,
    /// The UDP port of RTCP: one above, or as `a=rtcp` or `a=rtcp-mux` say.
    pub rtcp_port: u16,
    /// The RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// Native or inside MPEG-4.
    pub format: Format,
    /// Ticks of the RTP clock per second.
    pub clock_rate: u32,
    /// The fmtp line.
    pub parameters: Parameters,
    /// The direction as seen by the reader.
    pub direction: Direction,
}

/// The destination of a stream (RFC 8866, 5.7).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// A unicast host or a multicast group.
    pub host: Host,
    /// The time to live of IPv4 multicast.
    pub ttl: Option<u8>,
}

/// A host by number or by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host {
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// A domain name.
    Name(String),
}

impl Stream {
    /// What the protocol needs to know; see [`Parameters::config`].
    pub fn config(&self) -> Result<Config, Error> {
        let multicast = self.address.as_ref().is_some_and(Address::is_multicast);
        Ok(Config { multicast, ..self.parameters.config(self.clock_rate, self.format)? })
    }
}

impl Address {
    /// Whether it is a multicast group.
    pub const fn is_multicast(&self) -> bool {
        matches!(&self.host, Host::Ip(ip) if ip.is_multicast())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}
