//! Why a packet tells nothing.

use std::fmt;

/// The result of reading a packet.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// It is no APP packet of this name.
    Another,
    /// Its contents are of another version.
    Version {
        /// The number found.
        found: u8,
    },
    /// It, or an item in it, ends too early.
    Truncated {
        /// Octets that it says it takes, or takes at least.
        needed: usize,
        /// Octets that there are.
        found: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Another => f.write_str("no APP packet named MIDT"),
            Self::Version { found } => write!(f, "version {found} of MIDT"),
            Self::Truncated { needed, found } => write!(f, "{found} octets of at least {needed}"),
        }
    }
}

impl std::error::Error for Error {}
