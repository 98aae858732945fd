//! The control socket of a bridge that runs: what is asked and told there, and what is refused.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use kit::{Folder, Objects, PATIENCE, Program, argument, host};
use serde_json::{Value, json};
use smf_timeline::{Body, Song};

/// A bridge on loopback that calls these peers and is asked at `socket`.
fn bridge(socket: &Path, peers: &[String]) -> (Program, Objects) {
    let mut arguments =
        vec!["bridge", "--name", "Studio", "--port", "0", "--no-mdns", "--no-alsa", "--json", "--control"];
    arguments.push(argument(socket));
    for peer in peers {
        arguments.extend(["--peer", peer]);
    }
    let mut program = Program::start_with_open_stdout(&arguments);
    let lines = Objects::of(&mut program);
    lines.wait_for("it does not open", PATIENCE, |object| object["type"] == "open");
    kit::wait_for(socket);
    (program, lines)
}

/// Says something to the bridge, and expects this exit code.
fn say(socket: &Path, order: &[&str], code: i32) -> String {
    let arguments = [&["bridge"], order, &["--control", argument(socket)]].concat();
    let ended = Program::start(&arguments).finish();
    assert_eq!(ended.code, Some(code), "{order:?} {ended:?}");
    ended.stdout + &ended.stderr
}

fn status(socket: &Path) -> Value {
    serde_json::from_str(&say(socket, &["status", "--json"], 0)).unwrap()
}

/// Sends a line and reads the one that answers it.
fn ask(stream: &mut BufReader<UnixStream>, line: &str) -> Value {
    stream.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).expect(&answer)
}

fn client(socket: &Path) -> BufReader<UnixStream> {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(stream)
}

/// The names of the two peers, when both take part.
fn both_open(socket: &Path) -> [String; 2] {
    let began = Instant::now();
    loop {
        let status = status(socket);
        let peers = status["peers"].as_array().unwrap();
        let open: Vec<&Value> = peers.iter().filter(|peer| peer["state"] == "open").collect();
        if let [one, other] = open[..] {
            return [one, other].map(|peer| peer["name"].as_str().unwrap().to_owned());
        }
        assert!(began.elapsed() < PATIENCE, "{status}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn ports_are_connected_muted_and_disconnected_while_music_plays() {
    let folder = Folder::new("control-connect");
    let socket = folder.path("bridge.sock");
    let (_keys, mut typed, _, keys_at) = host("Keys", &["--stdin", "hex"]);
    let (_synth, _, heard, synth_at) = host("Synth", &["--print"]);
    let (running, _lines) = bridge(&socket, &[keys_at, synth_at]);
    let names = both_open(&socket);
    // Peers that are called have the names by which they are called; which is which is tried.
    let plays = |typed: &mut std::process::ChildStdin, line: &str| typed.write_all(line.as_bytes()).unwrap();
    for (from, to) in [(&names[0], &names[1]), (&names[1], &names[0])] {
        say(&socket, &["connect", from, to], 0);
    }
    plays(&mut typed, "90 3c 64\n");
    heard.wait_for("the note does not arrive", PATIENCE, |object| object["octets"] == "90 3c 64");
    for (from, to) in [(&names[0], &names[1]), (&names[1], &names[0])] {
        say(&socket, &["mute", from, to], 0);
    }
    heard.wait_for("muting does not end the note", PATIENCE, |object| {
        object["octets"].as_str().is_some_and(|octets| octets.starts_with("80 3c"))
    });
    let all = status(&socket);
    assert!(all["connections"].as_array().unwrap().iter().all(|connection| connection["muted"] == true), "{all}");
    for (from, to) in [(&names[0], &names[1]), (&names[1], &names[0])] {
        say(&socket, &["mute", from, to, "--off"], 0);
    }
    plays(&mut typed, "90 3d 64\n");
    heard.wait_for("the note does not arrive", PATIENCE, |object| object["octets"] == "90 3d 64");
    say(&socket, &["panic"], 0);
    for (from, to) in [(&names[0], &names[1]), (&names[1], &names[0])] {
        say(&socket, &["disconnect", from, to], 0);
    }
    let again = say(&socket, &["disconnect", &names[0], &names[1]], 1);
    assert!(again.contains("error: the bridge refuses: "), "{again}");
    let words = say(&socket, &["status"], 0);
    assert!(words.starts_with("Studio  ports ") && words.contains("\npeers\n"), "{words}");
    assert!(running.interrupted().code == Some(0) && !socket.exists(), "it leaves its socket");
}

#[test]
fn a_connection_lets_through_what_was_said_and_ports_are_as_slow_as_was_said() {
    let folder = Folder::new("control-filter");
    let socket = folder.path("bridge.sock");
    let (_keys, mut typed, _, keys_at) = host("Keys", &["--stdin", "hex"]);
    let (_synth, _, heard, synth_at) = host("Synth", &["--print"]);
    let (running, _lines) = bridge(&socket, &[keys_at, synth_at]);
    let [one, other] = both_open(&socket);
    // Which is which is not told by their names.
    for (from, to) in [(&one, &other), (&other, &one)] {
        let filter = ["--without", "controllers", "--channel", "1=10", "--transpose", "-12"];
        say(&socket, &[&["connect", from, to], &filter[..]].concat(), 0);
        say(&socket, &["port", from, "--pace", "din", "--delay", "10 ms"], 0);
    }
    typed.write_all(b"b0 07 01\n91 3c 64\n90 05 64\n90 3c 64\n").unwrap();
    let first = heard.wait_for("the note does not arrive", PATIENCE, |object| object["type"] == "event");
    assert_eq!(first["octets"], "99 30 64");
    let all = status(&socket);
    let filter = json!({"without": ["controllers"], "channels": ["1=10"], "transpose": -12});
    assert!(all["connections"].as_array().unwrap().iter().all(|connection| connection["filter"] == filter), "{all}");
    let port = &all["ports"][0];
    assert_eq!((&port["pace"]["octets_per_second"], &port["delay"]["ms"]), (&json!(3125), &json!(10.0)), "{all}");
    let words = say(&socket, &["status"], 0);
    assert!(words.contains("without controllers; channel 1=10; -12 half tones"), "{words}");
    for (from, to) in [(&one, &other), (&other, &one)] {
        say(&socket, &["connect", from, to, "--everything"], 0);
        say(&socket, &["port", from, "--pace", "off", "--delay", "off"], 0);
    }
    heard.wait_for("another filter does not end the note", PATIENCE, |object| object["octets"] == "89 30 40");
    typed.write_all(b"b0 07 02\n").unwrap();
    heard.wait_for("the controller does not arrive", PATIENCE, |object| object["octets"] == "b0 07 02");
    let refused = say(&socket, &["port", "Nobody", "--pace", "din"], 1);
    assert!(refused.contains("there is no port Nobody"), "{refused}");
    let unknown = say(&socket, &["connect", &one, &other, "--without", "noise"], 2);
    assert!(unknown.contains("there are notes, "), "{unknown}");
    assert_eq!(running.interrupted().code, Some(0));
}

/// The messages in a Standard MIDI File.
fn recorded(file: &Path) -> Vec<Vec<u8>> {
    let Ok(octets) = std::fs::read(file) else { return Vec::new() };
    let song = Song::read(&octets, 0).unwrap();
    let message = |event: smf_timeline::Event<'_>| match event.body {
        Body::Message(octets) => Some(octets.to_vec()),
        Body::Meta(_) => None,
    };
    song.events().filter_map(message).collect()
}

#[test]
fn what_is_recorded_is_in_its_file_whatever_becomes_of_the_bridge() {
    let folder = Folder::new("control-record");
    let (socket, [through, port]) =
        (folder.path("bridge.sock"), ["through.mid", "port.mid"].map(|name| folder.path(name)));
    let (_keys, mut typed, _, keys_at) = host("Keys", &["--stdin", "hex"]);
    let (_synth, _, heard, synth_at) = host("Synth", &["--print"]);
    let (running, _lines) = bridge(&socket, &[keys_at, synth_at]);
    let [one, other] = both_open(&socket);
    // Which is which is not told by their names; only one of them plays.
    for (from, to) in [(&one, &other), (&other, &one)] {
        say(&socket, &["connect", from, to, "--transpose", "12"], 0);
        assert!(say(&socket, &["record", from, to, "--to", argument(&through)], 0).starts_with("record:through.mid"));
        say(&socket, &["record", from, "--to", argument(&port)], 0);
    }
    typed.write_all(b"90 3c 64\n").unwrap();
    heard.wait_for("the note does not arrive", PATIENCE, |object| object["octets"] == "90 48 64");
    for name in [&one, &other] {
        say(&socket, &["record", name, "--stop"], 0);
    }
    assert_eq!(recorded(&port), [[0x90, 60, 100], [0x80, 60, 64]], "a recording ends what sounds in it");
    let again = say(&socket, &["record", &one, "--stop"], 1);
    assert!(again.contains("it is not recorded"), "{again}");
    let nowhere = say(&socket, &["record", &one, "--to", "/nowhere/x.mid"], 1);
    assert!(nowhere.contains("neither a folder that is there"), "{nowhere}");
    let began = Instant::now();
    while recorded(&through).is_empty() {
        assert!(began.elapsed() < PATIENCE, "nothing is recorded");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    running.kill();
    assert_eq!(recorded(&through), [[0x90, 72, 100]]);
}

#[test]
fn what_makes_no_sense_is_answered_and_harms_nobody() {
    let folder = Folder::new("control-nonsense");
    let socket = folder.path("bridge.sock");
    let (_running, _lines) = bridge(&socket, &[]);
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
    let mut stream = client(&socket);
    for (line, code) in [
        ("nonsense", -32_700),
        ("[1, 2]", -32_600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"explode"}"#, -32_601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"connect","params":{"from":1}}"#, -32_602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"connect","params":{"from":"a","to":"b"}}"#, -32_000),
    ] {
        assert_eq!(ask(&mut stream, line)["error"]["code"], code, "{line}");
    }
    // Empty lines and notifications have no answer.
    let line = "\n{\"jsonrpc\":\"2.0\",\"method\":\"panic\"}\n{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"status\"}";
    let answer = ask(&mut stream, line);
    assert_eq!((&answer["id"], &answer["result"]["name"]), (&json!("x"), &json!("Studio")));
    let mut long = client(&socket);
    let refused = ask(&mut long, &"x".repeat(1 << 16));
    assert_eq!(refused["error"]["code"], -32_600, "{refused}");
    // What it says behind that is not heard; the end may come as a reset.
    assert!(matches!(long.read(&mut [0; 8]), Ok(0) | Err(_)));
    let crowd: Vec<_> = (0..64).map(|_| client(&socket)).collect();
    let mut hung_up = 0;
    for mut one in crowd {
        let line = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n";
        let mut answer = String::new();
        let is_answered =
            one.get_mut().write_all(line).is_ok() && one.read_line(&mut answer).is_ok_and(|octets| octets > 0);
        hung_up += u32::from(!is_answered);
    }
    assert!(hung_up > 0, "there is room for all");
    assert_eq!(ask(&mut stream, r#"{"jsonrpc":"2.0","id":2,"method":"status"}"#)["id"], 2, "who was there stays");
}

#[test]
fn one_bridge_has_a_socket_and_one_that_was_killed_is_in_nobodys_way() {
    let folder = Folder::new("control-second");
    let socket = folder.path("bridge.sock");
    let (first, _lines) = bridge(&socket, &[]);
    let arguments = ["bridge", "--port", "0", "--no-mdns", "--no-alsa", "--control", argument(&socket)];
    let second = Program::start(&arguments).finish();
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("error: another bridge listens at "), "{second:?}");
    assert_eq!(status(&socket)["name"], "Studio", "the first one still listens");
    first.kill();
    assert!(socket.exists(), "it could not tidy up");
    let nobody = say(&socket, &["status"], 1);
    assert!(
        nobody.contains("no bridge can be asked at ") && nobody.contains("hint: rtpmidi bridge starts one"),
        "{nobody}"
    );
    let (again, _lines) = bridge_again(&socket);
    assert_eq!(status(&socket)["name"], "Studio");
    assert_eq!(again.interrupted().code, Some(0));
}

#[test]
fn a_service_manager_is_told_of_the_start_of_each_sign_of_life_and_of_the_end() {
    let folder = Folder::new("control-service");
    let (socket, manager) = (folder.path("bridge.sock"), folder.path("notify.sock"));
    let told = UnixDatagram::bind(&manager).unwrap();
    told.set_read_timeout(Some(PATIENCE)).unwrap();
    let next = || {
        let mut words = [0; 256];
        let length = told.recv(&mut words).unwrap();
        String::from_utf8(words[..length].to_vec()).unwrap().trim().to_owned()
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_rtpmidi"));
    command.args(["bridge", "--port", "0", "--no-mdns", "--no-alsa", "--control", argument(&socket)]);
    command.env("NOTIFY_SOCKET", &manager).env("WATCHDOG_USEC", "300000").env_remove("WATCHDOG_PID");
    let running = Program::start_by(&mut command);
    assert_eq!(next(), "READY=1");
    assert!(socket.exists(), "it is ready before it can be asked");
    assert_eq!([next(), next()], ["WATCHDOG=1", "WATCHDOG=1"]);
    running.interrupt();
    let last = std::iter::repeat_with(next).find(|words| words != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
    assert_eq!(running.finish().code, Some(0));
}

/// The same bridge, where the socket of another one lies about.
fn bridge_again(socket: &Path) -> (Program, Objects) {
    let began = Instant::now();
    let (program, lines) = bridge(socket, &[]);
    while UnixStream::connect(socket).is_err() {
        assert!(began.elapsed() < PATIENCE, "it does not take its place");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    (program, lines)
}
