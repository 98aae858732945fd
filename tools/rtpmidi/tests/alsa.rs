//! The program's ports of the ALSA sequencer, with the tools of others at the other ends.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod sequencer;
#[path = "../../../tests/vm/kit.rs"]
mod vm;

use std::io::Write;
use std::process::{Command, Stdio};

use kit::{Folder, Objects, Program, argument, description, free_port, lines, messages, song, wait_for_line};
use sequencer::{PATIENCE, Tool, address, dump, play, wait_for_hearer};

#[test]
fn the_program_has_ports_of_a_real_sequencer() {
    vm::run_the_ignored_tests();
}

/// What is played, and the last message of it.
const MUSIC: [(u16, &[u8]); 8] = [
    (0, &[0xC0, 5]),
    (10, &[0xB0, 7, 90]),
    (10, &[0x90, 60, 100]),
    (50, &[0xE0, 0, 80]),
    (10, &[0xF0, 6, 0x7D, 1, 2, 3, 4, 0xF7]),
    (50, &[0x80, 60, 64]),
    (10, &[0xD0, 33]),
    (10, &[0xB0, 10, 77]),
];

/// What `aseqdump` says of it.
const WORDS: [&str; 8] = [
    "Program change",
    "controller 7, value 90",
    "Note on",
    "Pitch bend",
    "F0 7D 01 02 03 04 F7",
    "Note off",
    "Channel aftertouch",
    "controller 10, value 77",
];

/// What `MUSIC` is outside a file, where System Exclusives have no length.
fn expected() -> Vec<Vec<u8>> {
    let plain = |message: &[u8]| match message {
        [0xF0, _, data @ ..] => [&[0xF0], data].concat(),
        message => message.to_vec(),
    };
    MUSIC.iter().map(|(_, message)| plain(message)).collect()
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn what_is_played_to_a_broadcast_comes_out_of_listeners() {
    let folder = Folder::new("alsa-broadcast");
    let (port, recording, file) = (free_port(), folder.path("recorded.mid"), folder.write("song.mid", &song(&MUSIC)));
    let (sdp, smf) = (folder.write("x.sdp", description(port).as_bytes()), folder.path("listened.mid"));
    let arguments = ["listen", argument(&sdp), "--alsa", "--smf", argument(&smf), "--print"];
    let mut listener = Program::start_with_open_stdout(&arguments);
    let mut heard = lines(listener.stdout());
    let to = format!("udp://127.0.0.1:{port}");
    let broadcast = Program::start(&["broadcast", "alsa:", "--to", &to]);
    address(&broadcast, "in");
    // The listener's port opens with the first packet.
    let recorder = Tool::recorder(&listener, 960, &recording);
    play(&broadcast, &file);
    wait_for_line(&mut heard, |line| line.contains("77"));
    assert_eq!(broadcast.interrupted().code, Some(0));
    let rest = std::thread::spawn(move || std::io::copy(&mut heard, &mut std::io::sink()).unwrap());
    assert_eq!(listener.finish().code, Some(0));
    rest.join().unwrap();
    recorder.stop();
    for path in [&recording, &smf] {
        assert_eq!(messages(path), expected(), "{}", path.display());
    }
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_session_has_ports_both_ways() {
    let folder = Folder::new("alsa-session");
    let file = folder.write("song.mid", &song(&MUSIC));
    let mut host = Program::start_with_open_stdout(&["host", "--no-mdns", "--port", "0", "--alsa", "--json"]);
    let said = Objects::of(&mut host);
    let open = said.wait_for("the session", PATIENCE, |object| object["type"] == "open");
    let peer = format!("127.0.0.1:{}", open["port"]);
    let arguments = ["join", &peer, "--no-mdns", "--alsa", "--json"];
    let mut join = Program::start_with_open_stdout(&arguments);
    let told = Objects::of(&mut join);
    said.wait_for("a participant", PATIENCE, |object| object["change"] == "takes part");
    told.wait_for("a participant", PATIENCE, |object| object["change"] == "takes part");
    for (from, to) in [(&host, &join), (&join, &host)] {
        let (_dump, mut heard) = dump(to);
        play(from, &file);
        for words in WORDS {
            // Each line of a message begins with the address of its sender.
            let line = wait_for_line(&mut heard, |line| line.starts_with(&address(to, "out")));
            assert!(line.contains(words), "{words}: {line}");
        }
    }
    assert_eq!(join.interrupted().code, Some(0));
    assert_eq!(host.interrupted().code, Some(0));
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn who_plays_faster_than_a_cable_carries_is_told_of_and_fills_no_memory() {
    let mut host =
        Program::start_with_open_stdout(&["host", "--no-mdns", "--port", "0", "--alsa", "--json", "--print"]);
    let said = Objects::of(&mut host);
    let open = said.wait_for("the session", PATIENCE, |object| object["type"] == "open");
    let peer = format!("127.0.0.1:{}", open["port"]);
    let (join, mut stdin) = Program::start_with_open_stdin(&["join", &peer, "--no-mdns", "--stdin", "raw"]);
    let dump = [&[0xF0, 0x7D][..], &vec![1; 40_000], &[0xF7]].concat();
    // A third more than may wait, of which a machine of this kind plays a part meanwhile.
    for number in 0..36 {
        stdin.write_all(&dump).unwrap();
        stdin.write_all(&[0x90, number, 1]).unwrap();
        said.wait_for("a note", PATIENCE, |object| object["octets"] == format!("90 {number:02x} 01"));
    }
    drop(stdin);
    assert_eq!(join.finish().code, Some(0));
    host.interrupt();
    said.wait_for("how long it takes", PATIENCE, |object| object["type"] == "playing out");
    let ended = host.interrupted_again();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(ended.stderr.matches("System Exclusives are left out").count(), 1, "{ended:?}");
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn what_a_cable_still_carries_at_the_end_of_a_session_goes_out_whole() {
    let folder = Folder::new("alsa-farewell");
    let recording = folder.path("recorded.mid");
    let mut host = Program::start_with_open_stdout(&["host", "--no-mdns", "--port", "0", "--alsa", "--json"]);
    let said = Objects::of(&mut host);
    let open = said.wait_for("the session", PATIENCE, |object| object["type"] == "open");
    let recorder = Tool::recorder(&host, 960, &recording);
    let peer = format!("127.0.0.1:{}", open["port"]);
    let (join, mut stdin) = Program::start_with_open_stdin(&["join", &peer, "--no-mdns", "--stdin", "raw"]);
    // Five seconds of a cable.
    let dump = [&[0xF0, 0x7D][..], &vec![1; 16_000], &[0xF7]].concat();
    stdin.write_all(&[&[0x90, 60, 1][..], &dump].concat()).unwrap();
    drop(stdin);
    assert_eq!(join.finish().code, Some(0));
    said.wait_for("the other one leaves", PATIENCE, |object| object["change"] == "has left");
    host.interrupt();
    let told = said.wait_for("how long it takes", PATIENCE, |object| object["type"] == "playing out");
    assert!(told["left_s"].as_f64().unwrap() > 1.0, "{told}");
    assert_eq!(host.finish().code, Some(0));
    recorder.stop();
    let lengths: Vec<usize> = messages(&recording).iter().map(Vec::len).collect();
    assert!(messages(&recording) == [&[0x90, 60, 1][..], &dump, &[0x80, 60, 64]], "messages of {lengths:?} octets");
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn stdin_and_ports_are_played_between_each_others_messages() {
    let folder = Folder::new("alsa-stdin");
    let file = folder.write("song.mid", &song(&[(0, &[0xB0, 7, 100])]));
    let mut host = Program::start_with_open_stdout(&["host", "--no-mdns", "--port", "0", "--json", "--print"]);
    let said = Objects::of(&mut host);
    let open = said.wait_for("the session", PATIENCE, |object| object["type"] == "open");
    let peer = format!("127.0.0.1:{}", open["port"]);
    let arguments = ["join", &peer, "--no-mdns", "--alsa", "--stdin", "hex"];
    let (join, mut stdin) = Program::start_with_open_stdin(&arguments);
    let hears = |octets: &str| said.wait_for(octets, PATIENCE, |object| object["octets"] == octets);
    stdin.write_all(b"90 3c 64 3d\n").unwrap();
    hears("90 3c 64");
    play(&join, &file);
    hears("b0 07 64");
    // The status octet is that of before, and the message has begun before.
    stdin.write_all(b"64\n").unwrap();
    hears("90 3d 64");
    drop(stdin);
    assert_eq!(join.finish().code, Some(0));
    assert_eq!(host.interrupted().code, Some(0));
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_port_that_is_missing_is_told_of_and_connected_when_it_comes() {
    let folder = Folder::new("alsa-late");
    let file = folder.write("song.mid", &song(&MUSIC));
    let host = Program::start(&["host", "--no-mdns", "--port", "0", "--alsa=aseqdump:0"]);
    address(&host, "out");
    let latecomer = Tool(Command::new("aseqdump").stdout(Stdio::null()).spawn().unwrap());
    wait_for_hearer(&host);
    play(&host, &file);
    drop(latecomer);
    let ended = host.interrupted();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("there is no ALSA port aseqdump:0"), "{ended:?}");
}
