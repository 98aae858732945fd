//! RTCP packets in words (RFC 3550, 6.4 to 6.6).

use rtcp_types::{Compound, Packet, ReportBlock, SdesChunk};

/// Whether these octets can be RTCP on a port that has RTP as well: the payload types 72 to 76 with a marker bit are
/// never used (RFC 5761, 4).
pub(super) fn is_rtcp(octets: &[u8]) -> bool {
    matches!(octets, [first, 200..=207, _, _, _, _, _, _, ..] if first >> 6 == 2)
}

/// A compound packet: a line for each packet in it, and the sources they speak of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Compounded {
    pub(super) words: Vec<String>,
    pub(super) sources: Vec<u32>,
    /// What is wrong with it.
    pub(super) error: Option<String>,
}

/// Reads a compound packet up to a defect.
pub(super) fn read(octets: &[u8]) -> Compounded {
    let mut compounded = Compounded::default();
    let compound = match Compound::parse(octets) {
        Ok(compound) => compound,
        Err(error) => {
            compounded.error = Some(format!("RTCP: {error}"));
            return compounded;
        }
    };
    for packet in compound {
        match packet {
            Ok(packet) => describe(&packet, &mut compounded),
            Err(error) => compounded.error = Some(format!("RTCP: {error}")),
        }
    }
    compounded
}

fn describe(packet: &Packet<'_>, compounded: &mut Compounded) {
    let words = match packet {
        Packet::Sr(report) => {
            compounded.sources.push(report.ssrc());
            format!(
                "SR {:08x}: {} packets, {} octets sent, rtp time {}{}",
                report.ssrc(),
                report.packet_count(),
                report.octet_count(),
                report.rtp_timestamp(),
                blocks(report.report_blocks(), compounded)
            )
        }
        Packet::Rr(report) => {
            compounded.sources.push(report.ssrc());
            format!("RR {:08x}{}", report.ssrc(), blocks(report.report_blocks(), compounded))
        }
        Packet::Sdes(sdes) => {
            const CNAME: u8 = 1;
            compounded.sources.extend(sdes.chunks().map(SdesChunk::ssrc));
            let names = sdes.chunks().map(|chunk| {
                let name = chunk.items().find(|item| item.type_() == CNAME);
                let name = name.map(|item| String::from_utf8_lossy(item.value()).into_owned()).unwrap_or_default();
                format!(" {:08x} {name:?}", chunk.ssrc())
            });
            format!("SDES{}", names.collect::<String>())
        }
        Packet::Bye(bye) => {
            let sources: Vec<String> = bye.ssrcs().map(|ssrc| format!("{ssrc:08x}")).collect();
            compounded.sources.extend(bye.ssrcs());
            let reason = bye.reason().map(|reason| format!(" {:?}", String::from_utf8_lossy(reason)));
            format!("BYE {}{}", sources.join(" "), reason.unwrap_or_default())
        }
        Packet::App(app) => {
            compounded.sources.push(app.ssrc());
            format!("APP {:08x}", app.ssrc())
        }
        _ => "other RTCP".to_owned(),
    };
    compounded.words.push(words);
}

fn blocks<'a>(blocks: impl Iterator<Item = ReportBlock<'a>>, compounded: &mut Compounded) -> String {
    let words = blocks.map(|block| {
        compounded.sources.push(block.ssrc());
        format!(
            "; of {:08x} received up to {}, lost {}, jitter {}",
            block.ssrc(),
            block.extended_sequence_number() & 0xFFFF,
            block.cumulative_lost(),
            block.interarrival_jitter()
        )
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::goodbye;

    #[test]
    fn reports_names_and_goodbyes_have_words() {
        let mut octets = vec![0x81, 200, 0, 12];
        for word in [0x0A0B_0C0D_u32, 1, 2, 44_100, 17, 340, 0x1122_3344, 0x0000_0005, 0x0001_42A0, 9, 0, 0] {
            octets.extend(word.to_be_bytes());
        }
        octets.extend([0x81, 202, 0, 3, 10, 11, 12, 13, 1, 3, b'a', b'@', b'b', 0, 0, 0]);
        octets.extend(&goodbye(7)[8..]);
        let read = read(&octets);
        assert_eq!(
            read.words,
            [
                "SR 0a0b0c0d: 17 packets, 340 octets sent, rtp time 44100; of 11223344 received up to 17056, lost 5, jitter 9",
                "SDES 0a0b0c0d \"a@b\"",
                "BYE 00000007",
            ]
        );
        assert_eq!(read.sources, [0x0A0B_0C0D, 0x1122_3344, 0x0A0B_0C0D, 7]);
        assert_eq!(read.error, None);
    }

    #[test]
    fn damaged_rtcp_says_so() {
        assert!(read(&goodbye(7)[..12]).error.is_some_and(|error| error.starts_with("RTCP: ")));
        assert!(is_rtcp(&goodbye(7)) && !is_rtcp(&[0x80, 96, 0, 0, 0, 0, 0, 0]));
    }
}
