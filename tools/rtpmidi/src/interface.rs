//! Network interfaces by name: where packets to a group leave, and where groups are joined.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{SockaddrIn, SockaddrIn6};

use crate::failure::{Failure, Result};

/// A network interface of this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) index: u32,
    /// Its first IPv4 address.
    pub(crate) v4: Option<Ipv4Addr>,
    /// Its first IPv6 address, one that reaches beyond the link if there is any.
    pub(crate) v6: Option<Ipv6Addr>,
}

impl Interface {
    /// Finds the interface `name`.
    pub(crate) fn find(name: &str) -> Result<Self> {
        let unreadable = |error| Failure::new(format!("cannot look for interface {name}: {error}"));
        let mut found = Self { name: name.to_owned(), index: 0, v4: None, v6: None };
        let mut names: Vec<String> = Vec::new();
        for interface in getifaddrs().map_err(unreadable)? {
            if interface.interface_name == name
                && let Some(address) = interface.address
            {
                found.v4 = found.v4.or(address.as_sockaddr_in().map(SockaddrIn::ip));
                let v6 = address.as_sockaddr_in6().map(SockaddrIn6::ip);
                let is_better = found.v6.is_none_or(|before| before.is_unicast_link_local());
                found.v6 = v6.filter(|_| is_better).or(found.v6);
            }
            if !names.contains(&interface.interface_name) {
                names.push(interface.interface_name);
            }
        }
        if !names.iter().any(|known| known == name) {
            return Err(unknown(name, &names));
        }
        found.index = if_nametoindex(name).map_err(unreadable)?;
        Ok(found)
    }

    /// Its address of the family that `like` is of.
    pub(crate) fn address(&self, like: IpAddr) -> Option<IpAddr> {
        match like {
            IpAddr::V4(_) => self.v4.map(IpAddr::V4),
            IpAddr::V6(_) => self.v6.map(IpAddr::V6),
        }
    }
}

/// There is no interface `name` among those that this machine has.
pub(crate) fn unknown(name: &str, names: &[impl AsRef<str>]) -> Failure {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    Failure::new(format!("there is no network interface {name}")).hint(format!("this machine has {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_found_with_its_address() {
        let interface = Interface::find("lo").unwrap();
        assert_eq!((interface.v4, interface.index > 0), (Some(Ipv4Addr::LOCALHOST), true));
        assert_eq!(interface.address(Ipv4Addr::UNSPECIFIED.into()), Some(Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let words = Interface::find("nowhere0").unwrap_err().to_string();
        assert!(words.starts_with("error: there is no network interface nowhere0\nhint: this machine has "), "{words}");
        assert!(words.contains("lo"), "{words}");
    }
}
