//! A broadcast to a group, with two listeners on one machine, in a network of its own.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use kit::{Folder, in_a_network, objects, song};

const SCRIPT: &str = r#"
    "$1" broadcast song.mid --to udp://239.1.2.3:5004 --ttl 2 --sdp song.sdp --speed 4 --json >sender.json &
    sender=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e song.sdp ] || sleep 0.2; done
    timeout 60 "$1" listen song.sdp --loss 20:3 --json >first.json &
    first=$!
    timeout 60 "$1" listen song.sdp --json >second.json &
    wait $! && wait $first && wait $sender
"#;

#[test]
fn a_group_may_have_several_listeners() {
    let folder = Folder::new("multicast");
    let notes: Vec<[u8; 3]> = (40..80).flat_map(|key| [[0x90, key, 100], [0x80, key, 64]]).collect();
    let messages: Vec<(u16, &[u8])> = notes.iter().map(|note| (100, &note[..])).collect();
    let file = folder.write("song.mid", &song(&messages));
    if !in_a_network(SCRIPT, file.parent().unwrap()) {
        return;
    }
    for listener in ["first.json", "second.json"] {
        let summary = objects(&folder.path(listener)).pop().unwrap();
        assert!(summary["events"].as_u64().unwrap() > 40, "{listener}: {summary}");
        assert_eq!(summary["hanging_notes"], 0, "{listener}: {summary}");
    }
    let sdp = std::fs::read_to_string(folder.path("song.sdp")).unwrap();
    assert!(sdp.contains("c=IN IP4 239.1.2.3/2\r\n"), "{sdp}");
}
