//! A session description as a value: what is said once for all media lines (RFC 8866, section 5).

use crate::{Bandwidth, Clocks, Error, Host, Media, Stream};

/// A session description: every media line it has, those of RTP MIDI understood, the others kept as they came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Session {
    /// `s=`; a single line.
    pub title: String,
    /// `i=`: more about the session, such as what is being played; a single line.
    pub information: Option<String>,
    /// `o=`, where it is there and its identifier is a number.
    pub origin: Option<Origin>,
    /// `a=tool`: the program that wrote the description.
    pub tool: Option<String>,
    /// The direction of every media line that does not say otherwise.
    pub direction: Direction,
    /// `a=group`: which media lines belong together, in order.
    pub groups: Vec<Group>,
    /// `b=` of the session as a whole.
    pub bandwidths: Vec<Bandwidth>,
    /// `t=`: when the session takes place; none for one without an end. An answer repeats them.
    pub times: Vec<Time>,
    /// `a=ts-refclk` and `a=mediaclk` for all media lines.
    pub clocks: Clocks,
    /// Other attributes of the session, in order.
    pub attributes: Vec<Attribute>,
    /// The media lines, in order. An answer has one for each of its offer.
    pub media: Vec<Media>,
}

/// `o=`: who made the description, and which edition it is (RFC 8866, 5.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Whom it was made by; `-` where nobody is named.
    pub user: String,
    /// Unique among the descriptions made at this address.
    pub id: u64,
    /// Rises with each change.
    pub version: u64,
    /// Where it was made.
    pub address: Host,
}

/// `t=`: a time at which the session takes place, in seconds since 1900; 0 is no limit (RFC 8866, 5.9).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Time {
    /// When it begins.
    pub start: u64,
    /// When it ends.
    pub stop: u64,
}

/// `a=group`: media lines that belong together, by their `a=mid` (RFC 5888).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// In which way: `FID` for streams that share MIDI name spaces (RFC 6295, C.5).
    pub semantics: String,
    /// The marks of the lines.
    pub mids: Vec<String>,
}

/// An attribute that is kept and not acted on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute {
    /// What stands behind `a=`, up to the colon.
    pub name: String,
    /// What stands behind the colon.
    pub value: Option<String>,
}

/// In which direction media flow, as seen by the one who made an offer or an answer, or who reads a declarative
/// description (RFC 8866, 6.7).
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

impl Session {
    /// A description without media lines.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// The RTP MIDI streams with their media lines, in order. Lines that are refused and protocols that are unknown
    /// are passed over.
    pub fn streams(&self) -> impl Iterator<Item = (&Media, &Stream)> {
        let usable = self.media.iter().filter(|media| media.is_usable());
        usable.flat_map(|media| media.streams.iter().map(move |stream| (media, stream)))
    }

    /// The first RTP MIDI stream; where there is none the error tells what there is.
    pub fn first_stream(&self) -> Result<(&Media, &Stream), Error> {
        let found = || self.media.iter().map(Media::summary).collect();
        self.streams().next().ok_or_else(|| Error::NoMidi { found: found() })
    }
}

impl Origin {
    /// The description `id` in this edition, made at `address` by nobody who is named.
    pub fn new(id: u64, version: u64, address: impl Into<Host>) -> Self {
        Self { user: "-".to_owned(), id, version, address: address.into() }
    }
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

    /// The direction that sends if, and receives if.
    pub const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendReceive,
            (true, false) => Self::SendOnly,
            (false, true) => Self::ReceiveOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether media are sent.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendReceive | Self::SendOnly)
    }

    /// Whether media are received.
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendReceive | Self::ReceiveOnly)
    }

    /// The same as seen by the other side.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self::of(self.sends() && other.sends(), self.receives() && other.receives())
    }
}
