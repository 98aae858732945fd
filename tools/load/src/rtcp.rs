//! Reports of a listener, and what it reads in those of the server (RFC 3550, 6).

use std::time::Duration;

use rtcp_types::{
    Bye, Compound, Packet, ReceiverReport, ReportBlock, RtcpPacketWriterExt, Sdes, SdesChunk, SdesItem, SenderReport,
};

use crate::reception::Told;

/// The latest sender report, for the sender to find out how far away we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Latest {
    /// The middle of its NTP time.
    ntp: u32,
    at: Duration,
}

/// What a packet of the server's says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    /// A report.
    Report(Latest),
    /// The source has left.
    Goodbye,
}

/// Reads a packet as far as it matters.
pub(crate) fn read(octets: &[u8], source: u32, at: Duration) -> Vec<Said> {
    let packets = Compound::parse(octets).into_iter().flatten().map_while(Result::ok);
    let said = |packet: Packet<'_>| match packet {
        Packet::Sr(report) if report.ssrc() == source => Some(Said::Report(latest(&report, at))),
        Packet::Bye(bye) if has(&bye, source) => Some(Said::Goodbye),
        _ => None,
    };
    packets.filter_map(said).collect()
}

fn latest(report: &SenderReport<'_>, at: Duration) -> Latest {
    Latest { ntp: (report.ntp_timestamp() >> 16) as u32, at }
}

fn has(bye: &Bye<'_>, source: u32) -> bool {
    bye.ssrcs().any(|ssrc| ssrc == source)
}

/// Writes the report of a listener on a source, with the name that must be in it; how long it is.
pub(crate) fn report(
    own: u32,
    source: u32,
    told: Told,
    latest: Option<Latest>,
    now: Duration,
    into: &mut [u8],
) -> Option<usize> {
    let mut block = ReportBlock::builder(source)
        .fraction_lost(told.fraction_lost)
        .cumulative_lost(told.lost)
        .extended_sequence_number(told.highest)
        .interarrival_jitter(told.jitter);
    if let Some(latest) = latest {
        // In 1/65536 of a second.
        let since = now.saturating_sub(latest.at).as_micros() * 65_536 / 1_000_000;
        block = block
            .last_sender_report_timestamp(latest.ntp)
            .delay_since_last_sender_report_timestamp(u32::try_from(since).unwrap_or(u32::MAX));
    }
    let name = format!("{own:08x}@rtpmidi-load");
    let chunk = SdesChunk::builder(own).add_item(SdesItem::builder(SdesItem::CNAME, &name));
    let compound = Compound::builder()
        .add_packet(ReceiverReport::builder(own).add_report_block(block))
        .add_packet(Sdes::builder().add_chunk(chunk));
    compound.write_into(into).ok()
}

/// The time to the next report: in a session of two, whose bandwidth is no matter, the least that there may be (6.3.1).
pub(crate) fn interval(is_first: bool) -> Duration {
    let least = if is_first { LEAST / 2 } else { LEAST };
    least.mul_f64((0.5 + fastrand::f64()) / (std::f64::consts::E - 1.5))
}

const LEAST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_what_was_told_and_the_distance_from_the_senders() {
        let mut octets = [0; 200];
        let report_of_sender = SenderReport::builder(7).ntp_timestamp(0x1111_2222_3333_4444);
        let length = Compound::builder().add_packet(report_of_sender).write_into(&mut octets).unwrap();
        let said = read(&octets[..length], 7, Duration::from_secs(1));
        let [Said::Report(latest)] = said[..] else { panic!("{said:?}") };
        assert!(read(&octets[..length], 8, Duration::ZERO).is_empty(), "of another source");

        let told = Told { fraction_lost: 3, lost: 4, highest: 0x1_0005, jitter: 6 };
        let length = report(9, 7, told, Some(latest), Duration::from_millis(1500), &mut octets).unwrap();
        let mut packets = Compound::parse(&octets[..length]).unwrap();
        let Some(Ok(Packet::Rr(report))) = packets.next() else { panic!("no report") };
        let block = report.report_blocks().next().unwrap();
        assert_eq!((report.ssrc(), block.ssrc(), block.fraction_lost(), block.cumulative_lost()), (9, 7, 3, 4));
        assert_eq!((block.extended_sequence_number(), block.interarrival_jitter()), (0x1_0005, 6));
        assert_eq!(block.last_sender_report_timestamp(), 0x2222_3333);
        assert_eq!(block.delay_since_last_sender_report_timestamp(), 0x8000);
        assert!(matches!(packets.next(), Some(Ok(Packet::Sdes(_)))));
    }

    #[test]
    fn a_goodbye_is_of_a_source() {
        let mut octets = [0; 100];
        let compound =
            Compound::builder().add_packet(ReceiverReport::builder(7)).add_packet(Bye::builder().add_source(7));
        let length = compound.write_into(&mut octets).unwrap();
        assert_eq!(read(&octets[..length], 7, Duration::ZERO), [Said::Goodbye]);
        assert!(read(&octets[..length], 8, Duration::ZERO).is_empty());
        assert!(read(b"no RTCP", 7, Duration::ZERO).is_empty());
    }
}
