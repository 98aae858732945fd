//! How the packets of a media line get there: protocol, address, ports, and what qualifies them.

use std::fmt;
use std::net::IpAddr;

use crate::Crypto;

/// The way of a media line's packets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transport {
    /// The RTP profile and what carries it.
    pub protocol: Protocol,
    /// `c=`: the address that receives the packets, if the description names one.
    pub address: Option<Address>,
    /// The port of the RTP packets; 0 for a line that is refused.
    pub port: u16,
    /// The port of RTCP: one above, or as `a=rtcp` says; the same where `a=rtcp-mux` is there.
    pub rtcp_port: u16,
    /// `b=`, in order.
    pub bandwidths: Vec<Bandwidth>,
    /// `a=crypto`, in order: the keys of SRTP, the preferred one first (RFC 4568).
    pub crypto: Vec<Crypto>,
    /// `a=source-filter`: who may send to a group (RFC 4570).
    pub sources: Option<SourceFilter>,
    /// `a=setup`: which end opens the connection (RFC 4145).
    pub setup: Option<Setup>,
    /// `a=connection` (RFC 4145).
    pub connection: Option<Connection>,
}

/// The protocol of a media line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Protocol {
    /// `RTP/AVP`: RTP over UDP (RFC 3551).
    #[default]
    Avp,
    /// `RTP/AVPF`: the same with early feedback (RFC 4585).
    Avpf,
    /// `RTP/SAVP`: SRTP, the keys in the description (RFC 3711, 4568).
    Savp,
    /// `RTP/SAVPF`: SRTP with early feedback (RFC 5124).
    Savpf,
    /// `TCP/RTP/AVP`: RTP framed in TCP (RFC 4571).
    TcpAvp,
    /// `UDP/TLS/RTP/SAVP`: SRTP, the keys by DTLS (RFC 5764).
    DtlsSavp,
    /// `UDP/TLS/RTP/SAVPF`: the same with early feedback, as in WebRTC.
    DtlsSavpf,
    /// Another one, by its name.
    Other(String),
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

/// `b=`: a limit (RFC 8866, 5.8; RFC 3556).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bandwidth {
    /// Of what: `AS` and `CT` in kbit/s, `TIAS`, `RS` and `RR` in bit/s.
    pub kind: String,
    /// How much.
    pub value: u64,
}

/// `a=source-filter`: which senders are heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceFilter {
    /// Whether the sources are the only ones, or the ones left out.
    pub mode: FilterMode,
    /// To which destination it applies; `None` for any.
    pub destination: Option<Host>,
    /// The senders; at least one.
    pub sources: Vec<Host>,
}

/// What a source filter does with its sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FilterMode {
    /// `incl`: nobody else is heard.
    Include,
    /// `excl`: they are not heard.
    Exclude,
}

/// `a=setup`: which end opens a connection (RFC 4145, section 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setup {
    /// This end does.
    Active,
    /// The other end does.
    Passive,
    /// Either, as the answer has it.
    ActPass,
    /// Nobody for now.
    HoldConn,
}

/// `a=connection`: whether a connection that is there goes on (RFC 4145, section 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connection {
    /// A new one is wanted.
    New,
    /// The one there is goes on.
    Existing,
}

impl Transport {
    /// RTP over UDP to this host and port, RTCP one port above.
    pub fn udp(host: impl Into<Host>, port: u16) -> Self {
        Self { address: Some(Address { host: host.into(), ttl: None }), ..Self::to_port(port) }
    }

    /// RTP over UDP to this port of a host that is not named.
    pub const fn to_port(port: u16) -> Self {
        Self {
            protocol: Protocol::Avp,
            address: None,
            port,
            rtcp_port: port.saturating_add(1),
            bandwidths: Vec::new(),
            crypto: Vec::new(),
            sources: None,
            setup: None,
            connection: None,
        }
    }

    /// Whether packets go to a multicast group.
    pub fn is_multicast(&self) -> bool {
        self.address.as_ref().is_some_and(Address::is_multicast)
    }

    /// Whether RTP and RTCP share one port (RFC 5761).
    pub const fn is_muxed(&self) -> bool {
        self.rtcp_port == self.port
    }

    /// Whether no RTCP is wanted: both `b=RS:0` and `b=RR:0` are there (RFC 4571, section 4).
    pub fn is_without_rtcp(&self) -> bool {
        let is_zero =
            |kind: &str| self.bandwidths.iter().any(|limit| limit.kind.eq_ignore_ascii_case(kind) && limit.value == 0);
        is_zero("RS") && is_zero("RR")
    }
}

impl Protocol {
    /// All that have a name here.
    pub const KNOWN: [Self; 7] =
        [Self::Avp, Self::Avpf, Self::Savp, Self::Savpf, Self::TcpAvp, Self::DtlsSavp, Self::DtlsSavpf];

    /// The name as it stands in a media line.
    pub fn token(&self) -> &str {
        match self {
            Self::Avp => "RTP/AVP",
            Self::Avpf => "RTP/AVPF",
            Self::Savp => "RTP/SAVP",
            Self::Savpf => "RTP/SAVPF",
            Self::TcpAvp => "TCP/RTP/AVP",
            Self::DtlsSavp => "UDP/TLS/RTP/SAVP",
            Self::DtlsSavpf => "UDP/TLS/RTP/SAVPF",
            Self::Other(token) => token,
        }
    }

    /// The protocol of this name.
    pub fn from_token(token: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|protocol| protocol.token().eq_ignore_ascii_case(token));
        known.unwrap_or_else(|| Self::Other(token.to_owned()))
    }

    /// Whether nothing gets lost on the way, so that there is no journal by default (RFC 6295, 2.2).
    pub const fn is_reliable(&self) -> bool {
        matches!(self, Self::TcpAvp)
    }

    /// Whether the keys of SRTP stand in the description.
    pub const fn has_crypto(&self) -> bool {
        matches!(self, Self::Savp | Self::Savpf)
    }
}

impl Address {
    /// Whether it is a multicast group.
    pub const fn is_multicast(&self) -> bool {
        matches!(&self.host, Host::Ip(ip) if ip.is_multicast())
    }
}

impl Host {
    /// Reads a number or a name.
    pub fn parse(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Ip)
    }

    /// The address type: of a name `IP4`.
    const fn address_type(&self) -> &'static str {
        if matches!(self, Self::Ip(IpAddr::V6(_))) { "IP6" } else { "IP4" }
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        Self::Ip(ip)
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

impl Bandwidth {
    /// A limit of this kind.
    pub fn new(kind: &str, value: u64) -> Self {
        Self { kind: kind.to_owned(), value }
    }
}

impl SourceFilter {
    /// Reads what stands behind `a=source-filter:`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let mode = match words.next()? {
            incl if incl.eq_ignore_ascii_case("incl") => FilterMode::Include,
            excl if excl.eq_ignore_ascii_case("excl") => FilterMode::Exclude,
            _ => return None,
        };
        let (_net_type, _address_type) = (words.next()?, words.next()?);
        let destination = Some(words.next()?).filter(|any| *any != "*").map(Host::parse);
        let sources: Vec<Host> = words.map(Host::parse).collect();
        (!sources.is_empty()).then_some(Self { mode, destination, sources })
    }
}

/// As behind `a=source-filter:`.
impl fmt::Display for SourceFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.mode == FilterMode::Include { "incl" } else { "excl" };
        let typed = self.destination.iter().chain(&self.sources).find(|host| matches!(host, Host::Ip(_)));
        write!(f, " {mode} IN {}", typed.map_or("IP4", Host::address_type))?;
        match &self.destination {
            Some(destination) => write!(f, " {destination}")?,
            None => f.write_str(" *")?,
        }
        self.sources.iter().try_for_each(|source| write!(f, " {source}"))
    }
}

impl Setup {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Active, "active"),
        (Self::Passive, "passive"),
        (Self::ActPass, "actpass"),
        (Self::HoldConn, "holdconn"),
    ];

    /// Reads what stands behind `a=setup:`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, token)| token.eq_ignore_ascii_case(text)).map(|(setup, _)| setup)
    }
}

/// As behind `a=setup:`.
impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Self::ALL.into_iter().filter(|(setup, _)| setup == self);
        all.try_for_each(|(_, token)| f.write_str(token))
    }
}

impl Connection {
    /// Reads what stands behind `a=connection:`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut both = [Self::New, Self::Existing].into_iter();
        both.find(|connection| connection.to_string().eq_ignore_ascii_case(text))
    }
}

/// As behind `a=connection:`.
impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::New { "new" } else { "existing" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_go_by_their_names() {
        for protocol in Protocol::KNOWN {
            assert_eq!(Protocol::from_token(&protocol.token().to_lowercase()), protocol);
        }
        assert_eq!(Protocol::from_token("UDP/DTLS/SCTP").token(), "UDP/DTLS/SCTP");
        assert!(Protocol::TcpAvp.is_reliable() && !Protocol::Savp.is_reliable());
    }

    #[test]
    fn source_filters_are_read_and_written() {
        for text in
            [" incl IN IP4 232.1.2.3 192.0.2.1 192.0.2.2", " excl IN IP6 * 2001:db8::1", " incl IN IP4 * studio"]
        {
            assert_eq!(SourceFilter::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["", "incl IN IP4 232.1.2.3", "only IN IP4 * 192.0.2.1"] {
            assert_eq!(SourceFilter::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rtcp_is_unwanted_only_where_both_limits_are_zero() {
        let mut transport = Transport::to_port(5004);
        transport.bandwidths = vec![Bandwidth::new("RS", 0), Bandwidth::new("RR", 400)];
        assert!(!transport.is_without_rtcp());
        transport.bandwidths[1].value = 0;
        assert!(transport.is_without_rtcp());
    }

    #[test]
    fn ends_of_connections_are_read_and_written() {
        for token in ["active", "passive", "actpass", "holdconn"] {
            assert_eq!(Setup::parse(token).unwrap().to_string(), token);
        }
        for token in ["new", "existing"] {
            assert_eq!(Connection::parse(token).unwrap().to_string(), token);
        }
        assert_eq!((Setup::parse("maybe"), Connection::parse("")), (None, None));
    }
}
