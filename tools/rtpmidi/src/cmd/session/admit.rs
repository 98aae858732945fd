//! Who may take part: `--admit`.

use std::net::IpAddr;
use std::str::FromStr;

use applemidi_io::{Admission, Network, NoNetwork, local_networks};

/// `--admit`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Admit {
    Neighbours,
    Everyone,
    Ask,
    Network(Network),
}

impl FromStr for Admit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "neighbours" | "neighbors" => return Ok(Self::Neighbours),
            "everyone" => return Ok(Self::Everyone),
            "ask" => return Ok(Self::Ask),
            _ => {}
        }
        text.parse().map(Self::Network).map_err(|error| match error {
            NoNetwork::Address => "it is neighbours, everyone, ask, or a network such as 192.0.2.0/24".to_owned(),
            NoNetwork::Bits { .. } => error.to_string(),
        })
    }
}

/// Whose invitations are accepted without asking anybody; `known` are the hosts that announce sessions.
pub(crate) fn admission(admit: &[Admit], known: &[IpAddr]) -> Admission {
    let networks =
        admit.iter().filter_map(|admit| if let Admit::Network(network) = admit { Some(*network) } else { None });
    let networks: Vec<Network> = networks.collect();
    if admit.contains(&Admit::Everyone) {
        return Admission::Everyone;
    }
    if admit.contains(&Admit::Neighbours) {
        let networks = networks.into_iter().chain(local_networks()).collect();
        return Admission::Local { networks, known: known.to_vec() };
    }
    Admission::List(networks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_networks_are_told_apart() {
        let network = |address: &str, bits| Admit::Network(Network { address: address.parse().unwrap(), bits });
        for (text, admit) in [
            ("neighbours", Ok(Admit::Neighbours)),
            ("everyone", Ok(Admit::Everyone)),
            ("192.0.2.7", Ok(network("192.0.2.7", 32))),
            ("192.0.2.0/24", Ok(network("192.0.2.0", 24))),
            ("2001:db8::/32", Ok(network("2001:db8::", 32))),
            ("192.0.2.0/33", Err("a network has from 0 to 32 bits".to_owned())),
            ("friends", Err("it is neighbours, everyone, ask, or a network such as 192.0.2.0/24".to_owned())),
        ] {
            assert_eq!(text.parse(), admit, "{text}");
        }
    }

    #[test]
    fn networks_that_are_named_come_to_the_neighbours() {
        let named: Admit = "203.0.113.0/24".parse().unwrap();
        let Admission::Local { networks, .. } = admission(&[Admit::Neighbours, named], &[]) else {
            panic!("not local")
        };
        assert!(networks.iter().any(|network| network.contains("203.0.113.9".parse().unwrap())));
        assert!(matches!(admission(&[named], &[]), Admission::List(networks) if networks.len() == 1));
        assert_eq!(admission(&[named, Admit::Everyone], &[]), Admission::Everyone);
    }
}
