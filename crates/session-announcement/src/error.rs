//! Why a datagram is no announcement that can be read.

use std::fmt;

/// The result of reading a datagram.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with a datagram (section 6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// It ends too early.
    Truncated {
        /// Octets that its header and authentication data take.
        needed: usize,
        /// Octets that there are.
        found: usize,
    },
    /// Its version is neither 0 nor 1.
    Version {
        /// The number found.
        found: u8,
    },
    /// The payload is encrypted, for which RFC 2974 names no method.
    Encrypted,
    /// The payload does not decompress, or to more than 65,535 octets.
    Compressed,
    /// The payload is something else than a session description.
    NotSdp,
    /// The session description is not UTF-8, or has no `o=` line.
    NoOrigin,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, found } => write!(f, "{found} octets of at least {needed}"),
            Self::Version { found } => write!(f, "version {found} of SAP"),
            Self::Encrypted => f.write_str("an encrypted announcement"),
            Self::Compressed => f.write_str("a compressed announcement that cannot be decompressed"),
            Self::NotSdp => f.write_str("an announcement that is no session description"),
            Self::NoOrigin => f.write_str("a session description without an origin"),
        }
    }
}

impl std::error::Error for Error {}
