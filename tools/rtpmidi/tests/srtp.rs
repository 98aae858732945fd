//! Encrypted broadcasts: who has the key hears them, and nobody else is heard.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kit::{
    Folder, Objects, PATIENCE, Program, argument, free_port, in_a_network, objects, song, wait_for, wait_for_listener,
};
use serde_json::Value;

/// A second of notes, each of which ends.
fn music() -> Vec<u8> {
    let mut messages = vec![(0, [0xB0, 7, 90])];
    for key in 40..60 {
        messages.push((0, [0x90, key, 100]));
        messages.push((25, [0x80, key, 64]));
    }
    let borrowed: Vec<(u16, &[u8])> = messages.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    song(&borrowed)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Asserts that a listener has heard all of a broadcast.
fn all_was_heard(heard: &Value, sent: &Value) {
    assert_eq!((&heard["events"], &heard["packets"]), (&sent["events"], &sent["packets"]), "{heard} {sent}");
    assert_eq!((&heard["lost_packets"], &heard["hanging_notes"]), (&0.into(), &0.into()), "{heard}");
}

#[test]
fn an_encrypted_broadcast_is_heard_with_the_key_of_its_description_alone() {
    let folder = Folder::new("srtp");
    let file = folder.write("music.mid", &music());
    for suite in [None, Some("AES_256_CM_HMAC_SHA1_80"), Some("AEAD_AES_128_GCM")] {
        let (port, sdp) = (free_port(), folder.path("x.sdp"));
        let to = format!("udp://127.0.0.1:{port}");
        let mut broadcast = vec!["broadcast", argument(&file), "--to", &to, "--sdp", argument(&sdp), "--srtp"];
        broadcast.extend(["--loop", "--journal", "closed-loop", "--rtcp-interval", "0.2", "--json"]);
        broadcast.extend(suite.map(|suite| ["--srtp-suite", suite]).into_iter().flatten());
        let mut sender = Program::start_with_open_stdout(&broadcast);
        let said = Objects::of(&mut sender);
        wait_for(&sdp);
        let text = fs::read_to_string(&sdp).unwrap();
        let line = format!("\r\na=crypto:1 {} inline:", suite.unwrap_or("AES_CM_128_HMAC_SHA1_80"));
        assert!(text.contains(&format!("m=audio {port} RTP/SAVP 96\r\n")) && text.contains(&line), "{text}");
        assert_eq!(mode(&sdp), 0o600);
        let checked = Program::start(&["sdp", "check", argument(&sdp)]).finish();
        assert_eq!(checked.code, Some(0), "{checked:?}");

        let listener = Program::start(&["listen", argument(&sdp), "--rtcp-interval", "0.2", "--json"]);
        // Its reports are sealed as well, and move the checkpoint.
        said.wait_for("reports", PATIENCE, |said| {
            said["receivers"] == 1 && said["checkpoint_distance"].as_u64() < Some(20)
        });
        sender.interrupt();
        let sent = said.wait_for("the summary", PATIENCE, |said| said["type"] == "summary");
        let heard = listener.finish().summary();
        assert!(heard["packets"].as_u64() > Some(5) && heard["foreign_datagrams"] == 0, "{heard}");
        assert_eq!((&heard["hanging_notes"], &sent["refused_reports"]), (&0.into(), &0.into()), "{heard} {sent}");
        fs::remove_file(&sdp).unwrap();
    }
}

/// RTP and RTCP as an attacker without the key sends them: in clear, or under a tag of its own.
struct Forger(UdpSocket);

impl Forger {
    fn new() -> Self {
        Self(UdpSocket::bind("127.0.0.1:0").unwrap())
    }

    fn send(&self, port: u16, packet: &[u8]) {
        self.0.send_to(packet, ("127.0.0.1", port)).unwrap();
    }

    /// A note of this source, in clear and with ten octets of garbage as a tag.
    fn play(&self, port: u16, ssrc: u32) {
        let mut packet = vec![0x80, 0x80 | 96, 0, 1, 0, 0, 0, 0];
        packet.extend(ssrc.to_be_bytes());
        packet.extend([3, 0x90, 99, 100]);
        self.send(port, &packet);
        packet.extend([0x55; 10]);
        self.send(port, &packet);
    }

    /// A report with a BYE, in clear and as if it were sealed.
    fn say_goodbye(&self, port: u16, ssrc: u32) {
        let mut packet = Vec::new();
        for head in [[0x80, 201, 0, 1], [0x81, 203, 0, 1]] {
            packet.extend(head);
            packet.extend(ssrc.to_be_bytes());
        }
        self.send(port, &packet);
        packet.extend([0x80, 0, 0, 1]);
        packet.extend([0x55; 10]);
        self.send(port, &packet);
    }
}

#[test]
fn who_speaks_first_without_the_key_captures_nothing() {
    let folder = Folder::new("srtp-forged");
    let file = folder.write("music.mid", &music());
    let (port, sdp, key) = (free_port(), folder.path("x.sdp"), folder.path("key"));
    let to = format!("udp://127.0.0.1:{port}");
    let broadcast = ["broadcast", argument(&file), "--to", &to, "--sdp", argument(&sdp), "--srtp", "--json"];
    let broadcast = [&broadcast[..], &["--srtp-key", argument(&key)]].concat();
    // The first one makes the description and the key, with which the listener waits for the second.
    assert_eq!(Program::start(&broadcast).finish().code, Some(0));
    assert_eq!((mode(&key), mode(&sdp)), (0o600, 0o600));
    let listener = Program::start(&["listen", argument(&sdp), "--print", "--json"]);
    wait_for_listener(port);
    wait_for_listener(port + 1);
    let forger = Forger::new();
    for ssrc in 1..=50 {
        forger.play(port, ssrc);
        forger.say_goodbye(port + 1, ssrc);
    }
    let sender = Program::start(&broadcast).finish();
    let (sent, heard) = (sender.summary(), listener.finish());
    all_was_heard(&heard.summary(), &sent);
    assert_eq!(heard.summary()["foreign_datagrams"], 200, "{heard:?}");
    assert!(!heard.stdout.contains("90 63 64") && !heard.stderr.contains("CRITICAL"), "{heard:?}");
}

#[test]
fn a_replayed_broadcast_is_not_heard_a_second_time() {
    let folder = Folder::new("srtp-replay");
    let file = folder.write("music.mid", &music());
    let (port, tapped, sdp) = (free_port(), free_port(), folder.path("x.sdp"));
    let tap = UdpSocket::bind(("127.0.0.1", tapped)).unwrap();
    let (to, to_tap) = (format!("udp://127.0.0.1:{port}"), format!("udp://127.0.0.1:{tapped}"));
    let broadcast = ["broadcast", argument(&file), "--to", &to, "--to", &to_tap, "--sdp", argument(&sdp), "--srtp"];
    let sender = Program::start(&[&broadcast[..], &["--json", "--loop"]].concat());
    wait_for(&sdp);
    let mut listener = Program::start_with_open_stdout(&["listen", argument(&sdp), "--json"]);
    let said = Objects::of(&mut listener);
    said.wait_for("packets", PATIENCE, |said| said["packets"].as_u64() > Some(0));
    // What was sent before it listened is new to it.
    let mut datagram = [0; 2000];
    tap.set_nonblocking(true).unwrap();
    while tap.recv(&mut datagram).is_ok() {}
    tap.set_nonblocking(false).unwrap();
    tap.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..20 {
        let length = tap.recv(&mut datagram).unwrap();
        // The packet itself is sent first.
        Forger::new().send(port, &datagram[..length]);
    }
    sender.interrupt();
    assert_eq!(sender.finish().code, Some(0));
    let heard = said.wait_for("the summary", PATIENCE, |said| said["type"] == "summary");
    assert_eq!((&heard["lost_packets"], &heard["hanging_notes"]), (&0.into(), &0.into()), "{heard}");
    assert_eq!(heard["foreign_datagrams"], 20, "each of them is refused: {heard}");
}

#[test]
fn an_announced_stream_keeps_its_key_to_itself() {
    let folder = Folder::new("srtp-sap");
    let file = folder.write("music.mid", &music());
    let broadcast = ["broadcast", argument(&file), "--to", "udp://239.255.1.2:5004", "--sap", "--srtp"];
    Program::start(&broadcast).finish().failed_with("--sap announces no key to everybody");
    let script = r#"
        "$1" listen sap:Test --srtp-key key --timeout 60 --json >heard &
        listener=$!
        "$1" listen sap:Test --timeout 60 --json >refused 2>why || true &
        other=$!
        "$1" broadcast music.mid --to udp://239.255.1.2:5004 --sap --sap-interval 0.2 --srtp --srtp-key key \
            --loop --json >sent &
        sender=$!
        wait $other
        until grep -q '"packets":[1-9]' heard; do sleep 0.1; done
        "$1" devices --wait 2 --json >devices
        kill -INT $sender
        wait $sender
        wait $listener
    "#;
    // The listener needs the key before it starts.
    let key = "00".repeat(30);
    let path = folder.write("key", key.as_bytes());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    if !in_a_network(script, &folder.path("")) {
        return;
    }
    let heard = objects(&folder.path("heard"));
    let summary = heard.iter().find(|object| object["type"] == "summary").unwrap();
    assert_eq!((&summary["foreign_datagrams"], &summary["hanging_notes"]), (&0.into(), &0.into()), "{summary}");
    let why = fs::read_to_string(folder.path("why")).unwrap();
    assert!(why.contains("the stream is encrypted, and the description has no key\nhint: --srtp-key FILE"), "{why}");
}

#[test]
fn what_would_give_a_key_away_is_refused() {
    let folder = Folder::new("srtp-refused");
    let file = folder.write("music.mid", &music());
    let broadcast =
        |more: &[&str]| Program::start(&[&["broadcast", argument(&file), "--srtp"], more].concat()).finish();
    broadcast(&["--to", "udp://127.0.0.1:5004"])
        .failed_with("nobody would be told the key of --to udp://127.0.0.1:5004");
    broadcast(&["--rtsp", "127.0.0.1:0"]).failed_with("with --srtp, --rtsp would tell the key in clear");
    let key = folder.write("key", "00".repeat(30).as_bytes());
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let with_key = ["--to", "udp://127.0.0.1:5004", "--srtp-key", argument(&key)];
    broadcast(&with_key).failed_with("others may read the key in");
    let sdp = folder.write("plain.sdp", kit::description(free_port()).as_bytes());
    let listen = |more: &[&str]| Program::start(&[&["listen", argument(&sdp)], more].concat()).finish();
    listen(&["--srtp-key", argument(&key)]).failed_with("others may read the key in");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    listen(&["--srtp-key", argument(&key)]).failed_with("the stream is not encrypted, and there is a key for it");
    listen(&["--srtp-key", argument(&folder.path("none"))]).failed_with("there is no key");
}

#[test]
fn an_encrypted_broadcast_goes_on_behind_its_65536th_packet_and_who_comes_then_hears_it() {
    if std::env::var_os("RTPMIDI_THOROUGH").is_none() {
        eprintln!("skipped: this takes half a minute; set RTPMIDI_THOROUGH");
        return;
    }
    let (folder, port) = (Folder::new("srtp-cycle"), free_port());
    let notes: Vec<[u8; 3]> = (0..2000).map(|n| [0x90, 30 + (n / 2 % 60) as u8, (n % 2) as u8 * 100]).collect();
    let notes: Vec<(u16, &[u8])> = notes.iter().map(|note| (1, &note[..])).collect();
    let (file, sdp) = (folder.write("music.mid", &song(&notes)), folder.path("x.sdp"));
    let to = format!("udp://127.0.0.1:{port}");
    let broadcast = ["broadcast", argument(&file), "--to", &to];
    let options = ["--sdp", argument(&sdp), "--srtp", "--loop", "--ptime", "0", "--speed", "8", "--json"];
    let mut sender = Program::start_with_open_stdout(&[&broadcast[..], &options].concat());
    let said = Objects::of(&mut sender);
    wait_for(&sdp);
    let mut early = Program::start_with_open_stdout(&["listen", argument(&sdp), "--json"]);
    let hears = Objects::of(&mut early);
    let patience = 10 * PATIENCE;
    let is_behind = |said: &Value| said["packets"].as_u64() > Some(70_000);
    said.wait_for("the second cycle", patience, |said| said["type"] == "progress" && is_behind(said));
    let before = hears.wait_for("what comes", patience, |heard| heard["type"] == "progress" && is_behind(heard));
    early.interrupt();
    let heard = hears.wait_for("the summary", patience, |heard| heard["type"] == "summary");
    assert!(heard["packets"].as_u64() >= before["packets"].as_u64(), "{heard} {before}");
    assert_eq!((&heard["foreign_datagrams"], &heard["hanging_notes"]), (&0.into(), &0.into()), "{heard}");
    let mut late = Program::start_with_open_stdout(&["listen", argument(&sdp), "--json"]);
    let hears = Objects::of(&mut late);
    hears.wait_for("music in the second cycle", patience, |heard| heard["packets"].as_u64() > Some(100));
    sender.interrupt();
    let heard = hears.wait_for("the end", patience, |heard| heard["type"] == "summary");
    assert_eq!((&heard["foreign_datagrams"], &heard["hanging_notes"]), (&0.into(), &0.into()), "{heard}");
}
