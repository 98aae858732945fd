//! The network interfaces of this machine, as the checks look at them.

use std::net::{IpAddr, Ipv6Addr};

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

use crate::failure::{Failure, Result};

/// A network interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Link {
    pub(super) name: String,
    flags: InterfaceFlags,
    /// Its addresses with the length of their networks' prefixes.
    pub(super) addresses: Vec<(IpAddr, u32)>,
}

impl Link {
    /// All of them.
    pub(super) fn all() -> Result<Vec<Self>> {
        let unreadable = |error| Failure::new(format!("cannot look at the network interfaces: {error}"));
        Ok(gather(getifaddrs().map_err(unreadable)?))
    }

    /// Whether it is the one that is named, or any but loopback.
    pub(super) fn is_wanted(&self, name: Option<&str>) -> bool {
        name.map_or(!self.flags.contains(InterfaceFlags::IFF_LOOPBACK), |name| name == self.name)
    }

    /// Whether somebody has switched it on.
    pub(super) fn is_up(&self) -> bool {
        self.flags.contains(InterfaceFlags::IFF_UP)
    }

    /// Whether something is at the other end of its cable.
    pub(super) fn is_running(&self) -> bool {
        self.is_up() && self.flags.contains(InterfaceFlags::IFF_RUNNING)
    }

    /// Whether it carries multicast. Loopback does without the flag, which it never has.
    pub(super) fn has_multicast(&self) -> bool {
        self.flags.intersects(InterfaceFlags::IFF_MULTICAST | InterfaceFlags::IFF_LOOPBACK)
    }

    /// Whether music may go there.
    pub(super) fn is_usable(&self) -> bool {
        self.is_running() && !self.addresses.is_empty()
    }

    /// Its addresses of IPv6.
    pub(super) fn v6(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.addresses.iter().filter_map(|(address, _)| match address {
            IpAddr::V6(address) => Some(*address),
            IpAddr::V4(_) => None,
        })
    }
}

/// What the system lists address by address, interface by interface.
fn gather(addresses: impl Iterator<Item = InterfaceAddress>) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for InterfaceAddress { interface_name: name, flags, address, netmask, .. } in addresses {
        let index = links.iter().position(|link| link.name == name).unwrap_or_else(|| {
            links.push(Link { name, flags, addresses: Vec::new() });
            links.len() - 1
        });
        let ip = address.and_then(|address| {
            let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
        });
        let bits = netmask.map_or(0, |mask| {
            let v4 = mask.as_sockaddr_in().map(|mask| mask.ip().to_bits().leading_ones());
            v4.or_else(|| mask.as_sockaddr_in6().map(|mask| mask.ip().to_bits().leading_ones())).unwrap_or(0)
        });
        links[index].addresses.extend(ip.map(|ip| (ip, bits)));
    }
    links
}

#[cfg(test)]
impl Link {
    /// One that is up and running, with these addresses.
    pub(super) fn running(name: &str, addresses: &[&str]) -> Self {
        let flags = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING | InterfaceFlags::IFF_MULTICAST;
        Self::with(name, flags, addresses)
    }

    /// One with these flags and addresses.
    pub(super) fn with(name: &str, flags: InterfaceFlags, addresses: &[&str]) -> Self {
        let address = |text: &&str| (text.parse().unwrap(), 24);
        Self { name: name.to_owned(), flags, addresses: addresses.iter().map(address).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn loopback_is_there_with_its_network_and_only_looked_at_by_name() {
        let links = Link::all().unwrap();
        let loopback = links.iter().find(|link| link.name == "lo").unwrap();
        assert!(loopback.addresses.contains(&(Ipv4Addr::LOCALHOST.into(), 8)), "{loopback:?}");
        assert!(loopback.is_usable() && loopback.has_multicast());
        assert_eq!([None, Some("lo"), Some("eth0")].map(|name| loopback.is_wanted(name)), [false, true, false]);
    }
}
