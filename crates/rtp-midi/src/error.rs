//! What can be wrong with octets from the network.

use core::fmt;

/// A defect, with where it is and which rule it breaks. Lengths are octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named in the variant's text")]
pub enum Error {
    /// The octets end inside a structure.
    Truncated { needed: usize, found: usize },
    /// A command begins with a data octet and no running status is in force (section 3.2).
    NoStatus { octet: u8 },
    /// A status octet stands where a data octet must.
    StatusInData { octet: u8 },
    /// A System Exclusive, `F4` or `F5` has no terminator.
    Unterminated,
    /// A System Exclusive field that began with `status` ends with `octet` after `data` data octets (figure 5).
    SysExEnd { status: u8, octet: u8, data: usize },
    /// Octets follow a MIDI list although `J` is 0 (section 3).
    Trailing { found: usize },
    /// A LENGTH field is smaller than its own header (section 1.2).
    Length { found: usize, least: usize },
    /// Chapter N has LOW above HIGH other than 15,0 and 15,1 (A.6.1).
    OffBits { low: u8, high: u8 },
}

/// A value, or the defect that kept it from being read.
pub type Result<T> = core::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { needed, found } => write!(f, "{needed} octets needed, {found} left"),
            Self::NoStatus { octet } => write!(f, "command starts with data octet {octet:#04x} (section 3.2)"),
            Self::StatusInData { octet } => write!(f, "status octet {octet:#04x} inside a command (section 3.2)"),
            Self::Unterminated => write!(f, "system command without terminator (section 3.2)"),
            Self::SysExEnd { status, octet, data } => {
                write!(f, "system exclusive {status:#04x} with {data} data octets ends with {octet:#04x} (figure 5)")
            }
            Self::Trailing { found } => write!(f, "{found} octets behind a MIDI list without journal (section 3)"),
            Self::Length { found, least } => {
                write!(f, "length field {found} below {least} (section 1.2)")
            }
            Self::OffBits { low, high } => {
                write!(f, "chapter n with low {low} above high {high} (A.6.1)")
            }
        }
    }
}

impl std::error::Error for Error {}
