//! Where a stream comes in: its description, its RTP and RTCP packets as they were sent, and the way back for reports.
//! What becomes of the packets is up to who has the [`Link`].
//!
//! ```text
//! RTSP server ─▶ rtsp ──────────┐
//!                               ├─▶ entrance ─(wire: gate, loss on purpose, counts)─▶ Packet
//! anybody ─────▶ udp ─(opener)──┘      └──◀── reports
//! ```

mod announced;
mod backoff;
mod destination;
mod entrance;
mod gate;
mod inlet;
mod link;
mod place;
mod rtsp;
mod source;
mod udp;
mod wire;

use std::time::Duration;

use crate::interface::Interface;
use crate::loss::Channel;
use crate::srtp::Key;

pub(crate) use entrance::{Entrance, Silence};
pub(crate) use gate::Gate;
pub(crate) use inlet::{Inlet, Seal};
pub(crate) use link::{Event, Link, State};
pub(crate) use place::Place;
pub(crate) use rtsp::{RtspArgs, Url};
pub(crate) use source::Source;

/// A packet of the stream, whole and unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Packet<'a> {
    /// RTP of the described payload type, from the one sender, and how long ago it came.
    Rtp { octets: &'a [u8], age: Duration },
    /// A compound RTCP packet from the sender's address.
    Rtcp(&'a [u8]),
}

/// How to take a stream in.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where a group is joined.
    pub(crate) interface: Option<Interface>,
    /// Least time between two RTCP packets to an RTSP server.
    pub(crate) rtcp_interval: Duration,
    /// What is lost on purpose.
    pub(crate) loss: Option<Channel>,
    /// By which packets that come by UDP are sealed, whatever the description says.
    pub(crate) key: Option<Key>,
    /// Where a file on an RTSP server begins.
    pub(crate) start: Duration,
    /// How to listen to RTSP servers.
    pub(crate) rtsp: RtspArgs,
    pub(crate) streams: Streams,
}

/// Which streams of a description are taken in. They are numbered in this order, the first is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Streams {
    /// The first one.
    First,
    /// The first one, and all others that have its MIDI name space.
    OfOneSpace,
}
