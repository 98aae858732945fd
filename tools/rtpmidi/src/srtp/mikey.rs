//! Keys in RTSP: MIKEY messages in the header `KeyMgmt` (RFC 4567, 4; RFC 3830), as far as clients send them.
//!
//! GStreamer reads them too, and believes them: it keeps keys of any number of sources, and hands a key that is shorter
//! than its cipher wants to libsrtp, which reads on behind it. So only what is known here gets that far.

use gst::glib;

use super::suite::Suite;

/// A client's own key, without the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Offered {
    /// Whose reports it seals.
    pub(crate) ssrc: u32,
    pub(crate) suite: Suite,
}

/// What follows in a message (RFC 3830, 6.1).
mod payload {
    pub(super) const LAST: u8 = 0;
    pub(super) const KEMAC: u8 = 1;
    pub(super) const T: u8 = 5;
    pub(super) const SP: u8 = 10;
    pub(super) const RAND: u8 = 11;
}

/// The octets of the message behind the header's fixed part, for each crypto session.
const SESSION: usize = 9;

impl Offered {
    /// Reads the value of a header that brings one key in clear, for one source, of a suite that we have; `None` for all
    /// else.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        // Commas are between keys, semicolons between what is said of each.
        let parts = || header.split([',', ';']).map(str::trim);
        let mut data = parts().filter_map(|part| part.strip_prefix("data="));
        let (Some(data), None) = (data.next(), data.next()) else { return None };
        if !parts().any(|part| part == "prot=mikey") {
            return None;
        }
        Self::decode(&glib::base64_decode(data.trim_matches(|it: char| it == '"' || it.is_ascii_whitespace())))
    }

    /// Reads a message.
    fn decode(message: &[u8]) -> Option<Self> {
        // Version 1, with a key that both ends have or that needs none; one crypto session; its map is one for SRTP.
        let (&[1, 0, first, _, _, _, _, _, 1, 0], rest) = message.split_first_chunk()? else { return None };
        let (&[policy, a, b, c, d, ..], mut rest) = rest.split_first_chunk::<SESSION>()?;
        let ssrc = u32::from_be_bytes([a, b, c, d]);
        let (mut next, mut suite, mut key) = (first, None, None);
        while next != payload::LAST {
            let (&[following], behind) = rest.split_first_chunk()?;
            rest = match next {
                payload::T => {
                    let (&[kind], behind) = behind.split_first_chunk()?;
                    // Two kinds of times, or a counter.
                    behind.get(if kind < 2 { 8 } else { 4 }..)?
                }
                payload::RAND => {
                    let (&[length], behind) = behind.split_first_chunk()?;
                    behind.get(length.into()..)?
                }
                payload::SP => {
                    let (&[number, protocol], behind) = behind.split_first_chunk()?;
                    let (parameters, behind) = prefixed(behind)?;
                    if suite.is_some() || number != policy || protocol != 0 {
                        return None;
                    }
                    suite = Some(self::suite(parameters)?);
                    behind
                }
                payload::KEMAC => {
                    // Neither encrypted nor authenticated: TLS does that.
                    let (&[0], behind) = behind.split_first_chunk()? else { return None };
                    let (keys, behind) = prefixed(behind)?;
                    let (&[0], behind) = behind.split_first_chunk()? else { return None };
                    if key.replace(key_length(keys)?).is_some() {
                        return None;
                    }
                    behind
                }
                _ => return None,
            };
            next = following;
        }
        let suite: Suite = suite?;
        (key == Some(suite.key_length())).then_some(Self { ssrc, suite })
    }
}

/// The suite of a policy (RFC 3830, 6.10.1; RFC 7714, 14.1). One length is said for the tags of RTP and RTCP, so those with
/// a short one, which RTCP does not have, are none.
fn suite(mut parameters: &[u8]) -> Option<Suite> {
    let (mut cipher, mut length, mut authentication, mut tag) = (1, 16, 1, 10);
    while let Some((&[kind, octets], behind)) = parameters.split_first_chunk() {
        let (value, behind) = behind.split_at_checked(octets.into())?;
        let &[value] = value else { return None };
        match kind {
            0 => (cipher, length) = (value, 16),
            1 => length = value,
            2 => authentication = value,
            3 => tag = value,
            _ => {}
        }
        parameters = behind;
    }
    match (cipher, length, authentication) {
        (1, 16, 1) if tag == 10 => Some(Suite::Aes128Sha80),
        (1, 32, 1) if tag == 10 => Some(Suite::Aes256Sha80),
        (6, 16, 0) => Some(Suite::Aes128Gcm),
        (6, 32, 0) => Some(Suite::Aes256Gcm),
        _ => None,
    }
}

/// How long the one key is that stands alone in a key data payload, with its salt, for ever and without a name (6.13).
fn key_length(keys: &[u8]) -> Option<usize> {
    let (&[payload::LAST, kind], behind) = keys.split_first_chunk()? else { return None };
    let (key, rest) = prefixed(behind)?;
    (kind == TRAFFIC_KEY && rest.is_empty()).then_some(key.len())
}

/// A key for traffic without a salt of its own, valid for ever.
const TRAFFIC_KEY: u8 = 2 << 4;

/// What has its length in front of it, and what follows.
fn prefixed(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, behind) = octets.split_first_chunk()?;
    behind.split_at_checked(u16::from_be_bytes(*length).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SSRC: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

    /// A payload: what follows, what it says, and its octets behind a length.
    fn payload(next: u8, head: &[u8], octets: &[u8]) -> Vec<u8> {
        let length = (octets.len() as u16).to_be_bytes();
        [&[next], head, &length, octets].concat()
    }

    /// A message as GStreamer writes it, with these values of the policy and a key of so many octets.
    fn message(policy: [u8; 4], key: usize) -> Vec<u8> {
        let head = [&[1, 0, payload::T, 0, 9, 9, 9, 9, 1, 0, 0][..], &SSRC, &[0; 4]].concat();
        let time = [&[payload::RAND, 0][..], &[7; 8]].concat();
        let random = [&[payload::SP, 16][..], &[7; 16]].concat();
        let parameters: Vec<u8> = (0..).zip(policy).flat_map(|(kind, value)| [kind, 1, value]).collect();
        let policy = payload(payload::KEMAC, &[0, 0], &parameters);
        let key = payload(payload::LAST, &[TRAFFIC_KEY], &vec![5; key]);
        let keys = [payload(payload::LAST, &[0], &key), vec![0]].concat();
        [head, time, random, policy, keys].concat()
    }

    fn header(message: &[u8]) -> String {
        format!("prot=mikey; uri=\"rtsp://h/live\"; data=\"{}\"", glib::base64_encode(message))
    }

    #[test]
    fn a_key_for_one_source_is_read_in_each_suite_that_has_one_length_of_tags() {
        for (policy, suite) in [
            ([1, 16, 1, 10], Suite::Aes128Sha80),
            ([1, 32, 1, 10], Suite::Aes256Sha80),
            ([6, 16, 0, 0], Suite::Aes128Gcm),
            ([6, 32, 0, 0], Suite::Aes256Gcm),
        ] {
            let of = |key| Offered::parse(&header(&message(policy, key)));
            assert_eq!(of(suite.key_length()), Some(Offered { ssrc: u32::from_be_bytes(SSRC), suite }));
            assert_eq!(of(suite.key_length() - 1), None, "{suite:?}");
            assert_eq!(of(0), None, "{suite:?}");
        }
        for policy in [[0, 16, 1, 10], [1, 16, 0, 10], [1, 16, 1, 4], [1, 24, 1, 10], [6, 16, 1, 10]] {
            assert_eq!(Offered::parse(&header(&message(policy, 30))), None, "{policy:?}");
        }
    }

    #[test]
    fn what_is_not_one_whole_key_is_refused() {
        let good = message([1, 16, 1, 10], 30);
        for end in 0..good.len() {
            assert_eq!(Offered::decode(&good[..end]), None, "{end} octets");
        }
        let change = |at: usize, to: u8| {
            let mut changed = good.clone();
            changed[at] = to;
            Offered::decode(&changed)
        };
        assert!(change(4, 1).is_some(), "the bundle may be called as it likes");
        for (at, to) in [(0, 2), (1, 1), (2, 2), (8, 0), (8, 2), (9, 1), (10, 1)] {
            assert_eq!(change(at, to), None, "octet {at}");
        }
        let text = header(&good);
        assert!(Offered::parse(&text).is_some());
        for wrong in [text.replace("mikey", "sdes"), text.replace("data", "date"), format!("{text}, {text}")] {
            assert_eq!(Offered::parse(&wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_octets_do_harm(octets: Vec<u8>, at in 0_usize..110, to: u8) {
            let _ = Offered::decode(&octets);
            let mut changed = message([1, 16, 1, 10], 30);
            changed.splice(at.min(100).., octets);
            let _ = Offered::decode(&changed);
            let mut one = message([6, 32, 0, 0], 44);
            one[at] = to;
            if let Some(offered) = Offered::decode(&one) {
                prop_assert_eq!(offered.suite, Suite::Aes256Gcm);
            }
        }
    }
}
