//! Cores that are kept awake, where the kernel lets us: it tells the lowest limit that anybody has set.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use kit::{Folder, Objects, PATIENCE, Program, argument};

const DEVICE: &str = "/dev/cpu_dma_latency";

/// The lowest limit, in microseconds; none where it is not told to everybody.
fn lowest() -> Option<i32> {
    let mut octets = [0; 4];
    File::open(DEVICE).ok()?.read_exact(&mut octets).ok()?;
    Some(i32::from_ne_bytes(octets))
}

/// What we set; it takes a limit that is lower than this to hide it.
const OURS: i32 = 1000;

/// Waits until the limit is this one, or not ours any more: for a moment another program may have set a lower one.
#[track_caller]
fn is(expected: Option<i32>) {
    let started = Instant::now();
    loop {
        let lowest = lowest().unwrap();
        if expected.map_or(lowest > OURS, |expected| lowest == expected) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{lowest} µs, and not {expected:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether the kernel tells, and nobody else has set a limit that hides ours.
fn can_be_seen() -> bool {
    let lowest = lowest();
    if lowest.is_none_or(|lowest| lowest <= OURS) {
        eprintln!("skipped: {DEVICE} tells {lowest:?}");
    }
    lowest.is_some_and(|lowest| lowest > OURS)
}

fn start(arguments: &[&str]) -> (Program, Objects) {
    let mut program = Program::start_with_open_stdout(arguments);
    let lines = Objects::of(&mut program);
    lines.wait_for("it does not open", PATIENCE, |object| object["type"] == "open");
    (program, lines)
}

#[test]
fn cores_wake_as_fast_as_was_said_while_the_program_runs() {
    let can_be_seen = can_be_seen();
    let (host, _lines) = start(&["host", "--no-mdns", "--port", "0", "--json", "--cpu-latency", "1000"]);
    if !can_be_seen {
        // Music goes on all the same.
        let ended = host.interrupted();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let is_warned = ended.stderr.contains("warning: cores sleep as they like: /dev/cpu_dma_latency: ");
        assert_eq!(is_warned, File::options().write(true).open(DEVICE).is_err(), "{ended:?}");
        return;
    }
    is(Some(OURS));
    assert_eq!(host.interrupted().code, Some(0));
    is(None);

    // A patchbay does so whether or not there is a server.
    let folder = Folder::new("cpu-latency");
    let state = folder.path("state.rules");
    let learning = ["patch", "--no-jack", "--learn", "--state", argument(&state), "--cpu-latency", "1000"];
    let mut patch = Program::start_with_open_stdout(&[&learning[..], &["--json"]].concat());
    let lines = Objects::of(&mut patch);
    lines.wait_for("a server", PATIENCE, |object| object["type"] == "server");
    is(Some(OURS));
    assert_eq!(patch.interrupted().code, Some(0));
    is(None);

    // A bridge is told in its configuration, and told otherwise while it runs.
    let (socket, file) = (folder.path("bridge.sock"), folder.write("bridge.toml", b"cpu-latency = 900\n"));
    let arguments =
        ["bridge", "--port", "0", "--no-mdns", "--no-alsa", "--json", "--config", argument(&file), "--control"];
    let (bridge, lines) = start(&[&arguments[..], &[argument(&socket)]].concat());
    is(Some(900));
    let status = |socket: &Path| {
        let ended = Program::start(&["bridge", "status", "--json", "--control", argument(socket)]).finish();
        serde_json::from_str::<serde_json::Value>(&ended.stdout).unwrap()["cpu_latency_us"].clone()
    };
    assert_eq!(status(&socket), 900);
    fs::write(&file, "cpu-latency = 800\n").unwrap();
    bridge.signal("HUP");
    lines.wait_for("it is not read again", PATIENCE, |object| object["type"] == "reload");
    is(Some(800));
    fs::write(&file, "").unwrap();
    bridge.signal("HUP");
    lines.wait_for("it is not read again", PATIENCE, |object| object["type"] == "reload");
    is(None);
    assert!(status(&socket).is_null());
    assert_eq!(bridge.interrupted().code, Some(0));
}

#[test]
fn a_time_in_which_any_core_wakes_is_refused() {
    for most in ["1000001", "-1", "soon"] {
        let ended = Program::start(&["host", &format!("--cpu-latency={most}")]).finish();
        assert!(ended.code == Some(2) && ended.stderr.contains("--cpu-latency"), "{ended:?}");
    }
    let folder = Folder::new("cpu-latency-wrong");
    let file = folder.write("bridge.toml", b"cpu-latency = 2000000\n");
    let ended = Program::start(&["bridge", "check", argument(&file)]).finish();
    assert!(ended.code != Some(0), "{ended:?}");
    let words = ended.stdout + &ended.stderr;
    assert!(words.contains("1:15") && words.contains("within 1000000 microseconds"), "{words}");
}
