//! A broadcast to two listeners whose reports keep the journal short, and one of which dies.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::net::UdpSocket;

use kit::{Folder, Objects, PATIENCE, Program, argument, description, free_port, song, wait_for_listener};
use serde_json::Value;

/// Five seconds of a scale on each channel in turn, with a controller that no other step moves: whoever is silent for a
/// round needs a long journal.
fn music() -> Vec<u8> {
    let mut messages = Vec::new();
    for step in 0..50_u8 {
        let (channel, key) = (step % 16, 40 + step);
        messages.push((0, [0xB0 | channel, 70 + step / 16, step]));
        messages.push((0, [0x90 | channel, key, 100]));
        messages.push((50, [0x80 | channel, key, 64]));
    }
    let borrowed: Vec<(u16, &[u8])> = messages.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    song(&borrowed)
}

fn number(progress: &Value, field: &str) -> f64 {
    progress[field].as_f64().unwrap_or_else(|| panic!("no {field} in {progress}"))
}

/// Whether a progress tells of so many receivers, and of a checkpoint that moves with their reports.
fn follows(progress: &Value, receivers: u64) -> bool {
    progress["type"] == "progress"
        && progress["receivers"] == receivers
        && number(progress, "checkpoint_distance") < CLOSE
}

/// Packets between the checkpoint and now, at most, when all receivers report twice a second: there are ten packets to
/// twenty in a second.
const CLOSE: f64 = 60.0;

#[test]
fn a_listener_that_dies_holds_the_journal_until_it_is_timed_out() {
    let folder = Folder::new("dies");
    let file = folder.write("music.mid", &music());
    let listener = |name: &str| {
        let port = free_port();
        let text = description(port).replace("anchor", "closed-loop");
        let sdp = folder.write(name, text.as_bytes());
        let program = Program::start(&["listen", argument(&sdp), "--rtcp-interval", "0.5", "--json"]);
        wait_for_listener(port + 1);
        (program, format!("udp://127.0.0.1:{port}"))
    };
    let ((survivor, first), (victim, second)) = (listener("survivor.sdp"), listener("victim.sdp"));
    let sdp = [folder.path("a.sdp"), folder.path("b.sdp")];
    let mut broadcast = vec!["broadcast", argument(&file), "--journal", "closed-loop", "--loop", "--json"];
    broadcast.extend(["--to", &first, "--to", &second, "--sdp", argument(&sdp[0]), "--sdp", argument(&sdp[1])]);
    broadcast.extend(["--rtcp-interval", "0.5"]);
    let mut sender = Program::start_with_open_stdout(&broadcast);
    let said = Objects::of(&mut sender);

    let near = said.wait_for("two listeners report", PATIENCE, |said| follows(said, 2));
    victim.kill();
    let held = said.wait_for("the dead one holds the checkpoint", PATIENCE, |said| {
        number(said, "checkpoint_distance") > 3.0 * CLOSE
    });
    assert_eq!(held["receivers"], 2, "{held}");
    let (octets, few) = (number(&held, "journal_octets_per_packet"), number(&near, "journal_octets_per_packet"));
    assert!(octets > 1.5 * few, "the journal grows: {near} {held}");
    said.wait_for("the dead one is timed out", PATIENCE, |said| follows(said, 1));
    said.wait_for("the journal is short again", PATIENCE, |said| {
        number(said, "journal_octets_per_packet") < octets / 1.5
    });
    sender.interrupt();
    let sent = said.wait_for("the summary", PATIENCE, |said| said["type"] == "summary");

    assert_eq!(sender.finish().code, Some(0));
    let heard = survivor.finish().summary();
    assert_eq!((&heard["events"], &heard["packets"]), (&sent["events"], &sent["packets"]), "{heard} {sent}");
    assert_eq!((&heard["lost_packets"], &heard["hanging_notes"]), (&0.into(), &0.into()), "{heard}");
    assert_eq!(sent["receivers"], 1, "{sent}");
    for (sdp, to) in sdp.iter().zip([first, second]) {
        let text = std::fs::read_to_string(sdp).unwrap();
        let port = to.rsplit_once(':').unwrap().1;
        assert!(
            text.contains(&format!("m=audio {port} RTP/AVP 96")) && text.contains("j_update=closed-loop"),
            "{text}"
        );
    }
}

/// A receiver report about the stream `about`, which has come up to packet `highest`.
fn report(reporter: u32, about: u32, highest: u32) -> Vec<u8> {
    let mut packet = vec![0x81, 201, 0, 7];
    for word in [reporter, about, 0, highest, 0, 0, 0] {
        packet.extend(word.to_be_bytes());
    }
    packet
}

/// A goodbye behind an empty report.
fn goodbye(reporter: u32) -> Vec<u8> {
    let mut packet = Vec::new();
    for head in [[0x80, 201, 0, 1], [0x81, 203, 0, 1]] {
        packet.extend(head);
        packet.extend(reporter.to_be_bytes());
    }
    packet
}

#[test]
fn forged_reports_hold_no_checkpoint_and_end_no_report() {
    let folder = Folder::new("forged");
    let file = folder.write("music.mid", &music());
    let (port, other) = (free_port(), free_port());
    let text = description(port).replace("anchor", "closed-loop");
    let sdp = folder.write("listener.sdp", text.as_bytes());
    let listener = Program::start(&["listen", argument(&sdp), "--rtcp-interval", "0.5", "--json"]);
    wait_for_listener(port + 1);
    // Another host that the stream goes to, and one that it does not go to.
    let member = UdpSocket::bind(("127.0.0.3", other + 1)).unwrap();
    let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
    member.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = [format!("udp://127.0.0.1:{port}"), format!("udp://127.0.0.3:{other}")];
    let mut broadcast = vec!["broadcast", argument(&file), "--journal", "closed-loop", "--loop", "--json"];
    broadcast.extend(["--to", &to[0], "--to", &to[1], "--rtcp-interval", "0.5"]);
    let mut sender = Program::start_with_open_stdout(&broadcast);
    let said = Objects::of(&mut sender);
    said.wait_for("the listener reports", PATIENCE, |said| follows(said, 1));

    let mut datagram = [0; 1500];
    let (_, from) = member.recv_from(&mut datagram).unwrap();
    let rtcp = ("127.0.0.1", from.port());
    let ours = u32::from_be_bytes([datagram[4], datagram[5], datagram[6], datagram[7]]);
    for reporter in 1..2000 {
        stranger.send_to(&report(reporter, ours, 1), rtcp).unwrap();
        stranger.send_to(&goodbye(ours), rtcp).unwrap();
        member.send_to(&goodbye(ours), rtcp).unwrap();
        member.send_to(b"garbage", rtcp).unwrap();
        // They are of this host, and of no use: they are about another stream.
        member.send_to(&report(reporter, !ours, 1), rtcp).unwrap();
    }
    for _ in 0..3 {
        said.wait_for("the checkpoint moves all the same", PATIENCE, |said| follows(said, 1));
    }
    sender.interrupt();
    let sent = said.wait_for("the summary", PATIENCE, |said| said["type"] == "summary");
    assert!(sent["refused_reports"].as_u64() > Some(100), "{sent}");
    assert_eq!(sender.finish().code, Some(0));
    let heard = listener.finish().summary();
    assert_eq!((&heard["events"], &heard["packets"]), (&sent["events"], &sent["packets"]), "{heard} {sent}");
    assert_eq!((&heard["lost_packets"], &heard["hanging_notes"]), (&0.into(), &0.into()), "{heard}");
}
