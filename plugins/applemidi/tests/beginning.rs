//! The beginning of a file waits for somebody to hear it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
#[allow(dead_code, reason = "the tests of the sessions themselves use more of it")]
#[path = "../../../crates/applemidi-io/tests/kit/mod.rs"]
mod network;

use applemidi_io::Host;
use gst::prelude::*;
use kit::{INPUT, ON_LOOPBACK, PATIENCE, Player};
use network::Ear;

const SONG: [&[u8]; 4] = [&[0xC0, 5], &[0x90, 60, 100], &[0x80, 60, 64], &[0x90, 62, 100]];

/// Longer than any test waits.
const FOR_EVER: &str = "wait=600000000000";

/// A pipeline that plays the song to the peer with this control port, all of it in 3 ms, and ends.
fn player(name: &str, source: &str, port: u16, properties: &str) -> Player {
    let sink = format!("applemidisink session-name={name} {ON_LOOPBACK} peers=127.0.0.1:{port} {properties}");
    let player = Player::start(&format!("{INPUT} {source} ! {sink}"));
    let input: gst_app::AppSrc = player.element("in").downcast().unwrap();
    for (octets, at) in SONG.iter().zip(0..) {
        let mut buffer = gst::Buffer::from_mut_slice(octets.to_vec());
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(at));
        input.push_buffer(buffer).unwrap();
    }
    input.end_of_stream().unwrap();
    player
}

/// The next message on the bus of one of these types.
fn told(player: &Player, types: &[gst::MessageType]) -> gst::Message {
    let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
    player.pipeline.bus().unwrap().timed_pop_filtered(patience, types).expect("nothing is told")
}

/// A control port where nobody is.
fn lonely_port(host: &Host) -> u16 {
    Ear::open(host, "gone", 0).end.port()
}

#[test]
fn a_file_begins_when_a_peer_takes_part_and_is_heard_from_its_first_message() {
    let host = Host::start().unwrap();
    let port = lonely_port(&host);
    let player = player("file", "is-live=false", port, FOR_EVER);
    // It has been called, and nobody was there.
    let waiting = player.pipeline.state(gst::ClockTime::from_mseconds(300));
    assert_eq!((waiting.0, waiting.1), (Ok(gst::StateChangeSuccess::Async), gst::State::Ready));
    let ear = Ear::open(&host, "late", port);
    ear.wait("not all is heard", |heard| heard.messages.len() >= SONG.len());
    ear.look(|heard| assert_eq!(heard.messages[..SONG.len()], SONG));
    assert_eq!(told(&player, &[gst::MessageType::Eos, gst::MessageType::Warning]).type_(), gst::MessageType::Eos);
}

#[test]
fn a_file_that_nobody_comes_to_hear_is_played_with_a_warning() {
    let host = Host::start().unwrap();
    let player = player("alone", "is-live=false", lonely_port(&host), "wait=200000000");
    let types = [gst::MessageType::Eos, gst::MessageType::Warning];
    let warning = told(&player, &types);
    assert!(matches!(warning.view(), gst::MessageView::Warning(it) if it.error().to_string().contains("within 0.2 s")));
    assert_eq!(told(&player, &types).type_(), gst::MessageType::Eos);
}

#[test]
fn live_music_waits_for_nobody() {
    let host = Host::start().unwrap();
    let player = player("live", "", lonely_port(&host), FOR_EVER);
    assert_eq!(told(&player, &[gst::MessageType::Eos, gst::MessageType::Warning]).type_(), gst::MessageType::Eos);
}

#[test]
fn a_pipeline_that_waits_can_be_stopped() {
    let host = Host::start().unwrap();
    let player = player("stopped", "is-live=false", lonely_port(&host), FOR_EVER);
    player.pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(player.pipeline.current_state(), gst::State::Null);
}
