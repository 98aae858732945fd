//! Network interfaces: whether one is up, has an address, and carries multicast.

use std::net::IpAddr;

use super::finding::Finding;
use super::link::Link;

const CHECK: &str = "interfaces";

/// Looks at each interface.
pub(super) fn check(links: &[Link]) -> Vec<Finding> {
    if !links.iter().any(Link::is_up) {
        let what = "no network interface but loopback is up: nobody can be reached";
        let mend = links.first().map_or_else(
            || "ip link show   (lists the interfaces that the kernel knows)".to_owned(),
            |link| format!("ip link set dev {} up", link.name),
        );
        return vec![Finding::failure(CHECK, what, mend)];
    }
    links.iter().filter(|link| link.is_up()).flat_map(of).collect()
}

fn of(link: &Link) -> Vec<Finding> {
    let name = &link.name;
    if !link.is_running() {
        let what = format!("{name} is up, but nothing is connected to it");
        return vec![Finding::warning(CHECK, what, format!("ip link set dev {name} down   (or plug in its cable)"))];
    }
    if link.addresses.is_empty() {
        let what = format!("{name} is connected, but has no address");
        return vec![Finding::warning(CHECK, what, format!("dhcpcd {name}   (or nmcli device connect {name})"))];
    }
    let addresses: Vec<String> = link.addresses.iter().map(|(address, bits)| format!("{address}/{bits}")).collect();
    let mut findings = vec![Finding::ok(CHECK, format!("{name} is up: {}", addresses.join(", ")))];
    if !link.has_multicast() {
        let what = format!("{name} carries no multicast: sessions are not found by it, and groups not heard");
        findings.push(Finding::warning(CHECK, what, format!("ip link set dev {name} multicast on")));
    }
    let v4: Vec<&IpAddr> = link.addresses.iter().map(|(address, _)| address).filter(|ip| ip.is_ipv4()).collect();
    if !v4.is_empty() && v4.iter().all(|ip| matches!(ip, IpAddr::V4(ip) if ip.is_link_local())) {
        let what = format!("{name} has given itself an address: no DHCP server has answered");
        let mend = format!("dhcpcd {name}   (peers must have given themselves one too, or be IPv6)");
        findings.push(Finding::warning(CHECK, what, mend));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::doctor::finding::text;
    use nix::net::if_::InterfaceFlags;

    fn words(links: &[Link]) -> String {
        text(&check(links))
    }

    #[test]
    fn without_an_interface_that_is_up_nobody_is_reached() {
        let down = Link::with("eth0", InterfaceFlags::IFF_MULTICAST, &[]);
        let words = words(&[down]);
        assert!(words.starts_with("failure") && words.contains("ip link set dev eth0 up"), "{words}");
        assert!(check(&[])[0].to_string().contains("ip link show"));
    }

    #[test]
    fn one_that_is_down_beside_another_is_nobodys_concern() {
        let down = Link::with("wlan0", InterfaceFlags::IFF_MULTICAST, &[]);
        let words = words(&[down, Link::running("eth0", &["192.0.2.1", "fe80::1"])]);
        assert_eq!(words, "ok       interfaces  eth0 is up: 192.0.2.1/24, fe80::1/24");
    }

    #[test]
    fn what_is_wrong_with_each_has_its_command() {
        let up = InterfaceFlags::IFF_UP;
        for (link, mend) in [
            (Link::with("eth0", up, &[]), "plug in its cable"),
            (Link::running("eth0", &[]), "nmcli device connect eth0"),
            (Link::with("eth0", up | InterfaceFlags::IFF_RUNNING, &["192.0.2.1"]), "ip link set dev eth0 multicast on"),
            (Link::running("eth0", &["169.254.7.1", "fe80::1"]), "dhcpcd eth0"),
        ] {
            let words = words(&[link]);
            assert!(words.contains("warning") && words.contains(mend), "{words}");
        }
    }
}
