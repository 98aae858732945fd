//! RTP and RTCP packets as they come off the wire, as far as the program looks at them itself (RFC 3550, 5.1, 6.6).

/// Octets of the fixed RTP header.
pub(crate) const HEADER: usize = 12;

/// The fields of an RTP header that tell one stream from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    /// Payload type.
    pub(crate) payload_type: u8,
    /// Synchronisation source.
    pub(crate) ssrc: u32,
}

impl Header {
    /// Reads the header of an RTP packet; `None` when these octets cannot be one.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let &[first, second, _, _, _, _, _, _, a, b, c, d] = packet.first_chunk::<HEADER>()?;
        let contributing = usize::from(first & 0x0F) * 4;
        if first >> 6 != 2 || packet.len() < HEADER + contributing {
            return None;
        }
        Some(Self { payload_type: second & 0x7F, ssrc: u32::from_be_bytes([a, b, c, d]) })
    }
}

/// Whether these octets can be a compound RTCP packet: it starts with a report (A.2).
pub(crate) fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet, [first, 200 | 201, _, _, _, _, _, _, ..] if first >> 6 == 2)
}

/// A compound packet that says goodbye: an empty receiver report and a BYE (6.6).
pub(crate) fn goodbye(ssrc: u32) -> Vec<u8> {
    let mut packet = Vec::with_capacity(16);
    for start in [[0x80, 201, 0, 1], [0x81, 203, 0, 1]] {
        packet.extend(start);
        packet.extend(ssrc.to_be_bytes());
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_payload_type_and_source() {
        let packet = [0x80, 0xE0, 0, 1, 0, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0];
        assert_eq!(Header::parse(&packet), Some(Header { payload_type: 96, ssrc: 0x1122_3344 }));
    }

    #[test]
    fn other_octets_are_no_rtp() {
        let version_1 = [0x40; 20];
        let contributing_sources_missing = [0x8F; 20];
        for octets in [&[][..], &[0x80; 11], &version_1, &contributing_sources_missing] {
            assert_eq!(Header::parse(octets), None);
        }
    }

    #[test]
    fn goodbye_is_a_compound_packet() {
        let packet = goodbye(0x0102_0304);
        assert_eq!(packet, [0x80, 201, 0, 1, 1, 2, 3, 4, 0x81, 203, 0, 1, 1, 2, 3, 4]);
        assert!(is_rtcp(&packet));
        assert!(!is_rtcp(&packet[8..]) && !is_rtcp(b"RTSP/1.0") && !is_rtcp(&[]));
    }
}
