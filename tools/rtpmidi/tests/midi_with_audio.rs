//! The example of MIDI beside audio: its sender, and a plain rtpbin that puts both in step by their sender reports.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod link;

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use gst::prelude::*;
use kit::{Folder, PATIENCE, Program, argument, free_port, song};
use link::{Link, Way};

/// Something that is heard, and when, in seconds of the receiver.
#[derive(Clone, Copy, Debug)]
enum Heard {
    Tick(f64),
    Note(f64),
}

const RECEIVER: &str = "rtpbin name=session latency=300 min-ts-offset=0 \
    udpsrc port=PORT0 caps=\"application/x-rtp, media=audio, encoding-name=L16, clock-rate=48000, channels=1, payload=96\" \
        ! session.recv_rtp_sink_0 \
    udpsrc port=PORT1 ! session.recv_rtcp_sink_0 \
    udpsrc port=PORT2 caps=\"application/x-rtp, media=audio, encoding-name=RTP-MIDI, clock-rate=44100, payload=97\" \
        ! session.recv_rtp_sink_1 \
    udpsrc port=PORT3 ! session.recv_rtcp_sink_1 \
    session. ! rtpL16depay ! audioconvert ! audio/x-raw, format=S16LE \
        ! fakesink name=audio sync=false async=false signal-handoffs=true \
    session. ! rtpmididepay ! fakesink name=midi sync=false async=false signal-handoffs=true";

/// Calls `take` with the time and the octets of each buffer that comes to the sink of this name.
fn on_buffers(pipeline: &gst::Pipeline, name: &str, take: impl Fn(f64, &[u8]) + Send + Sync + 'static) {
    pipeline.by_name(name).unwrap().connect("handoff", false, move |values| {
        let buffer = values[1].get::<gst::Buffer>().unwrap();
        take(buffer.pts().unwrap().seconds_f64(), &buffer.map_readable().unwrap());
        None
    });
}

/// The receiver of both streams, which tells what it hears.
fn receiver(port: u16, heard: &Sender<Heard>) -> gst::Pipeline {
    let port_of = |line: String, offset: u16| line.replace(&format!("PORT{offset}"), &(port + offset).to_string());
    let line = (0..4).fold(RECEIVER.to_owned(), port_of);
    let pipeline = gst::parse::launch(&line).unwrap().downcast::<gst::Pipeline>().unwrap();
    let ticks = heard.clone();
    let quiet_since = std::sync::Mutex::new(f64::NEG_INFINITY);
    on_buffers(&pipeline, "audio", move |time, octets| {
        let mut loud = quiet_since.lock().unwrap();
        for (place, sample) in (0_u32..).zip(octets.chunks_exact(2)) {
            let at = time + f64::from(place) / 48_000.0;
            if i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 2000 {
                // A tick sounds for some hundredths of a second.
                if at - *loud > 0.5 {
                    ticks.send(Heard::Tick(at)).unwrap();
                }
                *loud = at;
            }
        }
    });
    let notes = heard.clone();
    on_buffers(&pipeline, "midi", move |time, octets| {
        if octets[0] == 0x90 {
            notes.send(Heard::Note(time)).unwrap();
        }
    });
    pipeline
}

#[test]
fn ticks_of_audio_and_notes_of_midi_come_together_whatever_their_networks_do() {
    gst::init().unwrap();
    gstrtpmidi::plugin_register_static().unwrap();
    let folder = Folder::new("midi-with-audio");
    let notes: Vec<(u16, &[u8])> =
        (0..30).flat_map(|i| [(if i == 0 { 0 } else { 400 }, &[0x90, 60, 100][..]), (100, &[0x80, 60, 64])]).collect();
    folder.write("song.mid", &song(&notes));
    let ports: [u16; 4] = std::array::from_fn(|_| free_port());
    let [from, from_midi, to, to_midi] = ports;
    assert_eq!((from_midi, to_midi), (from + 2, to + 2), "ports in a row");
    let way = |milliseconds| Way { delay: Duration::from_millis(milliseconds), jitter: Duration::ZERO };
    let _links = [Link::open(from, to, way(0)), Link::open(from_midi, to_midi, way(60))];

    let (heard, hear) = channel();
    let pipeline = receiver(to, &heard);
    pipeline.set_state(gst::State::Playing).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/midi_with_audio.sh");
    let line = format!("PORT={from} exec {} send 127.0.0.1 song.mid", argument(&fs::canonicalize(script).unwrap()));
    let sender = Program::shell(&line, &folder);

    let (mut tick, mut together, mut apart) = (None, 0, Vec::new());
    let started = Instant::now();
    // Before the first reports they are as far apart as their networks.
    while together < 3 {
        assert!(started.elapsed() < PATIENCE, "they never come together: {apart:?}");
        match hear.recv_timeout(PATIENCE).unwrap() {
            Heard::Tick(at) => tick = Some(at),
            Heard::Note(at) => {
                // Whichever comes first: both are of a whole second of the sender.
                let Some(tick) = tick else { continue };
                let difference: f64 = at - tick;
                let difference = difference - difference.round();
                apart.push(difference);
                together = if difference.abs() < 0.005 { together + 1 } else { 0 };
            }
        }
    }
    assert!(apart[0].abs() > 0.02, "the networks do differ: {apart:?}");
    pipeline.set_state(gst::State::Null).unwrap();
    sender.kill();
}
