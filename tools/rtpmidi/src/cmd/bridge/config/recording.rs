//! `[[recording]]`: what is recorded as long as the bridge runs.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cmd::listen::length;

/// What is recorded, and where to.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recording {
    /// The port that plays, by its name in the status.
    pub(crate) from: String,
    /// The port that is played to, where only what goes through the connection is recorded.
    pub(crate) to: Option<String>,
    /// A folder, or a file that ends in `.mid`.
    pub(crate) path: PathBuf,
    /// How much of it is in one file of a folder.
    #[serde(default)]
    pub(crate) every: Every,
}

/// Seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Every(pub(crate) u32);

impl Recording {
    /// The same with the path as seen from a folder.
    pub(super) fn beside(mut self, folder: Option<&Path>) -> Self {
        let path = folder.map_or_else(|| self.path.clone(), |folder| folder.join(&self.path));
        self.path = std::path::absolute(&path).unwrap_or(path);
        self
    }
}

impl Default for Every {
    fn default() -> Self {
        Self(3600)
    }
}

impl TryFrom<String> for Every {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        length(&text).map(|every| Self(every.as_secs() as u32))
    }
}
