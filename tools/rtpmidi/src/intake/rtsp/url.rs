//! The URL of a stream on an RTSP server. Who logs in there is kept apart from it, since it is shown.

use std::fmt;
use std::str::FromStr;

use gst::glib::{Uri, UriFlags, UriHideFlags};

/// `rtsp://[USER[:PASSWORD]@]HOST[:PORT]/PATH`, or `rtsps`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    /// Without user and password.
    shown: String,
    host: String,
    port: u16,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// The beginnings of such URLs.
const SCHEMES: [&str; 2] = ["rtsp://", "rtsps://"];

impl Url {
    /// Whether a text is meant to be one.
    pub(crate) fn is_one(text: &str) -> bool {
        let start = text.find("://").and_then(|end| text.get(..end + 3)).unwrap_or_default();
        SCHEMES.contains(&start.to_lowercase().as_str())
    }

    /// Whether the connection is encrypted.
    pub(crate) fn is_secure(&self) -> bool {
        self.shown.to_lowercase().starts_with(SCHEMES[1])
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Who logs in, as far as it says.
    pub(crate) fn login(&self) -> (Option<&str>, Option<&str>) {
        (self.user.as_deref(), self.password.as_deref())
    }

    /// The URL without user and password.
    pub(crate) fn as_str(&self) -> &str {
        &self.shown
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let encoded = UriFlags::ENCODED_PATH | UriFlags::ENCODED_QUERY | UriFlags::ENCODED_FRAGMENT;
        // What is wrong is not repeated: there may be a password in it.
        let wrong = "this is no URL such as rtsp://HOST:PORT/PATH";
        let uri = Uri::parse(text, UriFlags::HAS_PASSWORD | encoded).map_err(|_| wrong)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(wrong)?.into();
        let shown = String::from(uri.to_string_partial(UriHideFlags::USERINFO));
        // RFC 2326, 3.2; RFC 7826, 22.14.
        let usual = if shown.to_lowercase().starts_with(SCHEMES[1]) { 322 } else { 554 };
        Ok(Self {
            shown,
            host,
            port: u16::try_from(uri.port()).unwrap_or(usual),
            user: uri.user().filter(|user| !user.is_empty()).map(Into::into),
            password: uri.password().map(Into::into),
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_not_shown() {
        let url: Url = "rtsp://anna:d%40%3Are@host:8554/files/a%20b.mid?x=1".parse().unwrap();
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("anna"), Some("d@:re")));
        assert_eq!((url.host(), url.port()), ("host", 8554));
        assert_eq!(url.to_string(), "rtsp://host:8554/files/a%20b.mid?x=1");
        assert!(!format!("{url:?}").contains("re@"));
    }

    #[test]
    fn without_a_user_there_is_none() {
        let url: Url = "rtsps://[::1]/live".parse().unwrap();
        assert_eq!((&url.user, &url.password, url.is_secure()), (&None, &None, true));
        assert_eq!((url.host(), url.port()), ("::1", 322));
        assert_eq!(url.as_str(), "rtsps://[::1]/live");
    }

    #[test]
    fn what_is_no_url_is_refused_without_being_repeated() {
        for text in ["rtsp://", "rtsp://a:secret@host:port/x", "rtsp://u:secret@/x"] {
            assert_eq!(text.parse::<Url>().unwrap_err(), "this is no URL such as rtsp://HOST:PORT/PATH", "{text}");
        }
        assert!(Url::is_one("RTSP://x") && Url::is_one("rtsps://x"));
        assert!(!Url::is_one("rtsp:x") && !Url::is_one("x.sdp") && !Url::is_one("http://x"));
    }
}
