//! What breaks a stream for good, in plain pipelines over UDP: a loss beyond the journal's reach, another SSRC, a sender
//! that begins anew, silence. Each ends what sounds, and shows in the statistics and in a message.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod rtp;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gstrtpmidi::depay::{END, LOSS};
use rtp::{ms, start};
use session::{element, listen, push, stat};

/// A listener who expects a stream with these parameters, and a player whose first note has come.
fn a_note_sounds(parameters: &str, properties: &str) -> (Listener, Player) {
    let listener = Listener::start(parameters);
    let player = Player::start(properties, listener.1);
    player.push(NOTE_ON);
    listener.wait("sounding", |notes| notes == 1);
    (listener, player)
}

/// A listener on a port of its own.
struct Listener(gst::Pipeline, i32);

impl Listener {
    fn start(parameters: &str) -> Self {
        let pipeline = gst::parse::launch(&format!(
            "udpsrc name=rtp address=127.0.0.1 port=0
                caps=\"application/x-rtp,media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96{parameters}\"
             ! rtpjitterbuffer latency=20 ! rtpmididepay name=depay ! fakesink sync=false async=false"
        ));
        let pipeline: gst::Pipeline = pipeline.unwrap().downcast().unwrap();
        let port = listen(&pipeline, &["rtp"])[0];
        Self(pipeline, port)
    }

    fn stat(&self, field: &str) -> u64 {
        stat(&self.0, "depay", field)
    }

    /// Waits for a number in the statistics to be as it should.
    fn wait(&self, field: &str, is_so: impl Fn(u64) -> bool) {
        let began = Instant::now();
        while !is_so(self.stat(field)) {
            assert!(began.elapsed() < Duration::from_secs(20), "{field} is {} for ever", self.stat(field));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The next message of this name.
    fn message(&self, name: &str) -> gst::Structure {
        let bus = self.0.bus().unwrap();
        loop {
            let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(20), &[gst::MessageType::Element]);
            let message = message.unwrap_or_else(|| panic!("no {name}"));
            if let Some(structure) = message.structure().filter(|structure| structure.name() == name) {
                return structure.to_owned();
            }
        }
    }

    /// The reason that the next message about an end gives, and its source.
    fn end(&self) -> (String, u32) {
        let end = self.message(END);
        (end.get("reason").unwrap(), end.get("ssrc").unwrap())
    }
}

/// A player, and the network that carries what it sends.
struct Player(gst::Pipeline, Arc<Network>);

#[derive(Default)]
struct Network {
    is_cut: AtomicBool,
    lost: AtomicU64,
}

impl Player {
    fn start(properties: &str, port: i32) -> Self {
        let pipeline = gst::parse::launch(&format!(
            "appsrc name=src is-live=true do-timestamp=true format=time caps=audio/x-midi-event
             ! rtpmidipay name=pay {properties} ! udpsink host=127.0.0.1 port={port} sync=false async=false"
        ));
        let pipeline: gst::Pipeline = pipeline.unwrap().downcast().unwrap();
        let network = Arc::new(Network::default());
        let carrier = network.clone();
        let pad = element(&pipeline, "pay").static_pad("src").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            if !carrier.is_cut.load(Ordering::SeqCst) {
                return gst::PadProbeReturn::Ok;
            }
            carrier.lost.fetch_add(1, Ordering::SeqCst);
            gst::PadProbeReturn::Drop
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Self(pipeline, network)
    }

    fn push(&self, octets: &[u8]) {
        push(&self.0, octets);
    }

    /// Loses at least `packets`, which `play` brings about.
    fn lose(&self, packets: u64, play: impl FnOnce(&Self)) {
        self.1.is_cut.store(true, Ordering::SeqCst);
        play(self);
        let began = Instant::now();
        while self.1.lost.load(Ordering::SeqCst) < packets {
            assert!(began.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(1));
        }
        self.1.is_cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

const NOTE_ON: &[u8] = &[0x90, 60, 100];

#[test]
fn a_loss_beyond_the_reach_of_an_open_loop_ends_what_sounds() {
    let _watch = start();
    let (listener, player) = a_note_sounds(",j_update=(string)open-loop", "journal=open-loop");
    player.lose(1101, |player| {
        player.push(&[0x80, 60, 64]);
        for value in 0..1100_u32 {
            player.push(&[0xB0, 1, (value % 128) as u8]);
        }
    });
    for value in 0..6 {
        player.push(&[0xB0, 2, value]);
    }
    let loss = listener.message(LOSS);
    assert!(loss.get::<u64>("lost").unwrap() > 1024, "{loss}");
    assert_eq!(loss.get::<u64>("uncovered"), Ok(1));
    assert_eq!((listener.stat("sounding"), listener.stat("uncovered")), (0, 1));
    assert!(listener.stat("silenced") > 0);
}

#[test]
fn a_loss_within_reach_is_covered() {
    let _watch = start();
    let (listener, player) = a_note_sounds("", "");
    player.lose(1, |player| player.push(&[0x80, 60, 64]));
    player.push(&[0xC0, 5]);
    let loss = listener.message(LOSS);
    assert_eq!((loss.get::<u64>("lost"), loss.get::<u64>("uncovered")), (Ok(1), Ok(0)));
    assert_eq!((listener.stat("sounding"), listener.stat("uncovered"), listener.stat("silenced")), (0, 0, 0));
}

#[test]
fn another_ssrc_ends_what_the_first_left_sounding() {
    let _watch = start();
    let (listener, player) = a_note_sounds("", "ssrc=4711");
    let collision = gst::Structure::builder("GstRTPCollision").field("ssrc", 4711_u32).build();
    let pad = element(&player.0, "pay").static_pad("src").unwrap();
    assert!(pad.send_event(gst::event::CustomUpstream::new(collision)));
    player.push(&[0xC0, 5]);
    assert_eq!(listener.end(), ("ssrc-change".into(), 4711));
    assert_eq!(listener.stat("ssrc-changes"), 1);
    assert!(listener.stat("silenced") > 0);
}

#[test]
fn a_sender_that_begins_anew_ends_what_it_left_sounding() {
    let _watch = start();
    let (listener, player) = a_note_sounds("", "ssrc=4711 seqnum-offset=30000");
    drop(player);
    let player = Player::start("ssrc=4711 seqnum-offset=100", listener.1);
    for value in 0..20 {
        player.push(&[0xB0, 1, value]);
    }
    assert_eq!(listener.end(), ("restart".into(), 4711));
    assert_eq!((listener.stat("sounding"), listener.stat("restarts")), (0, 1));
    assert!(listener.stat("silenced") > 0);
}

#[test]
fn silence_for_three_guard_times_ends_what_sounds_and_a_sender_that_is_silent_but_there_does_not() {
    let _watch = start();
    let (listener, player) = a_note_sounds(",guardtime=(string)8820", "ssrc=4711 guardtime=200000000");
    listener.wait("packets", |packets| packets > 12);
    assert_eq!((listener.stat("sounding"), listener.stat("timeouts")), (1, 0));
    player.1.is_cut.store(true, Ordering::SeqCst);
    let began = Instant::now();
    assert_eq!(listener.end(), ("timeout".into(), 4711));
    assert!(began.elapsed() > Duration::from_millis(400), "the last packet was at most one guard time old");
    assert_eq!((listener.stat("sounding"), listener.stat("timeouts")), (0, 1));
    assert!(listener.stat("silenced") > 0);
    player.1.is_cut.store(false, Ordering::SeqCst);
    player.push(&[0x90, 62, 100]);
    // The first note stays silent, and counts: it is still down at the sender, and its NoteOff is to come.
    listener.wait("sounding", |notes| notes == 2);
}

#[test]
fn when_live_a_note_that_comes_long_after_its_time_stays_silent_and_all_else_does_not() {
    let _watch = start();
    for (live, properties, now, notes) in [
        (true, &[][..], 1500, 0),
        (true, &[], 1400, 1),
        (true, &[("late-notes", "100000000")], 1400, 0),
        (true, &[("late-notes", "4611686018427387903")], 9000, 1),
        (false, &[], 1500, 1),
    ] {
        let mut depay = rtp::depay(properties, rtp::RTP_CAPS);
        depay.set_live(live);
        depay.set_upstream_latency(ms(200));
        depay.set_time(ms(now)).unwrap();
        let mut packet = rtp::rtp_packet(1, 0, 1, &[10, 0xC0, 5, 0, 0x90, 60, 100, 0, 0x80, 61, 64]);
        packet.make_mut().set_pts(ms(750));
        depay.push(packet).unwrap();
        let heard = rtp::messages(&mut depay);
        let count = |kind: u8| heard.iter().filter(|(_, octets)| octets[0] >> 4 == kind).count();
        assert_eq!((count(0x9), count(0x8), count(0xC)), (notes, 1, 1), "live {live}, {properties:?}, at {now} ms");
        assert_eq!(rtp::stat(&depay, "late-notes"), 1 - notes as u64);
        assert_eq!(rtp::stat(&depay, "sounding"), 1, "it counts as played, lest a repair bring it back");
    }
}

#[test]
fn the_latency_of_the_whole_pipeline_makes_notes_no_later() {
    let _watch = start();
    for (latency, notes) in [(200, 0), (400, 1)] {
        let mut depay = rtp::depay(&[], rtp::RTP_CAPS);
        depay.set_upstream_latency(ms(200));
        assert!(depay.push_upstream_event(gst::event::Latency::new(ms(latency))));
        depay.set_time(ms(1500)).unwrap();
        let mut packet = rtp::rtp_packet(1, 0, 1, &[3, 0x90, 60, 100]);
        packet.make_mut().set_pts(ms(750));
        depay.push(packet).unwrap();
        assert_eq!(rtp::messages(&mut depay).len(), notes, "heard {latency} ms behind its timestamp");
    }
}

#[test]
fn only_live_is_guardtime_a_time_out() {
    let _watch = start();
    let caps = format!("{},guardtime=(string)44100", rtp::RTP_CAPS);
    for (live, timeout, wait) in [(true, "0", Some(4100)), (false, "0", None), (true, "500000000", Some(1500))] {
        let mut depay = rtp::depay(&[("timeout", timeout)], &caps);
        depay.set_live(live);
        depay.set_upstream_latency(ms(100));
        depay.set_time(ms(1000)).unwrap();
        depay.push(rtp::rtp_packet(1, 0, 1, &[3, 0x90, 60, 100])).unwrap();
        let clock = depay.testclock().unwrap();
        match wait {
            Some(time) => assert_eq!(clock.wait_for_next_pending_id().time(), ms(time)),
            None => assert_eq!(clock.peek_id_count(), 0),
        }
    }
}
