//! A bridge with ports of JACK: what a session plays comes out of one pair, goes through the server, and to another session.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod studio;

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use kit::{Folder, Objects, PATIENCE, Program, argument, host};
use serde_json::Value;
use studio::Server;

#[test]
#[ignore = "the other tests run it as a process of its own"]
fn clients_of_a_studio() {
    studio::clients();
}

/// A bridge with ports of JACK and sessions with these peers.
fn bridge(server: &Server, socket: &Path, arguments: &[&str]) -> (Program, Objects) {
    let mut command = server.command(env!("CARGO_BIN_EXE_rtpmidi"));
    command.args(["bridge", "--name", "Stage", "--port", "0", "--no-mdns", "--no-alsa", "--jack", "--json"]);
    let mut bridge = Program::of(command.args(arguments).args(["--control", argument(socket)]));
    let told = Objects::of(&mut bridge);
    kit::wait_for(socket);
    (bridge, told)
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
    let (_keys, mut typed, _told, keys) = host("Keys", &["--stdin", "hex"]);
    let (_synth, _, heard, synth) = host("Synth", &["--print"]);
    let (bridge, told) = bridge(&server, &socket, &["--peer", &keys, "--peer", &synth]);
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
    let (bridge, told) = bridge(&server, &socket, &["--peer", "127.0.0.1:9"]);
    wait_for_ports(&socket, "jack", "away", 1);
    server.start();
    told.wait_for("it is not found", PATIENCE, |object| object["words"] == "the JACK server is there");
    wait_for_ports(&socket, "jack", "there", 1);
    let ended = bridge.interrupted();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("no ports of JACK: no JACK server is running"), "{ended:?}");
}

#[test]
fn a_server_that_dies_ten_times_amid_traffic_takes_neither_the_bridge_nor_the_patchbay_with_it() {
    let Some(mut server) = Server::jackd_for("256", "64") else { return };
    let folder = Folder::new("bridge-jack-dies");
    let (_keys, mut typed, _told, keys) = host("Keys", &["--stdin", "hex"]);
    let (_synth, _, heard, synth) = host("Synth", &["--print"]);
    let (mut bridge, told) = bridge(&server, &folder.path("bridge.sock"), &["--peer", &keys, "--peer", &synth]);
    let mut patch = server.command(env!("CARGO_BIN_EXE_rtpmidi"));
    patch.args(["patch", "--no-alsa", "--json", "--retry", "0.1"]);
    patch.args(["--rule", &format!("Stage:'{keys} out' --> Stage:'{synth} in'")]);
    patch.args(["--rule", &format!("busy:* --> Stage:'{synth} in'")]);
    let mut patch = Program::of(&mut patch);
    let patched = Objects::of(&mut patch);
    for time in 0..10 {
        let mut studio = server.studio();
        // Ports that come and go for ever, each of which is connected, and notes that do not end.
        studio.tell(&["busy"]);
        patched.wait_for("it patches no port", PATIENCE, |object| {
            object["type"] == "connected" && object["from"].as_str().is_some_and(|from| from.starts_with("busy:"))
        });
        let note = format!("90 {:02x} 64", 40 + time);
        let began = Instant::now();
        while !heard.has(|object| object["octets"] == note.as_str()) {
            assert!(began.elapsed() < PATIENCE, "{time}: nothing is heard");
            typed.write_all(format!("{note}\n").as_bytes()).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        server.kill();
        studio.kill();
        for (told, lost) in [(&told, "the JACK server is gone"), (&patched, "lost")] {
            told.wait_for("nobody says so", PATIENCE, |object| object["words"] == lost || object["state"] == lost);
        }
        assert!(bridge.is_running() && patch.is_running(), "{:?} {:?}", bridge.finish(), patch.finish());
        server.start();
        told.wait_for("it is not found", PATIENCE, |object| object["words"] == "the JACK server is there");
    }
    // They end amid traffic, too.
    let mut studio = server.studio();
    studio.tell(&["busy"]);
    let is_busy = |object: &Value| object["from"].as_str().is_some_and(|from| from.starts_with("busy:"));
    patched.wait_for("it patches no port", PATIENCE, is_busy);
    for ended in [patch.interrupted(), bridge.interrupted()] {
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}
