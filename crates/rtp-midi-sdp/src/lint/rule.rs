//! What a rule of the linter is, and how it tells what it found.

use super::description::{Description, Media};
use super::diagnostic::{Diagnostic, Place, Severity};
use super::piece::Piece;
use super::stream::{Parameter, Stream};

/// One requirement that a description can break.
pub(super) struct Rule {
    pub(super) requirement: &'static str,
    pub(super) severity: Severity,
    pub(super) check: Check,
}

/// At what a rule looks.
pub(super) enum Check {
    /// The whole description.
    Session(fn(&Description<'_>, &mut Findings)),
    /// Each media that has an RTP MIDI stream.
    Media(fn(&Media<'_>, &mut Findings)),
    /// Each RTP MIDI stream.
    Stream(fn(&Stream<'_>, &mut Findings)),
    /// Each parameter of each RTP MIDI stream.
    Parameter(fn(&Parameter<'_>, &mut Findings)),
    /// Each RTP MIDI stream where C.7 has guidelines for the application, which is one of these.
    Guideline(&'static [Application], fn(&Media<'_>, &Stream<'_>, &mut Findings)),
    /// The whole description, where there are such guidelines.
    SessionGuideline(&'static [Application], fn(&Description<'_>, &mut Findings)),
}

/// The applications for which RFC 6295 has guidelines of its own (C.7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Application {
    /// The reference description of a server of content, as RTSP gives it (C.7.1).
    ContentStreaming,
    /// An offer to play together over a network, as SIP brings it (C.7.2).
    PerformanceOffer,
    /// The answer to it.
    PerformanceAnswer,
}

/// What has been found.
pub(super) struct Findings {
    requirement: &'static str,
    severity: Severity,
    list: Vec<Diagnostic>,
}

impl Rule {
    pub(super) const fn error(requirement: &'static str, check: Check) -> Self {
        Self { requirement, severity: Severity::Error, check }
    }

    pub(super) const fn warning(requirement: &'static str, check: Check) -> Self {
        Self { requirement, severity: Severity::Warning, check }
    }

    pub(super) const fn note(requirement: &'static str, check: Check) -> Self {
        Self { requirement, severity: Severity::Note, check }
    }

    /// What breaks the rule.
    pub(super) fn apply(&self, description: &Description<'_>, application: Option<Application>) -> Vec<Diagnostic> {
        let mut found = Findings { requirement: self.requirement, severity: self.severity, list: Vec::new() };
        let is_for = |of: &[Application]| application.is_some_and(|application| of.contains(&application));
        match self.check {
            Check::Session(check) => check(description, &mut found),
            Check::Media(check) => description.midi().for_each(|media| check(media, &mut found)),
            Check::Stream(check) => description.streams().for_each(|(_, stream)| check(stream, &mut found)),
            Check::Parameter(check) => {
                let parameters = description.streams().flat_map(|(_, stream)| &stream.parameters);
                parameters.for_each(|parameter| check(parameter, &mut found));
            }
            Check::SessionGuideline(of, check) if is_for(of) => check(description, &mut found),
            Check::Guideline(of, check) if is_for(of) => {
                description.streams().for_each(|(media, stream)| check(media, stream, &mut found));
            }
            Check::Guideline(..) | Check::SessionGuideline(..) => {}
        }
        found.list
    }
}

impl Findings {
    /// Something outside parameters.
    pub(super) fn at(&mut self, piece: Piece<'_>, what: impl Into<String>, fix: impl Into<String>) {
        self.push(piece, None, what.into(), fix.into());
    }

    /// A parameter.
    pub(super) fn on(&mut self, parameter: &Parameter<'_>, what: impl Into<String>, fix: impl Into<String>) {
        self.within(parameter, parameter.whole.trim(), what, fix);
    }

    /// A part of a parameter.
    pub(super) fn within(
        &mut self,
        parameter: &Parameter<'_>,
        piece: Piece<'_>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.push(piece, Some(parameter.name.text.to_owned()), what.into(), fix.into());
    }

    /// A parameter that is not there.
    pub(super) fn missing(&mut self, stream: &Stream<'_>, name: &str, what: impl Into<String>, fix: impl Into<String>) {
        self.push(stream.end(), Some(name.to_owned()), what.into(), fix.into());
    }

    fn push(&mut self, piece: Piece<'_>, parameter: Option<String>, what: String, fix: String) {
        let place = Place { line: piece.line, column: piece.column, length: piece.text.chars().count(), parameter };
        let Self { requirement, severity, .. } = *self;
        self.list.push(Diagnostic { requirement, severity, place, what, fix });
    }
}
