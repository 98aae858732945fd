//! AppleMIDI sessions with PipeWire 1.4, which knows nobody that it has not found announced (docs/interop.md).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod peer;

use std::io::Write;
use std::process::ChildStdin;
use std::time::{Duration, Instant};

use kit::{Objects, PATIENCE, Program};
use peer::{CHORD, Peer, hex, sysex, we_hear};
use serde_json::Value;

/// What its session is called.
const BELLOWS: &str = "Bellows";

/// One of ours on the machine next to PipeWire's.
struct Ours {
    program: Program,
    stdin: ChildStdin,
    lines: Objects,
}

impl Ours {
    fn start(peer: &Peer, arguments: &[&str]) -> Self {
        let fixed = ["--name", "Studio", "--interface", "here", "--json", "--print", "--stdin", "hex"];
        let (mut program, stdin) = Program::start_in_the_network_of(peer.id(), &[arguments, &fixed].concat());
        let lines = Objects::of(&mut program);
        Self { program, stdin, lines }
    }

    /// Plays octets in a packet of their own.
    fn play(&mut self, octets: &[u8]) {
        writeln!(self.stdin, "{}", hex(octets)).unwrap();
    }

    #[track_caller]
    fn sees(&self, change: &str) {
        let is_it = |object: &Value| object["name"] == BELLOWS && object["change"] == change;
        self.lines.wait_for(&format!("{BELLOWS} never {change}"), PATIENCE, is_it);
    }

    /// Leaves by the end of stdin.
    fn leave(self) {
        drop(self.stdin);
        let ended = self.program.finish();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

/// Whether we have heard this.
fn is_event(octets: &[u8]) -> impl Fn(&Value) -> bool {
    let digits = hex(octets);
    move |object| object["octets"].as_str().is_some_and(|octets| octets.replace(' ', "") == digits)
}

/// Waits until PipeWire's player is heard and hears us. Once it is linked with the session that takes some cycles of the
/// graph.
fn await_link(peer: &mut Peer, ours: &mut Ours) {
    const PROBE: [u8; 3] = [0xB0, 119, 0];
    const LAST: [u8; 3] = [0xB0, 119, 1];
    let (started, mut it_hears, mut we_hear) = (Instant::now(), false, false);
    while !(it_hears && we_hear) {
        assert!(started.elapsed() < PATIENCE, "it hears: {it_hears}; we hear: {we_hear}");
        peer.play(&[&PROBE]);
        ours.play(&PROBE);
        std::thread::sleep(Duration::from_millis(50));
        it_hears |= peer.has_heard(&PROBE);
        we_hear |= ours.lines.has(is_event(&PROBE));
    }
    peer.play(&[&LAST]);
    let mut heard = false;
    while !heard {
        assert!(started.elapsed() < PATIENCE, "it does not hear the end");
        ours.play(&LAST);
        std::thread::sleep(Duration::from_millis(500));
        heard = peer.has_heard(&LAST);
    }
    ours.lines.wait_for("the last probe is not heard", PATIENCE, is_event(&LAST));
}

/// What it plays, and we hear: everything but long System Exclusives, in which it puts a 0 behind each sixth octet, and of
/// which the second packet begins without a status.
fn it_plays(peer: &mut Peer, ours: &Ours) {
    peer.play(&CHORD);
    we_hear(&ours.lines, BELLOWS, &CHORD);
    peer.play(&[&[0x80, 60, 64], &[0x80, 64, 64], &[0xF8], &[0xFE], &[0xC3, 5], &[0xE3, 1, 64]]);
    we_hear(&ours.lines, BELLOWS, &[&[0x80, 60, 64], &[0x80, 64, 64], &[0xF8], &[0xFE], &[0xC3, 5], &[0xE3, 1, 64]]);
    let identity = [0xF0, 0x7E, 0x7F, 6, 1, 0xF7];
    peer.play(&[&identity]);
    peer.play(&[&sysex(8)]);
    we_hear(&ours.lines, BELLOWS, &[&identity, &[0xF0, 0, 1, 2, 3, 4, 5, 0, 6, 7, 0xF7]]);
    // It gets lost, of which no journal tells: the note that sounds is let go.
    peer.play(&[&sysex(2000)]);
    peer.play(&[&[0xB0, 7, 80]]);
    we_hear(&ours.lines, BELLOWS, &[&[0x80, 67, 64], &[0xB0, 7, 80]]);
}

/// We play a packet, of which it hears these messages. It may drop one that waits to be heard when it takes its own clock
/// for wrong, which happens on busy machines: then we play it again.
fn it_hears(peer: &Peer, ours: &mut Ours, packet: &[u8], messages: &[&[u8]]) {
    for _ in 0..10 {
        ours.play(packet);
        let (first, others) = messages.split_first().unwrap();
        if peer.hears_soon(first) {
            return peer.hears_all(others);
        }
    }
    panic!("it never hears {messages:02X?}");
}

/// What we play, and it hears: no message of the system, and nothing that stands behind one in its packet. The journal it
/// steps over.
fn it_hears_what_it_can(peer: &mut Peer, ours: &mut Ours) {
    it_hears(peer, ours, &CHORD.concat(), &CHORD);
    it_hears(peer, ours, &[0x80, 60, 64, 64, 64], &[&[0x80, 60, 64], &[0x80, 64, 64]]);
    let (program, bend, key, channel) = ([0xC3, 5], [0xE3, 1, 64], [0xA3, 60, 2], [0xD3, 1]);
    let all: [&[u8]; 4] = [&program, &bend, &key, &channel];
    it_hears(peer, ours, &all.concat(), &all);
    it_hears(peer, ours, &[0xB0, 7, 80, 0xF8, 0xB0, 7, 81], &[&[0xB0, 7, 80]]);
    ours.play(&[0xFE]);
    it_hears(peer, ours, &[0xB0, 7, 82], &[&[0xB0, 7, 82]]);
    // Of a System Exclusive it hands on other octets, or none, and what comes then is heard again.
    ours.play(&sysex(2000));
    await_link(peer, ours);
}

#[test]
fn pipewire_joins_us_and_leaves() {
    let Some(mut peer) = Peer::pipewire(BELLOWS) else { return };
    peer.order("link");
    let mut ours = Ours::start(&peer, &["host"]);
    ours.sees("takes part");
    peer.opens();
    await_link(&mut peer, &mut ours);
    it_plays(&mut peer, &ours);
    it_hears_what_it_can(&mut peer, &mut ours);
    peer.play(&[&[0x90, 60, 100]]);
    we_hear(&ours.lines, BELLOWS, &[&[0x90, 60, 100]]);
    peer.order("unlink");
    we_hear(&ours.lines, BELLOWS, &[&[0x80, 60, 64]]);
    ours.sees("has left");
    ours.leave();
}

#[test]
fn we_join_pipewire_by_its_name_and_leave() {
    let Some(mut peer) = Peer::pipewire(BELLOWS) else { return };
    let mut ours = Ours::start(&peer, &["join", BELLOWS]);
    // It invites nobody as long as it is not linked with anything.
    ours.sees("takes part");
    peer.order("link");
    peer.opens();
    await_link(&mut peer, &mut ours);
    it_plays(&mut peer, &ours);
    it_hears_what_it_can(&mut peer, &mut ours);
    ours.leave();
    peer.hears(&[0x80, 67, 64]);
}

#[test]
fn running_status_is_what_pipewire_cannot_read() {
    let Some(mut peer) = Peer::pipewire(BELLOWS) else { return };
    let mut ours = Ours::start(&peer, &["join", BELLOWS, "--running-status"]);
    ours.sees("takes part");
    peer.order("link");
    peer.opens();
    await_link(&mut peer, &mut ours);
    it_hears(&peer, &mut ours, &CHORD.concat(), &CHORD[..1]);
    it_hears(&peer, &mut ours, &[0xB0, 7, 80], &[&[0xB0, 7, 80]]);
    ours.leave();
}
