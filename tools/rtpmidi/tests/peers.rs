//! AppleMIDI sessions with programs by others: each as it is, within what it can do (docs/interop.md). All can read
//! running status, which they get where it is on the command line.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod peer;

use std::io::Write;
use std::process::ChildStdin;

use kit::{Objects, PATIENCE, Program, free_port};
use peer::{CHORD, Peer, hex, sysex, we_hear};

/// One of ours in a session.
struct Ours {
    program: Program,
    stdin: ChildStdin,
    lines: Objects,
}

impl Ours {
    fn start(arguments: &[&str]) -> Self {
        let fixed = ["--name", "Studio", "--no-mdns", "--json", "--print", "--stdin", "hex"];
        let (mut program, stdin) = Program::start_with_open_stdin(&[arguments, &fixed].concat());
        let lines = Objects::of(&mut program);
        lines.wait_for("the session is not open", PATIENCE, |object| object["type"] == "open");
        Self { program, stdin, lines }
    }

    /// Plays octets, which go out at once.
    fn play(&mut self, octets: &[u8]) {
        writeln!(self.stdin, "{}", hex(octets)).unwrap();
    }

    #[track_caller]
    fn sees(&self, who: &str, change: &str) {
        let is_it = |object: &serde_json::Value| object["name"] == who && object["change"] == change;
        self.lines.wait_for(&format!("{who} never {change}"), PATIENCE, is_it);
    }

    /// Leaves by the end of stdin.
    fn leave(self) {
        drop(self.stdin);
        let ended = self.program.finish();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

/// What a peer from npm plays, and we hear: it knows no journal, puts a delta time before the first command, and uses
/// running status.
fn npm_plays(peer: &mut Peer, ours: &Ours) {
    let long = sysex(2000);
    peer.play(&CHORD);
    peer.play(&[&[0x80, 60, 64], &[0x80, 64, 64], &[0xB0, 7, 80]]);
    peer.play(&[&[0xF8]]);
    peer.play(&[&[0xFE]]);
    peer.play(&[&[0xE0, 1, 64]]);
    peer.play(&[&long]);
    we_hear(&ours.lines, "npm", &CHORD);
    we_hear(&ours.lines, "npm", &[&[0x80, 60, 64], &[0x80, 64, 64], &[0xB0, 7, 80], &[0xF8], &[0xFE], &[0xE0, 1, 64]]);
    we_hear(&ours.lines, "npm", &[&long]);
}

/// What we play, and a peer from npm hears. A command of one octet that ends a packet it drops.
fn npm_hears(peer: &Peer, ours: &mut Ours) {
    ours.play(&CHORD.concat());
    ours.play(&[0x80, 60, 64, 64, 64]);
    ours.play(&[0xF8, 0xFE, 0xB0, 7, 80]);
    ours.play(&[0xC3, 5, 0xE3, 1, 64]);
    ours.play(&sysex(200));
    peer.hears_all(&CHORD);
    peer.hears_all(&[&[0x80, 60, 64], &[0x80, 64, 64], &[0xF8], &[0xFE], &[0xB0, 7, 80], &[0xC3, 5], &[0xE3, 1, 64]]);
    peer.hears(&sysex(200));
}

#[test]
fn a_peer_from_npm_joins_us_and_leaves() {
    let (host, port) = (free_port().to_string(), free_port().to_string());
    let mut ours = Ours::start(&["host", "--port", &host, "--running-status"]);
    let Some(mut peer) = Peer::npm(&["join", &port, "127.0.0.1", &host]) else { return };
    ours.sees("npm", "takes part");
    peer.opens();
    npm_hears(&peer, &mut ours);
    npm_plays(&mut peer, &ours);
    peer.leave();
    we_hear(&ours.lines, "npm", &[&[0x80, 67, 64]]);
    ours.sees("npm", "has left");
    ours.leave();
}

#[test]
fn we_join_a_peer_from_npm_and_leave() {
    let port = free_port().to_string();
    let Some(mut peer) = Peer::npm(&["host", &port]) else { return };
    let address = format!("127.0.0.1:{port}");
    // It joins no segments.
    let mut ours = Ours::start(&["join", &address, "--no-journal", "--mtu", "4000"]);
    ours.sees("npm", "takes part");
    peer.opens();
    npm_hears(&peer, &mut ours);
    npm_plays(&mut peer, &ours);
    ours.play(&sysex(2000));
    peer.hears(&sysex(2000));
    ours.leave();
    peer.hears(&[0x80, 67, 64]);
    peer.closes();
}

#[test]
fn we_join_pymidi_and_are_heard() {
    let port = free_port();
    let Some(peer) = Peer::pymidi(port) else { return };
    // It drops packets for their journals, and cuts off what is longer than 1024 octets.
    let address = format!("127.0.0.1:{port}");
    let mut ours = Ours::start(&["join", &address, "--no-journal", "--mtu", "1024", "--running-status"]);
    ours.sees("pymidi", "takes part");
    peer.opens();
    ours.play(&CHORD.concat());
    ours.play(&[0x80, 60, 64, 64, 64]);
    ours.play(&[0xB0, 7, 80, 0xA0, 67, 1]);
    peer.hears_all(&CHORD);
    peer.hears_all(&[&[0x80, 60, 64], &[0x80, 64, 64], &[0xB0, 7, 80], &[0xA0, 67, 1]]);
    // What it does not know it hands on with all that follows.
    ours.play(&[0xF8]);
    ours.play(&[0xFE]);
    peer.hears_all(&[&[0xF8], &[0xFE]]);
    let long = sysex(2000);
    ours.play(&long);
    let segments = [peer.heard(), peer.heard()];
    let data: Vec<u8> = segments.iter().flat_map(|segment| segment[1..segment.len() - 1].to_vec()).collect();
    assert_eq!(data, long[1..2001]);
    ours.leave();
    peer.hears(&[0x80, 67, 64]);
    peer.closes();
}

/// What a peer of the crate plays, and we hear: running status is all that it has of RTP MIDI, and of system messages it
/// has System Exclusives alone. As long as we are silent: it takes our sequence numbers for its own.
fn the_crate_plays(peer: &mut Peer, ours: &Ours) {
    let long = sysex(2000);
    peer.play(&CHORD);
    peer.play(&[&[0x80, 60, 64], &[0x80, 64, 64], &[0xB0, 7, 80]]);
    peer.play(&[&long]);
    we_hear(&ours.lines, "crate", &CHORD);
    we_hear(&ours.lines, "crate", &[&[0x80, 60, 64], &[0x80, 64, 64], &[0xB0, 7, 80], &long]);
}

/// What we play, and a peer of the crate hears: no active sensing, and System Exclusives without their ends and their first
/// octet.
fn the_crate_hears(peer: &Peer, ours: &mut Ours) {
    let long = sysex(200);
    ours.play(&CHORD.concat());
    ours.play(&[0x80, 60, 64, 64, 64]);
    ours.play(&[0xF8]);
    ours.play(&[0xFE]);
    ours.play(&[0xC3, 5, 0xD3, 1, 0xA3, 60, 2]);
    ours.play(&long);
    peer.hears_all(&CHORD);
    peer.hears_all(&[&[0x80, 60, 64], &[0x80, 64, 64], &[0xF8], &[0xC3, 5], &[0xD3, 1], &[0xA3, 60, 2]]);
    peer.hears(&long[2..201]);
}

#[test]
fn a_peer_of_the_crate_joins_us_and_leaves() {
    let (host, port) = (free_port().to_string(), free_port().to_string());
    let mut ours = Ours::start(&["host", "--port", &host, "--running-status"]);
    let address = format!("127.0.0.1:{host}");
    let Some(mut peer) = Peer::of_the_crate(&["join", &port, &address]) else { return };
    ours.sees("crate", "takes part");
    peer.opens();
    the_crate_plays(&mut peer, &ours);
    the_crate_hears(&peer, &mut ours);
    peer.leave();
    we_hear(&ours.lines, "crate", &[&[0x80, 67, 64]]);
    ours.sees("crate", "has left");
    ours.leave();
}

#[test]
fn we_join_a_peer_of_the_crate_and_leave() {
    let port = free_port().to_string();
    let Some(mut peer) = Peer::of_the_crate(&["host", &port]) else { return };
    let address = format!("127.0.0.1:{port}");
    let mut ours = Ours::start(&["join", &address, "--no-journal", "--mtu", "4000"]);
    // It says neither that somebody has invited it nor that he has left.
    ours.sees("crate", "takes part");
    the_crate_plays(&mut peer, &ours);
    the_crate_hears(&peer, &mut ours);
    let long = sysex(2000);
    ours.play(&long);
    peer.hears(&long[2..2001]);
    ours.leave();
    peer.hears(&[0x80, 67, 64]);
}
