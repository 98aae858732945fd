//! Sessions of a bridge: further ones, which are joined by many, who have a port each; and one that is called by its host.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod hosts;
mod kit;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::ChildStdin;
use std::time::Instant;

use hosts::HOSTS;
use kit::{Folder, Objects, PATIENCE, Program, argument, in_a_network_for};
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

#[test]
fn who_is_called_by_his_host_has_no_further_port_by_his_name_which_would_stay_silent() {
    let folder = Folder::new("bridge-by-host");
    let script = r#"
        run far stage --no-alsa --control stage.sock --session Organ
        stage=$!
        wait_for stage.json '"type":"session"' 1
        run here studio --no-alsa --control studio.sock --peer 10.77.0.2
        studio=$!
        becomes studio 10.77.0.2 open 1
        becomes studio Organ announced 1
        # Whoever is called by a name that is announced has the port of that.
        run here desk --no-alsa --port 0 --control desk.sock --peer stage
        desk=$!
        becomes desk stage open 1
        becomes desk Organ announced 1
        for name in studio desk; do "$program" bridge status --json --control $name.sock >$name.status; done
        kill -INT $stage $studio $desk
        wait $stage
        wait $studio
        wait $desk
    "#;
    if !in_a_network_for(120, &format!("{HOSTS}{script}"), &folder.path("")) {
        return;
    }
    for (bridge, own) in [("studio", "10.77.0.2"), ("desk", "stage")] {
        let status: Value =
            serde_json::from_slice(&fs::read(folder.path(&format!("{bridge}.status"))).unwrap()).unwrap();
        let of_stage = |name: &&str| ["10.77.0.2", "stage"].contains(name);
        let names: Vec<_> = status["ports"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
        assert!(names.contains(&"Organ") && names.iter().filter(|it| of_stage(it)).eq([&own]), "{bridge}: {names:?}");
    }
}
