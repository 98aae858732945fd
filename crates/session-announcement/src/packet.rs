//! A datagram (section 6, figure 1).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | V=1 |A|R|T|E|C|   auth len    |         msg id hash           |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |               originating source (32 or 128 bits)             |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |   authentication data (32 bits x auth len), payload type, 0   |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                            payload                            |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use std::borrow::Cow;
use std::net::IpAddr;

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use crate::{Error, Result};

/// An announcement or a deletion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// What it says of the session.
    pub kind: Kind,
    /// The message identifier hash: with the source it names one edition of one session. 0 where it is not used.
    pub id: u16,
    /// The originating source, which the datagram need not come from.
    pub source: IpAddr,
    /// The session description; of a deletion its `o=` line.
    pub payload: Cow<'a, str>,
}

/// T: what a packet says of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It is there.
    Announcement,
    /// It is no more.
    Deletion,
}

const VERSION: u8 = 1;
const A: u8 = 0x10;
const T: u8 = 0x04;
const E: u8 = 0x02;
const C: u8 = 0x01;
const SDP: &str = "application/sdp";
/// More than a datagram holds: what is larger when it has been decompressed is meant to do harm.
const PAYLOAD_MAX: usize = 65_535;

impl<'a> Packet<'a> {
    /// Reads a datagram. Authentication data are stepped over: nothing here knows whose keys to trust.
    pub fn decode(octets: &'a [u8]) -> Result<Self> {
        let truncated = |needed| Error::Truncated { needed, found: octets.len() };
        let ([flags, words, high, low], rest) = octets.split_first_chunk().ok_or(truncated(8))?;
        if flags >> 5 > VERSION {
            return Err(Error::Version { found: flags >> 5 });
        }
        let (source, rest) = if flags & A == 0 {
            let (source, rest) = rest.split_first_chunk::<4>().ok_or(truncated(8))?;
            (IpAddr::from(*source), rest)
        } else {
            let (source, rest) = rest.split_first_chunk::<16>().ok_or(truncated(20))?;
            (IpAddr::from(*source), rest)
        };
        let authentication = 4 * usize::from(*words);
        let header = octets.len() - rest.len();
        let payload = rest.get(authentication..).ok_or(truncated(header + authentication))?;
        if flags & E != 0 {
            return Err(Error::Encrypted);
        }
        let payload = if flags & C == 0 {
            Cow::Borrowed(payload)
        } else {
            let limited = decompress_to_vec_zlib_with_limit(payload, PAYLOAD_MAX);
            Cow::Owned(limited.map_err(|_| Error::Compressed)?)
        };
        Ok(Self {
            kind: if flags & T == 0 { Kind::Announcement } else { Kind::Deletion },
            id: u16::from_be_bytes([*high, *low]),
            source,
            payload: match payload {
                Cow::Borrowed(octets) => Cow::Borrowed(description(octets)?),
                Cow::Owned(octets) => Cow::Owned(description(&octets)?.to_owned()),
            },
        })
    }

    /// Appends the datagram: not compressed, not authenticated, with its payload type.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let kind = if self.kind == Kind::Deletion { T } else { 0 };
        let [high, low] = self.id.to_be_bytes();
        match self.source {
            IpAddr::V4(source) => {
                out.extend([VERSION << 5 | kind, 0, high, low]);
                out.extend(source.octets());
            }
            IpAddr::V6(source) => {
                out.extend([VERSION << 5 | A | kind, 0, high, low]);
                out.extend(source.octets());
            }
        }
        out.extend(SDP.bytes().chain([0]));
        out.extend(self.payload.bytes());
    }
}

/// The description behind its payload type, which may be missing.
fn description(octets: &[u8]) -> Result<&str> {
    let is_sdp = |octets: &[u8]| octets.starts_with(b"v=") || octets.starts_with(b"o=");
    let octets = if is_sdp(octets) {
        octets
    } else {
        let zero = octets.iter().position(|octet| *octet == 0).ok_or(Error::NotSdp)?;
        let (kind, behind) = octets.split_at(zero);
        // Some announcers write a type and do without it on the next line.
        let named = kind.is_empty() || kind.eq_ignore_ascii_case(SDP.as_bytes());
        Some(&behind[1..]).filter(|behind| named && is_sdp(behind)).ok_or(Error::NotSdp)?
    };
    std::str::from_utf8(octets).map_err(|_| Error::NoOrigin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Radio\r\n";

    fn packet(source: &str, payload: &'static str) -> Packet<'static> {
        let source = source.parse().unwrap();
        Packet { kind: Kind::Announcement, id: 0x1234, source, payload: Cow::Borrowed(payload) }
    }

    fn encode(packet: &Packet<'_>) -> Vec<u8> {
        let mut octets = Vec::new();
        packet.encode(&mut octets);
        octets
    }

    #[test]
    fn octets_and_values_stand_side_by_side() {
        let v4 = packet("192.0.2.1", "v=0");
        let octets = b"\x20\x00\x12\x34\xC0\x00\x02\x01application/sdp\0v=0";
        assert_eq!(encode(&v4), octets);
        assert_eq!(Packet::decode(octets), Ok(v4));
        let deletion = Packet { kind: Kind::Deletion, ..packet("2001:db8::1", "o=- 1 1 IN IP6 ::1") };
        let octets = encode(&deletion);
        assert_eq!(octets[..6], [0x34, 0, 0x12, 0x34, 0x20, 0x01]);
        assert_eq!(Packet::decode(&octets), Ok(deletion));
    }

    #[test]
    fn the_payload_type_may_be_missing() {
        let octets = [b"\x20\x00\x12\x34\xC0\x00\x02\x01", TEXT.as_bytes()].concat();
        assert_eq!(Packet::decode(&octets), Ok(packet("192.0.2.1", TEXT)));
    }

    #[test]
    fn authentication_data_are_stepped_over() {
        let octets = [b"\x20\x02\x12\x34\xC0\x00\x02\x0112345678application/sdp\0", TEXT.as_bytes()].concat();
        assert_eq!(Packet::decode(&octets), Ok(packet("192.0.2.1", TEXT)));
        assert_eq!(Packet::decode(&octets[..12]), Err(Error::Truncated { needed: 16, found: 12 }));
    }

    #[test]
    fn a_compressed_payload_is_read_up_to_a_limit() {
        let compress = |payload: &[u8]| {
            let payload = miniz_oxide::deflate::compress_to_vec_zlib(payload, 6);
            [&b"\x21\x00\x12\x34\xC0\x00\x02\x01"[..], &payload].concat()
        };
        let plain = [b"application/sdp\0", TEXT.as_bytes()].concat();
        assert_eq!(Packet::decode(&compress(&plain)), Ok(packet("192.0.2.1", TEXT)));
        let bomb = [b"v=0\r\n".as_slice(), &b" ".repeat(PAYLOAD_MAX)].concat();
        assert_eq!(Packet::decode(&compress(&bomb)), Err(Error::Compressed));
    }

    #[test]
    fn what_is_something_else_is_refused() {
        assert_eq!(Packet::decode(b"\x22\x00\x12\x34\xC0\x00\x02\x01v=0"), Err(Error::Encrypted));
        assert_eq!(Packet::decode(b"\x40\x00\x12\x34\xC0\x00\x02\x01v=0"), Err(Error::Version { found: 2 }));
        assert_eq!(Packet::decode(b"\x20\x00\x12\x34\xC0\x00\x02\x01text/plain\0v=0"), Err(Error::NotSdp));
        assert_eq!(Packet::decode(b"\x20\x00\x12\x34\xC0\x00\x02\x01hello"), Err(Error::NotSdp));
        assert_eq!(Packet::decode(b"\x20\x00\x12"), Err(Error::Truncated { needed: 8, found: 3 }));
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_panic(octets in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(packet) = Packet::decode(&octets) {
                let again = encode(&packet);
                prop_assert_eq!(Packet::decode(&again), Ok(packet));
            }
        }
    }
}
