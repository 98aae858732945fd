//! The laws for any octets, on random ones that look like packets and on random reports.

mod laws;

use proptest::collection::vec;
use proptest::prelude::*;
use rtp_midi_metadata::{Kind, Listener, News, Piece, Report, Text, ticks_after};

fn text() -> impl Strategy<Value = Text> {
    (0..4_usize, 0..2_000_000_u32, "\\PC{0,9}").prop_map(|(kind, timestamp, text)| Text {
        kind: Kind::ALL[kind],
        timestamp,
        text,
    })
}

fn piece() -> impl Strategy<Value = Piece> {
    (any::<u16>(), any::<u32>(), proptest::option::of(1..u32::MAX), "\\PC{0,12}", "\\PC{0,12}")
        .prop_map(|(serial, start, duration, title, copyright)| Piece { serial, start, duration, title, copyright })
}

#[test]
fn the_seeds_of_the_fuzzer_hold_and_are_packets() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/metadata");
    let seeds: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty());
    for octets in seeds {
        assert!(Report::decode(&octets).is_ok());
        laws::a_packet_is_refused_or_means_what_is_written_of_it(&octets);
    }
}

proptest! {
    #[test]
    fn any_octets_are_refused_or_mean_what_is_written_of_them(
        mut packet in vec(any::<u8>(), 0..300),
        item in vec(0_u8..10, 0..300),
    ) {
        laws::a_packet_is_refused_or_means_what_is_written_of_it(&packet);
        for contents in [&packet.split_off(0), &item] {
            let words = (contents.len().div_ceil(4) + 2) as u16;
            let mut packet = [&[0x81, 204][..], &words.to_be_bytes(), &[0, 0, 0, 1], b"MIDT", contents].concat();
            packet.resize(packet.len().next_multiple_of(4), 0);
            laws::a_packet_is_refused_or_means_what_is_written_of_it(&packet);
        }
    }

    #[test]
    fn a_report_is_read_as_it_was_written(
        ssrc: u32, pieces in vec(piece(), 0..3), texts in vec(text(), 0..12),
    ) {
        let report = Report { pieces, texts };
        prop_assert_eq!(Report::decode(&report.encode(ssrc)), Ok((ssrc, report)));
    }

    /// The law of the convention: reports are sent at any times at most ten seconds apart, each second one of them may
    /// be lost, and each text that is not among too many is told once, in time.
    #[test]
    fn each_text_is_told_once_and_in_time_even_if_every_other_packet_is_lost(
        mut texts in vec(text(), 0..12),
        pauses in vec(1..5_u32, 20),
        parity in 0..2_usize,
    ) {
        const SECOND: u32 = 44_100;
        texts.sort_by_key(|text| text.timestamp);
        texts.dedup_by_key(|text| text.timestamp / 5_000);
        let mut listener = Listener::new(SECOND);
        let (mut now, mut told) = (0, Vec::new());
        listener.due(0);
        for (index, pause) in pauses.into_iter().enumerate() {
            if index % 2 == parity || index == 0 {
                let window = |text: &Text| ticks_after(text.timestamp, now) <= (12 * SECOND).cast_signed();
                let texts = texts.iter().filter(|text| window(text)).cloned().collect();
                let packet = Report { pieces: Vec::new(), texts }.choose(now, 400).encode(7);
                listener.hear(Report::decode(&packet).unwrap().1);
            }
            for _ in 0..10 * pause {
                now += SECOND / 10;
                for news in listener.due(now) {
                    let News::Text(text) = news else { panic!("no piece was told") };
                    prop_assert!((0..(SECOND / 10).cast_signed()).contains(&ticks_after(now, text.timestamp)));
                    told.push(text);
                }
            }
        }
        texts.retain(|text| text.timestamp <= now);
        prop_assert_eq!(told, texts);
    }
}
