//! What can be wrong with a session description, and where.

use std::fmt;

use crate::audio_specific_config::Fault;

/// Why a description cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The text is no session description (RFC 8866, section 5).
    Syntax {
        /// The line, counted from 1, where it is known.
        line: Option<usize>,
        /// What the reader of SDP says about it.
        reason: String,
    },
    /// A session description without an RTP MIDI stream.
    NoMidi {
        /// Each media line that is there, in few words: `m=audio 5004: opus/48000`.
        found: Vec<String>,
    },
    /// The `rtpmap` of an RTP MIDI stream names no clock rate, for which there is no default (RFC 6295, 6.1).
    NoClockRate {
        /// The payload type of the stream.
        payload_type: u8,
    },
    /// A parameter has a value that must not be accepted (RFC 6295, C.2) or that is out of its range (D).
    Value {
        /// The name of the parameter.
        name: &'static str,
        /// The value it has.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A parameter stands where it must not, or does not stand where it must.
    Rule {
        /// The name of the parameter.
        name: &'static str,
        /// What is wrong with it, behind its name.
        rule: &'static str,
    },
    /// The renderer of an mpeg4-generic stream is described by octets that cannot be read (RFC 6295, E.4).
    AudioSpecificConfig(Fault),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::AudioSpecificConfig(fault)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line: Some(line), reason } => write!(f, "line {line}: {reason}"),
            Self::Syntax { line: None, reason } => f.write_str(reason),
            Self::NoMidi { found } if found.is_empty() => f.write_str("no media line (m=)"),
            Self::NoMidi { found } => write!(f, "no rtp-midi stream, but {}", found.join(", ")),
            Self::NoClockRate { payload_type } => {
                write!(f, "a=rtpmap:{payload_type} names no clock rate (rtp-midi/44100)")
            }
            Self::Value { name, value, expected } => {
                write!(f, "{name}={value} is not a value of {name}, which is {expected}")
            }
            Self::Rule { name, rule } => write!(f, "{name} {rule}"),
            Self::AudioSpecificConfig(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Error {}
