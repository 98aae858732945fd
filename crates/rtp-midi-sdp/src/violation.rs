//! A rule that a description breaks, or an answer with regard to its offer.

use std::fmt;

/// One rule and how it is broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The rule by its number in `docs/coverage.md` (`SC.5-04`), or by document and section (`RFC 3264 6`).
    pub requirement: &'static str,
    /// The media line, counted from 0; `None` for the session as a whole.
    pub media: Option<usize>,
    /// What is wrong, in one line.
    pub what: String,
}

impl Violation {
    /// A rule that one media line breaks.
    pub(crate) fn of(requirement: &'static str, media: usize, what: impl Into<String>) -> Self {
        Self { requirement, media: Some(media), what: what.into() }
    }

    /// A rule that the session breaks.
    pub(crate) fn whole(requirement: &'static str, what: impl Into<String>) -> Self {
        Self { requirement, media: None, what: what.into() }
    }
}

/// `media line 2: what is wrong [SC.5-04]`, the lines counted from 1.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(media) = self.media {
            write!(f, "media line {}: ", media + 1)?;
        }
        write!(f, "{} [{}]", self.what, self.requirement)
    }
}

impl std::error::Error for Violation {}
