//! What can be wrong with a Standard MIDI File, and where.

use std::fmt;

/// The result of reading a file.
pub type Result<T> = std::result::Result<T, Error>;

/// A place in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct At {
    /// The track, counted from 0 in the order of the file.
    pub track: u16,
    /// Octets from the start of the file.
    pub offset: usize,
}

/// A broken rule of the Standard MIDI Files 1.0 document.
///
/// [`Song::read`](crate::Song::read) stops at the first; [`Song::salvage`](crate::Song::salvage) steps over those
/// that leave something to read and returns them as a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file is something else.
    NotSmf {
        /// What it looks like.
        found: Found,
    },
    /// The file has more octets than events can refer to (`u32`).
    TooLarge {
        /// Octets in the file.
        octets: usize,
    },
    /// The file ends inside its header chunk.
    TruncatedHeader {
        /// Octets in the file, or in the `data` chunk of a RIFF file.
        octets: usize,
    },
    /// The header chunk says it is shorter than its six octets.
    HeaderLength {
        /// The length it says.
        length: u32,
    },
    /// The format is none of 0, 1 and 2.
    Format {
        /// The format the header says.
        format: u16,
    },
    /// The division is 0, or names a frame rate that does not exist.
    Division {
        /// The two octets of the header.
        division: u16,
    },
    /// There is no such sequence in a file of format 2.
    NoSequence {
        /// The sequence asked for, counted from 0.
        sequence: u16,
        /// How many there are.
        sequences: usize,
    },
    /// The header and the file disagree about the number of tracks (format 0 has exactly one).
    TrackCount {
        /// What the header says.
        declared: u16,
        /// Track chunks in the file.
        found: usize,
    },
    /// A second header follows: two files in one. What follows is not read.
    SecondHeader {
        /// Octets from the start of the file.
        offset: usize,
    },
    /// The file ends before the track does.
    TruncatedTrack {
        /// The start of the track's events.
        at: At,
        /// The octets the track says it has.
        expected: u32,
        /// The octets there are.
        actual: usize,
    },
    /// An event runs past the end of its track.
    TruncatedEvent {
        /// The start of the event.
        at: At,
    },
    /// A delta time of more than four octets.
    DeltaTime {
        /// The start of the delta time.
        at: At,
    },
    /// A data octet where a status must be: no running status is in force.
    NoStatus {
        /// The event.
        at: At,
        /// The octet found.
        octet: u8,
    },
    /// A status that no track may hold outside an `F7` escape.
    Status {
        /// The event.
        at: At,
        /// The status octet.
        status: u8,
    },
    /// A status octet among the data of a message.
    Data {
        /// The event.
        at: At,
        /// The octet found.
        octet: u8,
    },
    /// An octet in a System Exclusive or escape packet that belongs to no message.
    Stray {
        /// The event.
        at: At,
        /// The octet found.
        octet: u8,
    },
    /// A System Exclusive without its `F7`, not continued by an `F7` packet; or another message cut off in an escape.
    Unterminated {
        /// The event that began it.
        at: At,
    },
    /// A tempo of zero, or one whose length is not three.
    Tempo {
        /// The event.
        at: At,
        /// Octets of the event's data.
        length: usize,
    },
    /// The track has no End of Track.
    MissingEndOfTrack {
        /// The end of the track's events.
        at: At,
    },
    /// The track goes on behind its End of Track.
    AfterEndOfTrack {
        /// The first octet behind it.
        at: At,
        /// How many there are.
        octets: usize,
    },
    /// More defects in one track than it makes sense to step over; the rest of the track is lost.
    GivenUp {
        /// Where reading ended.
        at: At,
    },
}

/// What a file that is no Standard MIDI File looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Found {
    /// It has no octets.
    Empty,
    /// Printable text.
    Text,
    /// RIFF WAVE audio.
    Wave,
    /// A soundfont.
    SoundFont,
    /// Another kind of RIFF file, or an RMID file without data.
    Riff,
    /// A MIDI 2.0 clip file.
    MidiClip,
    /// gzip or ZIP: compressed.
    Compressed,
    /// Compressed audio: MPEG, Ogg or FLAC.
    Audio,
    /// None of these.
    Unknown,
}

impl Error {
    /// What may help, where there is more to say than the error itself.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotSmf { found } => match found {
                Found::Empty => "was the file copied or downloaded completely?",
                Found::Text => "a Standard MIDI File is binary; is this a score or a web page saved under its name?",
                Found::Wave | Found::Audio => "this is recorded sound; a Standard MIDI File holds notes",
                Found::SoundFont => "this is a set of instruments; it renders a Standard MIDI File",
                Found::MidiClip => "convert the MIDI 2.0 clip to a Standard MIDI File first",
                Found::Compressed => "unpack it first",
                Found::Riff | Found::Unknown => return None,
            },
            Self::NoSequence { .. } => "sequences are counted from 0",
            Self::TooLarge { .. } | Self::Format { .. } => return None,
            Self::TruncatedHeader { .. } => "was the file copied or downloaded completely?",
            _ => "lenient reading saves what can be read",
        })
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "track {}, octet {}", self.track, self.offset)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSmf { found } => write!(f, "not a Standard MIDI File but {found}"),
            Self::TooLarge { octets } => write!(f, "a file of {octets} octets is too large"),
            Self::TruncatedHeader { octets } => {
                write!(f, "the header needs 14 octets, the file has {octets}")
            }
            Self::HeaderLength { length } => write!(f, "the header is {length} octets long, at least 6 are needed"),
            Self::Format { format } => write!(f, "format {format} is none of 0, 1 and 2"),
            Self::Division { division } => write!(f, "division 0x{division:04x} gives no time"),
            Self::NoSequence { sequence, sequences } => write!(f, "no sequence {sequence} among {sequences}"),
            Self::TrackCount { declared, found } => {
                write!(f, "{found} tracks where the header says {declared}")
            }
            Self::SecondHeader { offset } => write!(f, "octet {offset}: a second header"),
            Self::TruncatedTrack { at, expected, actual } => {
                write!(f, "{at}: the track has {actual} octets of {expected}")
            }
            Self::TruncatedEvent { at } => {
                write!(f, "{at}: the event runs past the end of the track")
            }
            Self::DeltaTime { at } => write!(f, "{at}: the delta time has more than 4 octets"),
            Self::NoStatus { at, octet } => {
                write!(f, "{at}: 0x{octet:02x} without a running status")
            }
            Self::Status { at, status } => {
                write!(f, "{at}: status 0x{status:02x} outside an escape")
            }
            Self::Data { at, octet } => write!(f, "{at}: 0x{octet:02x} among the data octets"),
            Self::Stray { at, octet } => write!(f, "{at}: 0x{octet:02x} belongs to no message"),
            Self::Unterminated { at } => write!(f, "{at}: the message is not complete"),
            Self::Tempo { at, length } => write!(f, "{at}: a tempo of zero or of {length} octets"),
            Self::MissingEndOfTrack { at } => write!(f, "{at}: no End of Track"),
            Self::AfterEndOfTrack { at, octets } => {
                write!(f, "{at}: {octets} octets behind the End of Track")
            }
            Self::GivenUp { at } => {
                write!(f, "{at}: too many defects, the rest of the track is lost")
            }
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty file",
            Self::Text => "text",
            Self::Wave => "RIFF WAVE audio",
            Self::SoundFont => "a soundfont",
            Self::Riff => "another RIFF file",
            Self::MidiClip => "a MIDI 2.0 clip file",
            Self::Compressed => "a compressed file",
            Self::Audio => "an audio file",
            Self::Unknown => "unknown data",
        })
    }
}

impl std::error::Error for Error {}
