//! Why the program could not do what was asked: one line, and perhaps a hint what to do about it.

use std::fmt;

use crate::description::printable;

/// A failure that ends the program, as a rule with exit code 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

/// What a subcommand comes to.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A failure with its one-line message: lower case, no full stop.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: 1 }
    }

    /// Adds what the user can do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same with the place, in a file say, that it is about.
    pub(crate) fn within(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// The same with exit code 2: the question makes no sense, which is another thing than the answer no.
    pub(crate) fn unanswerable(self) -> Self {
        Self { code: 2, ..self }
    }

    /// The message alone, where the failure does not end the program.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What the user can do about it, where the failure does not end the program.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The exit code of the program.
    pub(crate) const fn code(&self) -> u8 {
        self.code
    }
}

/// As it stands on stderr. Line breaks in the message, which names of files and elements may bring, become blanks, and
/// nothing in it steers the terminal.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", printable(&self.message.replace(['\n', '\r'], " ")))?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {}", printable(hint)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_stands_below_the_error() {
        let failure = Failure::new("UDP port 5004 is in use").hint("end the other program");
        assert_eq!(failure.to_string(), "error: UDP port 5004 is in use\nhint: end the other program");
    }

    #[test]
    fn an_error_is_one_line_and_steers_no_terminal() {
        assert_eq!(Failure::new("no file a\nb").to_string(), "error: no file a b");
        let failure = Failure::new("nobody announces X").hint("announced are: \u{1b}[2J");
        assert!(!failure.to_string().contains('\u{1b}'), "{failure}");
    }
}
