//! The two UDP sockets of a session: one above the other, for IPv4 and IPv6 at once where the system can.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use applemidi::Port;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::{Domain, MsgHdr, SockAddr, SockRef, Socket, Type};

use crate::arrival::Stamps;
use crate::source::{self, Source};

/// What the kernel may hold while this process does not run; it is a wish.
const BUFFER: usize = 1 << 20;

/// Errors of datagrams sent before that may stand before the next one that has come.
const ERRORS: u32 = 1000;

/// How often a pair of free ports is tried for.
const TRIES: u32 = 50;

/// Both sockets.
#[derive(Debug)]
pub(crate) struct Sockets {
    control: UdpSocket,
    data: UdpSocket,
    is_v6: bool,
    /// Of each.
    stamps: [Stamps; 2],
    /// What the kernel says of a datagram.
    ancillary: Vec<u8>,
    epoch: Instant,
}

/// A datagram that has come.
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    /// The address of this machine to which it was sent, where it has several.
    pub(crate) to: Option<IpAddr>,
    pub(crate) length: usize,
    /// How long it has been here already, by the clock of the kernel.
    pub(crate) age: Duration,
}

impl Sockets {
    /// Opens the sockets on `port` and the one above, or on any two; on an address of this machine, or on all.
    ///
    /// Of any two the lower is even, as that of RTP is: some peers tell the control port from the data port by that.
    pub(crate) fn open(address: Option<IpAddr>, port: u16) -> io::Result<Self> {
        let mut tries = if port == 0 { TRIES } else { 1 };
        loop {
            tries -= 1;
            match Self::open_once(address, port) {
                Err(error) if tries > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
                Ok(sockets) if tries > 0 && !sockets.port()?.is_multiple_of(2) => {}
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
        let ancillary = nix::cmsg_space!(nix::sys::time::TimeSpec, nix::libc::in6_pktinfo);
        let stamps = [Stamps::default(); 2];
        Ok(Self { control, data, is_v6: here.is_ipv6(), stamps, ancillary, epoch: Instant::now() })
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

    /// Sends a datagram, from an address of this machine if it is said and still one. Where it cannot be sent it is lost,
    /// as any may be.
    pub(crate) fn send(&self, port: Port, from: Option<IpAddr>, to: SocketAddr, octets: &[u8]) {
        let to = match to.ip() {
            IpAddr::V4(ip) if self.is_v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            _ => to,
        };
        let socket = self.socket(port);
        if from.is_some_and(|from| send_from(socket, &Source::new(from, self.is_v6), to, octets).is_ok()) {
            return;
        }
        if let Err(error) = socket.send_to(octets, to) {
            tracing::debug!(%to, %error, "a datagram is lost before it is sent");
        }
    }

    /// The next datagram that has come; `None` when there is none now.
    pub(crate) fn receive(&mut self, port: Port, octets: &mut [u8]) -> Option<Datagram> {
        let fd = self.socket(port).as_raw_fd();
        let (stamps, mut slices) = (&mut self.stamps[usize::from(port == Port::Data)], [IoSliceMut::new(octets)]);
        for _ in 0..ERRORS {
            let space = Some(self.ancillary.as_mut_slice());
            let result = recvmsg::<SockaddrStorage>(fd, &mut slices, space, MsgFlags::MSG_DONTWAIT);
            let (today, now) = (SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(), self.epoch.elapsed());
            match result {
                Ok(message) => {
                    let (mut stamp, mut to) = (None, None);
                    for ancillary in message.cmsgs().into_iter().flatten() {
                        match ancillary {
                            ControlMessageOwned::ScmTimestampns(time) => stamp = Some(Duration::from(time)),
                            ControlMessageOwned::Ipv4PacketInfo(info) => to = Some(source::of_v4(&info)),
                            ControlMessageOwned::Ipv6PacketInfo(info) => to = Some(source::of_v6(&info)),
                            _ => {}
                        }
                    }
                    let age = stamps.age(stamp, today, now);
                    if let Some(from) = message.address.as_ref().and_then(address) {
                        return Some(Datagram { from, to, length: message.bytes, age });
                    }
                }
                Err(Errno::EAGAIN) => {
                    stamps.drained(today, now);
                    return None;
                }
                // A datagram sent before has not been taken: nothing about the next one.
                Err(_) => {}
            }
        }
        None
    }
}

fn send_from(socket: &UdpSocket, source: &Source, to: SocketAddr, octets: &[u8]) -> io::Result<usize> {
    let (to, octets) = (SockAddr::from(to), [IoSlice::new(octets)]);
    let message = MsgHdr::new().with_addr(&to).with_buffers(&octets).with_control(source.octets());
    SockRef::from(socket).sendmsg(&message, 0)
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
    // Peers expect answers from the address that they have called, which need not be the one that a route prefers.
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?,
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?,
        _ => {}
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_lie_one_above_the_other_and_answer_from_where_they_are_called() {
        // Whoever calls the second address of this machine does not expect the first one to answer.
        let calls = [("127.0.0.1:0", "127.0.0.1"), ("127.0.0.1:0", "127.0.0.7"), ("[::1]:0", "::1")];
        for address in [None, Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED))] {
            let mut sockets = Sockets::open(address, 0).unwrap();
            let port = sockets.port().unwrap();
            assert_eq!(port % 2, 0);
            let ports = [(Port::Control, port), (Port::Data, port + 1)];
            for ((kind, to), (local, ip)) in ports.into_iter().flat_map(|port| calls.map(|call| (port, call))) {
                let ip: IpAddr = ip.parse().unwrap();
                if address.is_some() && ip.is_ipv6() {
                    continue;
                }
                let Ok(other) = UdpSocket::bind(local) else { continue };
                other.send_to(b"hello", (ip, to)).unwrap();
                let (mut octets, started) = ([0; 16], std::time::Instant::now());
                let datagram = loop {
                    if let Some(datagram) = sockets.receive(kind, &mut octets) {
                        break datagram;
                    }
                    assert!(started.elapsed() < Duration::from_secs(5), "nothing comes");
                };
                assert_eq!((datagram.from, datagram.to), (other.local_addr().unwrap(), Some(ip)));
                assert_eq!(datagram.length, 5);
                sockets.send(kind, datagram.to, datagram.from, b"back");
                other.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let (length, from) = other.recv_from(&mut octets).unwrap();
                assert_eq!((length, from), (4, (ip, to).into()));
                // An address that is none of ours any more does not keep it from being sent.
                sockets.send(kind, Some("192.0.2.1".parse().unwrap()), datagram.from, b"anyhow");
                assert_eq!(other.recv(&mut octets).unwrap(), 6);
            }
        }
    }

    #[test]
    fn the_kernel_tells_how_long_a_datagram_has_waited() {
        const WAIT: Duration = Duration::from_millis(20);
        let mut sockets = Sockets::open(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
        let (other, to) = (UdpSocket::bind("127.0.0.1:0").unwrap(), (Ipv4Addr::LOCALHOST, sockets.port().unwrap()));
        let (mut octets, started) = ([0; 16], Instant::now());
        loop {
            other.send_to(b"hello", to).unwrap();
            std::thread::sleep(WAIT);
            let datagram = sockets.receive(Port::Control, &mut octets);
            // On a machine that stands still for a second the age is of no use.
            if datagram.is_some_and(|datagram| datagram.age >= WAIT) {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "datagrams have no age");
        }
    }

    #[test]
    fn a_port_that_is_taken_is_an_error() {
        let first = Sockets::open(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
        let again = Sockets::open(Some(Ipv4Addr::LOCALHOST.into()), first.port().unwrap());
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
