//! Where a stream goes: `udp://HOST:PORT`.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::str::FromStr;

use crate::failure::{Failure, Result};
use crate::interface::Interface;

/// A host by name or number, and the port of the RTP packets; RTCP goes to the port above.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Destination {
    host: String,
    port: u16,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("udp://").ok_or("it starts with udp://, as udp://127.0.0.1:5004")?;
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or("the port is missing")?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bracketed.unwrap_or(host);
        if host.is_empty() {
            return Err("the host is missing".to_owned());
        }
        if bracketed.is_none() && host.contains(':') {
            return Err("an IPv6 address stands in brackets, as udp://[::1]:5004".to_owned());
        }
        // The highest port would leave none for RTCP.
        match port.parse() {
            Ok(port @ 1..=65534) => Ok(Self { host: host.to_owned(), port }),
            _ => Err(format!("{port} is not a port from 1 to 65534")),
        }
    }
}

impl Destination {
    /// The name or number of the host, without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port of the RTP packets.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Looks the host up.
    pub(crate) fn resolve(&self) -> Result<SocketAddr> {
        (self.host.as_str(), self.port).to_socket_addrs().ok().and_then(|mut addresses| addresses.next()).ok_or_else(
            || {
                Failure::new(format!("host {} is not known", self.host))
                    .hint("check the spelling, or give the address in numbers")
            },
        )
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "udp://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "udp://{}:{}", self.host, self.port)
        }
    }
}

/// The address of this machine from which packets to `destination` leave, by `interface` if it is chosen. Nothing is
/// sent.
pub(crate) fn local_address(destination: SocketAddr, interface: Option<&Interface>) -> Option<IpAddr> {
    if let Some(interface) = interface {
        return interface.address(destination.ip());
    }
    let any: SocketAddr = if destination.is_ipv4() { ([0; 4], 0).into() } else { ([0; 16], 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(destination).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_by_name_and_number_are_understood() {
        for text in ["udp://127.0.0.1:5004", "udp://[::1]:5004", "udp://studio.example.net:1", "udp://239.1.2.3:65534"]
        {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination.to_string(), text);
        }
        assert_eq!(
            "udp://[::1]:6000".parse::<Destination>().unwrap().resolve().unwrap(),
            "[::1]:6000".parse().unwrap()
        );
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        for (text, reason) in [
            ("127.0.0.1:5004", "it starts with udp://, as udp://127.0.0.1:5004"),
            ("udp://127.0.0.1", "the port is missing"),
            ("udp://:5004", "the host is missing"),
            ("udp://::1:5004", "an IPv6 address stands in brackets, as udp://[::1]:5004"),
            ("udp://127.0.0.1:65535", "65535 is not a port from 1 to 65534"),
            ("udp://127.0.0.1:0", "0 is not a port from 1 to 65534"),
        ] {
            assert_eq!(text.parse::<Destination>(), Err(reason.to_owned()), "{text}");
        }
    }

    #[test]
    fn packets_to_loopback_leave_from_loopback() {
        let to = "127.0.0.1:5004".parse().unwrap();
        assert_eq!(local_address(to, None), Some("127.0.0.1".parse().unwrap()));
    }
}
