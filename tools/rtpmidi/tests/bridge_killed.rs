//! A bridge that is killed in the middle of music, again and again: the next one has its place, its ports, its peers and
//! what the rules connect.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kit::{Folder, Objects, PATIENCE, Program, argument, free_port, host};
use serde_json::Value;

#[test]
fn whenever_it_is_killed_the_next_one_carries_on_and_no_note_hangs() {
    let folder = Folder::new("bridge-killed");
    let (socket, port) = (folder.path("bridge.sock"), free_port().to_string());
    let (_keys, mut typed, _told, keys) = host("Keys", &["--stdin", "hex"]);
    let (_synth, _, heard, synth) = host("Synth", &["--print"]);
    let rules = folder.write("a.rules", format!("\"{keys}\" --> \"{synth}\"\n").as_bytes());
    let fixed = ["bridge", "--port", &port, "--no-mdns", "--no-alsa", "--json", "--control", argument(&socket)];
    let silent = [&fixed[..], &["--peer", &keys, "--peer", &synth]].concat();
    let music = [&silent[..], &["--rules", argument(&rules)]].concat();
    let sounding = RefCell::new(BTreeSet::new());
    // True if it is music, of which it is noted what sounds.
    let listen = |object: &Value| {
        let Some((status, note)) = object["octets"].as_str().and_then(|octets| octets.split_once(' ')) else {
            return false;
        };
        let note = format!("{} {}", &status[1..], &note[..2]);
        if status.starts_with('9') {
            sounding.borrow_mut().insert(note)
        } else {
            sounding.borrow_mut().remove(&note)
        };
        true
    };
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Two notes by turns, so that one sounds most of the time.
        let playing = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for line in ["90 3c 64", "80 3c 40", "91 3d 64", "81 3d 40"] {
                    writeln!(typed, "{line}").unwrap();
                    std::thread::sleep(Duration::from_millis(3));
                }
            }
        });
        // Each time after other messages.
        for messages in [1, 4, 7, 10] {
            let mut bridge = Program::start_with_open_stdout(&music);
            let told = Objects::of(&mut bridge);
            told.wait_for("it does not open", PATIENCE, |object| object["type"] == "open");
            for _ in 0..messages {
                heard.wait_for("no music", PATIENCE, listen);
            }
            bridge.signal("KILL");
            assert_eq!(bridge.finish().code, None);
            assert!(socket.exists(), "nobody has taken it away");
        }
        is_over.store(true, Ordering::Relaxed);
        playing.join().unwrap();
    });
    // The last one was killed as well: whatever sounded ends when the next one comes, through which nothing plays.
    let bridge = Program::start(&silent);
    heard.wait_for("the next one does not come", PATIENCE, |object| {
        listen(object);
        object["change"] == "takes part" || object["change"] == "has started anew"
    });
    while !sounding.borrow().is_empty() {
        heard.wait_for("a note hangs", PATIENCE, listen);
    }
    let status = Program::start(&["bridge", "status", "--control", argument(&socket)]).finish();
    assert_eq!(status.code, Some(0), "{status:?}");
    assert_eq!(bridge.interrupted().code, Some(0));
}
