//! The payload elements with RTCP: reports trim the journal, and BYE ends what sounds, without application code.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod rtp;
mod session;

use std::time::{Duration, Instant};

use gst::prelude::*;
use rtp::start;
use session::{RECEIVE, element, launch, listen, push, stat};

/// How a payloader's packets may reach the RTP session.
const PATHS: [&str; 2] = ["", "queue ! tee ! queue !"];

#[test]
fn reports_trim_the_journal_and_bye_ends_what_sounds() {
    let _watch = start();
    for path in PATHS {
        let receiver = launch(RECEIVE);
        let ports = listen(&receiver, &["rtp", "rtcp"]);
        let sender = launch(&format!(
            "rtpbin name=bin
             appsrc name=src is-live=true do-timestamp=true format=time caps=audio/x-midi-event
             ! rtpmidipay name=pay ! {path} bin.send_rtp_sink_0
             bin.send_rtp_src_0 ! udpsink host=127.0.0.1 port={} sync=false async=false
             bin.send_rtcp_src_0 ! udpsink host=127.0.0.1 port={} sync=false async=false
             udpsrc name=rtcp address=127.0.0.1 port=0 ! bin.recv_rtcp_sink_0",
            ports[0], ports[1]
        ));
        let reports = listen(&sender, &["rtcp"]);
        element(&receiver, "report").set_property("port", reports[0]);

        let began = Instant::now();
        let mut trimmed = false;
        while !trimmed {
            let number = |name| stat(&sender, "pay", name);
            assert!(began.elapsed() < Duration::from_secs(20), "no report trimmed the journal");
            for key in 0..10 {
                push(&sender, &[0x90, key, 100]);
                push(&sender, &[0x80, key, 64]);
                std::thread::sleep(Duration::from_millis(2));
            }
            trimmed = number("reporters") == 1 && number("packets") > 100 && number("checkpoint-distance") < 60;
        }

        push(&sender, &[0x93, 99, 100]);
        let source = element(&sender, "src");
        assert_eq!(source.emit_by_name::<gst::FlowReturn>("end-of-stream", &[]), gst::FlowReturn::Ok);
        let bus = receiver.bus().unwrap();
        let mut reason = None;
        while reason.is_none() {
            let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(10), &[gst::MessageType::Element]);
            let message = message.expect("the source has said BYE");
            let structure = message.structure().unwrap();
            if structure.name() == gstrtpmidi::depay::END {
                reason = structure.get::<String>("reason").ok();
            }
        }
        assert_eq!(reason.as_deref(), Some("bye"));
        assert_eq!(stat(&receiver, "depay", "sounding"), 0);
        for pipeline in [sender, receiver] {
            pipeline.set_state(gst::State::Null).unwrap();
        }
    }
}

#[test]
fn the_payloader_lets_go_of_sessions_and_threads_when_it_stops() {
    let _watch = start();
    let pipeline = launch(
        "rtpbin name=bin
         appsrc name=src is-live=true do-timestamp=true format=time caps=audio/x-midi-event
         ! rtpmidipay name=pay min-ptime=1000000 ! bin.send_rtp_sink_0
         bin.send_rtp_src_0 ! fakesink sync=false async=false",
    );
    let weak = element(&pipeline, "pay").downgrade();
    for _ in 0..20 {
        pipeline.set_state(gst::State::Playing).unwrap();
        for key in 0..5 {
            let buffer = gst::Buffer::from_slice([0x90, key, 100]);
            let pushed = element(&pipeline, "src").emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]);
            assert_eq!(pushed, gst::FlowReturn::Ok);
        }
        std::thread::sleep(Duration::from_millis(2));
        pipeline.set_state(gst::State::Null).unwrap();
    }
    drop(pipeline);
    assert!(weak.upgrade().is_none(), "something keeps the element");
}
