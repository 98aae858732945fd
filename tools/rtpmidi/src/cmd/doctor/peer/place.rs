//! Where a peer is, and which way leads there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use applemidi_io::Neighbourhood;
use nix::sys::socket::{getsockopt, sockopt};

use super::CHECK;
use crate::cmd::doctor::finding::Finding;
use crate::interrupt::Interrupt;

/// Where Apple's first session has its control port.
const PORT: u16 = 5004;

/// How often it is looked whether a name has been heard.
const HEARTBEAT: Duration = Duration::from_millis(50);

/// The addresses of a peer: of a session that is announced under this name, or of a host.
pub(super) fn find(
    name: &str,
    interface: Option<&str>,
    wait: Duration,
    interrupt: &Interrupt,
) -> Result<Vec<SocketAddr>, Finding> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Ok(vec![(ip, PORT).into()]);
    }
    if let Some(addresses) = announced(name, interface, wait, interrupt) {
        return Ok(addresses);
    }
    let resolved = name.to_socket_addrs().or_else(|_| (name, PORT).to_socket_addrs());
    let addresses: Vec<SocketAddr> = resolved.map(Iterator::collect).unwrap_or_default();
    if addresses.is_empty() {
        let what = format!("nobody announces a session {name}, and no host has this name");
        return Err(Finding::failure(CHECK, what, "rtpmidi devices   (lists the sessions that are announced)"));
    }
    Ok(addresses)
}

/// The addresses of a session that is announced while it is waited for.
fn announced(name: &str, interface: Option<&str>, wait: Duration, interrupt: &Interrupt) -> Option<Vec<SocketAddr>> {
    // That there is no multicast DNS has been found already.
    let neighbourhood = Neighbourhood::open(interface, |_| ()).ok()?;
    let began = Instant::now();
    loop {
        if let Some(peer) = neighbourhood.find(name) {
            return Some(peer.addresses);
        }
        if began.elapsed() >= wait || interrupt.asked() {
            return None;
        }
        std::thread::sleep(HEARTBEAT);
    }
}

/// Our address on the way to a peer, and the octets of the longest packet that is known to pass. Nothing is sent.
pub(super) fn route(to: SocketAddr) -> io::Result<(IpAddr, Option<u32>)> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(to)?;
    let octets = getsockopt(&socket, sockopt::IpMtu).ok().and_then(|octets| u32::try_from(octets).ok());
    Ok((socket.local_addr()?.ip(), octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_loopback_is_wide() {
        let (source, octets) = route(([127, 0, 0, 1], 5004).into()).unwrap();
        assert_eq!(source, IpAddr::from([127, 0, 0, 1]));
        assert!(octets.is_some_and(|octets| octets >= 1500), "{octets:?}");
    }
}
