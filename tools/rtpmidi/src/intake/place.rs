//! Where a stream is to be had, as it stands on the command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::rtsp::Url;

/// A description, or where one is to be found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// A file, or stdin for `-`.
    Description(PathBuf),
    /// What is announced under this title.
    Announced(String),
    /// A stream on a server.
    Rtsp(Url),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("sap:") {
            Some(title) => Ok(Self::Announced(title.to_owned())),
            None if Url::is_one(text) => text.parse().map(Self::Rtsp),
            None => Ok(Self::Description(text.into())),
        }
    }
}

/// Without passwords.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Description(path) => path.display().fmt(f),
            Self::Announced(title) => write!(f, "sap:{title}"),
            Self::Rtsp(url) => url.fmt(f),
        }
    }
}
