//! The sockets of listeners, and reading them with the time at which each packet came.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::cmsg_space;
use nix::sys::socket::sockopt::{ReceiveTimestampns, RxqOvfl};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Type};

use crate::clock::Clock;

/// Begins to connect; stamps what comes.
pub(crate) fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    setsockopt(&socket, ReceiveTimestampns, &true)?;
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(nix::errno::Errno::EINPROGRESS as i32) => Err(error),
        _ => Ok(socket.into()),
    }
}

/// Gives out neighbouring ports, an even one for RTP and the next for RTCP.
pub(crate) struct Ports(u16);

/// Below the ports that the kernel gives to connections.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

impl Ports {
    pub(crate) const fn new() -> Self {
        Self(PORTS.start)
    }

    /// Opens a pair on this address.
    pub(crate) fn open(&mut self, ip: IpAddr) -> io::Result<[UdpSocket; 2]> {
        while self.0 < PORTS.end {
            let port = self.0;
            self.0 += 2;
            match (datagrams(ip, port), datagrams(ip, port + 1)) {
                (Ok(rtp), Ok(rtcp)) => return Ok([rtp, rtcp]),
                (Err(error), _) | (_, Err(error)) if error.kind() != io::ErrorKind::AddrInUse => return Err(error),
                _ => {}
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no two neighbouring UDP ports are free"))
    }
}

fn datagrams(ip: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((ip, port))?;
    socket.set_nonblocking(true)?;
    setsockopt(&socket, ReceiveTimestampns, &true)?;
    setsockopt(&socket, RxqOvfl, &1)?;
    Ok(socket)
}

/// Room for what is read.
pub(crate) struct Inlet {
    clock: Clock,
    octets: Vec<u8>,
    control: Vec<u8>,
}

/// What was read.
pub(crate) struct Arrived<'a> {
    pub(crate) octets: &'a [u8],
    /// When the kernel put it, or the last of it, into the socket.
    pub(crate) at: Duration,
    /// How many packets the socket has had no room for so far, when there were such.
    pub(crate) dropped: Option<u32>,
}

impl Inlet {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, octets: vec![0; 65_536], control: cmsg_space!(TimeSpec, u32) }
    }

    /// Reads once; nothing when there is nothing.
    pub(crate) fn receive(&mut self, socket: impl AsFd) -> io::Result<Option<Arrived<'_>>> {
        let mut into = [IoSliceMut::new(&mut self.octets)];
        let fd = socket.as_fd().as_raw_fd();
        let message = match recvmsg::<()>(fd, &mut into, Some(&mut self.control), MsgFlags::MSG_DONTWAIT) {
            Err(nix::Error::EAGAIN | nix::Error::EINTR) => return Ok(None),
            message => message?,
        };
        let (length, mut at, mut dropped) = (message.bytes, None, None);
        for word in message.cmsgs()? {
            match word {
                ControlMessageOwned::ScmTimestampns(stamp) => at = Some(self.clock.of_stamp(stamp.into())),
                ControlMessageOwned::RxqOvfl(count) => dropped = Some(count),
                _ => {}
            }
        }
        let at = at.unwrap_or_else(|| self.clock.now());
        Ok(Some(Arrived { octets: &self.octets[..length], at, dropped }))
    }
}
