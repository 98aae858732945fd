//! Where a stream comes in: its description, its RTP and RTCP packets as they were sent, and the way back for reports.
//! What becomes of the packets is up to who opens the intake.
//!
//! ```text
//! RTP and RTCP of anybody ─▶ udp ─▶ entrance ─(wire: gate, loss on purpose, counts)─▶ Packet
//!                                      └──◀── reports
//! ```

mod announced;
mod entrance;
mod gate;
mod source;
mod udp;
mod wire;

use std::sync::Arc;

use crate::failure::Result;
use crate::interface::Interface;
use crate::loss::Channel;

pub(crate) use announced::find;
pub(crate) use entrance::{Entrance, Silence};
pub(crate) use source::Source;

/// A packet of the stream, whole and unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Packet<'a> {
    /// RTP of the described payload type, from the one sender.
    Rtp(&'a [u8]),
    /// A compound RTCP packet from the sender's address.
    Rtcp(&'a [u8]),
}

/// How to take a stream in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Where a group is joined.
    pub(crate) interface: Option<Interface>,
    /// What is lost on purpose.
    pub(crate) loss: Option<Channel>,
}

/// An open way for one stream.
pub(crate) struct Intake {
    source: Source,
    entrance: Arc<Entrance>,
    sockets: udp::Sockets,
}

impl Intake {
    /// Opens the way of the described stream. Packets wait until [`Self::start`].
    pub(crate) fn open(source: Source, plan: Plan) -> Result<Self> {
        let sockets = udp::Sockets::open(&source, plan.interface)?;
        let entrance = Arc::new(Entrance::new(&source, plan.loss, sockets.back()?));
        Ok(Self { source, entrance, sockets })
    }

    /// What comes in.
    pub(crate) const fn source(&self) -> &Source {
        &self.source
    }

    /// What is known of the packets so far, and the way back to the sender.
    pub(crate) const fn entrance(&self) -> &Arc<Entrance> {
        &self.entrance
    }

    /// Gives each packet to `take` from here on, in threads of its own.
    pub(crate) fn start(&mut self, take: impl Fn(Packet<'_>) + Clone + Send + 'static) -> Result<()> {
        self.sockets.start(&self.entrance, take)
    }

    /// Gives no packets any more when this returns.
    pub(crate) fn stop(&mut self) {
        self.sockets.stop();
    }
}
