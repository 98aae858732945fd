//! Streams over TCP (RFC 4571): `rtpstreampay` and the elements of GStreamer for TCP, as one description has it.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::fs;

use gst::prelude::*;
use kit::pipeline::{self, Folder, Tap};
use kit::{description, smf, song};
use rtp_midi::{Format, Journal};
use rtp_midi_sdp::{Parameters, Protocol, Session, Stream, Transport};

#[test]
fn a_stream_over_tcp_needs_no_journal_and_is_heard_whole() {
    let transport = Transport { protocol: Protocol::TcpAvp, ..description::localhost(5004) };
    let stream = Stream::native(96, 44_100, Parameters::parse("guardtime=44100"));
    let session = Session::parse(description::print(&stream, transport).as_bytes()).unwrap();
    let (media, stream) = session.first_stream().unwrap();
    let config = stream.config(&media.transport).unwrap();
    assert_eq!((config.journal, config.format), (Journal::None, Format::Native), "nobody asks for one over TCP");

    let folder = Folder::new("tcp");
    fs::write(folder.path("scale.mid"), song::scale()).unwrap();
    let fmtp = Parameters::of(&config);
    let server = pipeline::parse(&format!(
        "filesrc location={} ! smfparse ! rtpmidipay name=pay fmtp=\"{fmtp}\" ! rtpstreampay \
         ! tcpserversink name=sink host=127.0.0.1 port=0 sync-method=burst",
        folder.path("scale.mid").display()
    ));
    server.set_state(gst::State::Paused).unwrap();
    let sink = server.by_name("sink").unwrap();
    let port: i32 = sink.property("current-port");
    let client = pipeline::parse(&format!(
        "tcpclientsrc host=127.0.0.1 port={port} \
         ! application/x-rtp-stream,media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96 \
         ! rtpstreamdepay ! rtpmididepay name=depay fmtp=\"{fmtp}\" ! fakesink"
    ));
    let depay = client.by_name("depay").unwrap();
    let tap = Tap::new(&depay);
    client.set_state(gst::State::Playing).unwrap();
    kit::launch::wait_until("the client is there", || sink.property::<u32>("num-handles") == 1);
    server.set_state(gst::State::Playing).unwrap();
    assert_eq!(tap.take(smf::messages(&song::scale()).len()), smf::messages(&song::scale()));
    let stats: gst::Structure = server.by_name("pay").unwrap().property("stats");
    assert_eq!(stats.get::<u64>("journal-octets"), Ok(0));
    assert_eq!(depay.property::<Option<String>>("fmtp").as_deref(), Some("j_sec=none; guardtime=44100"));
    client.set_state(gst::State::Null).unwrap();
    server.set_state(gst::State::Null).unwrap();
}
