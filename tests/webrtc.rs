//! `webrtcbin`: what it offers and answers with our caps is read as the stream that they describe, and is heard.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gst::glib;
use gst::glib::translate::{FromGlibPtrNone, ToGlibPtr};
use gst::prelude::*;
use gst_sdp::SDPMessage;
use kit::pipeline::{self, Folder, Tap};
use kit::{launch, smf, song};
use rtp_midi::Format;
use rtp_midi_sdp::{Parameters, Session, Stream};

const LINE: &str =
    "cm_unused=NW; cm_used=4N0-59; j_update=anchor; ch_never=EW; ch_default=C192; rtp_ptime=0; guardtime=44100";

/// One end of a connection.
struct End {
    pipeline: gst::Pipeline,
    bin: gst::Element,
}

impl End {
    /// `None` where there is no webrtcbin; says so.
    fn new() -> Option<Self> {
        pipeline::init();
        for (element, package) in [("webrtcbin", "gstreamer1.0-plugins-bad"), ("nicesrc", "gstreamer1.0-nice")] {
            if gst::ElementFactory::find(element).is_none() {
                println!("skipped: no {element}; its package is {package}");
                return None;
            }
        }
        let pipeline = gst::Pipeline::new();
        let bin = gst::ElementFactory::make("webrtcbin").build().unwrap();
        pipeline.add(&bin).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        Some(Self { pipeline, bin })
    }

    /// Tells the other end under which addresses this one can be reached.
    fn tell_candidates(&self, other: &Self) {
        let other = other.bin.clone();
        self.bin.connect("on-ice-candidate", false, move |arguments| {
            other.emit_by_name_with_values("add-ice-candidate", &arguments[1..]);
            None
        });
    }

    /// Will send or receive this.
    fn add(&self, direction: &str, caps: &gst::Caps) {
        let kind = glib::Type::from_name("GstWebRTCRTPTransceiverDirection").unwrap();
        let direction = glib::EnumClass::with_type(kind).unwrap().to_value_by_nick(direction).unwrap();
        let transceiver = self.bin.emit_by_name_with_values("add-transceiver", &[direction, caps.to_value()]);
        assert!(transceiver.unwrap().get::<glib::Object>().is_ok());
    }

    /// The description that `create-offer` or `create-answer` gives.
    fn create(&self, what: &str) -> glib::SendValue {
        let (promise, reply) = promise();
        self.bin.emit_by_name::<()>(&format!("create-{what}"), &[&None::<gst::Structure>, &promise]);
        let reply = reply.recv_timeout(Duration::from_secs(10)).unwrap().unwrap();
        reply.value(what).unwrap_or_else(|_| panic!("{reply}")).clone()
    }

    fn set(&self, whose: &str, description: &glib::Value) {
        let (promise, reply) = promise();
        self.bin
            .emit_by_name_with_values(&format!("set-{whose}-description"), &[description.clone(), promise.to_value()]);
        let reply = reply.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(reply.as_ref().is_none_or(|reply| !reply.has_field("error")), "{reply:?}");
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

fn promise() -> (gst::Promise, Receiver<Option<gst::Structure>>) {
    let (send, reply) = channel();
    let promise = gst::Promise::with_change_func(move |reply| {
        let reply = reply.unwrap().map(gst::StructureRef::to_owned);
        send.send(reply).unwrap();
    });
    (promise, reply)
}

/// The text of a description.
fn text(description: &glib::Value) -> String {
    /// `GstWebRTCSessionDescription`, whose binding needs a library that nothing else here does.
    #[repr(C)]
    struct Description {
        kind: std::ffi::c_int,
        sdp: *const gst_sdp::ffi::GstSDPMessage,
    }
    assert_eq!(description.type_().name(), "GstWebRTCSessionDescription");
    // SAFETY: the value holds this type, which is public in C and has these two fields first; the message is copied
    // while the value lives.
    let message = unsafe {
        let boxed: *const Description = glib::gobject_ffi::g_value_get_boxed(description.to_glib_none().0).cast();
        SDPMessage::from_glib_none((*boxed).sdp)
    };
    message.as_text().unwrap()
}

fn stream(text: &str) -> Stream {
    Session::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{why}: {text}")).first_stream().unwrap().1.clone()
}

#[test]
fn what_is_offered_and_answered_is_the_stream_of_our_caps() {
    for (encoding, format) in [("RTP-MIDI", Format::Native), ("MPEG4-GENERIC", Format::Mpeg4Generic)] {
        let (Some(sender), Some(receiver)) = (End::new(), End::new()) else { return };
        let demands = format!("application/x-rtp,encoding-name={encoding},payload=98");
        let mut caps = pipeline::negotiated(&format!("fmtp=\"{LINE}\""), &demands);
        // The numbers of one payloader are none of the other end's.
        caps.make_mut().structure_mut(0).unwrap().remove_fields(["ssrc", "seqnum-offset", "timestamp-offset"]);
        let expected = Parameters::parse(LINE).config(44_100, format).unwrap();
        sender.add("sendonly", &caps);
        let offer = sender.create("offer");
        sender.set("local", &offer);
        receiver.add("recvonly", &caps);
        receiver.set("remote", &offer);
        let answer = receiver.create("answer");
        for text in [text(&offer), text(&answer)] {
            let stream = stream(&text);
            assert_eq!((stream.payload_type, stream.clock_rate, stream.format), (98, 44_100, format), "{text}");
            assert_eq!(stream.parameters.config(44_100, format).as_ref(), Ok(&expected), "{text}");
        }
    }
}

#[test]
fn a_stream_between_two_of_them_is_heard_to_the_last_message() {
    let (Some(sender), Some(receiver)) = (End::new(), End::new()) else { return };
    if !has_network() {
        println!("skipped: no address but those of the loopback interface, which ICE leaves out");
        return;
    }
    let folder = Folder::new("webrtc");
    std::fs::write(folder.path("scale.mid"), song::scale()).unwrap();
    let song = gst::parse::bin_from_description(
        &format!(
            "filesrc location={} ! smfparse ! rtpmidipay name=pay pt=98 fmtp=\"{WHOLE}\" ! clocksync",
            folder.path("scale.mid").display()
        ),
        true,
    )
    .unwrap();
    sender.pipeline.add(&song).unwrap();
    song.link(&sender.bin).unwrap();
    let listener = gst::parse::bin_from_description("rtpmididepay name=depay ! fakesink", true).unwrap();
    receiver.pipeline.add(&listener).unwrap();
    let depay = listener.by_name("depay").unwrap();
    let tap = Tap::new(&depay);
    let sink = listener.static_pad("sink").unwrap();
    receiver.bin.connect_pad_added(move |_, pad| assert!(pad.link(&sink).is_ok()));
    sender.tell_candidates(&receiver);
    receiver.tell_candidates(&sender);

    song.sync_state_with_parent().unwrap();
    listener.sync_state_with_parent().unwrap();
    let source = song.static_pad("src").unwrap();
    launch::wait_until("the caps are known", || source.has_current_caps());
    let offer = sender.create("offer");
    sender.set("local", &offer);
    receiver.set("remote", &offer);
    let answer = receiver.create("answer");
    receiver.set("local", &answer);
    sender.set("remote", &answer);

    let scale = smf::messages(&song::scale());
    assert_eq!(tap.take(scale.len()), scale);
    assert_eq!(depay.property::<Option<String>>("fmtp").as_deref(), Some(WHOLE));
}

/// A stream that leaves out nothing of the scale.
const WHOLE: &str = "cm_unused=X; j_update=anchor; ch_never=E; guardtime=44100";

/// Whether there is a way out of this machine, if only to look at: nothing is sent.
fn has_network() -> bool {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").is_ok_and(|()| socket.local_addr().is_ok_and(|address| !address.ip().is_loopback()))
}
