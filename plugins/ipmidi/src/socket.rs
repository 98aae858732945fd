//! The UDP sockets: one that hears a group or some hosts, and those that send; these also for programs that have no
//! pipeline for each port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use ipmidi::LoopGuard;
use nix::ifaddrs::getifaddrs;
use socket2::{Domain, InterfaceIndexOrAddress, Socket, Type};

use crate::guard::Guarded;
use crate::setup::{Interface, Partners};

/// How long a wait for a datagram may last.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

/// What the kernel may hold while this process does not run; it is a wish.
const BUFFER: usize = 1 << 20;

/// A way out: a socket, and where its datagrams go.
#[derive(Debug)]
pub(crate) struct Exit {
    socket: UdpSocket,
    to: SocketAddr,
    guard: Guarded,
}

/// How far datagrams to a group go.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// How many networks they may pass, and one more.
    pub ttl: u32,
    /// Programs on this machine hear them as well.
    pub is_looped: bool,
}

/// Opens the socket that hears `partners`.
pub(crate) fn hear(partners: &Partners) -> Result<UdpSocket, gst::ErrorMessage> {
    let address = match partners {
        // Bound to the group, it gets nothing that was sent to this machine alone.
        Partners::Group(address, _) => *address,
        Partners::Peers(peers) => {
            let any: IpAddr = if peers.iter().flatten().all(SocketAddr::is_ipv4) {
                Ipv4Addr::UNSPECIFIED.into()
            } else {
                Ipv6Addr::UNSPECIFIED.into()
            };
            let port = peers.iter().flatten().next().map_or(0, SocketAddr::port);
            (any, port).into()
        }
    };
    let socket = bind(address).map_err(|error| cannot_listen(address, &error))?;
    if let Partners::Group(group, interface) = partners {
        join(&socket, group.ip(), *interface).map_err(|error| {
            gst::error_msg!(
                gst::ResourceError::OpenRead,
                (
                    "Cannot join the group {}: {error}. A network must be up and have a route for multicast: \
                  ip route add 224.0.0.0/4 dev eth0",
                    group.ip()
                )
            )
        })?;
    }
    Ok(socket.into())
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    // All who listen to a group get its datagrams; of those who listen to one host's, one.
    socket.set_reuse_address(address.ip().is_multicast())?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip().is_multicast())?;
    }
    let _ = socket.set_recv_buffer_size(BUFFER);
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn join(socket: &Socket, group: IpAddr, interface: Option<Interface>) -> io::Result<()> {
    let index = interface.map_or(0, |interface| interface.index);
    if interface.is_some() {
        // Otherwise Linux gives a socket what any socket of this machine has joined, on any interface.
        let _ = if group.is_ipv4() { socket.set_multicast_all_v4(false) } else { socket.set_multicast_all_v6(false) };
    }
    match group {
        IpAddr::V4(group) => socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index)),
        IpAddr::V6(group) => socket.join_multicast_v6(&group, index),
    }
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> gst::ErrorMessage {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => gst::error_msg!(
            gst::ResourceError::Busy,
            ("Cannot listen on UDP port {port}: {error}. ss -ulpn 'sport = :{port}' names the program that has it")
        ),
        _ => gst::error_msg!(
            gst::ResourceError::OpenRead,
            ("Cannot listen on UDP port {port} of {}: {error}", address.ip())
        ),
    }
}

impl Exit {
    /// Opens the ways to `partners`.
    pub(crate) fn open(partners: &Partners, reach: Reach) -> Result<Vec<Self>, gst::ErrorMessage> {
        let (addresses, interface) = match partners {
            Partners::Group(address, interface) => (vec![*address], *interface),
            // The first address is that which the resolver likes best.
            Partners::Peers(peers) => (peers.iter().filter_map(|peer| peer.first().copied()).collect(), None),
        };
        let exits = addresses.into_iter().map(|to| {
            Self::to(to, interface, reach)
                .map_err(|error| gst::error_msg!(gst::ResourceError::OpenWrite, ("Cannot send to {to}: {error}")))
        });
        exits.collect()
    }

    fn to(to: SocketAddr, interface: Option<Interface>, reach: Reach) -> io::Result<Self> {
        let (socket, guard) = mouth(to, interface, reach)?;
        Ok(Self { socket, to, guard: Guarded::new(guard) })
    }

    /// Sends a datagram.
    pub(crate) fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.guard.sends(datagram);
        self.socket.send_to(datagram, self.to).map(drop)
    }

    pub(crate) const fn destination(&self) -> SocketAddr {
        self.to
    }
}

/// Opens a socket that sends to a group or a host, and a guard that knows its datagrams when they come back.
///
/// # Errors
/// When the system has no socket, or the interface no address of the group's kind.
pub fn mouth(to: SocketAddr, interface: Option<Interface>, reach: Reach) -> io::Result<(UdpSocket, LoopGuard)> {
    let socket = Socket::new(Domain::for_address(to), Type::DGRAM, None)?;
    match (to, interface) {
        (SocketAddr::V4(_), Some(Interface { v4: None, .. })) => {
            return Err(io::Error::other("the interface has no IPv4 address"));
        }
        (SocketAddr::V4(_), Some(Interface { v4: Some(own), .. })) => socket.set_multicast_if_v4(&own)?,
        (SocketAddr::V6(_), Some(interface)) => socket.set_multicast_if_v6(interface.index)?,
        (_, None) => {}
    }
    let any: SocketAddr = if to.is_ipv4() {
        socket.set_multicast_ttl_v4(reach.ttl)?;
        socket.set_multicast_loop_v4(reach.is_looped)?;
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        socket.set_multicast_hops_v6(reach.ttl)?;
        socket.set_multicast_loop_v6(reach.is_looped)?;
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    // The guard must know the port before anything is sent.
    socket.bind(&any.into())?;
    let socket = UdpSocket::from(socket);
    let addresses = getifaddrs().into_iter().flatten().filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
        v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
    });
    let guard = LoopGuard::new(socket.local_addr()?.port(), addresses);
    Ok((socket, guard))
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockRef;

    fn opened(group: &str, reach: Reach) -> Exit {
        let lo = Interface { index: 1, v4: Some(Ipv4Addr::LOCALHOST) };
        let partners = Partners::Group(group.parse().unwrap(), Some(lo));
        Exit::open(&partners, reach).unwrap().remove(0)
    }

    #[test]
    fn datagrams_to_a_group_reach_as_far_as_they_are_to() {
        for (ttl, is_looped) in [(1, true), (7, false)] {
            let v4 = opened("225.0.0.37:21928", Reach { ttl, is_looped });
            let socket = SockRef::from(&v4.socket);
            assert_eq!((socket.multicast_ttl_v4().unwrap(), socket.multicast_loop_v4().unwrap()), (ttl, is_looped));
            assert_eq!(socket.multicast_if_v4().unwrap(), Ipv4Addr::LOCALHOST);
            let v6 = opened("[ff12::37]:21928", Reach { ttl, is_looped });
            let socket = SockRef::from(&v6.socket);
            assert_eq!((socket.multicast_hops_v6().unwrap(), socket.multicast_loop_v6().unwrap()), (ttl, is_looped));
            assert_eq!(socket.multicast_if_v6().unwrap(), 1);
        }
    }

    #[test]
    fn listeners_to_a_group_share_its_port() {
        let free = UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
        let lo = Interface { index: 1, v4: Some(Ipv4Addr::LOCALHOST) };
        let group = Partners::Group(([225, 0, 0, 37], free).into(), Some(lo));
        let (_first, _second) = (hear(&group).unwrap(), hear(&group).unwrap());
    }
}
