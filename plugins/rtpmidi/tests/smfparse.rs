//! `smfparse`: files into messages, pulled and pushed; seeks; silence; damage.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod smf;

use gst::prelude::*;
use smf::{Failure, Passed, TempFile, made_song, messages, pipeline, play, real_files, song_messages, wait, watch};
use smf_timeline::Song;

const MS: u64 = 1_000_000;

/// Plays `octets` through `middle` and returns what came out of `smfparse`.
fn parse(name: &str, octets: &[u8], middle: &str) -> Result<Vec<Passed>, Failure> {
    let file = TempFile::with(name, octets);
    let pipeline = pipeline(&format!("filesrc location={} ! {middle} ! fakesink name=sink sync=false", file.path()));
    let passed = watch(&pipeline, "sink", "sink");
    play(&pipeline)?;
    let passed = passed.lock().unwrap().clone();
    Ok(passed)
}

fn events(passed: &[Passed]) -> Vec<gst::Event> {
    passed.iter().filter_map(|item| if let Passed::Event(event) = item { Some(event.clone()) } else { None }).collect()
}

#[test]
fn every_message_comes_with_its_time_pulled_and_pushed() {
    let octets = made_song();
    let expected = song_messages(&Song::read(&octets, 0).unwrap());
    for (name, middle) in [("pull.mid", "smfparse"), ("push.mid", "queue ! smfparse")] {
        assert_eq!(messages(&parse(name, &octets, middle).unwrap()), expected, "{middle}");
    }
}

#[test]
fn songs_of_others_come_out_whole() {
    for path in real_files() {
        let octets = std::fs::read(&path).unwrap();
        let expected = song_messages(&Song::read(&octets, 0).unwrap());
        assert_eq!(messages(&parse("real.mid", &octets, "smfparse").unwrap()), expected, "{}", path.display());
    }
}

#[test]
fn the_stream_is_sparse_and_says_what_the_file_says() {
    let passed = parse("said.mid", &made_song(), "smfparse").unwrap();
    let events = events(&passed);
    assert!(matches!(events[0].view(), gst::EventView::StreamStart(start)
        if start.stream_flags().contains(gst::StreamFlags::SPARSE)));
    let tags = events.iter().find_map(|event| match event.view() {
        gst::EventView::Tag(tag) => Some(tag.tag().to_owned()),
        _ => None,
    });
    let tags = tags.expect("there are tags");
    assert_eq!(tags.get::<gst::tags::Title>().map(|title| title.get().to_owned()).as_deref(), Some("Made Song"));
    assert_eq!(tags.get::<gst::tags::BeatsPerMinute>().map(|tempo| tempo.get()), Some(100.0));
    let said: Vec<_> = events
        .iter()
        .filter_map(|event| event.structure().filter(|structure| structure.name() == "smf-meta"))
        .map(|structure| (structure.get::<String>("kind").unwrap(), structure.get::<u64>("timestamp").ok()))
        .collect();
    let expected = [
        ("division", None),
        ("track-name", Some(0)),
        ("copyright", Some(0)),
        ("tempo", Some(0)),
        ("marker", Some(1200 * MS)),
        ("tempo", Some(1200 * MS)),
    ];
    assert_eq!(said, expected.map(|(kind, time)| (kind.to_owned(), time)));
    let marker = passed.iter().position(|item| {
        matches!(item, Passed::Event(event)
            if event.structure().is_some_and(|structure| structure.get::<&str>("text") == Ok("B")))
    });
    let note = passed.iter().position(|item| matches!(item, Passed::Buffer(_, octets) if octets == &[0x90, 62, 0]));
    assert!(marker < note, "the marker stands before the note of the same tick");
}

#[test]
fn silence_is_told_a_few_times_a_second_to_the_end_of_the_track() {
    let passed = parse("silent.mid", &made_song(), "smfparse").unwrap();
    let duration = Song::read(&made_song(), 0).unwrap().duration();
    let gaps: Vec<(u64, u64)> = events(&passed)
        .iter()
        .filter_map(|event| match event.view() {
            gst::EventView::Gap(gap) => Some((gap.get().0.nseconds(), gap.get().1.unwrap().nseconds())),
            _ => None,
        })
        .collect();
    assert!(gaps.len() as u64 <= 4 * duration / 1_000_000_000 + 2, "{}", gaps.len());
    assert_eq!(gaps.last().map(|(start, length)| start + length), Some(duration));
    assert!(matches!(passed.last(), Some(Passed::Event(event)) if event.type_() == gst::EventType::Eos));
}

#[test]
fn what_is_no_standard_midi_file_is_refused_in_one_line_with_a_hint() {
    let cases: [(&str, &[u8], &str, &str); 4] = [
        ("text", b"once upon a time", "not a Standard MIDI File but text", "binary"),
        ("wave", b"RIFF\0\0\0\0WAVEfmt ", "not a Standard MIDI File but RIFF WAVE audio", "notes"),
        ("short", b"MThd\0\0\0\x06\0\x01", "the header needs 14 octets, the file has 10", "completely"),
        ("empty", b"", "not a Standard MIDI File but an empty file", "completely"),
    ];
    for (name, octets, text, hint) in cases {
        for middle in ["smfparse", "queue ! smfparse"] {
            let failure = parse(name, octets, middle).unwrap_err();
            assert_eq!(failure.text, text);
            assert!(failure.hint.contains(hint), "{}", failure.hint);
        }
    }
}

#[test]
fn a_truncated_file_is_refused_where_it_ends_and_saved_when_lenient() {
    let octets = made_song();
    let cut = &octets[..octets.len() - 20];
    let failure = parse("cut.mid", cut, "smfparse").unwrap_err();
    assert!(failure.text.starts_with("track 1, octet "), "{}", failure.text);
    let saved = messages(&parse("saved.mid", cut, "smfparse lenient=true").unwrap());
    let expected = song_messages(&Song::read(&octets, 0).unwrap());
    assert!(saved.len() > 8 && saved.len() < expected.len());
    assert_eq!(saved, expected[..saved.len()]);
}

#[test]
fn a_file_beyond_the_limit_is_refused() {
    for middle in ["smfparse max-size=50", "queue ! smfparse max-size=50"] {
        let failure = parse("large.mid", &made_song(), middle).unwrap_err();
        assert_eq!(failure.text, "the file is larger than 50 octets");
    }
}

#[test]
fn the_sequence_of_a_format_2_file_can_be_chosen() {
    let octets = b"MThd\0\0\0\x06\0\x02\0\x02\0\x60\
        MTrk\0\0\0\x07\0\xC0\x01\0\xFF\x2F\0MTrk\0\0\0\x07\0\xC0\x02\0\xFF\x2F\0";
    for sequence in 0..2 {
        let passed = parse("two.mid", octets, &format!("smfparse sequence={sequence}")).unwrap();
        assert_eq!(messages(&passed), [(0, vec![0xC0, sequence + 1])]);
    }
    let failure = parse("two.mid", octets, "smfparse sequence=2").unwrap_err();
    assert_eq!(failure.text, "no sequence 2 among 2");
}

/// A prerolled pipeline on the made song.
fn prerolled(file: &TempFile) -> gst::Pipeline {
    let pipeline =
        pipeline(&format!("filesrc location={} ! smfparse name=parse ! fakesink name=sink sync=false", file.path()));
    pipeline.set_state(gst::State::Paused).unwrap();
    let (result, _, _) = pipeline.state(gst::ClockTime::from_seconds(10));
    assert_eq!(result, Ok(gst::StateChangeSuccess::Success));
    pipeline
}

/// Where the last flush is over.
fn flushed(passed: &[Passed]) -> usize {
    let stop = |item: &Passed| matches!(item, Passed::Event(event) if event.type_() == gst::EventType::FlushStop);
    passed.iter().rposition(stop).expect("there was a flush")
}

#[test]
fn duration_position_and_seekability_are_known() {
    let file = TempFile::with("queries.mid", &made_song());
    let pipeline = prerolled(&file);
    assert_eq!(pipeline.query_duration::<gst::ClockTime>().map(gst::ClockTime::nseconds), Some(file.song().duration()));
    assert_eq!(pipeline.query_position::<gst::ClockTime>(), Some(gst::ClockTime::ZERO));
    let mut query = gst::query::Seeking::new(gst::Format::Time);
    assert!(pipeline.query(&mut query) && query.result().0);
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_seek_releases_notes_restores_the_state_and_stops_in_time() {
    let file = TempFile::with("seek.mid", &made_song());
    let pipeline = prerolled(&file);
    let passed = watch(&pipeline, "sink", "sink");
    let (start, stop) = (gst::ClockTime::from_mseconds(500), gst::ClockTime::from_mseconds(900));
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    pipeline.seek(1.0, flags, gst::SeekType::Set, start, gst::SeekType::Set, stop).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    wait(&pipeline).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    let passed = passed.lock().unwrap().clone();
    let (at, stop) = (500 * MS, 900 * MS - 1);
    let expected: [(u64, &[u8]); 10] = [
        (at, &[0xB0, 123, 0]),
        (at, &[0xB1, 123, 0]),
        (at, &[0xB0, 0, 1]),
        (at, &[0xC0, 5]),
        (at, &[0xB0, 64, 127]),
        (at, &[0xE0, 0, 64]),
        (at, &[0xD0, 0]),
        (600 * MS, &[0x90, 62, 100]),
        (875 * MS, &[0xE0, 0, 80]),
        (stop, &[0x80, 62, 64]),
    ];
    let found = messages(&passed[flushed(&passed)..]);
    assert_eq!(found, expected.map(|(time, octets)| (time, octets.to_vec())));
}

#[test]
fn a_segment_seek_without_flush_ends_with_a_message_instead_of_the_stream() {
    let file = TempFile::with("segment.mid", &made_song());
    let pipeline = prerolled(&file);
    let passed = watch(&pipeline, "sink", "sink");
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::SEGMENT;
    let stop = gst::ClockTime::from_mseconds(300);
    pipeline.seek(1.0, flags, gst::SeekType::Set, gst::ClockTime::ZERO, gst::SeekType::Set, stop).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    for _ in 0..3 {
        wait(&pipeline).unwrap();
        let flags = gst::SeekFlags::SEGMENT;
        pipeline.seek(2.0, flags, gst::SeekType::Set, gst::ClockTime::ZERO, gst::SeekType::Set, stop).unwrap();
    }
    wait(&pipeline).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    let passed = passed.lock().unwrap().clone();
    let passed = &passed[flushed(&passed)..];
    let notes = messages(passed).iter().filter(|(_, octets)| octets[0] == 0x90).count();
    let releases = messages(passed).iter().filter(|(_, octets)| octets == &[0x80, 60, 64]).count();
    assert_eq!((notes, releases), (4, 4), "every round plays the note and ends it");
    let bases: Vec<_> = events(passed)
        .iter()
        .filter_map(|event| match event.view() {
            gst::EventView::Segment(segment) => segment
                .segment()
                .downcast_ref::<gst::ClockTime>()
                .map(|segment| (segment.rate(), segment.base().unwrap().mseconds())),
            _ => None,
        })
        .collect();
    assert_eq!(bases, [(1.0, 0), (2.0, 300), (2.0, 450), (2.0, 600)]);
}

#[test]
fn backwards_or_in_octets_nobody_can_seek() {
    let file = TempFile::with("backwards.mid", &made_song());
    let pipeline = prerolled(&file);
    let parse = pipeline.by_name("parse").unwrap().static_pad("src").unwrap();
    let end = gst::ClockTime::SECOND;
    let backwards = gst::event::Seek::new(
        -1.0,
        gst::SeekFlags::FLUSH,
        gst::SeekType::Set,
        gst::ClockTime::ZERO,
        gst::SeekType::Set,
        end,
    );
    assert!(!parse.send_event(backwards));
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn when_a_flushing_seek_returns_its_segment_is_there() {
    let file = TempFile::with("segment-there.mid", &made_song());
    let pipeline = prerolled(&file);
    let sink = pipeline.by_name("sink").unwrap().static_pad("sink").unwrap();
    for round in 0..100 {
        let start = gst::ClockTime::from_mseconds(5 * round);
        pipeline.seek_simple(gst::SeekFlags::FLUSH, start).unwrap();
        let segment = sink.sticky_event::<gst::event::Segment>(0).expect("a segment");
        let segment = segment.segment().downcast_ref::<gst::ClockTime>().unwrap().clone();
        assert_eq!(segment.start(), Some(start), "in round {round}");
    }
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_seek_that_leads_nowhere_leaves_the_stream_as_it_is() {
    let file = TempFile::with("nowhere.mid", &made_song());
    let pipeline = prerolled(&file);
    let passed = watch(&pipeline, "sink", "sink");
    let (start, stop) = (gst::ClockTime::from_mseconds(900), gst::ClockTime::from_mseconds(500));
    let seek = pipeline.seek(1.0, gst::SeekFlags::FLUSH, gst::SeekType::Set, start, gst::SeekType::Set, stop);
    assert!(seek.is_err());
    pipeline.set_state(gst::State::Playing).unwrap();
    wait(&pipeline).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    let passed = events(&passed.lock().unwrap());
    assert!(passed.iter().all(|event| event.type_() != gst::EventType::FlushStop));
}
