//! Crypto suites: what they are called in SDP, and what they are made of (RFC 4568, 6.2; RFC 6188; RFC 7714, 14.2).

use clap::ValueEnum;
use clap::builder::PossibleValue;

/// A cipher with its authentication.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Suite {
    /// The one that everybody has.
    #[default]
    Aes128Sha80,
    Aes128Sha32,
    Aes256Sha80,
    Aes256Sha32,
    Aes128Gcm,
    Aes256Gcm,
}

impl Suite {
    /// The suite of this name in SDP.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|suite| suite.name() == name)
    }

    /// What SDP calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Aes128Sha80 => rtp_midi_sdp::AES_CM_128_HMAC_SHA1_80,
            Self::Aes128Sha32 => "AES_CM_128_HMAC_SHA1_32",
            Self::Aes256Sha80 => "AES_256_CM_HMAC_SHA1_80",
            Self::Aes256Sha32 => "AES_256_CM_HMAC_SHA1_32",
            Self::Aes128Gcm => "AEAD_AES_128_GCM",
            Self::Aes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Octets of the master key and its salt.
    pub(crate) const fn key_length(self) -> usize {
        match self {
            Self::Aes128Sha80 | Self::Aes128Sha32 => 16 + 14,
            Self::Aes256Sha80 | Self::Aes256Sha32 => 32 + 14,
            Self::Aes128Gcm => 16 + 12,
            Self::Aes256Gcm => 32 + 12,
        }
    }

    /// Octets by which an RTP packet becomes longer.
    pub(crate) const fn tag_length(self) -> usize {
        match self {
            Self::Aes128Sha80 | Self::Aes256Sha80 => 10,
            Self::Aes128Sha32 | Self::Aes256Sha32 => 4,
            Self::Aes128Gcm | Self::Aes256Gcm => 16,
        }
    }

    /// Whether RTSP can tell that it is the suite: MIKEY has one length for the tags of RTP and RTCP (RFC 3830, 6.10.1).
    pub(crate) fn is_for_rtsp(self) -> bool {
        self.rtcp_authentication() == self.authentication()
    }

    /// What GStreamer calls the cipher, of RTP and RTCP.
    pub(crate) const fn cipher(self) -> &'static str {
        match self {
            Self::Aes128Sha80 | Self::Aes128Sha32 => "aes-128-icm",
            Self::Aes256Sha80 | Self::Aes256Sha32 => "aes-256-icm",
            Self::Aes128Gcm => "aes-128-gcm",
            Self::Aes256Gcm => "aes-256-gcm",
        }
    }

    /// What GStreamer calls the authentication of RTP. Those ciphers that need none have it in themselves.
    pub(crate) const fn authentication(self) -> &'static str {
        match self {
            Self::Aes128Sha80 | Self::Aes256Sha80 => "hmac-sha1-80",
            Self::Aes128Sha32 | Self::Aes256Sha32 => "hmac-sha1-32",
            Self::Aes128Gcm | Self::Aes256Gcm => "null",
        }
    }

    /// The same for RTCP, whose tag is never short (RFC 4568, 6.2.2).
    pub(crate) const fn rtcp_authentication(self) -> &'static str {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => "null",
            _ => "hmac-sha1-80",
        }
    }
}

/// Options have the names of SDP.
impl ValueEnum for Suite {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Aes128Sha80, Self::Aes128Sha32, Self::Aes256Sha80, Self::Aes256Sha32, Self::Aes128Gcm, Self::Aes256Gcm]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}
