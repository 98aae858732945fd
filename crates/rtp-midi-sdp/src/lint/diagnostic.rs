//! What the linter says: which requirement, where, what is wrong, and what to write instead.

use std::fmt;

/// How much is at stake.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// The description breaks a rule: readers may refuse it, or understand something else.
    Error,
    /// It breaks advice, or what it says has an effect that nobody is likely to want.
    Warning,
    /// It could be said better, or a reader should know what follows from it.
    Note,
}

/// A place in the text.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// In characters; 0 where something is missing.
    pub length: usize,
    /// The parameter of an fmtp line that is spoken of, if it is one.
    pub parameter: Option<String>,
}

/// One broken requirement.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Diagnostic {
    /// The requirement's number: that of RFC 6295 and RFC 4571 as in `docs/coverage.md`, such as `SC.2.3-02`, or a
    /// document with its section, such as `RFC 8866 5.7`, or `AMB-` and a number for how an ambiguity is read.
    pub requirement: &'static str,
    /// How much is at stake.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What is wrong: lower case, no full stop.
    pub what: String,
    /// What to do about it, in the same form.
    pub fix: String,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// `7:12: error[SC.2.3-02]: …`, as compilers have it; [`Diagnostic::fix`] is not part of it.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column, .. } = self.place;
        write!(f, "{line}:{column}: {}[{}]: {}", self.severity, self.requirement, self.what)
    }
}
