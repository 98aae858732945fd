//! The sockets of a described stream, for whoever reads them himself, and who passes there.

use std::net::UdpSocket;
use std::path::Path;

use rtp_midi::Config;

use super::destination::Destination;
use super::gate::{Gate, Proof};
use super::source::Source;
use crate::failure::{Failure, Result};
use crate::interface::Interface;
use crate::sockets::{self, Membership};

/// Where packets come in that are not sealed.
pub(crate) struct Inlet {
    pub(crate) rtp: UdpSocket,
    /// None where RTCP comes to the socket of RTP (RFC 5761).
    pub(crate) rtcp: Option<UdpSocket>,
    pub(crate) gate: Gate,
    /// What the stream's parameters come to.
    pub(crate) config: Config,
}

impl Inlet {
    /// Binds the ports of a description, and joins its group.
    pub(crate) fn open(path: &Path, interface: Option<Interface>) -> Result<Self> {
        let (source, name) = (Source::read(path)?, path.display().to_string());
        let to = Destination::of(&source, &name, None)?;
        if to.key.is_some() {
            return Err(Failure::new(format!("{name}: the stream is encrypted, which is not heard here"))
                .hint("rtpmidi listen hears it"));
        }
        let membership = Membership { interface, sources: to.wanted() };
        let rtp = sockets::open(to.rtp(), &membership)?;
        let is_one = to.rtp() == to.rtcp();
        let rtcp = if is_one { None } else { Some(sockets::open(to.rtcp(), &membership)?) };
        let gate = Gate::new(source.stream.payload_type, to.senders, Proof::Address);
        Ok(Self { rtp, rtcp, gate, config: source.config })
    }
}
