//! What a session is told, and what it says.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::admission::Admission;
use crate::packet::Received;
use crate::participant::ParticipantId;
use crate::timers::Timers;
use crate::transition::Event;

/// How a session is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// What this end calls itself.
    pub name: String,
    /// Its SSRC, drawn at random.
    pub ssrc: u32,
    /// Whose invitations are accepted.
    pub admission: Admission,
    /// How many may take part.
    pub participants: usize,
    /// How many may be on their way into the session; of more, the oldest are forgotten.
    pub arriving: usize,
    /// When things are due.
    pub timers: Timers,
}

/// One of the two UDP ports of a session; the data port is the one above the control port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Port {
    /// Invitations, goodbyes and feedback.
    Control,
    /// RTP, and the comparison of clocks.
    Data,
}

/// The way between a peer and us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    /// Our port.
    pub(crate) port: Port,
    /// Our address, if it matters and is known.
    pub(crate) here: Option<IpAddr>,
    /// Where the peer is.
    pub(crate) there: SocketAddr,
}

/// What a session is told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A datagram has come.
    Datagram {
        /// To this port.
        port: Port,
        /// From there.
        from: SocketAddr,
        /// To this address of ours, if that is known.
        to: Option<IpAddr>,
        /// With these octets.
        octets: &'a [u8],
    },
    /// Time has passed.
    Time,
    /// Somebody is to be invited, whose control port this is.
    Invite(SocketAddr),
    /// Somebody who was asked about may take part.
    Admit(ParticipantId),
    /// Somebody who was asked about may not.
    Reject(ParticipantId),
    /// The RTP packet with this sequence number has come from there, and nothing before it is waited for.
    Received(ParticipantId, u16),
    /// Somebody is to take part no more.
    Leave(ParticipantId),
    /// Nobody is.
    Close,
}

/// What a session has to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Send this.
    Send {
        /// From this port.
        port: Port,
        /// From this address of ours, since others are not known there; from any if there is none.
        from: Option<IpAddr>,
        /// To there.
        to: SocketAddr,
        /// These octets.
        octets: Vec<u8>,
    },
    /// The datagram that came last is an RTP packet of this participant, which is open.
    Music(ParticipantId),
    /// Something has become of a participant.
    Change(ParticipantId, Change),
    /// Nothing is left to do before this time; never, if it is `None`.
    Wait(Option<Duration>),
}

/// What becomes of a participant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It is being invited.
    Invited,
    /// It wants to take part, and somebody has to decide.
    Asks,
    /// It takes part.
    Opened,
    /// Music may be sent to it from now on.
    Listening,
    /// It has started anew: what it played before is over. It takes part when it has opened again.
    Restarted,
    /// It answers no more: what it has left sounding should end. It takes part until it has been silent for too long.
    Missed,
    /// Its clock has been set.
    ClockSet,
    /// It has received so much.
    Feedback(Received),
    /// It asks for so many bits a second at most.
    Limit(u32),
    /// It takes part no more; nothing is known of it from now on.
    Closed(Reason),
}

/// Why somebody takes part no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It has not answered.
    Unanswered,
    /// It has refused.
    Refused,
    /// It has said goodbye.
    Goodbye,
    /// It has not been heard for too long.
    Expired,
    /// Somebody has decided against it.
    Rejected,
    /// It was to leave.
    Left,
    /// It has invited us at the same time, and that invitation is followed up.
    Crossed,
    /// There were too many others on their way into the session.
    Overtaken,
}

impl Config {
    /// A session that neighbours may join.
    pub fn new(name: &str, ssrc: u32) -> Self {
        Self {
            name: name.to_owned(),
            ssrc,
            admission: Admission::Local { networks: Vec::new(), known: Vec::new() },
            participants: 64,
            arriving: 32,
            timers: Timers::default(),
        }
    }
}

impl Reason {
    /// Why it is over when this has ended it.
    pub(super) const fn of(event: Event) -> Self {
        match event {
            Event::Exhaustion => Self::Unanswered,
            Event::Refusal => Self::Refused,
            Event::Goodbye => Self::Goodbye,
            Event::Rejection => Self::Rejected,
            Event::Departure => Self::Left,
            _ => Self::Expired,
        }
    }
}
