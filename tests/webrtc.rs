//! What `webrtcbin` offers and answers with our caps is read as the stream that they describe.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gst::glib;
use gst::glib::translate::{FromGlibPtrNone, ToGlibPtr};
use gst::prelude::*;
use gst_sdp::SDPMessage;
use kit::pipeline;
use rtp_midi::Format;
use rtp_midi_sdp::{Parameters, Session, Stream};

const LINE: &str =
    "cm_unused=NW; cm_used=4N0-59; j_update=anchor; ch_never=EW; ch_default=C192; rtp_ptime=0; guardtime=44100";

/// One end of a connection that is only talked about.
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
