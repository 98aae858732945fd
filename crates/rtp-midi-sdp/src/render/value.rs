//! The values of single parameters, as lenient as they are read (RFC 6295, appendix D).

use super::{ChannelMask, ContentId, MediaType, Multimode, Source, Token, Url, base64};
use crate::Error;

/// The value of `inline`, `url` or `cid`.
pub(super) enum Place {
    Inline(Vec<u8>),
    Url(Url),
    Id(ContentId),
}

impl From<Place> for Source {
    fn from(place: Place) -> Self {
        match place {
            Place::Inline(octets) => Self::Inline { octets, id: None },
            Place::Url(url) => Self::Url { url, id: None },
            Place::Id(id) => Self::Catalog(id),
        }
    }
}

pub(super) fn inline(name: &'static str, text: &str) -> Result<Place, Error> {
    let octets = base64::decode(unquoted(text));
    octets.map(Place::Inline).ok_or_else(|| wrong(name, text, "Base64 in quotes"))
}

pub(super) fn url(name: &'static str, text: &str) -> Result<Place, Error> {
    let expected = "a URL in quotes that begins with http:// or https://";
    Url::new(unquoted(text)).map(Place::Url).ok_or_else(|| wrong(name, text, expected))
}

pub(super) fn id(name: &'static str, text: &str) -> Result<ContentId, Error> {
    ContentId::new(unquoted(text)).ok_or_else(|| wrong(name, text, "an identifier in quotes, without blanks"))
}

pub(super) fn media_type(text: &str) -> Result<MediaType, Error> {
    let expected = "a media type such as audio/asc: audio or application, and a subtype";
    MediaType::new(unquoted(text)).ok_or_else(|| wrong("rinit", text, expected))
}

pub(super) fn mask(text: &str) -> Result<ChannelMask, Error> {
    let expected = "16 digits 0 or 1, or a multiple of 16 for ordered streams";
    ChannelMask::parse(unquoted(text)).ok_or_else(|| wrong("chanmask", text, expected))
}

pub(super) fn multimode(text: &str) -> Result<Multimode, Error> {
    match text.to_ascii_lowercase().as_str() {
        "one" => Ok(Multimode::One),
        "all" => Ok(Multimode::All),
        _ => Err(wrong("multimode", text, "one or all")),
    }
}

pub(super) fn token(name: &'static str, text: &str) -> Result<Token, Error> {
    Token::new(unquoted(text)).ok_or_else(|| wrong(name, text, "a word without blanks and separators"))
}

/// `None` for the default.
pub(super) fn subrender(text: &str) -> Result<Option<Token>, Error> {
    let is_named = |token: &Token| !token.as_str().eq_ignore_ascii_case("default");
    Ok(Some(token("subrender", text)?).filter(is_named))
}

/// A value without its quotes: some leave them out, and some put them where none belong.
pub(crate) fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text).trim()
}

/// Names a wrong value, of a long one the start.
fn wrong(name: &'static str, text: &str, expected: &'static str) -> Error {
    let mut start: String = text.chars().take(SHOWN).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    Error::Value { name, value: start, expected }
}

/// Characters of a wrong value that are shown.
const SHOWN: usize = 40;
