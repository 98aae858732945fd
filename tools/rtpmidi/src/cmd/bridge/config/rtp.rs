//! `[[rtp]]`: plain RTP MIDI streams, with a port each.

use std::path::PathBuf;

use serde::Deserialize;

use crate::destination::Destination;

/// A stream that is heard, one that is sent, or both.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Streams {
    /// What the port is called.
    pub(crate) name: String,
    /// The description of the stream that is heard.
    pub(crate) hear: Option<PathBuf>,
    /// Where what is played to the port goes.
    pub(crate) play: Option<Destination>,
    /// A file that gets the description of that.
    pub(crate) sdp: Option<PathBuf>,
    /// Whether it is announced to the network (SAP) under the name of the port.
    pub(crate) announce: bool,
    /// The network interface where groups are joined and packets to them leave.
    pub(crate) interface: Option<String>,
    /// How many networks packets to a group may pass, and one more.
    pub(crate) ttl: u8,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    hear: Option<PathBuf>,
    play: Option<String>,
    sdp: Option<PathBuf>,
    #[serde(default)]
    announce: bool,
    interface: Option<String>,
    #[serde(default = "near")]
    ttl: u8,
}

/// The link alone.
const fn near() -> u8 {
    1
}

impl TryFrom<Written> for Streams {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { name, hear, play, sdp, announce, interface, ttl } = written;
        let play = play.map(|to| to.parse().map_err(|why| format!("{to:?}: {why}"))).transpose()?;
        if name.trim().is_empty() {
            return Err("a stream has a name".to_owned());
        }
        if hear.is_none() && play.is_none() {
            return Err(format!("{name} neither hears nor plays: hear is a description, play a destination"));
        }
        if (sdp.is_some() || announce) && play.is_none() {
            return Err(format!("{name} plays nothing that could be described or announced"));
        }
        Ok(Self { name, hear, play, sdp, announce, interface, ttl })
    }
}
