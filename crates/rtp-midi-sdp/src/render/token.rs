//! Tokens: words for renderers that others have registered (RFC 6295, appendix D).

use std::fmt;

/// A word of at least one character, without blanks, quotes and separators; equal without regard to case.
#[derive(Clone, Debug)]
pub struct Token(String);

impl Token {
    /// `text` if it is a token.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty() && text.bytes().all(is_token)).then(|| Self(text.to_owned()))
    }

    /// The word as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Token {}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// token-char.
pub(super) const fn is_token(octet: u8) -> bool {
    matches!(octet, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_blanks_are_in_no_token() {
        assert!(Token::new("foo-1.2_x{}").is_some());
        for wrong in ["", "a b", "a;b", "\"a\"", "a/b", "a=b", "ä", "a(b)", "[a]", "a,b", "a@b"] {
            assert_eq!(Token::new(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn case_makes_no_difference() {
        let written = Token::new("Foo").unwrap();
        assert_eq!(written, Token::new("fOO").unwrap());
        assert_eq!(written.to_string(), "Foo");
    }
}
