//! What the tests of `smfparse`, `smfmux`, `miditick` and `midirender` share: songs, pipelines, and what came out.
#![allow(dead_code, reason = "every test binary uses its own part of this")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once};

use gst::prelude::*;
use smf_timeline::{Body, Division, Meta, Song, TextKind, Track, encode_file};

/// Loads GStreamer and the plugin under test.
pub(crate) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().expect("GStreamer is installed");
        gstrtpmidi::plugin_register_static().expect("the plugin registers once");
    });
}

/// How a pipeline ended that did not end well: the text of the error and its hint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) text: String,
    pub(crate) hint: String,
}

/// Plays `pipeline` to its end.
pub(crate) fn play(pipeline: &gst::Pipeline) -> Result<(), Failure> {
    // A state change that fails leaves its reason on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    let result = wait(pipeline);
    pipeline.set_state(gst::State::Null).expect("going down never fails");
    result
}

/// Waits for the end of the stream, a segment, or an error.
pub(crate) fn wait(pipeline: &gst::Pipeline) -> Result<(), Failure> {
    use gst::MessageType;
    let bus = pipeline.bus().expect("a pipeline has a bus");
    let ends = [MessageType::Eos, MessageType::Error, MessageType::SegmentDone];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(30), &ends).expect("ends within 30 seconds");
    match message.view() {
        gst::MessageView::Error(error) => {
            let debug = error.debug().unwrap_or_default();
            let hint = debug.split_once("hint: ").map(|(_, hint)| hint.to_owned()).unwrap_or_default();
            Err(Failure { text: error.error().message().to_owned(), hint })
        }
        _ => Ok(()),
    }
}

/// A pipeline from its description.
pub(crate) fn pipeline(description: &str) -> gst::Pipeline {
    init();
    let element = gst::parse::launch(description).expect("the description is right");
    element.downcast().expect("more than one element")
}

/// Everything that passes a pad.
#[derive(Clone, Debug)]
pub(crate) enum Passed {
    Buffer(Option<u64>, Vec<u8>),
    Event(gst::Event),
}

/// Records what the pad `name` of `element` lets through.
pub(crate) fn watch(pipeline: &gst::Pipeline, element: &str, name: &str) -> Arc<Mutex<Vec<Passed>>> {
    let passed = Arc::new(Mutex::new(Vec::new()));
    let pad = pipeline.by_name(element).and_then(|element| element.static_pad(name)).expect("the pad is there");
    let list = Arc::clone(&passed);
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::EVENT_FLUSH;
    pad.add_probe(mask, move |_, info| {
        let item = match (info.buffer(), info.event()) {
            (Some(buffer), _) => {
                let octets = buffer.map_readable().expect("system memory").to_vec();
                Some(Passed::Buffer(buffer.pts().map(gst::ClockTime::nseconds), octets))
            }
            (None, event) => event.cloned().map(Passed::Event),
        };
        list.lock().expect("no other holder panics").extend(item);
        gst::PadProbeReturn::Ok
    });
    passed
}

/// The messages among `passed`, with their times.
pub(crate) fn messages(passed: &[Passed]) -> Vec<(u64, Vec<u8>)> {
    passed
        .iter()
        .filter_map(|item| match item {
            Passed::Buffer(pts, octets) => Some((pts.expect("every message has its time"), octets.clone())),
            Passed::Event(_) => None,
        })
        .collect()
}

/// The messages of a song, with their times.
pub(crate) fn song_messages(song: &Song) -> Vec<(u64, Vec<u8>)> {
    song.events()
        .filter_map(|event| match event.body {
            Body::Message(octets) => Some((event.time, octets.to_vec())),
            Body::Meta(_) => None,
        })
        .collect()
}

/// A file that is deleted at the end.
pub(crate) struct TempFile(pub(crate) PathBuf);

impl TempFile {
    pub(crate) fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("rtpmidi-{}-{name}", std::process::id())))
    }

    pub(crate) fn with(name: &str, octets: &[u8]) -> Self {
        let file = Self::new(name);
        std::fs::write(&file.0, octets).expect("the temporary folder is writable");
        file
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("ASCII")
    }

    pub(crate) fn song(&self) -> Song {
        Song::read(&std::fs::read(&self.0).expect("the file is there"), 0).expect("the file is valid")
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // A test that failed may not have made it.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Two tracks at 480 ticks a quarter note: tempo change, program, pedal, wheel, notes, System Exclusive, meta events.
pub(crate) fn made_song() -> Vec<u8> {
    const WRITTEN: &str = "whole messages and short meta events";
    let mut conductor = Track::new();
    for (tick, meta) in [
        (0, Meta::Text(TextKind::TrackName, b"Made Song")),
        (0, Meta::Text(TextKind::Copyright, b"nobody")),
        (0, Meta::Tempo(600_000)),
        (960, Meta::Text(TextKind::Marker, b"B")),
        (960, Meta::Tempo(250_000)),
        (9600, Meta::EndOfTrack),
    ] {
        conductor.meta(tick, &meta).expect(WRITTEN);
    }
    let mut piano = Track::new();
    let messages: [(u64, &[u8]); 14] = [
        (0, &[0xB0, 0, 1]),
        (0, &[0xC0, 5]),
        (0, &[0xF0, 0x7E, 0x7F, 6, 1, 0xF7]),
        (10, &[0xB0, 64, 127]),
        (100, &[0x90, 60, 100]),
        (340, &[0x80, 60, 64]),
        (480, &[0x90, 62, 100]),
        (700, &[0xE0, 0, 80]),
        (960, &[0x90, 62, 0]),
        (960, &[0xFA]),
        (1000, &[0x91, 40, 1]),
        (1500, &[0xD0, 9]),
        (4801, &[0x81, 40, 2]),
        (4801, &[0xB0, 64, 0]),
    ];
    for (tick, octets) in messages {
        piano.message(tick, octets).expect(WRITTEN);
    }
    encode_file(1, Division::Quarter(480), &[conductor, piano])
}

/// Songs that others made: Debian's `openttd-openmsx`, and the folders in `SMF_CORPUS` (separated by colons).
pub(crate) fn real_files() -> Vec<PathBuf> {
    let named = std::env::var("SMF_CORPUS").unwrap_or_default();
    let mut folders: Vec<PathBuf> = named.split(':').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
    folders.push("/usr/share/games/openttd/baseset/openmsx".into());
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("mid")) && is_valid(&path) {
                files.push(path);
            }
        }
    }
    println!("{} songs by others (openttd-openmsx, SMF_CORPUS)", files.len());
    files.sort();
    files
}

fn is_valid(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|octets| Song::read(&octets, 0).is_ok())
}
