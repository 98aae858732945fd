//! Selections for the tests of their rules.

use super::{Letters, Numbers, Selection};

pub(super) fn types(channels: Numbers, letters: &str, fields: Numbers) -> Selection {
    Selection::Types { channels, letters: Letters::of(letters), fields }
}

pub(super) fn all(letters: &str) -> Selection {
    Selection::of(Letters::of(letters))
}
