//! A master key with its salt, as descriptions, files and elements have it.

use std::fmt::{self, Write};
use std::fs::File;
use std::io::Read;

use gst::glib;
use rtp_midi_sdp::Crypto;

use super::suite::Suite;
use crate::failure::{Failure, Result};

/// A key, and what it is for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    suite: Suite,
    octets: Vec<u8>,
}

impl Key {
    /// A key that nobody knows, from the system's random numbers.
    pub(crate) fn draw(suite: Suite) -> Result<Self> {
        let mut octets = vec![0; suite.key_length()];
        File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut octets))
            .map_err(|error| Failure::new(format!("no random numbers for a key: {error}")))?;
        Ok(Self { suite, octets })
    }

    /// Reads a key in Base64 or hexadecimal digits; its length tells the suite where none is asked for.
    pub(super) fn parse(text: &str, suite: Option<Suite>) -> Result<Self, String> {
        let text = text.trim();
        let octets = hexadecimal(text).unwrap_or_else(|| glib::base64_decode(text));
        let candidates =
            suite.map_or_else(|| <Suite as clap::ValueEnum>::value_variants().to_vec(), |suite| vec![suite]);
        let suite = candidates.iter().copied().find(|suite| suite.key_length() == octets.len());
        suite.map(|suite| Self { suite, octets }).ok_or_else(|| {
            let lengths = candidates.iter().map(|suite| format!("{} for {}", suite.key_length(), suite.name()));
            let lengths = lengths.collect::<Vec<_>>().join(", ");
            format!(
                "a key and its salt in Base64 or hexadecimal digits have as many octets as the suite wants: {lengths}"
            )
        })
    }

    /// The key of an `a=crypto` line; `None` where it has a suite, an identifier or a session parameter that is not
    /// spoken here.
    pub(crate) fn of(crypto: &Crypto) -> Option<Self> {
        let suite = Suite::named(&crypto.suite).filter(|_| crypto.parameters.is_empty())?;
        let mut parts = crypto.key.strip_prefix("inline:")?.split('|');
        let octets = glib::base64_decode(parts.next()?);
        // A lifetime such as 2^20 is no promise that we need; packets with a key's identifier are longer.
        let is_plain = parts.all(|part| !part.contains(':'));
        (is_plain && octets.len() == suite.key_length()).then_some(Self { suite, octets })
    }

    /// The `a=crypto` line.
    pub(crate) fn crypto(&self, tag: u32) -> Crypto {
        Crypto {
            tag,
            suite: self.suite.name().to_owned(),
            key: format!("inline:{}", self.base64()),
            parameters: Vec::new(),
        }
    }

    pub(crate) const fn suite(&self) -> Suite {
        self.suite
    }

    pub(super) fn base64(&self) -> String {
        glib::base64_encode(&self.octets).into()
    }

    /// In hexadecimal digits.
    pub(crate) fn digits(&self) -> String {
        self.octets.iter().fold(String::new(), |mut digits, octet| {
            let _ = write!(digits, "{octet:02x}");
            digits
        })
    }

    /// What `srtpenc` has in its property `key`.
    pub(super) fn buffer(&self) -> gst::Buffer {
        gst::Buffer::from_slice(self.octets.clone())
    }

    /// What `srtpdec` asks for.
    pub(super) fn caps(&self) -> gst::Caps {
        let (suite, cipher) = (self.suite, self.suite.cipher());
        gst::Caps::builder("application/x-srtp")
            .field("srtp-key", self.buffer())
            .field("srtp-cipher", cipher)
            .field("srtp-auth", suite.authentication())
            .field("srtcp-cipher", cipher)
            .field("srtcp-auth", suite.rtcp_authentication())
            .build()
    }
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// Without the key, so that logs do not tell it.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} …)", self.suite.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn of(text: &str) -> Option<Key> {
        Key::of(&Crypto::parse(text).unwrap())
    }

    #[test]
    fn a_line_of_a_description_is_read_and_written() {
        let key = of(TEXT).unwrap();
        assert_eq!((key.crypto(1).to_string(), key.suite()), (TEXT.to_owned(), Suite::default()));
        assert_eq!(of(&format!("{TEXT}|2^20")), Some(key.clone()));
        assert!(!format!("{key:?}").contains("WVNf"));
    }

    #[test]
    fn what_is_not_spoken_here_is_no_key() {
        for text in [
            format!("{TEXT}|2^20|1:4"),
            format!("{TEXT}|1:4"),
            format!("{TEXT} UNENCRYPTED_SRTP"),
            TEXT.replace("_80", "_95"),
            TEXT.replace("128_HMAC", "256_HMAC"),
            TEXT.replace("bGVz", ""),
        ] {
            assert_eq!(of(&text), None, "{text}");
        }
    }

    #[test]
    fn the_length_of_a_key_tells_its_suite() {
        for suite in <Suite as clap::ValueEnum>::value_variants() {
            let key = Key::draw(*suite).unwrap();
            for text in [key.base64(), format!("{}\n", key.digits()), key.digits().to_uppercase()] {
                assert_eq!(Key::parse(&text, Some(*suite)), Ok(key.clone()));
                assert_eq!(Key::parse(&text, None).unwrap().octets, key.octets);
            }
        }
        assert!(Key::parse("c2hvcnQ=", None).unwrap_err().contains("30 for AES_CM_128_HMAC_SHA1_80"));
        let long = Key::draw(Suite::Aes256Gcm).unwrap().base64();
        assert!(Key::parse(&long, Some(Suite::Aes128Gcm)).unwrap_err().ends_with(": 28 for AEAD_AES_128_GCM"));
    }

    #[test]
    fn no_two_keys_are_the_same() {
        assert_ne!(Key::draw(Suite::default()).unwrap(), Key::draw(Suite::default()).unwrap());
    }
}
