//! Packets from UDP sockets of our own: only one sender is to be heard, and `udpsrc` does not look who sends.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use super::Packet;
use super::destination::Destination;
use super::entrance::Entrance;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::rtp::is_rtcp;
use crate::sockets::{self, Membership, Reader};

/// The sockets of a stream, and the threads that read them.
pub(super) struct Sockets {
    rtp: UdpSocket,
    /// None where RTCP comes to the socket of RTP (RFC 5761).
    rtcp: Option<UdpSocket>,
    readers: Vec<Reader>,
}

impl Sockets {
    /// Binds the ports of the description, and joins its group.
    pub(super) fn open(to: &Destination, interface: Option<Interface>) -> Result<Self> {
        let membership = Membership { interface, sources: to.wanted() };
        let rtp = sockets::open(to.rtp(), &membership)?;
        let shared = to.rtp() == to.rtcp();
        let rtcp = if shared { None } else { Some(sockets::open(to.rtcp(), &membership)?) };
        Ok(Self { rtp, rtcp, readers: Vec::new() })
    }

    /// The socket from which reports leave.
    pub(super) fn back(&self) -> Result<UdpSocket> {
        clone(self.rtcp.as_ref().unwrap_or(&self.rtp))
    }

    /// Reads what comes, of which `entrance` lets the packets of the sender through to `take`.
    pub(super) fn start(
        &mut self,
        entrance: &Arc<Entrance>,
        take: impl Fn(Packet<'_>) + Clone + Send + 'static,
    ) -> Result<()> {
        let take_rtcp = {
            let (entrance, take) = (entrance.clone(), take.clone());
            move |from: SocketAddr, datagram: &[u8]| {
                if entrance.admits_rtcp(from, datagram) {
                    take(Packet::Rtcp(datagram));
                }
            }
        };
        let (entrance, take_shared) = (entrance.clone(), self.rtcp.is_none().then(|| take_rtcp.clone()));
        let take_rtp = move |from: SocketAddr, datagram: &[u8]| match &take_shared {
            Some(take_rtcp) if is_rtcp(datagram) => take_rtcp(from, datagram),
            _ if entrance.admits_rtp(from, datagram) => take(Packet::Rtp(datagram)),
            _ => {}
        };
        self.readers.push(Reader::start("rtp", clone(&self.rtp)?, take_rtp)?);
        if let Some(rtcp) = &self.rtcp {
            self.readers.push(Reader::start("rtcp", clone(rtcp)?, take_rtcp)?);
        }
        Ok(())
    }

    /// Reads no more.
    pub(super) fn stop(&mut self) {
        self.readers.clear();
    }
}

fn clone(socket: &UdpSocket) -> Result<UdpSocket> {
    socket.try_clone().map_err(|error| Failure::new(format!("no UDP socket: {error}")))
}
