//! Descriptions as GStreamer makes them of our caps (`gst_sdp_media_set_media_from_caps`: gst-rtsp-server, webrtcbin) and
//! reads them into caps (`gst_sdp_media_get_caps_from_media`: rtspsrc, sdpdemux): what they say, and what gets lost.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use gst::prelude::*;
use gst_sdp::{SDPMedia, SDPMessage};
use kit::{description, pipeline};
use rtp_midi::{Config, Format};
use rtp_midi_sdp::{Parameters, Session, Stream};

/// The parameters of streams that caps can say.
const LINES: [&str; 9] = [
    "",
    "j_sec=none",
    "j_update=open-loop; ch_anchor=ACDMPQTWX; guardtime=44100",
    "cm_unused=NW; cm_used=4.11-13N0-59; j_update=anchor; ch_never=EW; ch_default=C135; ch_anchor=P",
    "cm_unused=__7E_00-7F_09_01.02.03__",
    "tsmode=buffer; linerate=320000; octpos=last; mperiod=44; rtp_ptime=0; rtp_maxptime=0",
    "musicport=12; multimode=all; render=synthetic; rinit=audio/asc; inline=\"egoAAAAaTVRoZAA=\"; chanmask=1",
    "render=unknown; url=\"http://example.net/a?b=c\"; cid=\"xjflsoeiurvpa09itnvlduihgnvet98pa3w9utnuighbuk\"",
    "cm_unused=C; cm_used=C7; cm_used=C64; ch_never=N; ch_never=M",
];

/// What GStreamer writes for a stream of these caps.
fn describe(caps: &gst::CapsRef) -> String {
    let mut media = SDPMedia::new();
    media.set_media_from_caps(caps).unwrap();
    media.set_proto("RTP/AVP");
    media.set_port_info(5004, 1);
    // A whole message would take the media's memory, and the binding frees it once more.
    format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=GStreamer\r\nt=0 0\r\n{}", media.as_text().unwrap())
}

fn stream(text: &str) -> Stream {
    Session::parse(text.as_bytes()).unwrap().first_stream().unwrap().1.clone()
}

/// What a line says of a stream, in the words of one who has no repetitions.
fn config(line: &str, clock_rate: u32, format: Format) -> Config {
    Parameters::parse(line).unrepeated().config(clock_rate, format).unwrap()
}

fn properties(line: &str) -> String {
    format!("fmtp=\"{}\"", line.replace('"', "\\\""))
}

#[test]
fn what_gstreamer_writes_from_our_caps_is_read_as_the_same_stream() {
    pipeline::init();
    for line in LINES {
        for (encoding, format) in [("RTP-MIDI", Format::Native), ("MPEG4-GENERIC", Format::Mpeg4Generic)] {
            let demands = format!("application/x-rtp,encoding-name={encoding},clock-rate=48000,payload=101");
            let text = describe(&pipeline::negotiated(&properties(line), &demands));
            let read = stream(&text);
            assert_eq!((read.payload_type, read.clock_rate, read.format), (101, 48_000, format), "{text}");
            assert_eq!(read.parameters.config(48_000, format), Ok(config(line, 48_000, format)), "{text}");
            for parameter in &Parameters::parse(line).unrepeated() {
                assert_eq!(read.parameters.last(&parameter.name), Some(&parameter.value[..]), "{text}");
            }
        }
    }
}

#[test]
fn what_we_write_comes_back_from_the_caps_that_gstreamer_reads() {
    pipeline::init();
    for line in LINES {
        let stream = Stream::native(97, 44_100, Parameters::parse(line).unrepeated());
        let caps = caps_of(&print(&stream));
        let depay = gst::ElementFactory::make("rtpmididepay").build().unwrap();
        let known = with_caps(&depay, &caps).unwrap_or_default();
        let written = stream.parameters.to_string();
        assert_eq!(config(&known, 44_100, Format::Native), config(&written, 44_100, Format::Native), "{caps}");
    }
}

/// Our description of a stream.
fn print(stream: &Stream) -> String {
    description::print(stream, description::localhost(5004))
}

/// The caps that GStreamer makes of the stream in a description.
fn caps_of(text: &str) -> gst::Caps {
    let message = SDPMessage::parse_buffer(text.as_bytes()).unwrap();
    let media = message.medias().next().unwrap();
    let mut caps = media.caps_from_media(stream(text).payload_type.into()).unwrap();
    // It leaves the media type to the protocol.
    caps.make_mut().structure_mut(0).unwrap().set_name("application/x-rtp");
    caps
}

/// `fmtp` of a depayloader that gets these caps.
fn with_caps(depay: &gst::Element, caps: &gst::Caps) -> Option<String> {
    depay.set_state(gst::State::Paused).unwrap();
    let pad = depay.static_pad("sink").unwrap();
    assert!(pad.send_event(gst::event::StreamStart::new("test")));
    assert!(pad.send_event(gst::event::Caps::new(caps)), "{caps}");
    let line = depay.property("fmtp");
    depay.set_state(gst::State::Null).unwrap();
    line
}

#[test]
fn repetitions_that_no_one_value_can_say_get_lost_unless_they_travel_as_an_attribute() {
    pipeline::init();
    let line = "cm_unused=C; cm_used=0C7; cm_used=1C64; j_update=anchor";
    let lost = stream(&describe(&pipeline::negotiated(&properties(line), "application/x-rtp")));
    assert_eq!(lost.parameters.to_string(), "j_update=anchor");
    // Fields whose name begins with a- are attributes of the media line.
    let setter = format!("capssetter caps=application/x-rtp,a-fmtp=(string)\"96\\ {}\"", line.replace(' ', "\\ "));
    let whole = stream(&describe(&pipeline::negotiated(&properties(line), &setter)));
    let config = |parameters: &Parameters| parameters.config(44_100, Format::Native).unwrap();
    assert_eq!(config(&whole.parameters), config(&Parameters::parse(line)));
    // Who reads it with GStreamer gets the last of the repetitions, and needs the line in its property.
    let caps = caps_of(&print(&whole));
    assert_eq!(caps.structure(0).unwrap().get::<&str>("cm_used"), Ok("1C64"));
    let depay = gst::ElementFactory::make("rtpmididepay").property("fmtp", line).build().unwrap();
    assert_eq!(with_caps(&depay, &caps).as_deref(), Some(line));
}

#[test]
fn fields_that_are_no_strings_get_lost_and_encoding_names_are_capital() {
    pipeline::init();
    let setter = "capssetter caps=application/x-rtp,guardtime=(int)4410,rtp_ptime=(string)0";
    let text = describe(&pipeline::negotiated("", setter));
    assert!(text.contains("RTP-MIDI/44100"), "{text}");
    assert_eq!(stream(&text).parameters.to_string(), "rtp_ptime=0");
    assert_eq!(stream(&text).format, Format::Native);
    let small = print(&Stream::native(96, 44_100, Parameters::parse("j_update=anchor")));
    let caps = caps_of(&small.replace("j_update=anchor", "J_Update=Anchor"));
    let caps = caps.structure(0).unwrap();
    assert_eq!((caps.get("encoding-name"), caps.get("j_update")), (Ok("RTP-MIDI"), Ok("Anchor")));
}

#[test]
fn a_semicolon_in_quotes_is_the_end_of_a_value_where_gstreamer_reads() {
    pipeline::init();
    let line = "render=unknown; url=\"http://example.net/a;b\"; cid=\"x\"";
    let text = describe(&pipeline::negotiated(&properties(line), "application/x-rtp"));
    assert_eq!(stream(&text).parameters.last("url"), Some("\"http://example.net/a;b\""));
    let caps = caps_of(&print(&Stream::native(96, 44_100, Parameters::parse(line))));
    assert_eq!(caps.structure(0).unwrap().get::<&str>("url"), Ok("\"http://example.net/a"));
}
