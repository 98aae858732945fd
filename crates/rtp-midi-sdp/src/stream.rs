//! One RTP MIDI stream of a session: where it goes, its payload type, and its parameters (RFC 6295, section 6).

use std::fmt;
use std::net::IpAddr;

use rtp_midi::{Config, Format, Journal, Policy};

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
    /// What the protocol needs to know: journal, guard time, clock rate, format. Unknown names are passed over;
    /// an unknown journal is an error, because without it loss cannot be repaired (RFC 6295, C.2.1, C.2.2).
    pub fn config(&self) -> Result<Config, Error> {
        let mut config = Config::new(self.clock_rate);
        config.format = self.format;
        config.journal = self.journal()?;
        config.guardtime = match self.parameters.last("guardtime") {
            None => None,
            Some(value) => match value.parse() {
                Ok(ticks) if ticks > 0 => Some(ticks),
                _ => {
                    return Err(Error::Value { name: "guardtime", value: value.to_owned() });
                }
            },
        };
        Ok(config)
    }

    fn journal(&self) -> Result<Journal, Error> {
        match self.parameters.last("j_sec") {
            Some(value) if value.eq_ignore_ascii_case("none") => return Ok(Journal::None),
            Some(value) if !value.eq_ignore_ascii_case("recj") => {
                return Err(Error::Value { name: "j_sec", value: value.to_owned() });
            }
            _ => {}
        }
        let Some(value) = self.parameters.last("j_update") else {
            return Ok(Journal::Recovery(Policy::ClosedLoop));
        };
        [Policy::Anchor, Policy::ClosedLoop, Policy::OpenLoop]
            .into_iter()
            .find(|policy| value.eq_ignore_ascii_case(j_update(*policy)))
            .map(Journal::Recovery)
            .ok_or_else(|| Error::Value { name: "j_update", value: value.to_owned() })
    }
}

impl Parameters {
    /// The parameters that declare a journal. Both are written out, since a declarative description is not
    /// answered and its reader may not know the transport's default (RFC 6295, C.2.1).
    pub fn for_journal(journal: Journal) -> Self {
        let mut parameters = Self::new();
        match journal {
            Journal::None => parameters.push("j_sec", "none"),
            Journal::Recovery(policy) => {
                parameters.push("j_sec", "recj");
                parameters.push("j_update", j_update(policy));
            }
        }
        parameters
    }
}

const fn j_update(policy: Policy) -> &'static str {
    match policy {
        Policy::Anchor => "anchor",
        Policy::ClosedLoop => "closed-loop",
        Policy::OpenLoop => "open-loop",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn with(parameters: &str) -> Stream {
        Stream {
            address: None,
            port: 5004,
            rtcp_port: 5005,
            payload_type: 96,
            format: Format::Native,
            clock_rate: 44_100,
            parameters: Parameters::parse(parameters),
            direction: Direction::SendReceive,
        }
    }

    #[test]
    fn without_parameters_the_journal_is_closed_loop() {
        let config = with("").config().unwrap();
        assert_eq!(config.journal, Journal::Recovery(Policy::ClosedLoop));
        assert_eq!((config.clock_rate, config.guardtime), (44_100, None));
    }

    #[test]
    fn journals_survive_the_way_through_the_parameters() {
        let journals = [
            Journal::None,
            Journal::Recovery(Policy::Anchor),
            Journal::Recovery(Policy::ClosedLoop),
            Journal::Recovery(Policy::OpenLoop),
        ];
        for journal in journals {
            let stream = with(&Parameters::for_journal(journal).to_string());
            assert_eq!(stream.config().unwrap().journal, journal);
        }
    }

    #[test]
    fn tokens_are_read_without_regard_to_case() {
        assert_eq!(with("J_SEC=RECJ; j_Update=Anchor").config().unwrap().journal, Journal::Recovery(Policy::Anchor));
    }

    #[test]
    fn unknown_journals_are_refused_and_unknown_names_are_not() {
        let value = |name, value: &str| Err(Error::Value { name, value: value.to_owned() });
        assert_eq!(with("j_sec=foo").config(), value("j_sec", "foo"));
        assert_eq!(with("j_update=foo").config(), value("j_update", "foo"));
        assert!(with("j_future=foo; cm_unused=N").config().is_ok());
    }

    #[test]
    fn guardtime_is_at_least_one_tick() {
        assert_eq!(with("guardtime=44100").config().unwrap().guardtime, Some(44_100));
        for wrong in ["guardtime=0", "guardtime=soon", "guardtime=4294967296"] {
            assert!(with(wrong).config().is_err(), "{wrong}");
        }
    }
}
