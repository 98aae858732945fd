//! The UDP ports of a description, and the addresses of this machine that it means.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use rtp_midi_sdp::{FilterMode, Host, SourceFilter, Transport};

use super::gate::Senders;
use super::source::Source;
use crate::failure::{Failure, Result};
use crate::srtp::Key;

/// The group or address that a stream comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Destination {
    /// `c=` as numbers.
    address: IpAddr,
    port: u16,
    rtcp_port: u16,
    /// Who may send there.
    pub(super) senders: Senders,
    /// By which packets are sealed.
    pub(super) key: Option<Key>,
}

impl Destination {
    /// Where the stream of a description comes to; `name` stands in errors. A key that is `given` comes before those of
    /// the description.
    pub(super) fn of(source: &Source, name: &str, given: Option<&Key>) -> Result<Self> {
        let transport = &source.transport;
        let host = transport.address.as_ref().map(|address| address.host.clone());
        let address = match host {
            Some(Host::Ip(ip)) => ip,
            Some(Host::Name(host)) => resolve(&host).ok_or_else(|| {
                Failure::new(format!("{name}: host {host} is not known")).hint("give the address in numbers")
            })?,
            None => {
                return Err(Failure::new(format!("{name}: no address (c=)"))
                    .hint("add a line such as c=IN IP4 127.0.0.1 above the line m="));
            }
        };
        let senders = transport.sources.as_ref().map_or(Ok(Senders::All), |filter| senders(filter, address, name))?;
        let key = key(transport, given, name)?;
        Ok(Self { address, port: transport.port, rtcp_port: transport.rtcp_port, senders, key })
    }

    /// The same for each of the streams that are heard as one.
    pub(super) fn each(source: &Source, name: &str, given: Option<&Key>) -> Result<Vec<Self>> {
        source.streams().map(|stream| Self::of(stream, name, given)).collect()
    }

    /// Where RTP packets come in.
    pub(super) fn rtp(&self) -> SocketAddr {
        (self.address, self.port).into()
    }

    /// Where RTCP packets come in.
    pub(super) fn rtcp(&self) -> SocketAddr {
        (self.address, self.rtcp_port).into()
    }

    /// The senders that a group is joined for, if they are known; none if it is for anybody.
    pub(super) fn wanted(&self) -> Vec<Ipv4Addr> {
        let v4 = |address: &IpAddr| if let IpAddr::V4(address) = address { Some(*address) } else { None };
        match &self.senders {
            Senders::Only(senders) => senders.iter().filter_map(v4).collect(),
            Senders::All | Senders::AllBut(_) => Vec::new(),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UDP port {} of {}", self.port, self.address)
    }
}

/// The key of packets that come this way, if they are sealed.
fn key(transport: &Transport, given: Option<&Key>, name: &str) -> Result<Option<Key>> {
    if !transport.protocol.has_crypto() {
        return given.map_or(Ok(None), |_| {
            Err(Failure::new(format!("{name}: the stream is not encrypted, and there is a key for it"))
                .hint("without --srtp-key it is heard, and anybody may have made it"))
        });
    }
    let key = given.cloned().or_else(|| transport.crypto.iter().find_map(Key::of));
    key.map(Some).ok_or_else(|| {
        let what = if transport.crypto.is_empty() { "no key" } else { "no key of a suite that we have" };
        Failure::new(format!("{name}: the stream is encrypted, and the description has {what}"))
            .hint("--srtp-key FILE takes it from a file, which the sender has as well")
    })
}

/// Who may send to `address`.
fn senders(filter: &SourceFilter, address: IpAddr, name: &str) -> Result<Senders> {
    if !matches!(&filter.destination, None | Some(Host::Name(_))) && filter.destination != Some(Host::Ip(address)) {
        return Ok(Senders::All);
    }
    let ip = |host: &Host| match host {
        Host::Ip(ip) => Ok(*ip),
        Host::Name(host) => resolve(host).ok_or_else(|| {
            Failure::new(format!("{name}: the source {host} is not known")).hint("give its address in numbers")
        }),
    };
    let sources = filter.sources.iter().map(ip).collect::<Result<_>>()?;
    Ok(match filter.mode {
        FilterMode::Include => Senders::Only(sources),
        FilterMode::Exclude => Senders::AllBut(sources),
    })
}

fn resolve(host: &str) -> Option<IpAddr> {
    Some((host, 0).to_socket_addrs().ok()?.next()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANON: &str = "v=0\ns=x\nm=audio 5004 RTP/AVP 97\nc=IN IP4 127.0.0.1\na=rtpmap:97 rtp-midi/48000\n";

    fn of(text: &str) -> Result<Destination> {
        Destination::of(&Source::parse(text.as_bytes(), "x.sdp").unwrap(), "x.sdp", None)
    }

    #[test]
    fn rtcp_comes_to_the_port_above() {
        let destination = of(CANON).unwrap();
        assert_eq!(destination.rtp(), "127.0.0.1:5004".parse().unwrap());
        assert_eq!(destination.rtcp(), "127.0.0.1:5005".parse().unwrap());
    }

    #[test]
    fn a_missing_address_is_named() {
        let failure = of(&CANON.replace("c=IN IP4 127.0.0.1\n", "")).unwrap_err().to_string();
        assert!(failure.contains("x.sdp: no address (c=)"), "{failure}");
    }
}
