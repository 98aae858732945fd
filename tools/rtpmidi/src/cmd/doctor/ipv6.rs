//! IPv6: whether each interface has it. Macs prefer it to reach each other.

use std::fs;

use super::finding::Finding;
use super::link::Link;

const CHECK: &str = "ipv6";

/// Looks at each interface that is used.
pub(super) fn check(links: &[Link]) -> Vec<Finding> {
    links.iter().filter(|link| link.is_usable()).map(|link| judge(link, is_off(&link.name))).collect()
}

/// Whether somebody has switched it off; not known where the kernel has none of it.
fn is_off(name: &str) -> Option<bool> {
    let text = fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6")).ok()?;
    Some(text.trim() != "0")
}

fn judge(link: &Link, is_off: Option<bool>) -> Finding {
    let name = &link.name;
    match is_off {
        None => Finding::ok(CHECK, format!("{name}: this kernel has no IPv6; AppleMIDI sessions run over IPv4")),
        Some(true) => Finding::warning(
            CHECK,
            format!("IPv6 is switched off on {name}: peers that have nothing else are not reached"),
            format!("sysctl -w net.ipv6.conf.{name}.disable_ipv6=0"),
        ),
        Some(false) if link.v6().any(|ip| !ip.is_unicast_link_local()) => {
            Finding::ok(CHECK, format!("{name} has IPv6 beyond its own network"))
        }
        Some(false) if link.v6().next().is_some() => Finding::ok(CHECK, format!("{name} has IPv6 in its own network")),
        Some(false) => Finding::warning(
            CHECK,
            format!("IPv6 is on, but {name} has no address of it"),
            format!(
                "ip link set dev {name} addrgenmode eui64 && ip link set dev {name} down && ip link set dev {name} up"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_words() {
        let (v4, link, global) = (
            Link::running("eth0", &["192.0.2.1"]),
            Link::running("eth0", &["192.0.2.1", "fe80::1"]),
            Link::running("eth0", &["fe80::1", "2001:db8::1"]),
        );
        for (link, is_off, words) in [
            (&v4, None, "this kernel has no IPv6"),
            (&v4, Some(true), "sysctl -w net.ipv6.conf.eth0.disable_ipv6=0"),
            (&v4, Some(false), "has no address of it"),
            (&link, Some(false), "in its own network"),
            (&global, Some(false), "beyond its own network"),
        ] {
            let finding = judge(link, is_off).to_string();
            assert!(finding.contains(words), "{finding}");
        }
    }
}
