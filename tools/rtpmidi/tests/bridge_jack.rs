//! A bridge with ports of JACK: what a session plays comes out of one pair, goes through the server, and to another session.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod studio;

use std::io::Write as _;
use std::path::Path;
use std::process::ChildStdin;
use std::time::Instant;

use kit::{Folder, Objects, PATIENCE, Program, argument, host};
use serde_json::Value;
use studio::{Server, Studio};

#[test]
#[ignore = "the other tests run it as a process of its own"]
fn clients_of_a_studio() {
    studio::clients();
}

/// A bridge with ports of JACK.
fn bridge(server: &Server, socket: &Path, arguments: &[&str]) -> (Program, Objects) {
    let mut command = server.command(env!("CARGO_BIN_EXE_rtpmidi"));
    let name = socket.file_stem().unwrap().to_str().unwrap();
    command.args(["bridge", "--name", name, "--port", "0", "--no-mdns", "--no-alsa", "--jack", "--json"]);
    let mut bridge = Program::of(command.args(arguments).args(["--control", argument(socket)]));
    let told = Objects::of(&mut bridge);
    kit::wait_for(socket);
    (bridge, told)
}

/// Waits until a line that is typed is heard; it is typed again until it is, since nothing gets through until the next period.
fn plays(what: &str, typed: &mut ChildStdin, heard: &Objects, line: &str) {
    let began = Instant::now();
    loop {
        typed.write_all(format!("{line}\n").as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        if heard.has(|object| object["octets"] == line) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{what} is not heard");
    }
}

/// Waits until as many ports of this transport are in this state.
fn wait_for_ports(socket: &Path, transport: &str, state: &str, count: usize) {
    let is_so = |port: &&Value| port["transport"] == transport && port["state"] == state;
    status(socket, |ports| (ports.iter().filter(is_so).count() == count).then_some(()));
}

/// What `find` finds among the ports of a bridge, as soon as it does.
fn status<T>(socket: &Path, find: impl Fn(&[Value]) -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        let ended = Program::start(&["bridge", "status", "--json", "--control", argument(socket)]).finish();
        let status: Value = serde_json::from_str(&ended.stdout).unwrap();
        if let Some(found) = find(status["ports"].as_array().unwrap()) {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{status:#}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn music_goes_through_ports_of_jack_and_ends_with_the_server_and_comes_back_with_it() {
    let Some(mut server) = Server::jackd() else { return };
    let folder = Folder::new("bridge-jack");
    let socket = folder.path("Stage.sock");
    let (_keys, mut typed, _told, keys) = host("Keys", &["--stdin", "hex"]);
    let (_synth, _, heard, synth) = host("Synth", &["--print"]);
    let (bridge, told) = bridge(&server, &socket, &["--peer", &keys, "--peer", &synth]);
    let (from, to) = (format!("Stage:{keys} out"), format!("Stage:{synth} in"));
    for time in 0..2 {
        let mut studio = server.studio();
        wait_for_ports(&socket, "jack", "there", 3);
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
            wait_for_ports(&socket, "jack", "away", 3);
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
    let socket = folder.path("Stage.sock");
    let (bridge, told) = bridge(&server, &socket, &["--peer", "127.0.0.1:9"]);
    wait_for_ports(&socket, "jack", "away", 2);
    server.start();
    told.wait_for("it is not found", PATIENCE, |object| object["words"] == "the JACK server is there");
    wait_for_ports(&socket, "jack", "there", 2);
    let ended = bridge.interrupted();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("no ports of JACK: no JACK server is running"), "{ended:?}");
}

/// Rules of the bridge Stage name ports of other clients, such as the bridge Desk with a keyboard: that is exported, and a
/// guest of its session hears it and is heard; what a session of Stage plays goes to it as well. `change` changes
/// connections behind that.
fn rules_and_exports(server: &Server, folder: &Folder, change: impl FnOnce(Stage<'_>) -> Studio) {
    let mut studio = server.studio();
    studio.ports("synth", &["<in", "<other"]);
    studio.ports("pads", &[">out"]);
    let (_keys, mut keys_typed, keys_heard, keys) = host("Keys", &["--stdin", "hex", "--print"]);
    let (_organ, mut organ_typed, _organ_heard, organ) = host("Organ", &["--stdin", "hex", "--print"]);
    let [desk_socket, stage_socket] = ["Desk.sock", "Stage.sock"].map(|name| folder.path(name));
    let (desk, _desk_told) = bridge(server, &desk_socket, &["--peer", &keys]);
    let [from, to] = ["out", "in"].map(|way| format!("Desk:{keys} {way}"));
    let rules = [
        format!("'Desk':'{keys} out' --> 'Network Export'"),
        format!("'Network Export' --> 'Desk':'{keys} in'"),
        format!("'pads' --> '{organ}'"),
        format!("'{organ}' --> 'synth':'in'"),
        format!("'{organ}' --> 'Desk':'{keys} in'"),
    ];
    let mut arguments = vec!["--peer", &organ];
    arguments.extend(rules.iter().flat_map(|rule| ["--rule", rule]));
    let (stage, told) = bridge(server, &stage_socket, &arguments);
    let export = format!("Stage/Desk {keys} out");
    told.wait_for("it is not exported", PATIENCE, |object| object["type"] == "export" && object["name"] == export);
    let expected = vec![
        format!("{from} > Stage:Network Export in"),
        format!("{from} > Stage:{export} in"),
        format!("Stage:Network Export out > {to}"),
        format!("pads:out > Stage:{organ} in"),
        format!("Stage:{organ} out > synth:in"),
        format!("Stage:{organ} out > {to}"),
    ];
    studio.wait_for(&expected);
    let address = status(&stage_socket, |ports| {
        let port = ports.iter().find(|port| port["name"] == export)?;
        Some(format!("127.0.0.1:{}", port["address"].as_str()?.strip_prefix("port ")?))
    });
    let arguments = ["join", &address, "--name", "Guest", "--no-mdns", "--json", "--print", "--stdin", "hex"];
    let (mut guest, mut guest_typed) = Program::start_with_open_stdin(&arguments);
    let guest_heard = Objects::of(&mut guest);
    plays("the keyboard", &mut keys_typed, &guest_heard, "90 3c 64");
    plays("the guest", &mut guest_typed, &keys_heard, "90 40 64");
    plays("the organ", &mut organ_typed, &keys_heard, "90 43 64");
    let _studio = change(Stage { studio, told: &told, expected, from, export, organ });
    drop(guest);
    for ended in [stage.interrupted(), desk.interrupted()] {
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    }
}

/// What [`rules_and_exports`] has come to.
struct Stage<'a> {
    studio: Studio,
    told: &'a Objects,
    /// What is connected.
    expected: Vec<String>,
    /// The port that is exported, the name of its session, and the name of another one's peer.
    from: String,
    export: String,
    organ: String,
}

/// A cable is pulled, another one is plugged in, and a port comes anew.
fn change_connections(stage: Stage<'_>) -> Studio {
    let Stage { mut studio, told, mut expected, from, export, organ } = stage;
    // Somebody pulls a cable: the session ends, and stays so.
    studio.disconnect(&from, "Stage:Network Export in");
    told.wait_for("it is still exported", PATIENCE, |object| object["change"] == "ended" && object["name"] == export);
    expected.drain(..2);
    studio.wait_for(&expected);
    // What comes later is connected as well, and what another connects is let alone.
    studio.connect(&format!("Stage:{organ} out"), "synth:other");
    studio.tell(&["unregister", "pads:out"]);
    studio.ports("pads", &[">out"]);
    expected.push(format!("Stage:{organ} out > synth:other"));
    studio.wait_for(&expected);
    studio
}

#[test]
fn rules_name_ports_of_jack_and_sources_are_exported() {
    let Some(server) = Server::jackd() else { return };
    rules_and_exports(&server, &Folder::new("bridge-jack-rules"), change_connections);
}

#[test]
fn rules_name_ports_of_pipewire_and_sources_are_exported() {
    let folder = Folder::new("bridge-pipewire");
    let Some(server) = Server::pipewire(&folder) else { return };
    // Its library does not always tell a client that a connection of others has ended (docs/interop.md).
    rules_and_exports(&server, &folder, |stage| stage.studio);
}

#[test]
fn a_server_that_dies_ten_times_amid_traffic_takes_neither_the_bridge_nor_the_patchbay_with_it() {
    let Some(mut server) = Server::jackd_for("256", "64") else { return };
    let folder = Folder::new("bridge-jack-dies");
    let (_keys, mut typed, _told, keys) = host("Keys", &["--stdin", "hex"]);
    let (_synth, _, heard, synth) = host("Synth", &["--print"]);
    let (mut bridge, told) = bridge(&server, &folder.path("Stage.sock"), &["--peer", &keys, "--peer", &synth]);
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
