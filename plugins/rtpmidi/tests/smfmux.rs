//! `smfmux`: recordings equal their source, are valid whenever they are cut short, and take what is dirty.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod smf;

use std::sync::Mutex;

use gst::prelude::*;
use gst_check::Harness;
use smf::{TempFile, init, made_song, pipeline, play, real_files, song_messages};
use smf_timeline::{Body, Meta, Song};

/// Plays a file through `smfparse ! smfmux` and `middle` into another, and returns both songs.
fn again(name: &str, octets: &[u8], middle: &str) -> (Song, Song) {
    let (from, to) = (TempFile::with(name, octets), TempFile::new(&format!("again-{name}")));
    let (from_path, to_path) = (from.path(), to.path());
    let description = format!("filesrc location={from_path} ! smfparse ! {middle} ! filesink location={to_path}");
    play(&pipeline(&description)).unwrap();
    (from.song(), to.song())
}

/// All events with their times, except for the ends of tracks, of which one is left.
fn events(song: &Song) -> Vec<(u64, Body<'_>)> {
    let events = song.events().map(|event| (event.time, event.body));
    events.filter(|(_, body)| *body != Body::Meta(Meta::EndOfTrack)).collect()
}

#[test]
fn a_recording_has_the_events_and_times_of_its_source() {
    let (song, recorded) = again("made.mid", &made_song(), "smfmux");
    assert_eq!(events(&recorded), events(&song));
    assert_eq!((recorded.duration(), recorded.format()), (song.duration(), 0));
}

#[test]
fn recordings_of_real_songs_are_exact_to_the_nanosecond() {
    for path in real_files() {
        let (song, recorded) = again("real.mid", &std::fs::read(&path).unwrap(), "smfmux");
        assert_eq!(events(&recorded), events(&song), "{}", path.display());
        assert_eq!(recorded.duration(), song.duration(), "{}", path.display());
    }
}

#[test]
fn smpte_ticks_are_kept_exact_too() {
    let octets = b"MThd\0\0\0\x06\0\0\0\x01\xE3\x04MTrk\0\0\0\x0C\x07\x90\x3C\x40\x03\x3C\0\x09\xFF\x2F\0";
    let octets = [&octets[..21], b"\x0B", &octets[22..]].concat();
    let (song, recorded) = again("smpte.mid", &octets, "smfmux");
    assert_eq!(events(&recorded), events(&song));
}

#[test]
fn a_sink_that_cannot_seek_gets_the_whole_file_at_the_end() {
    let from = TempFile::with("whole.mid", &made_song());
    let pipeline = pipeline(&format!("filesrc location={} ! smfparse ! smfmux ! fakesink name=sink", from.path()));
    let passed = smf::watch(&pipeline, "sink", "sink");
    play(&pipeline).unwrap();
    let passed = passed.lock().unwrap();
    let buffers: Vec<_> = passed
        .iter()
        .filter_map(|item| if let smf::Passed::Buffer(_, octets) = item { Some(octets) } else { None })
        .collect();
    assert_eq!(buffers.len(), 1);
    let song = Song::read(buffers[0], 0).unwrap();
    assert_eq!(song_messages(&song), song_messages(&from.song()));
}

#[test]
fn a_recording_cut_short_is_valid_and_complete_but_for_the_last_second() {
    let (from, to) = (TempFile::with("long.mid", &made_song()), TempFile::new("cut.mid"));
    let description = format!(
        "filesrc location={} ! smfparse ! identity name=stop ! smfmux ! filesink location={}",
        from.path(),
        to.path()
    );
    let pipeline = pipeline(&description);
    let (sender, stopped) = std::sync::mpsc::channel();
    let sender = Mutex::new(Some(sender));
    let pad = pipeline.by_name("stop").and_then(|stop| stop.static_pad("src")).unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BLOCK, move |_, info| {
        let cut = info.buffer().and_then(|buffer| buffer.pts()) > Some(gst::ClockTime::from_seconds(2));
        if !cut {
            return gst::PadProbeReturn::Pass;
        }
        if let Some(sender) = sender.lock().unwrap().take() {
            sender.send(()).unwrap();
        }
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    stopped.recv_timeout(std::time::Duration::from_secs(10)).expect("the song reaches its third second");
    let held = to.song();
    pipeline.set_state(gst::State::Null).unwrap();
    let all = song_messages(&from.song());
    let found = song_messages(&held);
    assert!(found.len() >= all.iter().filter(|(time, _)| *time < 200_000_000).count());
    assert_eq!(found, all[..found.len()]);
    assert_eq!(song_messages(&to.song()), found);
}

/// A recorder whose output cannot be sought, so that one file comes out at the end.
fn recorder(properties: &[(&str, &str)]) -> Harness {
    init();
    let mux = gst::ElementFactory::make("smfmux").build().unwrap();
    for (name, value) in properties {
        mux.set_property_from_str(name, value);
    }
    let mut harness = Harness::with_element(&mux, Some("sink"), Some("src"));
    harness.set_live(false);
    harness.set_src_caps_str("audio/x-midi-event");
    harness
}

fn buffer(ms: u64, octets: &[u8]) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(octets.to_vec());
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(ms));
    buffer
}

/// What was recorded, in milliseconds.
fn recorded(mut harness: Harness) -> Vec<(u64, Vec<u8>)> {
    harness.push_event(gst::event::Eos::new());
    let file = harness.pull().unwrap();
    let song = Song::read(&file.map_readable().unwrap(), 0).unwrap();
    song_messages(&song).into_iter().map(|(time, octets)| ((time + 500_000) / 1_000_000, octets)).collect()
}

#[test]
fn one_message_is_taken_of_a_buffer_and_fragments_are_joined() {
    let mut harness = recorder(&[]);
    let dirty: [&[u8]; 7] =
        [&[0x90, 1, 2, 0x80], &[0xF9], &[0xF0, 1], &[0xFE], &[2, 3], &[0xF7, 4, 0xF7], &[0xC0, 7, 0xC1, 8]];
    for (ms, octets) in (10..).zip(dirty) {
        harness.push(buffer(ms, octets)).unwrap();
    }
    let mux = harness.element().unwrap();
    let expected = [(10, vec![0x90, 1, 2]), (15, vec![0xF0, 1, 2, 3, 4, 0xF7]), (16, vec![0xC0, 7])];
    let stats = mux.property::<gst::Structure>("stats");
    assert_eq!((stats.get::<u64>("recorded"), stats.get::<u64>("dropped")), (Ok(3), Ok(0)));
    assert_eq!(recorded(harness), expected);
}

#[test]
fn the_start_of_the_file_is_zero_or_the_first_message() {
    let cases = [("zero", false, 5000), ("auto", false, 5000), ("auto", true, 0), ("first", false, 0)];
    for (start, live, first) in cases {
        let mut harness = recorder(&[("start", start)]);
        harness.set_live(live);
        harness.push(buffer(5000, &[0xFA])).unwrap();
        harness.push(buffer(5500, &[0xFC])).unwrap();
        assert_eq!(recorded(harness), [(first, vec![0xFA]), (first + 500, vec![0xFC])], "start={start}, live: {live}");
    }
}

#[test]
fn times_are_running_times_of_the_segment() {
    let mut harness = recorder(&[]);
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_rate(2.0);
    segment.set_start(gst::ClockTime::SECOND);
    harness.push_event(gst::event::Segment::new(&segment));
    harness.push(buffer(1000, &[0xFA])).unwrap();
    harness.push(buffer(2000, &[0xFC])).unwrap();
    assert_eq!(recorded(harness), [(0, vec![0xFA]), (500, vec![0xFC])]);
}

#[test]
fn a_message_without_time_or_out_of_order_happens_with_the_one_before() {
    let mut harness = recorder(&[]);
    harness.push(buffer(100, &[0xFA])).unwrap();
    harness.push(gst::Buffer::from_slice([0xFB])).unwrap();
    harness.push(buffer(50, &[0xFC])).unwrap();
    assert_eq!(recorded(harness), [(100, vec![0xFA]), (100, vec![0xFB]), (100, vec![0xFC])]);
}

#[test]
fn a_flush_begins_another_file() {
    let mut harness = recorder(&[]);
    harness.push(buffer(100, &[0xFA])).unwrap();
    harness.push_event(gst::event::FlushStart::new());
    harness.push_event(gst::event::FlushStop::new(true));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    harness.push_event(gst::event::Segment::new(&segment));
    harness.push(buffer(7, &[0xFC])).unwrap();
    assert_eq!(recorded(harness), [(7, vec![0xFC])]);
}

#[test]
fn nothing_recorded_is_a_valid_file_too() {
    assert_eq!(recorded(recorder(&[])), []);
}
