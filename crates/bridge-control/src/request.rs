//! What others ask of the running bridge, and what they are answered.

use serde::{Deserialize, Serialize};

use crate::passage::Passage;
use crate::settings::PortSettings;
use crate::status::Status;

/// A question or an order. Ports are called by their names in the [`Status`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// How all stands.
    Status,
    /// Connect two ports; one that was cut for a loop carries again.
    Connect {
        /// The port that plays.
        from: String,
        /// The port that is played to.
        to: String,
        /// What gets through from now on; it stays as it is without.
        filter: Option<Passage>,
    },
    /// End a connection.
    Disconnect {
        /// The port that plays.
        from: String,
        /// The port that is played to.
        to: String,
    },
    /// Let nothing through a connection any more, or let it through again.
    Mute {
        /// The port that plays.
        from: String,
        /// The port that is played to.
        to: String,
        /// Whether nothing is to go through.
        muted: bool,
    },
    /// Record what comes from a port.
    Record {
        /// The port.
        from: String,
        /// The other end of the connection what goes through is recorded of, and nothing else.
        to: Option<String>,
        /// Where to: a folder that is there, or a file with `.mid` behind its name. All recordings of it end without.
        path: Option<String>,
        /// Seconds in a file of a folder.
        every_s: Option<u32>,
    },
    /// Take away the port of somebody who is gone for good.
    Forget {
        /// The port.
        port: String,
    },
    /// Take what is said of a port.
    Port {
        /// The port.
        name: String,
        /// What is said; all else stays as it is.
        settings: PortSettings,
    },
    /// End all notes everywhere.
    Panic,
    /// Read the configuration again.
    Reload,
}

/// The answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// How all stands.
    Status(Box<Status>),
    /// It is done.
    Done,
    /// It is done, by a port of this name.
    Named(String),
    /// The configuration has been read, and this should be known of it.
    Read(Vec<String>),
    /// It cannot be done: why.
    Refused(String),
}
