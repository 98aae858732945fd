//! Further sessions of a bridge: each is joined by many, who have a port each.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::io::Write as _;
use std::path::Path;
use std::process::ChildStdin;
use std::time::Instant;

use kit::{Folder, Objects, PATIENCE, Program, argument};
use serde_json::Value;

/// Somebody who takes part in the session at this port of loopback, with his end of stdin.
fn guest(name: &str, port: &Value) -> (Program, ChildStdin, Objects) {
    let place = format!("127.0.0.1:{port}");
    let arguments = ["join", &place, "--name", name, "--no-mdns", "--json", "--print", "--stdin", "hex"];
    let (mut program, stdin) = Program::start_with_open_stdin(&arguments);
    let lines = Objects::of(&mut program);
    (program, stdin, lines)
}

/// Says something to the bridge until it can be done.
fn say(socket: &Path, order: &[&str]) {
    let (arguments, began) = ([&["bridge"], order, &["--control", argument(socket)]].concat(), Instant::now());
    loop {
        let ended = Program::start(&arguments).finish();
        if ended.code == Some(0) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{ended:?}");
    }
}

#[test]
fn each_session_is_joined_by_many_with_a_port_for_each() {
    let folder = Folder::new("bridge-sessions");
    let text = b"name = 'Studio'\nport = 0\nmdns = false\nalsa = false\n[[session]]\nname = 'Organ'\n";
    let (file, socket) = (folder.write("bridge.toml", text), folder.path("bridge.sock"));
    let arguments = ["bridge", "--config", argument(&file), "--session", "Stage", "--json", "--control"];
    let mut bridge = Program::start_with_open_stdout(&[&arguments[..], &[argument(&socket)]].concat());
    let lines = Objects::of(&mut bridge);
    let own = lines.wait_for("it does not open", PATIENCE, |object| object["type"] == "open");
    let session = |name| lines.wait_for(name, PATIENCE, |object| object["type"] == "session" && object["name"] == name);
    let (organ, stage) = (session("Organ"), session("Stage"));
    kit::wait_for(&socket);
    let (one, mut typed, _heard_by_one) = guest("one", &organ["port"]);
    let (two, _two, heard_by_two) = guest("two", &organ["port"]);
    // Of one name in two sessions are two.
    let (again, _again, heard_again) = guest("one", &stage["port"]);
    let (first, _first, heard_at_first) = guest("one", &own["port"]);
    for to in ["Organ/two", "Stage/one", "one"] {
        say(&socket, &["connect", "Organ/one", to]);
    }
    typed.write_all(b"90 3c 64\n").unwrap();
    for heard in [heard_by_two, heard_again, heard_at_first] {
        heard.wait_for("the note does not arrive", PATIENCE, |object| object["octets"] == "90 3c 64");
    }
    for program in [one, two, again, first, bridge] {
        assert_eq!(program.interrupted().code, Some(0));
    }
}
