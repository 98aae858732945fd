//! The sockets of a described stream, for whoever reads them himself, and who passes there.

use std::net::UdpSocket;
use std::path::Path;

use rtp_midi::Config;

use super::destination::Destination;
use super::gate::{Gate, Proof};
use super::source::Source;
use crate::elements;
use crate::failure::Result;
use crate::interface::Interface;
use crate::sockets::{self, Membership};
use crate::srtp::{Key, Opener, SENDERS, Sealer};

/// Where packets come in.
pub(crate) struct Inlet {
    pub(crate) rtp: UdpSocket,
    /// None where RTCP comes to the socket of RTP (RFC 5761).
    pub(crate) rtcp: Option<UdpSocket>,
    pub(crate) gate: Gate,
    /// What the stream's parameters come to.
    pub(crate) config: Config,
    /// Where packets are sealed.
    pub(crate) seal: Option<Seal>,
}

/// Opens packets that come, and seals reports.
pub(crate) struct Seal {
    opener: Opener,
    sealer: Sealer,
}

impl Inlet {
    /// Binds the ports of a description, and joins its group.
    pub(crate) fn open(path: &Path, interface: Option<Interface>) -> Result<Self> {
        let (source, name) = (Source::read(path)?, path.display().to_string());
        let to = Destination::of(&source, &name, None)?;
        let membership = Membership { interface, sources: to.wanted() };
        let rtp = sockets::open(to.rtp(), &membership)?;
        let is_one = to.rtp() == to.rtcp();
        let rtcp = if is_one { None } else { Some(sockets::open(to.rtcp(), &membership)?) };
        let seal = to.key.as_ref().map(Seal::new).transpose()?;
        let proof = if seal.is_some() { Proof::Seal } else { Proof::Address };
        let gate = Gate::new(source.stream.payload_type, to.senders, proof);
        Ok(Self { rtp, rtcp, gate, config: source.config, seal })
    }
}

impl Seal {
    fn new(key: &Key) -> Result<Self> {
        elements::start()?;
        Ok(Self { opener: Opener::new(key, SENDERS)?, sealer: Sealer::new(key)? })
    }

    /// What is in an RTP packet, or in one of RTCP, if it is genuine and new.
    pub(crate) fn open(&mut self, is_rtcp: bool, packet: &[u8]) -> Option<Vec<u8>> {
        if is_rtcp { self.opener.rtcp(packet) } else { self.opener.rtp(packet) }
    }

    /// A report as it goes out.
    pub(crate) fn seal(&self, report: &[u8]) -> Option<Vec<u8>> {
        self.sealer.rtcp(report)
    }
}
