//! The flags of `rtpmidi sdp new` that say how the packets get there: address, ports, protocol, limits, keys.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use clap::ValueEnum;
use rtp_midi_sdp::{
    Address, Bandwidth, Connection, Crypto, FilterMode, Host, Protocol, Setup, SourceFilter, Transport,
};

use crate::destination::{Destination, local_address};
use crate::failure::{Failure, Result};
use crate::srtp::{Key, Suite};

/// How packets get there.
#[derive(clap::Args)]
pub(super) struct Way {
    /// Where packets go to: a host or multicast group and the port of RTP; tcp:// sends them framed in a connection
    #[arg(long, default_value = "udp://127.0.0.1:5004", value_name = "udp://HOST:PORT")]
    to: Place,

    /// How many routers a packet to an IPv4 multicast group may pass
    #[arg(long, value_name = "HOPS")]
    ttl: Option<u8>,

    /// Who may send to a multicast group; repeat it for several
    #[arg(long, value_name = "ADDRESS")]
    source: Vec<IpAddr>,

    /// The port of RTCP, if it is not the one above
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..), value_name = "PORT")]
    rtcp_port: Option<u16>,

    /// RTCP shares the port of RTP
    #[arg(long, conflicts_with = "rtcp_port")]
    rtcp_mux: bool,

    /// A limit: AS in kbit/s, TIAS, RS and RR in bit/s; repeat it for several
    #[arg(long, value_parser = bandwidth, value_name = "KIND:N")]
    bandwidth: Vec<Bandwidth>,

    /// Which end opens the connection [with --to tcp://]
    #[arg(long, value_enum, value_name = "END")]
    setup: Option<SetupOption>,

    /// Encrypt: a new key stands in the description, which must be kept secret
    #[arg(long)]
    srtp: bool,

    /// Encrypt with this key, as behind a=crypto: in SDP; repeat it for a choice
    #[arg(long, value_parser = crypto, value_name = "TAG SUITE KEY")]
    crypto: Vec<Crypto>,
}

/// `--to`.
#[derive(Clone, Debug)]
struct Place {
    is_tcp: bool,
    destination: Destination,
}

/// `--setup`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum SetupOption {
    /// The one who made the description
    Active,
    /// The one who reads it
    Passive,
    /// Either, as an answer has it
    Actpass,
}

impl Way {
    /// The address that this machine would send from.
    pub(super) fn local_address(&self) -> IpAddr {
        let there = match self.host() {
            Host::Ip(ip) => ip,
            Host::Name(_) => Ipv4Addr::LOCALHOST.into(),
        };
        local_address((there, self.to.destination.port()).into(), None).unwrap_or(Ipv4Addr::LOCALHOST.into())
    }

    fn host(&self) -> Host {
        Host::parse(self.to.destination.host())
    }

    pub(super) fn transport(&self) -> Result<Transport> {
        let host = self.host();
        let is_ipv4_group = matches!(host, Host::Ip(IpAddr::V4(ip)) if ip.is_multicast());
        let is_group = matches!(host, Host::Ip(ip) if ip.is_multicast());
        let nonsense = |words: &str| Err(Failure::new(words).unanswerable());
        if self.ttl.is_some() && !is_ipv4_group {
            return nonsense("--ttl is for IPv4 multicast groups");
        }
        if !self.source.is_empty() && !is_group {
            return nonsense("--source is for multicast groups");
        }
        let encrypted = self.srtp || !self.crypto.is_empty();
        if self.to.is_tcp && (is_group || encrypted) {
            return nonsense("tcp:// has no multicast groups and no SRTP");
        }
        if self.setup.is_some() && !self.to.is_tcp {
            return nonsense("--setup is for tcp://");
        }
        let protocol = match (self.to.is_tcp, encrypted) {
            (true, _) => Protocol::TcpAvp,
            (false, true) => Protocol::Savp,
            (false, false) => Protocol::Avp,
        };
        let setup = self.to.is_tcp.then_some(match self.setup {
            Some(SetupOption::Active) => Setup::Active,
            None | Some(SetupOption::Passive) => Setup::Passive,
            Some(SetupOption::Actpass) => Setup::ActPass,
        });
        let port = self.to.destination.port();
        let mut crypto = self.crypto.clone();
        if self.srtp {
            let tag = crypto.iter().map(|key| key.tag).max().unwrap_or(0) + 1;
            crypto.push(Key::draw(Suite::default())?.crypto(tag));
        }
        Ok(Transport {
            protocol,
            address: Some(Address { host: host.clone(), ttl: is_ipv4_group.then_some(self.ttl.unwrap_or(1)) }),
            rtcp_port: if self.rtcp_mux { port } else { self.rtcp_port.unwrap_or(port + 1) },
            bandwidths: self.bandwidth.clone(),
            crypto,
            sources: (!self.source.is_empty()).then(|| SourceFilter {
                mode: FilterMode::Include,
                destination: Some(host),
                sources: self.source.iter().copied().map(Host::Ip).collect(),
            }),
            setup,
            connection: setup.map(|_| Connection::New),
            ..Transport::to_port(port)
        })
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tcp = text.strip_prefix("tcp://");
        let destination = tcp.map_or_else(|| text.to_owned(), |place| format!("udp://{place}")).parse()?;
        Ok(Self { is_tcp: tcp.is_some(), destination })
    }
}

fn bandwidth(text: &str) -> Result<Bandwidth, String> {
    let parts = text.split_once(':').and_then(|(kind, value)| Some((kind, value.parse().ok()?)));
    let good =
        parts.filter(|(kind, _)| !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    good.map(|(kind, value)| Bandwidth::new(kind, value)).ok_or_else(|| "it is like AS:20 or RR:400".to_owned())
}

fn crypto(text: &str) -> Result<Crypto, String> {
    Crypto::parse(text).ok_or_else(|| "it is like '1 AES_CM_128_HMAC_SHA1_80 inline:…'".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, Command, FromArgMatches};
    use rtp_midi_sdp::{Direction, Media, Session};

    /// The description of a line with no streams, behind its title.
    fn lines(flags: &[&str]) -> Result<String, String> {
        let command = Way::augment_args(Command::new("new").no_binary_name(true));
        let matches = command.try_get_matches_from(flags).map_err(|error| error.to_string())?;
        let way = Way::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        let transport = way.transport().map_err(|failure| failure.to_string())?;
        let media = vec![Media::new(transport, Direction::SendReceive, Vec::new())];
        let text = Session { media, ..Session::new("x") }.print();
        Ok(text.split_once("t=0 0\r\n").unwrap().1.trim_end().replace("\r\n", "|").replace(" |", "|"))
    }

    #[test]
    fn udp_is_the_default_and_rtcp_is_one_above() {
        assert_eq!(lines(&[]).unwrap(), "m=audio 5004 RTP/AVP|c=IN IP4 127.0.0.1");
        let flags = ["--to", "udp://studio.example.net:6000", "--rtcp-port", "7000", "--bandwidth", "AS:20"];
        let expected = "m=audio 6000 RTP/AVP|c=IN IP4 studio.example.net|b=AS:20|a=rtcp:7000";
        assert_eq!(lines(&flags).unwrap(), expected);
        assert!(lines(&["--rtcp-mux"]).unwrap().ends_with("|a=rtcp-mux"));
    }

    #[test]
    fn groups_have_hops_and_sources() {
        let flags = ["--to", "udp://232.1.2.3:5004", "--ttl", "4", "--source", "192.0.2.1"];
        let expected = "m=audio 5004 RTP/AVP|c=IN IP4 232.1.2.3/4|a=source-filter: incl IN IP4 232.1.2.3 192.0.2.1";
        assert_eq!(lines(&flags).unwrap(), expected);
    }

    #[test]
    fn connections_say_who_opens_them() {
        let expected = "m=audio 5004 TCP/RTP/AVP|c=IN IP4 127.0.0.1|a=setup:passive|a=connection:new";
        assert_eq!(lines(&["--to", "tcp://127.0.0.1:5004"]).unwrap(), expected);
        assert!(lines(&["--to", "tcp://127.0.0.1:5004", "--setup", "actpass"]).unwrap().contains("a=setup:actpass"));
    }

    #[test]
    fn each_new_key_is_another() {
        let (one, other) = (lines(&["--srtp"]).unwrap(), lines(&["--srtp"]).unwrap());
        assert!(
            one.starts_with("m=audio 5004 RTP/SAVP|") && one.contains("|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:")
        );
        assert_ne!(one, other);
        let given = "7 AES_CM_128_HMAC_SHA1_32 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
        let both = lines(&["--srtp", "--crypto", given]).unwrap();
        assert!(both.contains(given) && both.contains("a=crypto:8 AES_CM_128_HMAC_SHA1_80"), "{both}");
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for flags in [
            &["--ttl", "4"][..],
            &["--source", "192.0.2.1"],
            &["--setup", "active"],
            &["--srtp", "--to", "tcp://127.0.0.1:5004"],
            &["--to", "tcp://239.1.2.3:5004"],
            &["--to", "http://127.0.0.1"],
            &["--bandwidth", "20"],
            &["--crypto", "key"],
        ] {
            assert!(lines(flags).is_err(), "{flags:?}");
        }
    }
}
