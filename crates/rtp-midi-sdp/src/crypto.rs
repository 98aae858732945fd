//! `a=crypto`: the keys of SRTP in the description (RFC 4568).

use std::fmt;

/// One offer of a key, or the one that an answer takes.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    /// By which an answer names it.
    pub tag: u32,
    /// Cipher and authentication, such as [`AES_CM_128_HMAC_SHA1_80`].
    pub suite: String,
    /// `inline:` with the key and salt in Base64, its lifetime and its identifier.
    pub key: String,
    /// Session parameters, in order.
    pub parameters: Vec<String>,
}

/// The suite that everybody has (RFC 4568, 6.2.1).
pub const AES_CM_128_HMAC_SHA1_80: &str = "AES_CM_128_HMAC_SHA1_80";

impl Crypto {
    /// Reads what stands behind `a=crypto:`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (tag, suite, key) = (words.next()?.parse().ok()?, words.next()?.to_owned(), words.next()?.to_owned());
        Some(Self { tag, suite, key, parameters: words.map(str::to_owned).collect() })
    }
}

/// As behind `a=crypto:`.
impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.tag, self.suite, self.key)?;
        self.parameters.iter().try_for_each(|parameter| write!(f, " {parameter}"))
    }
}

/// Without the key, so that logs do not tell it.
impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crypto({} {} …)", self.tag, self.suite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 KDR=1 UNENCRYPTED_SRTCP";

    #[test]
    fn a_key_is_read_and_written() {
        let crypto = Crypto::parse(TEXT).unwrap();
        assert_eq!((crypto.tag, crypto.suite.as_str()), (1, AES_CM_128_HMAC_SHA1_80));
        assert_eq!(crypto.parameters, ["KDR=1", "UNENCRYPTED_SRTCP"]);
        assert_eq!(crypto.to_string(), TEXT);
        assert_eq!((Crypto::parse("one AES x"), Crypto::parse("1 AES")), (None, None));
    }

    #[test]
    fn a_key_is_not_told_to_logs() {
        assert!(!format!("{:?}", Crypto::parse(TEXT)).contains("WVNf"));
    }
}
