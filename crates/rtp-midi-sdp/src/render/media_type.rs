//! The media types that `rinit` can name (RFC 6295, C.6.3; RFC 4288, 4.2).

use std::fmt;

/// The type of an initialization data object, in lower case.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MediaType(String);

impl MediaType {
    /// `audio/…` or `application/…`; no other types are allowed.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (name, subtype) = text.split_once('/')?;
        let is_known = ["audio", "application"].contains(&name);
        let is_subtype = (1..=LONGEST).contains(&subtype.len()) && subtype.bytes().all(is_subtype);
        (is_known && is_subtype).then_some(Self(text))
    }

    /// `audio/asc`: an `AudioSpecificConfig`.
    pub fn asc() -> Self {
        Self("audio/asc".to_owned())
    }

    /// Whether this is `audio/asc`.
    pub fn is_asc(&self) -> bool {
        *self == Self::asc()
    }

    /// Type and subtype, with a slash between them.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The most characters that a subtype can have.
const LONGEST: usize = 127;

const fn is_subtype(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'!' | b'#' | b'$' | b'&' | b'.' | b'+' | b'-' | b'^' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_audio_or_application() {
        assert!(MediaType::new("Audio/ASC").unwrap().is_asc());
        assert_eq!(MediaType::new("application/x-foo+xml").unwrap().to_string(), "application/x-foo+xml");
        let long = format!("audio/{}", "x".repeat(128));
        for wrong in ["", "audio", "audio/", "/asc", "video/asc", "audio/a b", "audio/a/b", "audio/\"asc\"", &long] {
            assert_eq!(MediaType::new(wrong), None, "{wrong}");
        }
    }
}
