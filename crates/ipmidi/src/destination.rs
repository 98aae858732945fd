//! Where datagrams go: a group, or one host, and a UDP port for each MIDI port.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A group or a host, and the UDP port of its first MIDI port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Destination {
    /// The multicast group, or a host.
    pub address: IpAddr,
    /// The UDP port of MIDI port 1; the others follow.
    pub base: u16,
}

/// Why there is no such port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// MIDI ports count from 1.
    Zero,
    /// The UDP port would be beyond 65535.
    Beyond {
        /// The UDP port of MIDI port 1.
        base: u16,
        /// The MIDI port.
        port: u16,
    },
}

impl Destination {
    /// Where everybody is unless told otherwise: 225.0.0.37, UDP 21928.
    pub const V4: Self = Self { address: IpAddr::V4(Ipv4Addr::new(225, 0, 0, 37)), base: 21_928 };

    /// The same in IPv6, `ff12::37`; its scope is the link.
    pub const V6: Self = Self { address: IpAddr::V6(Ipv6Addr::new(0xFF12, 0, 0, 0, 0, 0, 0, 0x37)), base: 21_928 };

    /// The address of a MIDI port, from 1; ipMIDI has 20 of them.
    pub const fn address(self, port: u16) -> Result<SocketAddr, Error> {
        let Some(index) = port.checked_sub(1) else { return Err(Error::Zero) };
        match self.base.checked_add(index) {
            Some(udp) => Ok(SocketAddr::new(self.address, udp)),
            None => Err(Error::Beyond { base: self.base, port }),
        }
    }

    /// The MIDI port of a UDP port.
    pub const fn port(self, udp: u16) -> Option<u16> {
        match udp.checked_sub(self.base) {
            Some(index) => index.checked_add(1),
            None => None,
        }
    }

    /// Whether datagrams go to a group, and not to one host.
    pub const fn is_group(self) -> bool {
        self.address.is_multicast()
    }
}

impl Default for Destination {
    fn default() -> Self {
        Self::V4
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero => f.write_str("ports count from 1"),
            Self::Beyond { base, port } => {
                write!(f, "port {port} would be UDP {}, beyond 65535", u32::from(*base) + u32::from(*port) - 1)
            }
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_midi_port_has_a_udp_port_of_its_own() {
        assert_eq!(Destination::V4.address(1), Ok("225.0.0.37:21928".parse().unwrap()));
        assert_eq!(Destination::V6.address(20), Ok("[ff12::37]:21947".parse().unwrap()));
        assert_eq!(Destination::V4.port(21_947), Some(20));
        assert_eq!(Destination::V4.port(21_927), None);
    }

    #[test]
    fn ports_that_are_none_are_refused_with_the_reason() {
        assert_eq!(Destination::V4.address(0), Err(Error::Zero));
        let high = Destination { base: 65_535, ..Destination::V4 };
        assert_eq!(high.address(1).map(|address| address.port()), Ok(65_535));
        assert_eq!(high.address(2).unwrap_err().to_string(), "port 2 would be UDP 65536, beyond 65535");
    }
}
