//! What a bridge remembers: peers and connections of one that was killed are there when the next one starts.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::ChildStdin;
use std::time::{Duration, Instant};

use kit::{Folder, Objects, PATIENCE, Program, argument};
use serde_json::{Value, json};

/// A bridge on loopback that remembers in `folder`, and the control port of its session.
fn bridge(folder: &Folder) -> (Program, Objects, Value) {
    let (socket, state) = (folder.path("bridge.sock"), folder.path("state/bridge.json"));
    let mut program = Program::start_with_open_stdout(&[
        "bridge",
        "--name",
        "Studio",
        "--port",
        "0",
        "--no-mdns",
        "--no-alsa",
        "--json",
        "--admit",
        "127.0.0.1",
        "--control",
        argument(&socket),
        "--state",
        argument(&state),
    ]);
    let lines = Objects::of(&mut program);
    let open = lines.wait_for("it does not open", PATIENCE, |object| object["type"] == "open");
    (program, lines, open["port"].clone())
}

/// Says something to the bridge, and expects this exit code.
fn say(folder: &Folder, order: &[&str], code: i32) -> String {
    let socket = folder.path("bridge.sock");
    let ended = Program::start(&[&["bridge"], order, &["--control", argument(&socket)]].concat()).finish();
    assert_eq!(ended.code, Some(code), "{order:?} {ended:?}");
    ended.stdout + &ended.stderr
}

/// The status, as soon as it is such as this.
fn status(folder: &Folder, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut stream = client(folder);
    let began = Instant::now();
    loop {
        let status = ask(&mut stream, "status", &json!({}))["result"].take();
        if wanted(&status) {
            return status;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: {status}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Somebody at the socket. Where a bridge was killed the old one lies about until the new one has its place.
fn client(folder: &Folder) -> BufReader<UnixStream> {
    let began = Instant::now();
    loop {
        if let Ok(stream) = UnixStream::connect(folder.path("bridge.sock")) {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            return BufReader::new(stream);
        }
        assert!(began.elapsed() < PATIENCE, "nobody listens");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn ask(stream: &mut BufReader<UnixStream>, method: &str, parameters: &Value) -> Value {
    let line = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).to_string() + "\n";
    stream.get_mut().write_all(line.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).expect(&answer)
}

/// Somebody who joins the session at `port`.
fn joins(name: &str, port: &Value, arguments: &[&str]) -> (Program, ChildStdin, Objects) {
    let at = format!("127.0.0.1:{port}");
    let fixed = ["join", &at, "--name", name, "--no-mdns", "--json"];
    let (mut program, stdin) = Program::start_with_open_stdin(&[&fixed, arguments].concat());
    let lines = Objects::of(&mut program);
    (program, stdin, lines)
}

fn is_open(status: &Value, names: &[&str]) -> bool {
    let is_there = |name: &&str| {
        let peers = status["peers"].as_array().unwrap();
        peers.iter().any(|peer| peer["name"] == *name && peer["state"] == "open")
    };
    names.iter().all(is_there)
}

/// Waits until the file has these words.
fn remembers(folder: &Folder, words: &[&str]) {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(folder.path("state/bridge.json")).unwrap_or_default();
        if words.iter().all(|words| text.contains(words)) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{words:?}: {text}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn peers_and_connections_of_a_bridge_that_was_killed_come_back() {
    let folder = Folder::new("memory-killed");
    let (running, _lines, port) = bridge(&folder);
    let (keys, _typed, _told) = joins("Keys", &port, &["--stdin", "hex"]);
    status(&folder, "he does not join", |status| is_open(status, &["Keys"]));
    let (synth, _silent, _heard) = joins("Synth", &port, &["--print"]);
    status(&folder, "they do not join", |status| is_open(status, &["Keys", "Synth"]));
    say(&folder, &["connect", "Keys", "Synth", "--transpose", "12"], 0);
    say(&folder, &["connect", "Synth", "Keys"], 0);
    say(&folder, &["mute", "Synth", "Keys"], 0);
    say(&folder, &["port", "Synth", "--pace", "din", "--gap", "20 ms"], 0);
    say(&folder, &["port", "Synth", "--segment", "128", "--delay", "10 ms"], 0);
    let words =
        ["\"name\": \"Keys\"", "\"port\": \"Synth\"", "\"from\": \"Keys\"", "\"muted\": true", "\"transpose\": 12"];
    remembers(&folder, &[&words[..], &["\"delay\": \"10ms\""]].concat());
    running.kill();
    keys.kill();
    synth.kill();

    let (running, _lines, port) = bridge(&folder);
    let before = status(&folder, "it does not answer", |_| true);
    let away: Vec<_> = before["ports"].as_array().unwrap().iter().map(|port| (&port["name"], &port["state"])).collect();
    assert_eq!(away, [(&json!("Keys"), &json!("away")), (&json!("Synth"), &json!("away"))]);
    let connections = before["connections"].as_array().unwrap().iter();
    let connections: Vec<_> = connections.map(|it| (&it["from"], &it["origin"], &it["muted"])).collect();
    let hand = json!("hand");
    assert_eq!(connections, [(&json!("Keys"), &hand, &json!(false)), (&json!("Synth"), &hand, &json!(true))]);
    let synth = &before["ports"][1];
    let pace = json!({"octets_per_second": 3125, "segment": 128, "gap_ms": 20.0, "waiting": 0});
    assert_eq!((&synth["pace"], &synth["delay"]["ms"]), (&pace, &json!(10.0)), "{synth}");
    assert_eq!(before["warnings"], json!([]));
    say(&folder, &["port", "Synth", "--pace", "off", "--delay", "off"], 0);
    let (_synth, _silent, heard) = joins("Synth", &port, &["--print"]);
    let (keys, mut typed, _told) = joins("Keys", &port, &["--stdin", "hex"]);
    status(&folder, "they do not come back", |status| is_open(status, &["Keys", "Synth"]));
    typed.write_all(b"90 3c 64\n").unwrap();
    heard.wait_for("the note does not arrive, or is another one", PATIENCE, |object| object["octets"] == "90 48 64");

    // Who is there is not forgotten, and who is gone is so for good.
    let there = say(&folder, &["forget", "Keys"], 1);
    assert!(there.contains("Keys stays: he is there"), "{there}");
    assert_eq!(keys.interrupted().code, Some(0));
    status(&folder, "he does not go", |status| !is_open(status, &["Keys"]));
    say(&folder, &["port", "Keys", "--pace", "1000"], 0);
    say(&folder, &["forget", "Keys"], 0);
    assert_eq!(running.interrupted().code, Some(0));
    let (_running, _lines, _) = bridge(&folder);
    let after = status(&folder, "it does not answer", |_| true);
    assert_eq!((after["ports"].as_array().unwrap().len(), &after["connections"]), (1, &json!([])), "{after}");
    assert_eq!((&after["ports"][0]["pace"], &after["ports"][0]["delay"]), (&Value::Null, &Value::Null), "{after}");
    remembers(&folder, &["Synth"]);
    let text = std::fs::read_to_string(folder.path("state/bridge.json")).unwrap();
    assert!(!text.contains("Keys"), "{text}");
}

#[test]
fn a_bridge_that_is_killed_at_any_moment_leaves_a_file_that_the_next_one_reads() {
    let folder = Folder::new("memory-any-moment");
    let (running, lines, port) = bridge(&folder);
    let (_keys, _typed, _told) = joins("Keys", &port, &[]);
    status(&folder, "he does not join", |status| is_open(status, &["Keys"]));
    say(&folder, &["connect", "Keys", "Keys"], 0);
    remembers(&folder, &["\"port\": \"Keys\"", "\"from\": \"Keys\""]);
    drop((running, lines));
    for round in 0..8 {
        let (running, _lines, _) = bridge(&folder);
        let mut stream = client(&folder);
        let status = ask(&mut stream, "status", &json!({}));
        assert_eq!(status["result"]["warnings"], json!([]), "round {round}");
        assert_eq!(status["result"]["ports"][0]["name"], "Keys", "round {round}");
        // Each of these is written, and none is waited for.
        for number in 0..5 * round {
            let connection = json!({"from": "Keys", "to": "Keys", "muted": number % 2 == 0});
            assert_eq!(ask(&mut stream, "mute", &connection)["result"], "done");
        }
        running.kill();
    }
}

#[test]
fn a_damaged_file_is_set_aside_with_a_warning() {
    let folder = Folder::new("memory-damaged");
    std::fs::create_dir_all(folder.path("state")).unwrap();
    folder.write("state/bridge.json", b"{\"version\":1,\"peers\":[{\"na");
    let (_running, _lines, _) = bridge(&folder);
    let warnings = status(&folder, "it does not answer", |_| true)["warnings"].to_string();
    assert!(warnings.contains("bridge.json cannot be understood (EOF"), "{warnings}");
    assert!(folder.path("state/bridge.json.damaged").exists());
}

#[test]
fn a_second_bridge_remembers_nothing_rather_than_what_the_first_one_does() {
    let folder = Folder::new("memory-second");
    let (_first, _lines, _) = bridge(&folder);
    let (socket, state) = (folder.path("second.sock"), folder.path("state/bridge.json"));
    let mut second = Program::start_with_open_stdout(&[
        "bridge",
        "--port",
        "0",
        "--no-mdns",
        "--no-alsa",
        "--json",
        "--control",
        argument(&socket),
        "--state",
        argument(&state),
    ]);
    let lines = Objects::of(&mut second);
    lines.wait_for("it does not open", PATIENCE, |object| object["type"] == "open");
    let ended = second.interrupted();
    assert!(ended.stderr.contains("warning: nothing is remembered: another bridge remembers in "), "{ended:?}");
}
