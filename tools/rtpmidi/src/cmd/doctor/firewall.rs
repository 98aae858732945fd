//! Firewall: whether what is sent to the ports of sessions and of multicast DNS comes in.
//!
//! Only root may read the rules. So datagrams are sent to these ports by the machine itself, through the same rules, and
//! it is seen whether they arrive; that a rule looks at who sends them cannot be known.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use super::finding::Finding;
use super::link::Link;
use super::multicast::{self, Echo};

const CHECK: &str = "firewall";

/// Apple's first session, and multicast DNS.
const PORTS: [u16; 3] = [5004, 5005, 5353];

/// Which program rules this machine's firewall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Keeper {
    Ufw,
    Firewalld,
    /// None that we know: rules are the kernel's own.
    Kernel,
}

/// Tries each port on each interface that has IPv4.
pub(super) fn check(links: &[Link]) -> Vec<Finding> {
    let keeper = Keeper::here();
    let has_v4 = |link: &&Link| link.addresses.iter().any(|(ip, _)| ip.is_ipv4());
    let usable = links.iter().filter(|link| link.is_usable() && link.has_multicast()).filter(has_v4);
    usable.map(|link| judge(&link.name, keeper, &PORTS.map(|port| (port, knock(link, port))))).collect()
}

fn knock(link: &Link, port: u16) -> Echo {
    let token = multicast::token();
    let [a, b, ..] = token;
    if port == 5353 {
        // Rules often name the group of multicast DNS. A message without a question disturbs nobody who is in it.
        let group = Ipv4Addr::new(224, 0, 0, 251);
        return multicast::echo(link, (group, port).into(), &[a, b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    multicast::echo(link, SocketAddr::from((Ipv4Addr::new(239, 255, a, b), port)), &token)
}

fn judge(name: &str, keeper: Keeper, echoes: &[(u16, Echo)]) -> Finding {
    let of = |wanted: fn(&Echo) -> bool| {
        let ports = echoes.iter().filter(|(_, echo)| wanted(echo)).map(|(port, _)| port.to_string());
        ports.collect::<Vec<_>>().join(", ")
    };
    let silent = of(|echo| *echo == Echo::Silent);
    if !silent.is_empty() {
        let what = format!("what comes to UDP port {silent} by {name} is dropped");
        return Finding::failure(CHECK, what, keeper.opens());
    }
    let (heard, untried) = (of(|echo| *echo == Echo::Heard), of(|echo| matches!(echo, Echo::Impossible(_))));
    let mut words = Vec::new();
    if !heard.is_empty() {
        words.push(format!("what this machine sends to UDP port {heard} comes in by {name}"));
    }
    if !untried.is_empty() {
        words.push(format!("UDP port {untried} cannot be tried on {name}, as programs have it that do not share"));
    }
    words.push("only root sees what rules say of other senders (nft list ruleset)".to_owned());
    Finding::ok(CHECK, words.join("; "))
}

impl Keeper {
    fn here() -> Self {
        let ufw = fs::read_to_string("/etc/ufw/ufw.conf").unwrap_or_default();
        if ufw.lines().any(|line| line.trim().eq_ignore_ascii_case("enabled=yes")) {
            Self::Ufw
        } else if Path::new("/run/firewalld").exists() {
            Self::Firewalld
        } else {
            Self::Kernel
        }
    }

    /// The command that lets music in.
    const fn opens(self) -> &'static str {
        match self {
            Self::Ufw => "ufw allow 5004:5005/udp && ufw allow 5353/udp",
            Self::Firewalld => {
                "firewall-cmd --add-port=5004-5005/udp --add-service=mdns   (and again with --permanent)"
            }
            Self::Kernel => {
                "nft insert rule inet filter input udp dport '{ 5004, 5005, 5353 }' accept   (or the like of it)"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    #[test]
    fn a_port_that_is_shut_is_named_with_the_command_of_whoever_shuts_it() {
        let echoes = [(5004, Echo::Silent), (5005, Echo::Silent), (5353, Echo::Heard)];
        let words = judge("eth0", Keeper::Ufw, &echoes).to_string();
        assert!(words.starts_with("failure") && words.contains("UDP port 5004, 5005 by eth0 is dropped"), "{words}");
        assert!(words.ends_with("ufw allow 5004:5005/udp && ufw allow 5353/udp"), "{words}");
    }

    #[test]
    fn what_cannot_be_known_is_said() {
        let taken = || Echo::Impossible(Failure::new("UDP port 5004 is in use"));
        let words = judge("eth0", Keeper::Kernel, &[(5004, taken()), (5353, Echo::Heard)]).to_string();
        for part in ["ok ", "UDP port 5353 comes in", "UDP port 5004 cannot be tried on eth0", "only root sees"] {
            assert!(words.contains(part), "{words}");
        }
    }
}
