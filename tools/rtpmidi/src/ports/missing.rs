//! Why ports cannot be had, and what one can do about it.

use std::fmt;

use port_rules::Graph;

use super::title;

/// Why a server cannot be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Missing {
    words: String,
    hint: Option<String>,
    /// Whether it may come while the program runs.
    pub(crate) may_come: bool,
}

impl Missing {
    /// One that may come.
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self { words: words.into(), hint: None, may_come: true }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What is missing.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// What one can do about it.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The same, where it does not come as long as this program runs.
    pub(crate) fn for_good(self) -> Self {
        Self { may_come: false, ..self }
    }

    pub(crate) fn not_built(graph: Graph) -> Self {
        let words = format!("this program was built without {}", title(graph));
        Self::new(words).hint(format!("build it with the feature {}", title(graph).to_lowercase())).for_good()
    }
}

/// As it stands behind `warning: `.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}
