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
    let fmtp = stream.parameters.to_string();
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
         ! rtpstreamdepay ! rtpmididepay name=depay fmtp=\"{}\" ! fakesink",
        Parameters::of(&config)
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

#[test]
fn the_default_journal_is_that_of_what_carries_the_packets() {
    let tcp = "rtpstreampay ! tcpserversink host=127.0.0.1 port=0";
    let both = format!("tee name=tee tee. ! queue ! {tcp} tee. ! queue ! udpsink host=127.0.0.1 port=9");
    for (properties, downstream, line) in [
        ("", tcp, Some("j_sec=none")),
        ("fmtp=\"guardtime=5\"", tcp, Some("j_sec=none; guardtime=5")),
        ("journal=anchor", tcp, Some("j_update=anchor")),
        ("fmtp=\"j_sec=recj\"", tcp, Some("j_sec=recj")),
        ("", &both, None),
        ("", "rtpstreampay ! filesink location=/dev/null", None),
        ("", "udpsink host=127.0.0.1 port=9", None),
    ] {
        let folder = Folder::new("default");
        let song = folder.path("scale.mid");
        fs::write(&song, song::scale()).unwrap();
        let sender = pipeline::parse(&format!(
            "filesrc location={} ! smfparse ! rtpmidipay name=pay {properties} ! {downstream}",
            song.display()
        ));
        sender.set_state(gst::State::Paused).unwrap();
        let pay = sender.by_name("pay").unwrap();
        let pad = pay.static_pad("src").unwrap();
        kit::launch::wait_until("caps are agreed on", || pad.has_current_caps());
        assert_eq!(pay.property::<Option<String>>("fmtp").as_deref(), line, "{properties} ! {downstream}");
        sender.set_state(gst::State::Null).unwrap();
    }
}
