//! The two UDP sockets of a session: one above the other, for IPv4 and IPv6 at once where the system can.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use applemidi::Port;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Socket, Type};

/// What the kernel may hold while this process does not run; it is a wish.
const BUFFER: usize = 1 << 20;

/// How often a pair of free ports is tried for.
const TRIES: u32 = 50;

/// Both sockets.
#[derive(Debug)]
pub(crate) struct Sockets {
    control: UdpSocket,
    data: UdpSocket,
    is_v6: bool,
}

/// A datagram that has come.
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) length: usize,
    /// How long it has been here already, by the clock of the kernel.
    pub(crate) age: Duration,
}

impl Sockets {
    /// Opens the sockets on `port` and the one above, or on any two; on an address of this machine, or on all.
    pub(crate) fn open(address: Option<IpAddr>, port: u16) -> io::Result<Self> {
        let mut tries = if port == 0 { TRIES } else { 1 };
        loop {
            tries -= 1;
            match Self::open_once(address, port) {
                Err(error) if tries > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
                result => return result,
            }
        }
    }

    fn open_once(address: Option<IpAddr>, port: u16) -> io::Result<Self> {
        let any = |address: Option<IpAddr>| address.unwrap_or(Ipv6Addr::UNSPECIFIED.into());
        let control = match bind((any(address), port).into()) {
            // Without IPv6 there is IPv4.
            Err(error) if address.is_none() && error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32) => {
                bind((Ipv4Addr::UNSPECIFIED, port).into())
            }
            socket => socket,
        }?;
        let here = control.local_addr()?;
        let above = here.port().checked_add(1).ok_or(io::ErrorKind::AddrInUse)?;
        let data = bind(SocketAddr::new(here.ip(), above))?;
        Ok(Self { control, data, is_v6: here.is_ipv6() })
    }

    /// The control port.
    pub(crate) fn port(&self) -> io::Result<u16> {
        self.control.local_addr().map(|address| address.port())
    }

    pub(crate) const fn socket(&self, port: Port) -> &UdpSocket {
        match port {
            Port::Control => &self.control,
            Port::Data => &self.data,
        }
    }

    /// Sends a datagram. Where it cannot be sent it is lost, as any may be.
    pub(crate) fn send(&self, port: Port, to: SocketAddr, octets: &[u8]) {
        let to = match to.ip() {
            IpAddr::V4(ip) if self.is_v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            _ => to,
        };
        if let Err(error) = self.socket(port).send_to(octets, to) {
            tracing::debug!(%to, %error, "a datagram is lost before it is sent");
        }
    }

    /// The next datagram that has come; `None` when there is none now.
    pub(crate) fn receive(&self, port: Port, octets: &mut [u8]) -> Option<Datagram> {
        let mut ancillary = nix::cmsg_space!(nix::sys::time::TimeSpec);
        let mut slices = [IoSliceMut::new(octets)];
        let fd = self.socket(port).as_raw_fd();
        loop {
            match recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut ancillary), MsgFlags::MSG_DONTWAIT) {
                Ok(message) => {
                    let stamp = message.cmsgs().ok().into_iter().flatten().find_map(|ancillary| match ancillary {
                        ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                        _ => None,
                    });
                    let from = message.address.as_ref().and_then(address)?;
                    return Some(Datagram { from, length: message.bytes, age: stamp.map_or(Duration::ZERO, age) });
                }
                // A datagram sent before has not been taken: nothing about the next one.
                Err(Errno::EINTR | Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENETUNREACH) => {}
                Err(_) => return None,
            }
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    let _ = socket.set_recv_buffer_size(BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    // Without it the time is that of reading.
    let _ = setsockopt(&socket, sockopt::ReceiveTimestampns, &true);
    Ok(socket.into())
}

/// IPv4 is told as IPv4, whatever socket it has come to.
fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| SocketAddr::new(address.ip().into(), address.port()));
    v4.or_else(|| {
        let address = std::net::SocketAddrV6::from(*storage.as_sockaddr_in6()?);
        match address.ip().to_ipv4_mapped() {
            Some(ip) => Some((ip, address.port()).into()),
            None => Some(address.into()),
        }
    })
}

/// How long ago that was. The clock may have been set meanwhile.
fn age(stamp: Duration) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.checked_sub(stamp).filter(|age| *age < Duration::from_secs(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_lie_one_above_the_other_and_take_both_families() {
        let sockets = Sockets::open(None, 0).unwrap();
        let port = sockets.port().unwrap();
        for (kind, to) in [(Port::Control, port), (Port::Data, port + 1)] {
            for (local, ip) in
                [("127.0.0.1:0", IpAddr::from(Ipv4Addr::LOCALHOST)), ("[::1]:0", Ipv6Addr::LOCALHOST.into())]
            {
                let Ok(other) = UdpSocket::bind(local) else { continue };
                other.send_to(b"hello", (ip, to)).unwrap();
                let (mut octets, started) = ([0; 16], std::time::Instant::now());
                let datagram = loop {
                    if let Some(datagram) = sockets.receive(kind, &mut octets) {
                        break datagram;
                    }
                    assert!(started.elapsed() < Duration::from_secs(5), "nothing comes");
                };
                assert_eq!((datagram.from, datagram.length), (other.local_addr().unwrap(), 5));
                sockets.send(kind, datagram.from, b"back");
                other.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let (length, from) = other.recv_from(&mut octets).unwrap();
                assert_eq!((length, from), (4, (ip, to).into()));
            }
        }
    }

    #[test]
    fn a_port_that_is_taken_is_an_error() {
        let first = Sockets::open(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
        let again = Sockets::open(Some(Ipv4Addr::LOCALHOST.into()), first.port().unwrap());
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
