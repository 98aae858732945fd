//! Why a datagram is no packet of the session protocol.

use std::fmt;

/// The result of reading a datagram.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// It does not start with `FF FF`; RTP, perhaps.
    Foreign,
    /// It ends too early.
    Truncated {
        /// Octets that it has to have.
        needed: usize,
        /// Octets that it has.
        found: usize,
    },
    /// Its version is not 2.
    Version {
        /// The number found.
        found: u32,
    },
    /// Nobody knows its command.
    Command {
        /// The letters found.
        found: [u8; 2],
    },
    /// A comparison of clocks has three steps, from 0.
    Step {
        /// The number found.
        found: u8,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("no packet of the session protocol"),
            Self::Truncated { needed, found } => write!(f, "{found} octets of at least {needed}"),
            Self::Version { found } => write!(f, "version {found} of the session protocol"),
            Self::Command { found } => write!(f, "command {}", found.escape_ascii()),
            Self::Step { found } => write!(f, "step {found} of a comparison of clocks"),
        }
    }
}

impl std::error::Error for Error {}
