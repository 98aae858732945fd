//! One RTP MIDI payload type of a media line: what it carries, and its parameters (RFC 6295, section 6).

use rtp_midi::{Config, Format, Journal};

use crate::{Error, Parameters, Transport};

/// One payload type of one media line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    /// The RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// Native or inside MPEG-4.
    pub format: Format,
    /// Ticks of the RTP clock per second.
    pub clock_rate: u32,
    /// The fmtp line.
    pub parameters: Parameters,
}

impl Stream {
    /// A native stream with these parameters.
    pub const fn native(payload_type: u8, clock_rate: u32, parameters: Parameters) -> Self {
        Self { payload_type, format: Format::Native, clock_rate, parameters }
    }

    /// The stream that a configuration stands for. Over reliable transport a journal is asked for by name, since there
    /// is none by default (RFC 6295, C.2.1).
    pub fn of(payload_type: u8, config: &Config, transport: &Transport) -> Self {
        let mut parameters = Parameters::of(config);
        if transport.protocol.is_reliable() && config.journal != Journal::None {
            parameters = Parameters::for_journal(config.journal).or(&parameters);
        }
        Self { payload_type, format: config.format, clock_rate: config.clock_rate, parameters }
    }

    /// What the protocol needs to know; see [`Parameters::config`]. Over reliable transport there is no journal unless
    /// `j_sec` says so.
    pub fn config(&self, transport: &Transport) -> Result<Config, Error> {
        let mut config = self.parameters.config(self.clock_rate, self.format)?;
        if transport.protocol.is_reliable() && self.parameters.last("j_sec").is_none() {
            config.journal = Journal::None;
        }
        config.multicast = transport.is_multicast();
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocol;
    use rtp_midi::Policy;

    fn over(protocol: Protocol) -> Transport {
        Transport { protocol, ..Transport::udp("192.0.2.94".parse::<std::net::IpAddr>().unwrap(), 5004) }
    }

    fn journal(parameters: &str, protocol: Protocol) -> Journal {
        Stream::native(96, 44_100, Parameters::parse(parameters)).config(&over(protocol)).unwrap().journal
    }

    #[test]
    fn reliable_transport_has_no_journal_unless_one_is_asked_for() {
        assert_eq!(journal("", Protocol::Avp), Journal::Recovery(Policy::ClosedLoop));
        assert_eq!(journal("", Protocol::TcpAvp), Journal::None);
        assert_eq!(journal("j_update=anchor", Protocol::TcpAvp), Journal::None);
        assert_eq!(journal("j_sec=recj; j_update=anchor", Protocol::TcpAvp), Journal::Recovery(Policy::Anchor));
        assert_eq!(journal("j_sec=none", Protocol::Avp), Journal::None);
    }

    #[test]
    fn a_configuration_comes_back_over_either_transport() {
        let policies = [Policy::Anchor, Policy::ClosedLoop, Policy::OpenLoop].map(Journal::Recovery);
        for journal in policies.into_iter().chain([Journal::None]) {
            for protocol in [Protocol::Avp, Protocol::TcpAvp] {
                let config = Config { journal, guardtime: Some(7), ..Config::new(48_000) };
                let transport = over(protocol);
                assert_eq!(Stream::of(97, &config, &transport).config(&transport), Ok(config));
            }
        }
    }
}
