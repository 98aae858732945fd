//! `miditick`: ticks between messages, after the end, and by the clock when live.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod smf;

use gst::prelude::*;
use gst_check::Harness;
use smf::{TempFile, init, made_song, messages, pipeline, play, watch};

const MS: u64 = 1_000_000;

fn buffer(ms: u64, octets: &[u8]) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(octets.to_vec());
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(ms));
    buffer
}

fn pulled(harness: &mut Harness, count: usize) -> Vec<(u64, u8)> {
    let mut out = Vec::new();
    for _ in 0..count {
        let buffer = harness.pull().unwrap();
        out.push((buffer.pts().unwrap().mseconds(), buffer.map_readable().unwrap()[0]));
    }
    out
}

#[test]
fn ticks_fill_the_time_between_messages_and_a_tail_behind_them() {
    let file = TempFile::with("tick.mid", &made_song());
    let description = format!(
        "filesrc location={} ! smfparse ! miditick interval=20000000 tail=100000000 ! fakesink name=sink sync=false",
        file.path()
    );
    let pipeline = pipeline(&description);
    let passed = watch(&pipeline, "sink", "sink");
    play(&pipeline).unwrap();
    let all = messages(&passed.lock().unwrap());
    assert!(all.is_sorted_by_key(|(time, _)| *time), "times never go back");
    let (ticks, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, octets)| octets == &[0xF9]);
    assert_eq!(others, smf::song_messages(&file.song()));
    let duration = file.song().duration();
    let last = ticks.last().unwrap().0;
    assert!((duration + 80 * MS..=duration + 140 * MS).contains(&last), "{last} and {duration}");
    for (n, (time, _)) in (0..).zip(&ticks) {
        assert_eq!(*time, n * 20 * MS);
    }
}

#[test]
fn a_live_stream_ticks_by_the_clock_and_passes_messages_at_once() {
    init();
    let tick = gst::ElementFactory::make("miditick").build().unwrap();
    let mut harness = Harness::with_element(&tick, Some("sink"), Some("src"));
    harness.use_testclock();
    harness.set_live(true);
    harness.set_src_caps_str("audio/x-midi-event");
    harness.play();
    harness.set_time(gst::ClockTime::ZERO).unwrap();
    harness.push(buffer(0, &[0xC0, 1])).unwrap();
    assert_eq!(pulled(&mut harness, 1), [(0, 0xC0)]);
    for n in 0..3 {
        harness.crank_single_clock_wait().unwrap();
        assert_eq!(pulled(&mut harness, 1), [(10 * n, 0xF9)]);
    }
    harness.push(buffer(25, &[0xC0, 2])).unwrap();
    assert_eq!(pulled(&mut harness, 1), [(25, 0xC0)]);
    harness.crank_single_clock_wait().unwrap();
    assert_eq!(pulled(&mut harness, 1), [(30, 0xF9)]);
}

#[test]
fn the_latency_of_a_live_stream_grows_by_the_interval() {
    init();
    let tick = gst::ElementFactory::make("miditick").property("interval", 5 * MS).build().unwrap();
    let mut harness = Harness::with_element(&tick, Some("sink"), Some("src"));
    harness.set_live(true);
    harness.set_upstream_latency(gst::ClockTime::from_mseconds(20));
    harness.set_src_caps_str("audio/x-midi-event");
    harness.push(buffer(0, &[0xC0, 1])).unwrap();
    let mut query = gst::query::Latency::new();
    assert!(tick.static_pad("src").unwrap().query(&mut query));
    let (live, min, _) = query.result();
    assert_eq!((live, min), (true, gst::ClockTime::from_mseconds(25)));
}

#[test]
fn a_flush_begins_the_ticks_anew() {
    let file = TempFile::with("flush.mid", &made_song());
    let description = format!("filesrc location={} ! smfparse ! miditick ! fakesink name=sink sync=false", file.path());
    let pipeline = pipeline(&description);
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(10)).0.unwrap();
    let passed = watch(&pipeline, "sink", "sink");
    let mut query = gst::query::Seeking::new(gst::Format::Time);
    assert!(pipeline.query(&mut query) && query.result().0, "players ask before they seek");
    pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::from_mseconds(1005)).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    smf::wait(&pipeline).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    let passed = passed.lock().unwrap();
    let flush = passed
        .iter()
        .rposition(|item| matches!(item, smf::Passed::Event(event) if event.type_() == gst::EventType::FlushStop));
    let all = messages(&passed[flush.expect("a flush")..]);
    assert_eq!(all[0].0, 1005 * MS);
    let ticks: Vec<u64> = all.iter().filter(|(_, octets)| octets == &[0xF9]).map(|(time, _)| *time).collect();
    assert_eq!(ticks[..2], [1005 * MS, 1015 * MS]);
}
