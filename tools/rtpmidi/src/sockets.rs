//! UDP sockets for streams and announcements, and the threads that read them.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, InterfaceIndexOrAddress, SockRef, Socket, Type};

use crate::failure::{Failure, Result};
use crate::interface::Interface;

/// How often a reading thread looks whether it is to end.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the kernel may hold while this process does not run; it is a wish.
const RECEIVE_BUFFER: usize = 1 << 20;

/// How a group is joined: by default where the route to it leads, for packets of anybody.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Membership {
    pub(crate) interface: Option<Interface>,
    /// The only senders that are wanted. Routers are told in IPv4; in IPv6 the group is joined for anybody.
    pub(crate) sources: Vec<Ipv4Addr>,
}

/// Opens a socket for datagrams to `address`: joins the group if it is one, and listens everywhere if the address is
/// not one of this machine, as behind a router that translates it.
pub(crate) fn open(address: SocketAddr, membership: &Membership) -> Result<UdpSocket> {
    let socket = match bind(address) {
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => bind(anywhere(address)),
        socket => socket,
    };
    let socket = socket.map_err(|error| cannot_listen(address, &error))?;
    join(&socket, address.ip(), membership)?;
    Ok(socket)
}

/// Opens a socket for datagrams to `port` of several groups of one family, which may be shared with others.
pub(crate) fn open_groups(port: u16, groups: &[IpAddr], membership: &Membership) -> Result<UdpSocket> {
    let v4 = groups.iter().all(IpAddr::is_ipv4);
    let address = anywhere(if v4 { ([0; 4], port).into() } else { ([0; 16], port).into() });
    let socket = bind_as(address, true).map_err(|error| cannot_listen(address, &error))?;
    groups.iter().try_for_each(|group| join(&socket, *group, membership))?;
    Ok(socket)
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    // Listeners to one group share its port; listeners to one unicast port would steal each other's packets.
    bind_as(address, address.ip().is_multicast())
}

fn bind_as(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    socket.set_reuse_address(shared)?;
    if shared && address.is_ipv6() {
        // The port has a socket of its own for IPv4.
        socket.set_only_v6(true)?;
    }
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    // Without stamps everything comes when it is read.
    let _ = setsockopt(&socket, ReceiveTimestampns, &true);
    socket.bind(&address.into())?;
    let socket = UdpSocket::from(socket);
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn anywhere(address: SocketAddr) -> SocketAddr {
    let ip = if address.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    (ip, address.port()).into()
}

fn join(socket: &UdpSocket, group: IpAddr, Membership { interface, sources }: &Membership) -> Result<()> {
    let socket = SockRef::from(socket);
    let index = interface.as_ref().map_or(0, |interface| interface.index);
    #[cfg(target_os = "linux")]
    if interface.is_some() {
        // Otherwise Linux gives a socket what any socket of this machine has joined, on any interface.
        let _ = if group.is_ipv4() { socket.set_multicast_all_v4(false) } else { socket.set_multicast_all_v6(false) };
    }
    let joined = match group {
        IpAddr::V4(group) if group.is_multicast() && sources.is_empty() => {
            socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))
        }
        IpAddr::V4(group) if group.is_multicast() => {
            let interface = interface.as_ref().and_then(|interface| interface.v4).unwrap_or(Ipv4Addr::UNSPECIFIED);
            sources.iter().try_for_each(|source| socket.join_ssm_v4(source, &group, &interface))
        }
        IpAddr::V6(group) if group.is_multicast() => socket.join_multicast_v6(&group, index),
        _ => Ok(()),
    };
    joined.map_err(|error| {
        Failure::new(format!("cannot join the group {group}: {error}"))
            .hint("a network interface must be up and have a route for multicast: ip route add 224.0.0.0/4 dev eth0")
    })
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    let (ip, port) = (address.ip(), address.port());
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(format!("UDP port {port} on {ip} is in use"))
            .hint(format!("ss -ulpn 'sport = :{port}' names the program that has it")),
        io::ErrorKind::PermissionDenied => Failure::new(format!("UDP port {port} on {ip} is not allowed"))
            .hint("ports below 1024 need special rights: broadcast to a higher one"),
        _ => Failure::new(format!("cannot listen on UDP port {port} of {ip}: {error}")),
    }
}

/// A datagram that has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) octets: &'a [u8],
    /// How long ago this machine has taken it in: on a busy one, packets wait for who reads them.
    pub(crate) age: Duration,
}

/// A socket that is read, and the room for what is read.
struct Inlet {
    socket: UdpSocket,
    octets: Vec<u8>,
    control: Vec<u8>,
}

impl Inlet {
    fn new(socket: UdpSocket) -> Self {
        Self { socket, octets: vec![0; 65_536], control: nix::cmsg_space!(TimeSpec) }
    }

    /// The next datagram. Errors are time-outs, and ICMP telling that a report reached nobody.
    fn receive(&mut self, flags: MsgFlags) -> Option<Arrival<'_>> {
        let (fd, mut slices) = (self.socket.as_raw_fd(), [IoSliceMut::new(&mut self.octets)]);
        let message = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut self.control), flags).ok()?;
        let stamp = message.cmsgs().into_iter().flatten().find_map(|word| match word {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
            _ => None,
        });
        let (from, length) = (address(message.address.as_ref()?)?, message.bytes);
        Some(Arrival { from, octets: &self.octets[..length], age: age(stamp, SystemTime::now()) })
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| SocketAddr::new(address.ip().into(), address.port()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| SocketAddrV6::from(*address).into()))
}

/// How long ago a datagram came, by its stamp of the time of day. A clock that has been set since then says nothing.
fn age(stamp: Option<Duration>, now: SystemTime) -> Duration {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    stamp.and_then(|stamp| now.checked_sub(stamp)).filter(|age| *age < LONGEST_WAIT).unwrap_or_default()
}

/// No datagram waits for so long.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// How many datagrams that have come are still read at the end.
const REST: usize = 10_000;

/// A thread that gives each datagram to a function; it ends when this is dropped, behind what has come until then.
pub(crate) struct Reader {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts the thread `name` on `socket`.
    pub(crate) fn start(
        name: &str,
        socket: UdpSocket,
        mut take: impl FnMut(Arrival<'_>) + Send + 'static,
    ) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut inlet = Inlet::new(socket);
            while !stopped.load(Ordering::Relaxed) {
                inlet.receive(MsgFlags::empty()).into_iter().for_each(&mut take);
            }
            for _ in 0..REST {
                let Some(datagram) = inlet.receive(MsgFlags::MSG_DONTWAIT) else { break };
                take(datagram);
            }
        });
        let thread = thread.map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It panics only if `take` does, which has then been reported on stderr.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_port_in_use_is_named() {
        let taken = UdpSocket::bind((LOOPBACK, 0)).unwrap().local_addr().unwrap();
        let first = open(taken, &Membership::default()).unwrap();
        let failure = open(taken, &Membership::default()).unwrap_err().to_string();
        let port = taken.port();
        assert!(failure.starts_with(&format!("error: UDP port {port} on 127.0.0.1 is in use\nhint: ss ")), "{failure}");
        drop(first);
    }

    #[test]
    fn an_address_of_another_machine_is_listened_for_everywhere() {
        let port = UdpSocket::bind((LOOPBACK, 0)).unwrap().local_addr().unwrap().port();
        let socket = open((Ipv4Addr::new(192, 0, 2, 94), port).into(), &Membership::default()).unwrap();
        assert!(socket.local_addr().unwrap().ip().is_unspecified());
    }

    #[test]
    fn datagrams_arrive_with_their_sender() {
        let socket = open((LOOPBACK, 0).into(), &Membership::default()).unwrap();
        let to = socket.local_addr().unwrap();
        let (sender, receiver) = mpsc::channel();
        let reader =
            Reader::start("test", socket, move |it| sender.send((it.from, it.octets.to_vec())).unwrap()).unwrap();
        let other = UdpSocket::bind((LOOPBACK, 0)).unwrap();
        other.send_to(b"hello", to).unwrap();
        let arrived = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(arrived, (other.local_addr().unwrap(), b"hello".to_vec()));
        drop(reader);
        assert!(receiver.recv_timeout(Duration::from_secs(10)).is_err(), "the thread has ended");
    }

    #[test]
    fn what_has_come_is_read_to_the_end_and_has_its_age() {
        let rest = Duration::from_millis(30);
        let read = || {
            let socket = open((LOOPBACK, 0).into(), &Membership::default()).unwrap();
            let (to, other) = (socket.local_addr().unwrap(), UdpSocket::bind((LOOPBACK, 0)).unwrap());
            for octet in 0..100 {
                other.send_to(&[octet], to).unwrap();
            }
            std::thread::sleep(rest);
            let (sender, receiver) = mpsc::channel();
            drop(Reader::start("test", socket, move |it| sender.send((it.octets[0], it.age)).unwrap()).unwrap());
            let (octets, ages): (Vec<u8>, Vec<Duration>) = receiver.iter().unzip();
            assert_eq!(octets, (0..100).collect::<Vec<_>>());
            ages
        };
        // A busy kernel begins to note when something comes a while behind the first wish for that.
        let is_known = (0..300).any(|_| read().iter().all(|age| *age >= rest));
        assert!(is_known, "{:?}", read());
    }

    #[test]
    fn a_clock_that_is_set_makes_nothing_old() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let of = |stamp| age(Some(Duration::from_secs(stamp)), now);
        assert_eq!((of(998), of(1001), of(1), age(None, now)), (2 * SECOND, NONE, NONE, NONE));
    }

    const SECOND: Duration = Duration::from_secs(1);
    const NONE: Duration = Duration::ZERO;
}
