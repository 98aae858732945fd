//! A broadcast to two listeners whose reports keep the journal short, and one of which dies.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

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
