//! GStreamer's `sdpdemux` plays what our descriptions describe.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::fs;

use gst::prelude::*;
use kit::launch;
use kit::pipeline::{self, Folder, Tap};
use kit::{description, smf, song};
use rtp_midi::Format;
use rtp_midi_sdp::{Parameters, Stream};

/// Plays the scale from one end of a printed description to the other; returns what is heard, and what the depayloader
/// knows of the stream.
fn play(stream: &Stream) -> (Vec<Vec<u8>>, Option<String>) {
    let folder = Folder::new("sdpdemux");
    let port = launch::free_port();
    let text = description::print(stream, description::localhost(port));
    fs::write(folder.path("scale.sdp"), text).unwrap();
    fs::write(folder.path("scale.mid"), song::scale()).unwrap();

    let listener = pipeline::parse(&format!(
        "filesrc location={} ! sdpdemux latency=100 ! rtpmididepay name=depay ! fakesink",
        folder.path("scale.sdp").display()
    ));
    let depay = listener.by_name("depay").unwrap();
    let tap = Tap::new(&depay);
    listener.set_state(gst::State::Playing).unwrap();
    launch::wait_for_listener(port);
    let encoding = if stream.format == Format::Native { "RTP-MIDI" } else { "MPEG4-GENERIC" };
    let sender = pipeline::parse(&format!(
        "filesrc location={} ! smfparse ! rtpmidipay fmtp=\"{}\" \
         ! application/x-rtp,encoding-name={encoding},clock-rate={},payload={} ! udpsink host=127.0.0.1 port={port}",
        folder.path("scale.mid").display(),
        stream.parameters,
        stream.clock_rate,
        stream.payload_type
    ));
    pipeline::run(&sender).unwrap();
    let heard = tap.take(smf::messages(&song::scale()).len());
    let known = depay.property("fmtp");
    listener.set_state(gst::State::Null).unwrap();
    (heard, known)
}

#[test]
fn a_stream_of_our_description_is_heard_to_the_last_message() {
    let line = "cm_unused=X; j_update=anchor; ch_never=E; guardtime=44100";
    let (heard, known) = play(&Stream::native(101, 48_000, Parameters::parse(line)));
    assert_eq!(heard, smf::messages(&song::scale()));
    assert_eq!(known.as_deref(), Some(line));
}

#[test]
fn so_is_one_inside_mpeg_4() {
    let line = "streamtype=5; mode=rtp-midi; profile-level-id=12; config=7A; j_sec=none";
    let parameters = Parameters::parse(line);
    let (heard, known) =
        play(&Stream { payload_type: 97, format: Format::Mpeg4Generic, clock_rate: 44_100, parameters });
    assert_eq!(heard, smf::messages(&song::scale()));
    assert_eq!(known.as_deref(), Some(line));
}
