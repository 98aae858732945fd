//! Live frames of a network interface, by a packet socket.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, setsockopt, socket};
use nix::sys::time::TimeVal;

use crate::failure::{Failure, Result};
use crate::interface;

/// A packet socket bound to one interface.
#[derive(Debug)]
pub(super) struct Interface {
    socket: OwnedFd,
    is_loopback: bool,
    buffer: Vec<u8>,
}

/// `PACKET_OUTGOING`: a loopback interface shows each packet when it leaves and again when it arrives.
const OUTGOING: u8 = 4;
/// `ARPHRD_LOOPBACK`.
const LOOPBACK: u16 = 772;

impl Interface {
    /// Opens the interface `name`.
    pub(super) fn open(name: &str) -> Result<Self> {
        let wrong = |error: Errno| Failure::new(format!("cannot listen on interface {name}: {error}"));
        let all = getifaddrs().map_err(wrong)?;
        let links: Vec<(String, LinkAddr)> = all
            .filter_map(|interface| {
                let address = *interface.address.as_ref()?.as_link_addr()?;
                Some((interface.interface_name, address))
            })
            .collect();
        let Some((_, address)) = links.iter().find(|(link, _)| link == name) else {
            let names: Vec<&str> = links.iter().map(|(link, _)| link.as_str()).collect();
            return Err(interface::unknown(name, &names));
        };
        // Without link headers: the kernel has read those.
        let socket = socket(AddressFamily::Packet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll);
        let socket = socket.map_err(|error| match error {
            Errno::EPERM | Errno::EACCES => Failure::new(format!("no right to listen on interface {name}"))
                .hint("run it as root, or once: sudo setcap cap_net_raw+ep \"$(command -v rtpmidi)\""),
            error => wrong(error),
        })?;
        setsockopt(&socket, ReceiveTimeout, &TimeVal::new(0, 100_000)).map_err(wrong)?;
        bind(socket.as_raw_fd(), address).map_err(wrong)?;
        Ok(Self { socket, is_loopback: address.hatype() == LOOPBACK, buffer: vec![0; 1 << 16] })
    }

    /// The next packet, from its IP header on; `None` when none came for a tenth of a second.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        let (length, from) = match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut self.buffer) {
            Ok(received) => received,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(error) => {
                return Err(Failure::new(format!("nothing more can be heard of the interface: {error}"))
                    .hint("has it gone down?"));
            }
        };
        let is_copy = self.is_loopback && from.is_some_and(|from| from.pkttype() == OUTGOING);
        Ok((!is_copy).then_some(&self.buffer[..length]))
    }
}
