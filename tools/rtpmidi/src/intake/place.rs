//! Where a stream is to be had, as it stands on the command line.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use super::rtsp::Url;
use crate::failure::{Failure, Result};

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

impl Place {
    /// Reads what stands on the command line. It is not read where the other arguments are, since a wrong one would be
    /// shown there, with the password that it may have.
    pub(crate) fn parse(text: &OsStr) -> Result<Self> {
        let words = text.to_str().unwrap_or_default();
        match words.strip_prefix("sap:") {
            Some(title) => Ok(Self::Announced(title.to_owned())),
            None if Url::is_one(words) => {
                words.parse().map(Self::Rtsp).map_err(|error: String| Failure::new(error).unanswerable())
            }
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
