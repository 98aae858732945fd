//! Why something of an offer is refused.

use std::fmt;

use rtp_midi::{Format, Journal, Letters};

use crate::{Direction, Error, Session, Violation, render};

/// A whole offer that is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Why, line by line; at least one reason.
    pub refused: Vec<Refused>,
    /// The answer that says so where an answer is the way to say it: every port is 0. `None` in a session that runs,
    /// which goes on as before.
    pub session: Option<Box<Session>>,
}

/// A media line, or one of its payload types, that is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The media line, counted from 0; `None` for the session as a whole.
    pub media: Option<usize>,
    /// The payload type; `None` for the whole line.
    pub payload_type: Option<u8>,
    /// Why.
    pub reason: Reason,
}

/// Why.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The line has no RTP MIDI.
    NotMidi(String),
    /// The protocol is not one of ours.
    Protocol(String),
    /// We take no part in multicast.
    Multicast,
    /// What the offer wants to send we do not take, and the other way round.
    Direction(Direction),
    /// No key is offered for a suite that we have.
    Crypto,
    /// Both ends want to open the connection, or none.
    Setup,
    /// There is no port left.
    Ports,
    /// The format is not one of ours.
    Format(Format),
    /// The clock rate is not one of ours.
    ClockRate(u32),
    /// A parameter says nothing, or something unknown.
    Parameter(Error),
    /// The journal is not one of ours.
    Journal(Journal),
    /// Packets may get lost, and there would be no journal (C.2.1).
    NoJournal,
    /// No chapter would tell of these commands (C.2.3).
    Unprotected(Letters),
    /// In an open loop nothing would set these commands right (C.2.2.3).
    Unanchored(Letters),
    /// We do not have the enhanced coding of Chapter C.
    Enhanced,
    /// The timestamps have a meaning that we do not know.
    Timing,
    /// Commands may come that we do not take.
    Taken(Letters),
    /// Commands must not come that we send.
    Sent(Letters),
    /// `rtp_ptime`, `rtp_maxptime` or `guardtime` has this value, and we cannot come near enough.
    Timed(&'static str, u32),
    /// The renderer is not one of ours.
    Renderer(render::Refusal),
    /// No renderer of the list is left.
    NoRenderer,
    /// A rule about relations between streams is broken (C.5), or one about offers in a session that runs.
    Rule(Violation),
}

impl Refused {
    pub(super) const fn line(media: usize, reason: Reason) -> Self {
        Self { media: Some(media), payload_type: None, reason }
    }

    pub(super) const fn stream(media: usize, payload_type: u8, reason: Reason) -> Self {
        Self { media: Some(media), payload_type: Some(payload_type), reason }
    }
}

impl Reason {
    /// The rule that leaves no choice, if there is one.
    pub fn requirement(&self) -> Option<&'static str> {
        Some(match self {
            Self::Parameter(Error::Value { name: "j_sec", .. }) => "SC.2.1-05",
            Self::Parameter(Error::Value { name: "j_update", .. }) => "SC.2.2-03",
            Self::NoJournal => "SC.2.1-04",
            Self::Unprotected(_) => "SC.2.3-01",
            Self::Unanchored(_) => "SC.2.2-01",
            Self::Renderer(refusal) => match refusal {
                render::Refusal::Render(_) => "SC.6-06",
                render::Refusal::Subrender(_) => "SC.6.2-09",
                render::Refusal::SmfInfo(render::SmfInfo::SdpStart) => "SC.6.4.1-05",
                render::Refusal::SmfInfo(_) => "SC.6.4.1-10",
                render::Refusal::Chanmask => "SC.6.4.3-05",
                _ => return None,
            },
            Self::Setup => "F-08",
            Self::Rule(violation) => violation.requirement,
            _ => return None,
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMidi(what) => write!(f, "no RTP MIDI: {what}"),
            Self::Protocol(token) => write!(f, "{token} is not spoken here"),
            Self::Multicast => f.write_str("multicast is not joined here"),
            Self::Direction(direction) => write!(f, "nothing is left of {} in our direction", direction.attribute()),
            Self::Crypto => f.write_str("a=crypto offers no suite that we have"),
            Self::Setup => f.write_str("a=setup leaves nobody to open the connection, or nobody to accept it"),
            Self::Ports => f.write_str("there is no port left"),
            Self::Format(Format::Native) => f.write_str("rtp-midi is not taken here"),
            Self::Format(Format::Mpeg4Generic) => f.write_str("mpeg4-generic is not taken here"),
            Self::ClockRate(rate) => write!(f, "a clock rate of {rate} Hz is not taken here"),
            Self::Parameter(error) => error.fmt(f),
            Self::Journal(_) => f.write_str("the journal is of a kind that we do not have"),
            Self::NoJournal => f.write_str("j_sec=none leaves nothing that sets a loss right"),
            Self::Unprotected(letters) => {
                write!(f, "ch_never leaves no chapter for commands {letters}, which may come")
            }
            Self::Unanchored(letters) => {
                write!(f, "j_update=open-loop needs ch_anchor for commands {letters}, or cm_unused")
            }
            Self::Enhanced => f.write_str("the enhanced coding of Chapter C is not done here"),
            Self::Timing => f.write_str("tsmode has a value that is not done here"),
            Self::Taken(letters) => write!(f, "commands {letters} may come, which we do not take in full"),
            Self::Sent(letters) => write!(f, "commands {letters}, which we send, may not come in full"),
            Self::Timed(name, value) => write!(f, "{name}={value} cannot be kept here"),
            Self::Renderer(refusal) => refusal.fmt(f),
            Self::NoRenderer => f.write_str("no renderer is named that we may take"),
            Self::Rule(violation) => violation.what.fmt(f),
        }
    }
}

/// `media line 2, payload type 96: why [SC.2.1-05]`, the lines counted from 1.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(media) = self.media {
            write!(f, "media line {}", media + 1)?;
            if let Some(payload_type) = self.payload_type {
                write!(f, ", payload type {payload_type}")?;
            }
            f.write_str(": ")?;
        }
        self.reason.fmt(f)?;
        self.reason.requirement().map_or(Ok(()), |requirement| write!(f, " [{requirement}]"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the offer is refused")?;
        self.refused
            .iter()
            .enumerate()
            .try_for_each(|(index, refused)| write!(f, "{} {refused}", if index == 0 { ":" } else { ";" }))
    }
}

impl std::error::Error for Refusal {}
