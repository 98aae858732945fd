//! A session description as a value: what is said once for all streams.

use std::net::IpAddr;

use crate::Stream;

/// A session description with its RTP MIDI streams. Streams of other media are not kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// `s=`; a single line.
    pub title: String,
    /// `o=`, where it is there and numeric.
    pub origin: Option<Origin>,
    /// `a=tool`: the program that wrote the description.
    pub tool: Option<String>,
    /// The direction of every stream that does not say otherwise.
    pub direction: Direction,
    /// The RTP MIDI streams, in order; never empty when it was parsed.
    pub streams: Vec<Stream>,
}

/// `o=`: who made the description, and which edition it is (RFC 8866, 5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Unique among the descriptions made at this address.
    pub id: u64,
    /// Rises with each change.
    pub version: u64,
    /// Where it was made.
    pub address: IpAddr,
}

/// In which direction media flow, as seen by the one who reads a declarative description (RFC 8866, 6.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    /// `a=sendrecv`, or nothing said.
    #[default]
    SendReceive,
    /// `a=sendonly`.
    SendOnly,
    /// `a=recvonly`: what a broadcaster writes for its listeners.
    ReceiveOnly,
    /// `a=inactive`.
    Inactive,
}

impl Direction {
    /// The name of the attribute.
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::SendReceive => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::ReceiveOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction that an attribute of this name stands for.
    pub fn from_attribute(name: &str) -> Option<Self> {
        [Self::SendReceive, Self::SendOnly, Self::ReceiveOnly, Self::Inactive]
            .into_iter()
            .find(|direction| direction.attribute().eq_ignore_ascii_case(name))
    }
}
