//! `rules`: a file with rules, or the rules themselves.

use std::fmt;
use std::path::PathBuf;

use port_rules::{Rule, Rules};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use toml::Spanned;

use super::fault::Fault;
use crate::description::place;

/// As it is written.
pub(super) enum Written {
    File(PathBuf),
    Here(Vec<Spanned<String>>),
}

impl Written {
    /// The rules that stand here, and the file where others do.
    pub(super) fn read(self, text: &str) -> Result<(Rules, Option<PathBuf>), Fault> {
        let all = match self {
            Self::File(path) => return Ok((Rules::default(), Some(path))),
            Self::Here(all) => all,
        };
        let mut rules = Rules::default();
        for rule in all {
            let place = place(text, rule.span().start);
            let line = place.split(':').nth(1).and_then(|line| line.parse().ok()).unwrap_or(0);
            let read = Rules::parse(rule.get_ref());
            if let Some(error) = read.errors.first() {
                let message = format!("{} (character {} of the rule)", error.fault, error.column);
                return Err(Fault { place, message, hint: Some(error.fault.hint().to_string()) });
            }
            let read = read.rules.iter().map(|rule| Rule { line, ..rule.clone() });
            rules.extend(Rules::new(read).expect("they have been checked"));
        }
        Ok((rules, None))
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file with rules, or a list of rules")
    }

    fn visit_str<E>(self, path: &str) -> Result<Written, E> {
        Ok(Written::File(path.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Written, A::Error> {
        let mut rules = Vec::new();
        while let Some(rule) = all.next_element()? {
            rules.push(rule);
        }
        Ok(Written::Here(rules))
    }
}
