//! `inline`, `url` and `cid`: where the octets of an object are (RFC 6295, C.6.3).

use std::fmt;

use super::token::is_token;

/// Where an object is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// In the parameter itself.
    Inline {
        /// What it consists of.
        octets: Vec<u8>,
        /// The name under which these octets may be kept.
        id: Option<ContentId>,
    },
    /// At a server.
    Url {
        /// The address.
        url: Url,
        /// The name under which a copy may be kept. Without one the object may change, and no copy may be used.
        id: Option<ContentId>,
    },
    /// In a catalog that both ends know.
    Catalog(ContentId),
}

impl Source {
    /// The octets, if they are here.
    pub fn octets(&self) -> Option<&[u8]> {
        match self {
            Self::Inline { octets, .. } => Some(octets),
            Self::Url { .. } | Self::Catalog(_) => None,
        }
    }

    /// The name under which the octets may be kept and looked for: an object of this name is always the same.
    pub const fn id(&self) -> Option<&ContentId> {
        match self {
            Self::Inline { id, .. } | Self::Url { id, .. } => id.as_ref(),
            Self::Catalog(id) => Some(id),
        }
    }

    /// The same object, now that its octets have been found.
    #[must_use]
    pub fn found(&self, octets: Vec<u8>) -> Self {
        Self::Inline { octets, id: self.id().cloned() }
    }
}

/// In a few words, without the octets.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline { octets, .. } => write!(f, "{} octets inline", octets.len()),
            Self::Url { url, .. } => url.fmt(f),
            Self::Catalog(id) => write!(f, "catalog entry {id}"),
        }
    }
}

/// A name that no two objects share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ContentId(String);

impl ContentId {
    /// `text` if it is one or more of the characters that a `cid` may have.
    pub fn new(text: &str) -> Option<Self> {
        let is_id = |octet| is_token(octet) || b"@,;:\\/[]?=".contains(&octet);
        (!text.is_empty() && text.bytes().all(is_id)).then(|| Self(text.to_owned()))
    }

    /// The name without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An absolute address that begins with `http://` or `https://`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Url(String);

impl Url {
    /// `text` if it is such an address, made of the characters that RFC 3986 lets stand.
    pub fn new(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_web = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        let is_url = |octet: u8| octet.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&octet);
        let has_host = !rest.is_empty() && !rest.starts_with(['/', '?', '#']);
        (is_web && has_host && rest.bytes().all(is_url)).then(|| Self(text.to_owned()))
    }

    /// The address without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nobody on the way can replace the object (RFC 6295, section 9).
    pub fn is_secure(&self) -> bool {
        self.0.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_on_the_web() {
        let is_secure = |text: &str| Url::new(text).map(|url| url.is_secure());
        assert_eq!(is_secure("http://example.net/oski.asc"), Some(false));
        assert_eq!(is_secure("HTTPS://[::1]:8080/a;b=c?d=%22#e"), Some(true));
        for wrong in [
            "",
            "ftp://example.net/x",
            "/x.asc",
            "http:",
            "http://",
            "http:///x",
            "https://a b",
            "http://a\"",
            "http://ä",
        ] {
            assert_eq!(is_secure(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_have_separators_and_no_quotes() {
        assert!(ContentId::new(r"<none>").is_none() && ContentId::new("").is_none());
        assert!(ContentId::new("a\"b").is_none() && ContentId::new("a b").is_none());
        assert_eq!(ContentId::new(r"a@b,c;d:e\f/[g]?h=i").unwrap().to_string(), r"a@b,c;d:e\f/[g]?h=i");
    }

    #[test]
    fn an_object_that_was_found_keeps_its_name() {
        let id = ContentId::new("x").unwrap();
        let url = Source::Url { url: Url::new("https://example.net/x").unwrap(), id: Some(id.clone()) };
        assert_eq!((url.octets(), url.to_string().as_str()), (None, "https://example.net/x"));
        let found = url.found(vec![1, 2]);
        assert_eq!((found.octets(), found.id()), (Some(&[1, 2][..]), Some(&id)));
        assert_eq!(Source::Catalog(id.clone()).found(vec![]).id(), Some(&id));
    }
}
