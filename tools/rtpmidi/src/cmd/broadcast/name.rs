//! The name of a live channel, as it stands on the command line and in URLs.

use std::fmt;
use std::str::FromStr;

/// A name that can be one segment of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Name(String);

/// `NAME=WHAT` on the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Named<T> {
    pub(crate) name: Name,
    pub(crate) what: T,
}

/// Longer names are none: a URL should stay readable.
const LONGEST: usize = 100;

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err("the name of the channel is missing in front of =".to_owned());
        }
        if text.contains(|c: char| c == '/' || c.is_control()) || matches!(text, "." | "..") {
            return Err(format!("{text:?} cannot be a name in a URL: it has no / and no control characters in it"));
        }
        if text.len() > LONGEST {
            return Err(format!("the name has {} octets, and may have {LONGEST}", text.len()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl<T: FromStr<Err: fmt::Display>> FromStr for Named<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, what) = text.split_once('=').ok_or("it is NAME=SOURCE, as jazz=music/jazz")?;
        Ok(Self { name: name.parse()?, what: what.parse().map_err(|error: T::Err| error.to_string())? })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Name {
    /// The name as a segment of a path.
    pub(crate) fn segment(&self) -> String {
        segment(&self.0)
    }
}

/// Percent-encodes what is not plain in a segment of a path (RFC 3986, 2.1, 2.3).
pub(crate) fn segment(text: &str) -> String {
    let octet = |octet: u8| match octet {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(octet).to_string(),
        octet => format!("%{octet:02X}"),
    };
    text.bytes().map(octet).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        for (name, path) in [("jazz", "jazz"), ("Late Night", "Late%20Night"), ("Träume?", "Tr%C3%A4ume%3F")] {
            assert_eq!(name.parse::<Name>().unwrap().segment(), path);
        }
        for name in ["", "a/b", ".", "..", "a\nb", &"x".repeat(101)] {
            assert!(name.parse::<Name>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn what_a_channel_plays_may_have_an_equals_sign_in_it() {
        let named: Named<String> = "jazz=a=b.mid".parse().unwrap();
        assert_eq!((named.name.to_string().as_str(), named.what.as_str()), ("jazz", "a=b.mid"));
    }
}
