//! Laws of reading and writing, for any song and any octets.

mod laws;

use laws::{messages, reading_is_safe_and_stable};
use proptest::collection::vec;
use proptest::prelude::*;
use smf_timeline::{
    Division, FrameRate, Meta, Recorder, Song, TempoMap, TextKind, TimeSignature, Track, Writer, encode_file,
};

/// An event to write: ticks after the last one, and what.
type Step = (u64, Item);

#[derive(Clone, Debug)]
enum Item {
    Message(Vec<u8>),
    Tempo(u32),
    Text(usize, Vec<u8>),
    Time(u8, u8),
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let voice = (0x80..=0xEF_u8, 0..128_u8, 0..128_u8).prop_map(|(status, one, two)| match status >> 4 {
        0xC | 0xD => vec![status, one],
        _ => vec![status, one, two],
    });
    let sysex = vec(0..128_u8, 0..300).prop_map(|data| [&[0xF0], &data[..], &[0xF7]].concat());
    let system = (0..6_usize)
        .prop_map(|n| [vec![0xF1, 2], vec![0xF2, 3, 4], vec![0xF3, 5], vec![0xF6], vec![0xF8], vec![0xFF]][n].clone());
    prop_oneof![8 => voice, 1 => sysex, 1 => system]
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        20 => message().prop_map(Item::Message),
        1 => (1..0x0100_0000_u32).prop_map(Item::Tempo),
        1 => (0..9_usize, vec(any::<u8>(), 0..200)).prop_map(|(kind, text)| Item::Text(kind, text)),
        1 => (1..16_u8, 0..6_u8).prop_map(|(beats, unit)| Item::Time(beats, unit)),
    ]
}

fn track() -> impl Strategy<Value = Vec<Step>> {
    vec((prop_oneof![0..3_u64, 0..100_000_u64], item()), 0..60)
}

fn division() -> impl Strategy<Value = Division> {
    let rates = [FrameRate::Fps24, FrameRate::Fps25, FrameRate::Fps2997, FrameRate::Fps30];
    prop_oneof![
        (1..0x8000_u16).prop_map(Division::Quarter),
        (0..4_usize, 1..=255_u8).prop_map(move |(rate, ticks)| Division::Frame(rates[rate], ticks)),
    ]
}

impl Item {
    fn meta(&self) -> Option<Meta<'_>> {
        Some(match self {
            Self::Message(_) => return None,
            Self::Tempo(tempo) => Meta::Tempo(*tempo),
            Self::Text(kind, text) => Meta::Text(TextKind::ALL[*kind], text),
            Self::Time(beats, unit) => Meta::TimeSignature(TimeSignature {
                beats: *beats,
                unit: *unit,
                clocks_per_click: 24,
                thirty_seconds_per_quarter: 8,
            }),
        })
    }
}

fn file(division: Division, tracks: &[Vec<Step>]) -> Vec<u8> {
    let tracks: Vec<Track> = tracks.iter().map(|steps| encode(steps)).collect();
    encode_file(1, division, &tracks)
}

fn encode(steps: &[Step]) -> Track {
    let (mut track, mut tick) = (Track::new(), 0);
    for (delta, item) in steps {
        tick += delta;
        match (item, item.meta()) {
            (Item::Message(octets), _) => track.message(tick, octets).expect("one whole message"),
            (_, Some(meta)) => track.meta(tick, &meta).expect("a short meta event"),
            (_, None) => unreachable!("what is no message is a meta event"),
        }
    }
    track.meta(tick, &Meta::EndOfTrack).expect("a short meta event");
    track
}

proptest! {
    #[test]
    fn a_song_comes_back_from_its_file(division in division(), tracks in vec(track(), 1..5)) {
        let octets = file(division, &tracks);
        let song = Song::read(&octets, 0).unwrap();
        let written: usize = tracks.iter().map(|steps| steps.len() + 1).sum();
        prop_assert_eq!(song.len(), written);
        prop_assert_eq!(&Song::read(&song.encode(), 0).unwrap(), &song);
        reading_is_safe_and_stable(&octets);
    }

    #[test]
    fn a_recording_keeps_order_octets_and_times(
        steps in vec((0..3_000_000_000_u64, message()), 0..80),
        pieces in 1..40_usize,
    ) {
        let mut recorder = Recorder::new(Writer::RTP_DIVISION);
        let (mut file, mut time, mut expected) = (Vec::new(), 0, Vec::new());
        for (delta, octets) in &steps {
            time += delta;
            // System Exclusives come in pieces, as from alsamidisrc; everything else is whole.
            let size = if octets[0] == 0xF0 { pieces } else { octets.len() };
            octets.chunks(size).for_each(|piece| recorder.buffer(time, piece));
            recorder.checkpoint(0).apply(&mut file);
            expected.push((time, octets.as_slice()));
        }
        recorder.checkpoint(time).apply(&mut file);
        let song = Song::read(&file, 0).unwrap();
        let found = messages(&song);
        prop_assert_eq!(found.len(), expected.len());
        for (found, expected) in found.into_iter().zip(expected) {
            prop_assert_eq!(found.1, expected.1);
            // Half a tick of 1/44100 s and the rounding to nanoseconds.
            prop_assert!(found.0.abs_diff(expected.0) <= 11_339, "{} and {}", found.0, expected.0);
        }
    }

    #[test]
    fn ticks_survive_the_way_over_time(
        division in division(),
        tempos in vec((1..2_000_000_u64, 1000..0x0100_0000_u32), 0..8),
        tick in 0..20_000_000_u64,
    ) {
        let mut map = TempoMap::new(division);
        let mut at = 0;
        for (delta, tempo) in tempos {
            at += delta;
            map.push(at, tempo);
        }
        prop_assert_eq!(map.tick(map.time(tick)), tick);
    }

    #[test]
    fn any_octets_are_read_safely(octets in vec(any::<u8>(), 0..400)) {
        reading_is_safe_and_stable(&octets);
        let with_header = [b"MThd\0\0\0\x06\0\x01\0\x01\0\x60MTrk\0\0\x01\0", octets.as_slice()].concat();
        reading_is_safe_and_stable(&with_header);
    }

    #[test]
    fn mutated_files_are_read_safely(
        division in division(),
        tracks in vec(track(), 1..4),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in any::<prop::sample::Index>(),
    ) {
        let mut octets = file(division, &tracks);
        for (index, octet) in &changes {
            let index = index.index(octets.len());
            octets[index] = *octet;
        }
        reading_is_safe_and_stable(&octets);
        reading_is_safe_and_stable(&octets[..end.index(octets.len())]);
    }
}
