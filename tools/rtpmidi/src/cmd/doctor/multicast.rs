//! Multicast: whether a group can be joined on each interface, and what this machine sends to it comes back.
//!
//! Datagrams have a time to live of 0: they come back, and never leave the machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::finding::Finding;
use super::link::Link;
use crate::failure::Failure;
use crate::interface::Interface;
use crate::sockets::{self, Membership};

const CHECK: &str = "multicast";

/// How long a datagram may take to come back: on an idle machine it is there at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often it is sent meanwhile.
const AGAIN: Duration = Duration::from_millis(200);

/// What has become of a datagram.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Echo {
    /// It has come back.
    Heard,
    /// It could be sent, and has not come back.
    Silent,
    /// It could not be sent, for this reason and with this advice.
    Impossible(Failure),
}

/// Tries a group of either family on each interface that is used.
pub(super) fn check(links: &[Link]) -> Vec<Finding> {
    let usable = links.iter().filter(|link| link.is_usable() && link.has_multicast());
    usable
        .flat_map(|link| {
            groups(link).map(move |group| judge(&link.name, group, &echo(link, (group, 0).into(), &token())))
        })
        .collect()
}

/// A group for each family that the interface has an address of. Nobody else is in it: its number is drawn.
fn groups(link: &Link) -> impl Iterator<Item = IpAddr> + use<> {
    let number = fastrand::u16(1..);
    let [high, low] = number.to_be_bytes();
    let v4 = link.addresses.iter().any(|(ip, _)| ip.is_ipv4());
    let v4 = v4.then_some(IpAddr::V4(Ipv4Addr::new(239, 255, high, low)));
    let v6 = link.v6().next().map(|_| IpAddr::V6(Ipv6Addr::new(0xFF12, 0, 0, 0, 0, 0, 0, number)));
    v4.into_iter().chain(v6)
}

fn judge(name: &str, group: IpAddr, echo: &Echo) -> Finding {
    let family = if group.is_ipv4() { "IPv4" } else { "IPv6" };
    match echo {
        Echo::Heard => Finding::ok(CHECK, format!("{name} hears groups of {family}")),
        Echo::Silent => Finding::failure(
            CHECK,
            format!("{name} does not hear a group of {family} that it has joined: a firewall drops it"),
            "nft list ruleset   (as root: shows which rule)",
        ),
        Echo::Impossible(failure) => Finding::failure(
            CHECK,
            format!("{name} has no groups of {family}: {}", failure.message()),
            format!("ip link set dev {name} multicast on && ip route add {} dev {name}", networks(group)),
        ),
    }
}

/// All groups of a family.
const fn networks(group: IpAddr) -> &'static str {
    if group.is_ipv4() { "224.0.0.0/4" } else { "multicast ff00::/8 table local" }
}

/// What nobody else sends.
pub(super) fn token() -> [u8; 8] {
    fastrand::u64(..).to_be_bytes()
}

/// Joins `group` on an interface, sends `octets` to it, and waits for them to come back. Port 0 is any.
pub(super) fn echo(link: &Link, group: SocketAddr, octets: &[u8]) -> Echo {
    let own = || -> Result<bool, Failure> {
        let interface = Interface::find(&link.name)?;
        let membership = Membership { interface: Some(interface.clone()), sources: Vec::new() };
        // Within a link the system wants to be told which one.
        let at = |port| match group.ip() {
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, interface.index).into(),
            ip @ IpAddr::V4(_) => SocketAddr::new(ip, port),
        };
        let socket = sockets::open(at(group.port()), &membership)?;
        let failed = |error: io::Error| Failure::new(format!("cannot send to the group {}: {error}", group.ip()));
        let port = socket.local_addr().map_err(failed)?.port();
        aim(&socket, &interface, group.ip()).map_err(failed)?;
        listen(&socket, at(port), octets).map_err(failed)
    };
    match own() {
        Ok(true) => Echo::Heard,
        Ok(false) => Echo::Silent,
        Err(failure) => Echo::Impossible(failure),
    }
}

/// Lets datagrams leave by an interface, but not the machine.
fn aim(socket: &UdpSocket, interface: &Interface, group: IpAddr) -> io::Result<()> {
    let socket = SockRef::from(socket);
    if group.is_ipv4() {
        socket.set_multicast_loop_v4(true)?;
        socket.set_multicast_ttl_v4(0)?;
        socket.set_multicast_if_v4(&interface.v4.unwrap_or(Ipv4Addr::UNSPECIFIED))
    } else {
        socket.set_multicast_loop_v6(true)?;
        socket.set_multicast_hops_v6(0)?;
        socket.set_multicast_if_v6(interface.index)
    }
}

/// Whether `octets` come back.
fn listen(socket: &UdpSocket, to: SocketAddr, octets: &[u8]) -> io::Result<bool> {
    let (began, mut sent, mut heard) = (Instant::now(), None::<Instant>, [0; 64]);
    while began.elapsed() < PATIENCE {
        if sent.is_none_or(|sent| sent.elapsed() >= AGAIN) {
            socket.send_to(octets, to)?;
            sent = Some(Instant::now());
        }
        // The socket waits for a moment only; an error is that moment's end.
        if matches!(socket.recv_from(&mut heard), Ok((length, _)) if heard[..length] == *octets) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_come_back_is_a_failure_and_what_cannot_be_sent_names_the_reason() {
        let group = IpAddr::V4(Ipv4Addr::new(239, 255, 1, 2));
        assert!(judge("eth0", group, &Echo::Heard).to_string().starts_with("ok "));
        assert!(judge("eth0", group, &Echo::Silent).to_string().contains("a firewall drops it"));
        let failure = Failure::new("cannot join the group 239.255.1.2: no such device");
        let words = judge("eth0", group, &Echo::Impossible(failure)).to_string();
        assert!(words.contains("no such device") && words.contains("ip route add 224.0.0.0/4 dev eth0"), "{words}");
    }

    #[test]
    fn an_interface_has_groups_of_the_families_of_its_addresses() {
        let families = |addresses: &[&str]| groups(&Link::running("eth0", addresses)).map(|ip| ip.is_ipv4()).collect();
        let (none, v4, both): (Vec<bool>, Vec<bool>, Vec<bool>) =
            (families(&[]), families(&["192.0.2.1"]), families(&["fe80::1", "192.0.2.1"]));
        assert_eq!((none, v4, both), (vec![], vec![true], vec![true, false]));
    }
}
