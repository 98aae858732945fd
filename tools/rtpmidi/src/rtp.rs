//! RTP and RTCP packets as they come off the wire, as far as the program looks at them itself (RFC 3550, 5.1, 6.6).

/// The type of a packet that says goodbye.
const BYE: u8 = 203;

/// Octets of the fixed RTP header.
pub(crate) const HEADER: usize = 12;

/// The fields of an RTP header that tell one stream from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    /// Payload type.
    pub(crate) payload_type: u8,
    /// When the music in it begins, in ticks of the RTP clock.
    pub(crate) timestamp: u32,
    /// Synchronisation source.
    pub(crate) ssrc: u32,
}

impl Header {
    /// Reads the header of an RTP packet; `None` when these octets cannot be one.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let &[first, second, _, _, ref timestamp_and_ssrc @ ..] = packet.first_chunk::<HEADER>()?;
        let contributing = usize::from(first & 0x0F) * 4;
        if first >> 6 != 2 || packet.len() < HEADER + contributing {
            return None;
        }
        let both = u64::from_be_bytes(*timestamp_and_ssrc);
        Some(Self { payload_type: second & 0x7F, timestamp: (both >> 32) as u32, ssrc: both as u32 })
    }
}

/// The sequence number of an RTP packet.
pub(crate) fn sequence(packet: &[u8]) -> Option<u16> {
    packet.get(2..4)?.try_into().ok().map(u16::from_be_bytes)
}

/// Whether these octets can be a compound RTCP packet: it starts with a report (A.2).
pub(crate) fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet, [first, 200 | 201, _, _, _, _, _, _, ..] if first >> 6 == 2)
}

/// Whether a compound RTCP packet says that the source `ssrc` leaves. Damaged parts say nothing.
pub(crate) fn says_goodbye(mut compound: &[u8], ssrc: u32) -> bool {
    while let &[first, kind, high, low, ..] = compound {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let Some((packet, rest)) = compound.split_at_checked(length) else { return false };
        let mut sources = packet[4..].chunks_exact(4).take(usize::from(first & 0x1F));
        if kind == BYE && sources.any(|source| source == ssrc.to_be_bytes()) {
            return true;
        }
        compound = rest;
    }
    false
}

/// A compound RTCP packet without what says goodbye, as far as it is undamaged.
pub(crate) fn without_goodbye(mut compound: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(compound.len());
    while let &[_, kind, high, low, ..] = compound {
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let Some((packet, rest)) = compound.split_at_checked(length) else { break };
        if kind != BYE {
            kept.extend(packet);
        }
        compound = rest;
    }
    kept
}

/// Who sends a compound RTCP packet.
pub(crate) fn source(compound: &[u8]) -> Option<u32> {
    compound.get(4..8)?.try_into().ok().map(u32::from_be_bytes)
}

/// The SSRC of the receiver that a compound packet is of, if all of it is whole and of this one: reports, descriptions
/// and goodbyes of others would make a session believe in them.
pub(crate) fn reporter(compound: &[u8]) -> Option<u32> {
    let mut reporter = None;
    let mut rest = compound;
    while !rest.is_empty() {
        let &[first, kind, high, low, a, b, c, d, ..] = rest.first_chunk::<8>()?;
        let (ssrc, count) = (u32::from_be_bytes([a, b, c, d]), first & 0x1F);
        let of_one = !matches!(kind, 202 | 203) || count == 1;
        // A compound packet begins with a report, which only receivers have here.
        let is_in_place = if reporter.is_none() { kind == 201 } else { (201..=207).contains(&kind) };
        if first >> 6 != 2 || !of_one || !is_in_place || reporter.is_some_and(|reporter| reporter != ssrc) {
            return None;
        }
        reporter = Some(ssrc);
        rest = rest.get(4 + 4 * usize::from(u16::from_be_bytes([high, low]))..)?;
    }
    reporter
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
        let packet = [0x80, 0xE0, 0, 1, 0, 0, 0, 9, 0x11, 0x22, 0x33, 0x44, 0];
        let header = Header { payload_type: 96, timestamp: 9, ssrc: 0x1122_3344 };
        assert_eq!(Header::parse(&packet), Some(header));
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
    fn a_report_or_a_damaged_packet_is_no_goodbye() {
        let packet = goodbye(7);
        assert!(!says_goodbye(&packet[..8], 7), "the report alone");
        for end in 0..packet.len() {
            assert!(!says_goodbye(&packet[..end], 7), "{end} octets");
        }
        let longer_than_it_is = [0x81, 203, 0xFF, 0xFF, 0, 0, 0, 7];
        assert!(!says_goodbye(&longer_than_it_is, 7));
        let of_nobody = [0x80, 203, 0, 1, 0, 0, 0, 7];
        assert!(!says_goodbye(&of_nobody, 7));
    }

    #[test]
    fn a_compound_packet_is_of_one_receiver_or_of_none() {
        let packet = goodbye(7);
        assert_eq!((reporter(&packet), reporter(&packet[..8])), (Some(7), Some(7)));
        for end in (1..packet.len()).filter(|end| *end != 8) {
            assert_eq!(reporter(&packet[..end]), None, "{end} octets");
        }
        let of_another = [&packet[..8], &goodbye(8)[8..]].concat();
        let of_two = [&packet[..8], &[0x82, 203, 0, 2, 0, 0, 0, 7, 0, 0, 0, 8]].concat();
        let sender = [&[0x80, 200], &packet[2..8]].concat();
        for forged in [&of_another, &of_two, &sender, &packet[8..].to_vec()] {
            assert_eq!(reporter(forged), None, "{forged:?}");
        }
    }

    #[test]
    fn goodbye_is_a_compound_packet() {
        let packet = goodbye(0x0102_0304);
        assert_eq!(packet, [0x80, 201, 0, 1, 1, 2, 3, 4, 0x81, 203, 0, 1, 1, 2, 3, 4]);
        assert!(is_rtcp(&packet) && source(&packet) == Some(0x0102_0304));
        assert_eq!(without_goodbye(&packet), packet[..8]);
        assert!(says_goodbye(&packet, 0x0102_0304) && !says_goodbye(&packet, 0x0102_0305));
        assert!(!is_rtcp(&packet[8..]) && !is_rtcp(b"RTSP/1.0") && !is_rtcp(&[]));
    }
}
