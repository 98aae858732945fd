//! Who may take part.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// What becomes of an invitation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is accepted.
    Admit,
    /// It is refused.
    Refuse,
    /// Somebody is asked, and decides with [`Input::Admit`](crate::Input::Admit) or
    /// [`Input::Reject`](crate::Input::Reject).
    Ask,
}

/// Whose invitations are accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admission {
    /// Everybody's.
    Everyone,
    /// Those from networks of our own, and from hosts that have been found there.
    Local {
        /// The networks that this host's interfaces are in.
        networks: Vec<Network>,
        /// Hosts that announce sessions.
        known: Vec<IpAddr>,
    },
    /// Those from these networks.
    List(Vec<Network>),
    /// Each one is asked about.
    Ask,
}

/// A network, or with all of its bits a host.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Network {
    /// Any address in it.
    pub address: IpAddr,
    /// How many bits of the address its hosts share.
    pub bits: u8,
}

/// Why a text is no network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoNetwork {
    /// What stands in front of the slash is no IP address.
    Address,
    /// What stands behind it is no number of bits, or one above this.
    Bits {
        /// As many bits as such an address has.
        most: u8,
    },
}

impl Admission {
    /// What becomes of an invitation from there.
    pub fn judge(&self, from: SocketAddr) -> Verdict {
        let from = from.ip().to_canonical();
        let is_admitted = match self {
            Self::Everyone => true,
            Self::Ask => return Verdict::Ask,
            Self::Local { networks, known } => {
                from.is_loopback() || is_link_local(from) || known.contains(&from) || has(networks, from)
            }
            Self::List(networks) => has(networks, from),
        };
        if is_admitted { Verdict::Admit } else { Verdict::Refuse }
    }
}

impl Network {
    /// Whether a host is in this network.
    pub fn contains(&self, host: IpAddr) -> bool {
        match (self.address, host) {
            (IpAddr::V4(network), IpAddr::V4(host)) => {
                let differ = network.to_bits() ^ host.to_bits();
                differ.leading_zeros() >= u32::from(self.bits.min(32))
            }
            (IpAddr::V6(network), IpAddr::V6(host)) => {
                let differ = network.to_bits() ^ host.to_bits();
                differ.leading_zeros() >= u32::from(self.bits.min(128))
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NoNetwork;

    /// `192.0.2.0/24`, or `192.0.2.7` for one host.
    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| NoNetwork::Address)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        match bits.map_or(Ok(most), str::parse) {
            Ok(bits) if bits <= most => Ok(Self { address, bits }),
            _ => Err(NoNetwork::Bits { most }),
        }
    }
}

impl fmt::Display for NoNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("no network such as 192.0.2.0/24"),
            Self::Bits { most } => write!(f, "a network has from 0 to {most} bits"),
        }
    }
}

impl std::error::Error for NoNetwork {}

fn has(networks: &[Network], host: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(host))
}

fn is_link_local(host: IpAddr) -> bool {
    match host {
        IpAddr::V4(host) => host.is_link_local(),
        IpAddr::V6(host) => host.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str, bits: u8) -> Network {
        Network { address: address.parse().unwrap(), bits }
    }

    fn judge(admission: &Admission, from: &str) -> Verdict {
        admission.judge(SocketAddr::new(from.parse().unwrap(), 5004))
    }

    #[test]
    fn networks_have_the_hosts_that_share_their_bits() {
        for (network, inside, outside) in [
            (network("192.168.1.77", 24), "192.168.1.1", "192.168.2.1"),
            (network("10.0.0.0", 9), "10.127.0.1", "10.128.0.1"),
            (network("192.0.2.1", 32), "192.0.2.1", "192.0.2.2"),
            (network("fd00:1::", 32), "fd00:1:2::3", "fd00:2::1"),
            (network("0.0.0.0", 0), "8.8.8.8", "::1"),
        ] {
            assert!(network.contains(inside.parse().unwrap()), "{network:?}");
            assert!(!network.contains(outside.parse().unwrap()), "{network:?}");
        }
    }

    #[test]
    fn a_network_is_read_as_people_write_it() {
        for (text, read) in [
            ("192.0.2.7", Ok(network("192.0.2.7", 32))),
            ("192.0.2.0/24", Ok(network("192.0.2.0", 24))),
            ("2001:db8::/32", Ok(network("2001:db8::", 32))),
            ("192.0.2.0/33", Err(NoNetwork::Bits { most: 32 })),
            ("2001:db8::/x", Err(NoNetwork::Bits { most: 128 })),
            ("friends", Err(NoNetwork::Address)),
        ] {
            assert_eq!(text.parse(), read, "{text}");
        }
    }

    #[test]
    fn the_neighbourhood_is_admitted_and_nobody_else() {
        let known = vec!["203.0.113.9".parse().unwrap()];
        let local = Admission::Local { networks: vec![network("192.168.1.0", 24)], known };
        for (from, verdict) in [
            ("127.0.0.1", Verdict::Admit),
            ("169.254.3.4", Verdict::Admit),
            ("fe80::1", Verdict::Admit),
            ("192.168.1.30", Verdict::Admit),
            ("::ffff:192.168.1.30", Verdict::Admit),
            ("203.0.113.9", Verdict::Admit),
            ("203.0.113.10", Verdict::Refuse),
            ("2001:db8::1", Verdict::Refuse),
        ] {
            assert_eq!(judge(&local, from), verdict, "{from}");
        }
    }

    #[test]
    fn everyone_nobody_and_somebody_who_decides() {
        assert_eq!(judge(&Admission::Everyone, "2001:db8::1"), Verdict::Admit);
        assert_eq!(judge(&Admission::List(vec![]), "127.0.0.1"), Verdict::Refuse);
        assert_eq!(judge(&Admission::Ask, "127.0.0.1"), Verdict::Ask);
    }
}
