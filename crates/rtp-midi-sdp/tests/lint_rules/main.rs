//! Every rule of the linter: a correct description with one thing changed, and the one diagnostic that it gives.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod applications;
mod bases;
mod lines;
mod media;
mod parameters;
mod rendering;

use std::collections::BTreeSet;

use rtp_midi_sdp::Diagnostic;
use rtp_midi_sdp::lint::{Application, Severity, lint_for, requirements};

/// A description, what it is for, what is changed in it, and the diagnostic that comes of it.
struct Variant {
    requirement: &'static str,
    severity: Severity,
    base: &'static str,
    application: Option<Application>,
    edits: &'static [(&'static str, &'static str)],
    /// The text that the diagnostic points at.
    marked: &'static str,
}

/// One row of a table; without an application.
type Row = (&'static str, Severity, &'static [(&'static str, &'static str)], &'static str);

fn variants() -> impl Iterator<Item = Variant> {
    let tables = [lines::TABLES, media::TABLES, parameters::TABLES, rendering::TABLES, applications::TABLES].concat();
    tables.into_iter().flat_map(|(base, application, rows)| {
        rows.iter().map(move |&(requirement, severity, edits, marked)| Variant {
            requirement,
            severity,
            base,
            application,
            edits,
            marked,
        })
    })
}

/// A base with a use, and its variants.
type Table = (&'static str, Option<Application>, &'static [Row]);

impl Variant {
    fn text(&self) -> String {
        self.edits.iter().fold(self.base.to_owned(), |text, (from, to)| {
            assert_eq!(text.matches(from).count(), 1, "{}: {from:?} in\n{text}", self.requirement);
            text.replace(from, to)
        })
    }
}

impl Variant {
    /// What the linter says of it, unless that is the one thing it should say.
    fn fault(&self) -> Option<String> {
        let text = self.text();
        let found = lint_for(&text, self.application);
        let is_right = |diagnostic: &Diagnostic| {
            (diagnostic.requirement, diagnostic.severity) == (self.requirement, self.severity)
                && marked(&text, diagnostic) == self.marked
                && ![&diagnostic.what, &diagnostic.fix].iter().any(|words| words.is_empty() || words.ends_with('.'))
        };
        let all: Vec<_> = found.iter().map(|found| format!("{found}: {:?}", marked(&text, found))).collect();
        let is_alone = matches!(&found[..], [diagnostic] if is_right(diagnostic));
        (!is_alone).then(|| format!("{} {} {:?}: {all:#?}", self.requirement, self.severity, self.edits))
    }
}

/// The characters that a diagnostic points at.
fn marked(text: &str, diagnostic: &Diagnostic) -> String {
    let place = &diagnostic.place;
    let line = text.split('\n').nth(place.line - 1).unwrap();
    line.chars().skip(place.column - 1).take(place.length).collect()
}

#[test]
fn a_broken_rule_gives_its_diagnostic_and_no_other() {
    let wrong: Vec<String> = variants().filter_map(|variant| variant.fault()).collect();
    assert!(wrong.is_empty(), "{} variants:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn correct_descriptions_give_none() {
    for variant in variants() {
        assert_eq!(lint_for(variant.base, variant.application), [], "{}", variant.base);
    }
}

#[test]
fn every_rule_is_broken_by_a_variant() {
    let broken: BTreeSet<_> = variants().map(|variant| (variant.requirement, variant.severity)).collect();
    let judged: BTreeSet<_> = requirements().collect();
    let never: Vec<_> = judged.difference(&broken).collect();
    assert!(never.is_empty(), "no variant breaks {never:?}");
    assert_eq!(requirements().count(), judged.len(), "a requirement has two rules of one severity");
}
