//! A bridge with ports of JACK: what a session plays comes out of one pair, goes through the server, and to another session.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod studio;

use std::io::Write as _;
use std::path::Path;
use std::process::ChildStdin;
use std::time::Instant;

use kit::{Folder, Objects, PATIENCE, Program, argument};
use serde_json::Value;
use studio::Server;

#[test]
#[ignore = "the other tests run it as a process of its own"]
fn clients_of_a_studio() {
    studio::clients();
}

/// A session on loopback, its end of stdin, and its control port.
fn host(name: &str, arguments: &[&str]) -> (Program, ChildStdin, Objects, String) {
    let fixed = ["host", "--name", name, "--port", "0", "--no-mdns", "--json"];
    let (mut program, stdin) = Program::start_with_open_stdin(&[&fixed, arguments].concat());
    let lines = Objects::of(&mut program);
    let open = lines.wait_for("the session is not open", PATIENCE, |object| object["type"] == "open");
    (program, stdin, lines, format!("127.0.0.1:{}", open["port"]))
}

/// Waits until as many ports of this transport are in this state.
fn wait_for_ports(socket: &Path, transport: &str, state: &str, count: usize) {
    let began = Instant::now();
    loop {
        let ended = Program::start(&["bridge", "status", "--json", "--control", argument(socket)]).finish();
        let status: Value = serde_json::from_str(&ended.stdout).unwrap();
        let ports = status["ports"].as_array().unwrap();
        let is_so = |port: &&Value| port["transport"] == transport && port["state"] == state;
        if ports.iter().filter(is_so).count() == count {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{status:#}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn music_goes_through_ports_of_jack_and_ends_with_the_server_and_comes_back_with_it() {
    let Some(mut server) = Server::jackd() else { return };
    let folder = Folder::new("bridge-jack");
    let socket = folder.path("bridge.sock");
    let (_keys, mut typed, _, keys) = host("Keys", &["--stdin", "hex"]);
    let (_synth, _, heard, synth) = host("Synth", &["--print"]);
    let mut command = server.command(env!("CARGO_BIN_EXE_rtpmidi"));
    command.args(["bridge", "--name", "Stage", "--port", "0", "--no-mdns", "--no-alsa", "--jack", "--json"]);
    command.args(["--peer", &keys, "--peer", &synth, "--control", argument(&socket)]);
    let mut bridge = Program::of(&mut command);
    let told = Objects::of(&mut bridge);
    kit::wait_for(&socket);
    let (from, to) = (format!("Stage:{keys} out"), format!("Stage:{synth} in"));
    for time in 0..2 {
        let mut studio = server.studio();
        wait_for_ports(&socket, "jack", "there", 2);
        wait_for_ports(&socket, "applemidi", "there", 2);
        studio.connect(&from, &to);
        studio.wait_for(&[format!("{from} > {to}")]);
        let note = 60 + time;
        // JACK lets nothing through until its next period.
        for message in [format!("90 {note:02x} 64"), "f0 7e 7f 09 01 f7".to_owned(), "f8".to_owned()] {
            typed.write_all(format!("{message}\n").as_bytes()).unwrap();
            heard.wait_for(&message, PATIENCE, |object| object["octets"] == message.as_str());
        }
        drop(studio);
        if time == 0 {
            server.kill();
            // What is held does not hang.
            heard.wait_for("it hangs", PATIENCE, |object| {
                object["octets"].as_str().is_some_and(|octets| octets.starts_with("80 3c"))
            });
            told.wait_for("nobody says so", PATIENCE, |object| object["words"] == "the JACK server is gone");
            wait_for_ports(&socket, "jack", "away", 2);
            server.start();
        }
    }
    let ended = bridge.interrupted();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    heard.wait_for("it hangs", PATIENCE, |object| {
        object["octets"].as_str().is_some_and(|octets| octets.starts_with("80 3d"))
    });
}

#[test]
fn a_bridge_without_a_server_says_so_and_finds_it_when_it_comes() {
    let Some(mut server) = Server::jackd() else { return };
    server.kill();
    let folder = Folder::new("bridge-jack-late");
    let socket = folder.path("bridge.sock");
    let mut command = server.command(env!("CARGO_BIN_EXE_rtpmidi"));
    command.args(["bridge", "--name", "Stage", "--port", "0", "--no-mdns", "--no-alsa", "--jack", "--json"]);
    command.args(["--peer", "127.0.0.1:9", "--control", argument(&socket)]);
    let mut bridge = Program::of(&mut command);
    let told = Objects::of(&mut bridge);
    kit::wait_for(&socket);
    wait_for_ports(&socket, "jack", "away", 1);
    server.start();
    told.wait_for("it is not found", PATIENCE, |object| object["words"] == "the JACK server is there");
    wait_for_ports(&socket, "jack", "there", 1);
    let ended = bridge.interrupted();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("no ports of JACK: no JACK server is running"), "{ended:?}");
}
