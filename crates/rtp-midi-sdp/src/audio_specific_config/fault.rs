//! What can be wrong with an `AudioSpecificConfig`, and at which bit.

use std::fmt;

use super::ObjectType;

/// A defect. Bits are counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named in the variant's text")]
pub enum Fault {
    /// `needed` bits are said to stand from `bit` on, and `found` are there.
    Truncated { bit: usize, needed: u64, found: usize },
    /// The audio object type takes no MIDI (RFC 6295, 6.2).
    ObjectType { number: u8 },
    /// FREQIDX is reserved.
    SamplingRate { index: u8 },
    /// A block that the object type does not have, or that nothing has.
    Chunk { sacnk: u8, object_type: ObjectType },
    /// There is no block, and one is required.
    NoChunk,
    /// A block has more octets than `FILE_LEN` can say.
    TooLong { octets: usize },
    /// A line of a score is of a reserved type.
    ScoreLine { bit: usize, number: u8 },
    /// A character is no hexadecimal digit.
    Hexadecimal { character: char },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AudioSpecificConfig: ")?;
        match *self {
            Self::Truncated { bit, needed, found } => {
                write!(f, "{needed} bits needed from bit {bit} on, {found} left")
            }
            Self::ObjectType { number } => {
                write!(f, "audio object type {number} takes no MIDI, 13, 14 and 15 do (RFC 6295, 6.2)")
            }
            Self::SamplingRate { index } => write!(f, "sampling frequency index {index} is reserved (E.4)"),
            Self::Chunk { sacnk, object_type } => {
                write!(f, "{object_type} has no blocks of type {sacnk} (E.4)")
            }
            Self::NoChunk => f.write_str("one block is required (E.4)"),
            Self::TooLong { octets } => write!(f, "a block of {octets} octets is too long"),
            Self::ScoreLine { bit, number } => write!(f, "score line of reserved type {number} at bit {bit}"),
            Self::Hexadecimal { character } => write!(f, "{character:?} is no hexadecimal digit"),
        }
    }
}

impl std::error::Error for Fault {}
