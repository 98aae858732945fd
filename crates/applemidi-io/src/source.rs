//! Which address of this machine a datagram leaves from, or has come to: ancillary data of the kernel (ip(7), ipv6(7)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::libc::{IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO, in_pktinfo, in6_pktinfo};

/// The address to send from, as the kernel reads it.
///
/// ```text
///  length of all but the padding │ level │ type │ in6_pktinfo: address, interface            │
///                                │       │      │ in_pktinfo: interface, address, no address │ padding
/// ```
pub(crate) struct Source {
    octets: [u8; LONGEST],
    length: usize,
}

/// Octets of a length, a level and a type.
const HEAD: usize = size_of::<usize>() + 8;

const LONGEST: usize = (HEAD + size_of::<in6_pktinfo>()).next_multiple_of(size_of::<usize>());

impl Source {
    /// An address for a socket of IPv6, which takes those of IPv4 as well, or of IPv4.
    pub(crate) fn new(address: IpAddr, is_v6: bool) -> Self {
        let (mut octets, mut length) = ([0; LONGEST], 0);
        let mut put = |some: &[u8]| {
            octets[length..length + some.len()].copy_from_slice(some);
            length += some.len();
        };
        let mut head = |size: usize, level: i32, kind: i32| {
            put(&(HEAD + size).to_ne_bytes());
            put(&level.to_ne_bytes());
            put(&kind.to_ne_bytes());
        };
        match address {
            IpAddr::V4(address) if !is_v6 => {
                head(size_of::<in_pktinfo>(), IPPROTO_IP, IP_PKTINFO);
                for octets in [[0; 4], address.octets(), [0; 4]] {
                    put(&octets);
                }
            }
            address => {
                let address = match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped(),
                    IpAddr::V6(address) => address,
                };
                head(size_of::<in6_pktinfo>(), IPPROTO_IPV6, IPV6_PKTINFO);
                put(&address.octets());
                put(&[0; 4]);
            }
        }
        Self { octets, length: length.next_multiple_of(size_of::<usize>()) }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

/// Where a datagram has come to.
pub(crate) fn of_v4(info: &in_pktinfo) -> IpAddr {
    Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()).into()
}

/// Where a datagram has come to, by IPv6 or by IPv4.
pub(crate) fn of_v6(info: &in6_pktinfo) -> IpAddr {
    Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical()
}
