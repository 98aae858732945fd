//! What an application is told of participants and what they play.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use applemidi::{Change, Comparisons, ParticipantId};
use rtp_midi::{Origin, ReceiverStats, SenderStats};

use crate::calls::CallId;

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Something has become of a participant.
    Change {
        /// Who it is.
        participant: ParticipantId,
        /// What it calls itself, as far as that is known.
        name: &'a str,
        /// Where its control port is.
        control: SocketAddr,
        /// What.
        change: Change,
    },
    /// A participant plays a command.
    Midi {
        /// Who plays it.
        participant: ParticipantId,
        /// When it came here.
        arrived: Instant,
        /// When it was played there, by the clock here; `None` as long as the clocks have not been compared.
        played: Option<Instant>,
        /// The command, or a segment of a System Exclusive (RFC 6295, 3.2).
        octets: &'a [u8],
        /// Whether it has come as it was sent, or makes up for what got lost.
        origin: Origin,
    },
}

/// Numbers about a participant.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Who it is.
    pub participant: ParticipantId,
    /// What it calls itself.
    pub name: String,
    /// Where its control port is.
    pub control: SocketAddr,
    /// The call by which it takes part, if it has been called.
    pub call: Option<CallId>,
    /// Whether music goes there.
    pub is_listening: bool,
    /// Half of a round trip, as a mean; `None` as long as the clocks have not been compared.
    pub latency: Option<Duration>,
    /// How far latencies are from their mean, as a mean.
    pub jitter: Option<Duration>,
    /// The comparisons of clocks that we have begun with it.
    pub comparisons: Comparisons,
    /// Parts in a million that its clock is faster.
    pub drift: f64,
    /// What has been sent there.
    pub sent: SenderStats,
    /// What has come from there.
    pub received: ReceiverStats,
}
