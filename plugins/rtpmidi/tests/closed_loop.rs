//! The closed loop in plain pipelines: reports of receivers move the checkpoint, without a line of application code
//! (RFC 6295, C.2.2.2).

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod rtp;
mod session;

use std::time::{Duration, Instant};

use gst::prelude::*;
use rtp::start;
use session::{Conductor, PLAY_BACK, Receiver, push};

/// What lasts: a program, a volume, a wheel.
const SETTINGS: [&[u8]; 3] = [&[0xC5, 19], &[0xB5, 7, 99], &[0xE5, 0, 0x50]];

/// Packets between the checkpoint and now, at most, when all receivers report twenty times a partner.
const CLOSE: u64 = 100;

/// A sender that has set what lasts.
fn conductor() -> Conductor {
    let sender = Conductor::start();
    for message in SETTINGS {
        push(&sender.pipeline, message);
    }
    sender
}

/// A sender that has set what lasts and played a while, and its first receiver, whose reports have moved the checkpoint.
fn performance() -> (Conductor, Receiver) {
    let mut sender = conductor();
    sender.play_until("packets", |sender| sender.stat("packets") > 300);
    assert_eq!((sender.reporters(), sender.distance() >= 300), (0, true), "nobody reports, so nothing is trimmed");
    let first = Receiver::start("");
    sender.admit(&first);
    sender.play_until("a report trims the journal", |sender| sender.reporters() == 1 && sender.distance() < CLOSE);
    (sender, first)
}

/// Another receiver. It plays back: of a session that only listens GStreamer does not measure how often it reports, and
/// takes it for gone after 25 seconds; so it is after five.
fn partner(sender: &mut Conductor) -> Receiver {
    let partner = Receiver::start(PLAY_BACK);
    push(&partner.pipeline, &[0x90, 60, 100]);
    sender.admit(&partner);
    sender.play_until("two receivers report", |sender| {
        sender.reporters() == 2 && sender.distance() < CLOSE && partner.reported() > 5
    });
    partner
}

#[test]
fn the_journal_grows_until_reports_trim_it() {
    let _watch = start();
    let mut sender = conductor();
    sender.play_until("packets", |sender| sender.stat("packets") > 150);
    let grown = (sender.distance(), sender.journal());
    sender.play_until("packets", |sender| sender.stat("packets") > 300);
    assert!(sender.distance() > grown.0 && sender.journal() > grown.1, "nobody reports, and the journal stands still");

    let (distance, journal) = (sender.distance(), sender.journal());
    let receiver = Receiver::start("");
    sender.admit(&receiver);
    sender.play_until("a report trims the journal", |sender| {
        sender.reporters() == 1 && sender.distance() < CLOSE && sender.journal() < journal / 2
    });
    assert!(distance >= 300);
    assert!(SETTINGS.iter().all(|message| receiver.has_heard(message)), "what was set before it came");
}

#[test]
fn a_receiver_that_joins_behind_the_checkpoint_gets_what_lasts() {
    let _watch = start();
    let (mut sender, _first) = performance();
    let late = Receiver::start("");
    sender.admit(&late);
    sender.play_until("two receivers report, and the late one knows what lasts", |sender| {
        sender.reporters() == 2 && sender.distance() < CLOSE && SETTINGS.iter().all(|message| late.has_heard(message))
    });
}

#[test]
fn a_receiver_that_says_goodbye_holds_nothing_back() {
    let _watch = start();
    let (mut sender, _first) = performance();
    let partner = partner(&mut sender);
    // At the end of what it sends a session says BYE, and reports no more.
    let source = session::element(&partner.pipeline, "src");
    assert_eq!(source.emit_by_name::<gst::FlowReturn>("end-of-stream", &[]), gst::FlowReturn::Ok);
    let left = Instant::now();
    sender.play_until("the BYE is heard", |sender| sender.reporters() == 1 && sender.distance() < CLOSE);
    assert!(left.elapsed() < Duration::from_secs(4), "a time-out would have taken longer: {:?}", left.elapsed());
}

#[test]
fn a_receiver_that_vanishes_is_timed_out_and_the_checkpoint_moves_on() {
    let _watch = start();
    let (mut sender, _first) = performance();
    drop(partner(&mut sender));
    sender.play_until("the silent one holds the checkpoint", |sender| sender.distance() > 5 * CLOSE);
    assert_eq!(sender.reporters(), 2);
    let held = sender.journal();
    sender.play_until("the silent one is timed out", |sender| sender.reporters() == 1 && sender.distance() < CLOSE);
    sender.play_until("the journal is short again", |sender| sender.journal() < held);
}

#[test]
fn a_receiver_reports_on_when_its_sender_is_silent() {
    let _watch = start();
    let (sender, receiver) = performance();
    session::element(&receiver.pipeline, "depay").set_property("timeout", 500_000_000_u64);
    push(&sender.pipeline, &[0x93, 99, 100]);
    drop(sender);
    // Five seconds is when a session takes a silent source for gone.
    let began = Instant::now();
    let mut reports = Vec::new();
    while began.elapsed() < Duration::from_secs(8) {
        std::thread::sleep(Duration::from_secs(1));
        reports.push(receiver.reported());
    }
    assert!(reports.windows(2).all(|pair| pair[1] > pair[0]), "reports sent, second by second: {reports:?}");
    assert_eq!(receiver.sounding(), 0);
}

#[test]
fn a_receiver_that_was_timed_out_ends_what_sounds_and_reports_on() {
    let _watch = start();
    let (mut sender, _first) = performance();
    let partner = partner(&mut sender);
    push(&sender.pipeline, &[0x93, 99, 100]);
    sender.play_until("a note sounds", |_| partner.has_heard(&[0x93, 99, 100]));
    // Neither do its reports get through, nor the packets to it.
    partner.report_to(1);
    sender.tell("rtp", "remove", partner.rtp);
    sender.play_until("it is timed out", |sender| sender.reporters() == 1 && sender.distance() < CLOSE);
    assert!(!partner.has_heard(&[0x83, 99, 64]));

    sender.tell("rtp", "add", partner.rtp);
    let reported = partner.reported();
    sender.play_until("the checkpoint behind the loss ends the note", |_| partner.has_heard(&[0x83, 99, 64]));
    assert_eq!(session::stat(&sender.pipeline, "pay", "sounding"), 1, "at the sender the note goes on");
    sender.play_until("it reports on", |_| partner.reported() > reported);
    partner.report_to(sender.reports());
    sender.play_until("it is a receiver again", |sender| sender.reporters() == 2 && sender.distance() < CLOSE);
}

#[test]
fn streams_that_share_a_session_hear_of_their_own_packets() {
    let _watch = start();
    let source = |name: &str, more: &str| {
        format!(
            "appsrc name={name} is-live=true do-timestamp=true format=time caps=audio/x-midi-event
             ! rtpmidipay name={name}-pay {more} ! funnel. "
        )
    };
    let (first, second) = (source("first", "pt=96"), source("second", "pt=97"));
    let sender = session::launch(&format!(
        "rtpfunnel name=funnel ! bin.send_rtp_sink_0 {first} {second} rtpbin name=bin
         bin.send_rtp_src_0 ! udpsink name=rtp host=127.0.0.1 port=1 sync=false async=false
         bin.send_rtcp_src_0 ! udpsink name=rtcp host=127.0.0.1 port=1 sync=false async=false
         udpsrc name=reports address=127.0.0.1 port=0 ! bin.recv_rtcp_sink_0"
    ));
    let receiver = Receiver::start("");
    session::element(&sender, "rtp").set_property("port", receiver.rtp);
    session::element(&sender, "rtcp").set_property("port", receiver.rtcp);
    receiver.report_to(session::listen(&sender, &["reports"])[0]);
    let began = Instant::now();
    let trimmed = |name: &str| {
        let stat = |field| session::stat(&sender, name, field);
        stat("packets") > 300 && stat("reporters") == 1 && stat("checkpoint-distance") < CLOSE
    };
    while !(trimmed("first-pay") && trimmed("second-pay")) {
        assert!(began.elapsed() < Duration::from_secs(20), "one of them is never trimmed");
        for name in ["first", "second"] {
            let buffer = gst::Buffer::from_slice([0xC0, 1]);
            let source = session::element(&sender, name);
            assert_eq!(source.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]), gst::FlowReturn::Ok);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    sender.set_state(gst::State::Null).unwrap();
}
