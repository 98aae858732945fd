//! Packets from UDP sockets of our own: only one sender is to be heard, and `udpsrc` does not look who sends.

use std::net::UdpSocket;
use std::sync::{Arc, Mutex, PoisonError};

use super::Packet;
use super::destination::Destination;
use super::entrance::{Back, Entrance};
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::rtp::is_rtcp;
use crate::sockets::{self, Arrival, Membership, Reader};
use crate::srtp::{Key, Opener, SENDERS, Sealer};

/// The sockets of a stream, and the threads that read them.
pub(super) struct Sockets {
    rtp: UdpSocket,
    /// None where RTCP comes to the socket of RTP (RFC 5761).
    rtcp: Option<UdpSocket>,
    key: Option<Key>,
    opener: SharedOpener,
    readers: Vec<Reader>,
}

/// Opens sealed packets, where they are. Who a packet is of is asked only behind it: what a stranger writes into a
/// header makes no sender.
#[derive(Clone)]
struct SharedOpener(Option<Arc<Mutex<Opener>>>);

impl SharedOpener {
    fn open(
        &self,
        (entrance, number): (&Entrance, usize),
        datagram: &[u8],
        open: impl FnOnce(&mut Opener, &[u8]) -> Option<Vec<u8>>,
        take: impl FnOnce(&[u8]),
    ) {
        let Some(opener) = &self.0 else { return take(datagram) };
        let opened = open(&mut opener.lock().unwrap_or_else(PoisonError::into_inner), datagram);
        match opened {
            Some(packet) => take(&packet),
            None => entrance.refuse(number),
        }
    }
}

impl Sockets {
    /// Binds the ports of the description, and joins its group.
    pub(super) fn open(to: &Destination, interface: Option<Interface>) -> Result<Self> {
        let membership = Membership { interface, sources: to.wanted() };
        let rtp = sockets::open(to.rtp(), &membership)?;
        let shared = to.rtp() == to.rtcp();
        let rtcp = if shared { None } else { Some(sockets::open(to.rtcp(), &membership)?) };
        let opener = to.key.as_ref().map(|key| Opener::new(key, SENDERS)).transpose()?;
        let opener = SharedOpener(opener.map(|opener| Arc::new(Mutex::new(opener))));
        Ok(Self { rtp, rtcp, key: to.key.clone(), opener, readers: Vec::new() })
    }

    /// The way by which reports leave.
    pub(super) fn back(&self) -> Result<Back> {
        let socket = clone(self.rtcp.as_ref().unwrap_or(&self.rtp))?;
        Ok(Back { socket, sealer: self.key.as_ref().map(Sealer::new).transpose()? })
    }

    /// Reads what comes of the stream of this number, of which `entrance` lets the packets of the sender through to `take`.
    pub(super) fn start(
        &mut self,
        entrance: &Arc<Entrance>,
        number: usize,
        take: impl Fn(Packet<'_>) + Clone + Send + 'static,
    ) -> Result<()> {
        let take_rtcp = {
            let (entrance, opener, take) = (entrance.clone(), self.opener.clone(), take.clone());
            move |Arrival { from, octets, .. }: Arrival<'_>| {
                opener.open((&entrance, number), octets, Opener::rtcp, |packet| {
                    if entrance.admits_rtcp(number, from, packet) {
                        take(Packet::Rtcp(packet));
                    }
                });
            }
        };
        let (entrance, take_shared) = (entrance.clone(), self.rtcp.is_none().then(|| take_rtcp.clone()));
        let opener = self.opener.clone();
        let take_rtp = move |arrival: Arrival<'_>| match &take_shared {
            Some(take_rtcp) if is_rtcp(arrival.octets) => take_rtcp(arrival),
            _ => opener.open((&entrance, number), arrival.octets, Opener::rtp, |octets| {
                if entrance.admits_rtp(number, arrival.from, octets, arrival.age) {
                    take(Packet::Rtp { octets, age: arrival.age });
                }
            }),
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
