//! What makes no sense in a configuration: where it stands, and what was meant.

use std::path::Path;

use toml::de::Error;

use super::file::{SECTIONS, head};
use crate::description::place;
use crate::failure::Failure;

/// Something that makes no sense in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    /// `:line:column`, if it has a place.
    pub(super) place: String,
    pub(super) message: String,
    /// What was meant, perhaps.
    pub(super) hint: Option<String>,
}

/// How like a key another word is that is taken for it, from 0 to 1.
const LIKENESS: f64 = 0.75;

impl Fault {
    pub(super) fn of(text: &str, error: &Error) -> Self {
        let span = error.span();
        let found =
            span.clone().and_then(|span| text.get(span)).filter(|_| error.message().starts_with("unknown field"));
        let section = section(text, span.as_ref().map_or(0, |span| span.start));
        let (keys, within) =
            section.map_or_else(|| (head(), String::new()), |(name, keys)| (keys, format!(" in {name}")));
        let message = match found {
            Some(key) => format!("there is no key {key}{within}"),
            None => error.message().to_owned(),
        };
        let hint = found.map(|key| match nearest(key, keys) {
            Some(meant) => format!("it may be {meant}"),
            None => format!("there are {}", keys.join(", ")),
        });
        Self { place: span.map_or_else(String::new, |span| place(text, span.start)), message, hint }
    }

    pub(super) fn failure(&self, path: &Path) -> Failure {
        let failure = Failure::new(format!("{}{}: {}", path.display(), self.place, self.message));
        let all = || "rtpmidi bridge init - shows all that may stand there".to_owned();
        failure.hint(self.hint.clone().unwrap_or_else(all))
    }
}

/// The section in which this octet of a text stands, and its keys; none at the head, and where a section has no such name.
fn section(text: &str, octet: usize) -> Option<(&'static str, &'static [&'static str])> {
    let before = text.get(..octet)?;
    let header = before.lines().rev().find(|line| line.trim_start().starts_with('['))?;
    let name = header.split('#').next()?.trim().trim_matches(['[', ']']).trim();
    SECTIONS.iter().find(|(section, _)| *section == name).map(|(section, keys)| (*section, keys()))
}

/// The key that is most like this word.
fn nearest(word: &str, keys: &[&'static str]) -> Option<&'static str> {
    let like = |key: &&str| strsim::jaro_winkler(word, key);
    let best = keys.iter().copied().max_by(|one, other| like(one).total_cmp(&like(other)))?;
    (like(&best) >= LIKENESS).then_some(best)
}
