//! `rtpmidi monitor` while it happens: a pipe, a socket, a network interface.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod capture;
mod kit;

use std::io::Write;
use std::net::UdpSocket;
use std::process::{Command, Stdio};

use capture::{datagram, pcap, stream};
use kit::{Folder, Program, argument, free_port, lines, wait_for_line, wait_for_listener};

const SONG: [&[u8]; 3] = [&[0xC0, 5], &[0x90, 60, 100], &[0x80, 60, 64]];

#[test]
fn a_socket_is_listened_on_until_ctrl_c() {
    let port = free_port();
    let address = format!("udp://127.0.0.1:{port}");
    let mut program = Program::start_with_open_stdout(&["monitor", &address, "--json"]);
    let mut printed = lines(program.stdout());
    wait_for_listener(port + 1);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for packet in stream(0xABCD, &SONG) {
        sender.send_to(&packet, ("127.0.0.1", port)).unwrap();
    }
    sender.send_to(b"hello", ("127.0.0.1", port)).unwrap();
    wait_for_line(&mut printed, |line| line.contains("\"found_by\":\"option\""));
    wait_for_line(&mut printed, |line| line.contains("NoteOff ch1 C4 v64"));
    wait_for_line(&mut printed, |line| line.contains("\"error\":\"no RTP packet"));
    program.interrupt();
    wait_for_line(&mut printed, |line| line.contains("\"type\":\"summary\"") && line.contains("\"packets\":3,"));
    assert_eq!(program.finish().code, Some(0));
}

#[test]
fn a_pipe_is_read_as_it_is_filled() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rtpmidi"))
        .args(["monitor", "-", "--count", "2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let datagrams: Vec<_> = stream(0xABCD, &SONG).iter().map(|packet| datagram(5004, 5004, packet)).collect();
    let file = pcap(&datagrams);
    let mut stdin = child.stdin.take().unwrap();
    let mut printed = lines(child.stdout.take().unwrap());
    // The header comes in two pieces, and the pipe stays open.
    stdin.write_all(&file[..10]).unwrap();
    stdin.flush().unwrap();
    stdin.write_all(&file[10..]).unwrap();
    stdin.flush().unwrap();
    wait_for_line(&mut printed, |line| line.contains("Program ch1 5"));
    wait_for_line(&mut printed, |line| line.contains("NoteOn ch1 C4 v100"));
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_leaves_ends_it() {
    let folder = Folder::new("head");
    let notes: Vec<[u8; 3]> = (0..20_000_u32).map(|index| [0x90, (index % 100) as u8, 1]).collect();
    let notes: Vec<&[u8]> = notes.iter().map(|note| &note[..]).collect();
    let datagrams: Vec<_> =
        notes.chunks(500).enumerate().flat_map(|(index, notes)| stream(index as u32, notes)).collect();
    let datagrams: Vec<_> = datagrams.iter().map(|packet| datagram(5004, 5004, packet)).collect();
    let file = folder.write("long.pcap", &pcap(&datagrams));
    let mut program = Program::start_with_open_stdout(&["monitor", argument(&file), "--tree"]);
    let mut printed = lines(program.stdout());
    wait_for_line(&mut printed, |line| line.contains(" seq "));
    drop(printed);
    let ended = program.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn an_interface_that_is_not_there_is_named() {
    let ended = Program::start(&["monitor", "--interface", "nosuch0"]).finish();
    ended.failed_with("there is no network interface nosuch0");
    assert!(ended.stderr.contains("hint: this machine has "), "{}", ended.stderr);
}

/// Runs in a new network namespace, where `$1` is the program and `$2` the folder.
const SCRIPT: &str = r#"
    set -eu
    ip link set lo up
    cd "$2"
    timeout 60 "$1" monitor --interface lo --count 3 >monitor.txt 2>monitor.err &
    monitor=$!
    for _ in $(seq 100); do [ "$(wc -l </proc/net/packet)" -gt 1 ] && break; sleep 0.1; done
    "$1" broadcast song.mid --to udp://127.0.0.1:5004 --speed 4 --json >sender.json
    wait $monitor
"#;

#[test]
fn a_network_interface_is_listened_on() {
    let allowed =
        Command::new("unshare").args(["-rn", "ip", "link"]).output().is_ok_and(|output| output.status.success());
    if !allowed {
        eprintln!("skipped: no network namespaces here");
        return;
    }
    let folder = Folder::new("interface");
    let notes: Vec<[u8; 3]> = (40..50).flat_map(|key| [[0x90, key, 100], [0x80, key, 64]]).collect();
    let messages: Vec<(u16, &[u8])> = notes.iter().map(|note| (100, &note[..])).collect();
    let song = folder.write("song.mid", &kit::song(&messages));
    let program = env!("CARGO_BIN_EXE_rtpmidi");
    let output = Command::new("unshare")
        .args(["-rn", "timeout", "120", "sh", "-c", SCRIPT, "monitor", program, argument(song.parent().unwrap())])
        .output()
        .unwrap();
    let (printed, said) = (folder.path("monitor.txt"), folder.path("monitor.err"));
    let (printed, said) = (std::fs::read_to_string(printed).unwrap(), std::fs::read_to_string(said).unwrap());
    assert!(output.status.success(), "{output:?} {said}");
    let packets: Vec<&str> = printed.lines().filter(|line| line.contains(" seq ")).collect();
    assert!(!packets.is_empty(), "{printed} {said}");
    assert!(packets.iter().all(|line| !line.contains("has come before")), "each packet once: {printed}");
    assert!(said.contains("to 127.0.0.1:5004, found by its form"), "{said}");
}

#[test]
fn without_rights_the_hint_says_how_to_get_them() {
    // In a user namespace without its own network, nobody has the right; elsewhere root has it.
    let output = Command::new("unshare")
        .args(["-r", "timeout", "5", env!("CARGO_BIN_EXE_rtpmidi"), "monitor", "--interface", "lo", "--count", "1"])
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: no unshare here");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if said.starts_with("unshare: ") {
        eprintln!("skipped: no user namespaces here");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: no right to listen on interface lo\nhint: run it as root, or once: sudo setcap"));
}
