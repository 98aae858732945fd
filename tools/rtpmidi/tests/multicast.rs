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

/// The music leaves by the interface `here`; one listener is told of another source, one listens elsewhere.
const SOURCE_SPECIFIC: &str = r#"
    ip address add 192.0.2.1/24 dev here
    "$1" broadcast song.mid --to udp://232.1.2.3:5004 --interface here --sdp song.sdp --speed 4 --json >sender.json &
    sender=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e song.sdp ] || sleep 0.2; done
    sed s/192.0.2.1/192.0.2.2/ song.sdp >other.sdp
    "$1" listen song.sdp --interface here --json >heard.json &
    heard=$!
    "$1" listen other.sdp --interface here --timeout 3 2>other.txt &
    other=$!
    "$1" listen song.sdp --interface lo --timeout 3 2>elsewhere.txt && exit 1
    wait $other && exit 1
    wait $heard && wait $sender
"#;

/// A file of forty notes that take sixteen seconds, in a folder of its own.
fn folder_with_a_song(name: &str) -> Folder {
    let folder = Folder::new(name);
    let notes: Vec<[u8; 3]> = (40..80).flat_map(|key| [[0x90, key, 100], [0x80, key, 64]]).collect();
    let messages: Vec<(u16, &[u8])> = notes.iter().map(|note| (100, &note[..])).collect();
    folder.write("song.mid", &song(&messages));
    folder
}

#[test]
fn a_group_for_one_source_is_heard_from_it_and_on_its_interface_alone() {
    let folder = folder_with_a_song("source-specific");
    if !in_a_network(SOURCE_SPECIFIC, &folder.path("")) {
        return;
    }
    let sdp = std::fs::read_to_string(folder.path("song.sdp")).unwrap();
    assert!(sdp.contains("a=source-filter: incl IN IP4 232.1.2.3 192.0.2.1\r\n"), "{sdp}");
    let summary = objects(&folder.path("heard.json")).pop().unwrap();
    assert!(summary["events"].as_u64().unwrap() > 40, "{summary}");
    for other in ["other.txt", "elsewhere.txt"] {
        let words = std::fs::read_to_string(folder.path(other)).unwrap();
        assert!(words.contains("error: nothing came to UDP port 5004"), "{other}: {words}");
    }
}

#[test]
fn a_group_may_have_several_listeners() {
    let folder = folder_with_a_song("multicast");
    if !in_a_network(SCRIPT, &folder.path("")) {
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
