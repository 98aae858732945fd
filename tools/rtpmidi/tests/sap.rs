//! Streams that are announced: found by title, listed, and deleted in the end.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use kit::{Folder, Program, argument, in_a_network, objects, song};

/// The listeners are there first, and have nothing but the title.
const SCRIPT: &str = r#"
    "$1" devices --wait 60 --json >devices.json &
    devices=$!
    timeout 60 "$1" listen sap:TEST --json >first.json &
    first=$!
    timeout 60 "$1" listen sap:test --json >second.json &
    second=$!
    sleep 1
    "$1" broadcast song.mid --to "$TO" --sap --sap-interval 0.2 --speed 4 --json >sender.json
    wait $first && wait $second
    kill -INT $devices
    wait $devices
"#;

fn a_stream_is_found_by_its_title(name: &str, to: &str) {
    let folder = Folder::new(name);
    let notes: Vec<[u8; 3]> = (40..80).flat_map(|key| [[0x90, key, 100], [0x80, key, 64]]).collect();
    let messages: Vec<(u16, &[u8])> = notes.iter().map(|note| (100, &note[..])).collect();
    let file = folder.write("song.mid", &song(&messages));
    if !in_a_network(&format!("TO={to}\n{SCRIPT}"), file.parent().unwrap()) {
        return;
    }
    for listener in ["first.json", "second.json"] {
        let summary = objects(&folder.path(listener)).pop().unwrap();
        assert!(summary["events"].as_u64().unwrap() > 40, "{listener}: {summary}");
        assert_eq!(summary["hanging_notes"], 0, "{listener}: {summary}");
    }
    let listed = objects(&folder.path("devices.json"));
    assert_eq!(listed.len(), 2, "announced once, however often, and then gone: {listed:?}");
    assert_eq!((&listed[0]["type"], &listed[0]["title"]), (&"session".into(), &"Test".into()));
    assert!(to.contains(listed[0]["streams"][0]["address"].as_str().unwrap()), "{listed:?}");
    assert_eq!(listed[1]["type"], "gone");
}

#[test]
fn a_stream_of_the_local_network_is_found_by_its_title() {
    a_stream_is_found_by_its_title("sap-v4", "udp://239.255.1.2:5004");
}

#[test]
fn a_stream_over_ipv6_is_found_by_its_title() {
    a_stream_is_found_by_its_title("sap-v6", "udp://[ff05::1:2]:5004");
}

#[test]
fn what_is_not_announced_is_told_with_what_is() {
    let folder = Folder::new("sap-other");
    let file = folder.write("song.mid", &song(&[(5000, &[0x90, 60, 100])]));
    let script = r#"
        "$1" broadcast song.mid --to udp://239.255.1.2:5004 --sap --sap-interval 0.2 --json >sender.json &
        sender=$!
        "$1" listen sap:Other --timeout 2 2>words.txt && exit 1
        kill -INT $sender
        wait $sender
    "#;
    if in_a_network(script, file.parent().unwrap()) {
        let words = std::fs::read_to_string(folder.path("words.txt")).unwrap();
        assert!(words.ends_with("error: nobody announces Other\nhint: announced are: Test\n"), "{words}");
    }
}

#[test]
fn a_stream_that_is_announced_elsewhere_is_followed() {
    let folder = Folder::new("sap-moved");
    // Whoever hears late hears the notes that are still to come, here below 40 (hexadecimal) and there above.
    let notes = |keys: std::ops::Range<u8>| keys.map(|key| [0x90, key, 100]).collect::<Vec<_>>();
    let write = |name: &str, notes: &[[u8; 3]]| {
        folder.write(name, &song(&notes.iter().map(|note| (250, &note[..])).collect::<Vec<_>>()))
    };
    write("there.mid", &notes(0x40..0x7F));
    let file = write("here.mid", &notes(0x10..0x3F));
    let script = r#"
        heard() { until grep -q "$1" listener.json; do sleep 0.1; done; }
        timeout 60 "$1" listen sap:Test --print --json >listener.json 2>words.txt &
        listener=$!
        sleep 1
        "$1" broadcast here.mid --to udp://239.255.1.2:5004 --sap --sap-interval 0.2 --json >sender.json &
        sender=$!
        heard "90 [123]. 64"
        kill -9 $sender
        "$1" broadcast there.mid --to udp://239.255.1.3:5006 --sap --sap-interval 0.2 --json >sender.json &
        sender=$!
        heard "80 [123]. "
        heard "90 [4567]. 64"
        kill -INT $sender
        wait $sender
        wait $listener
    "#;
    if in_a_network(script, file.parent().unwrap()) {
        let words = std::fs::read_to_string(folder.path("words.txt")).unwrap();
        assert!(words.contains("the stream is announced elsewhere"), "{words}");
        let summary = objects(&folder.path("listener.json")).pop().unwrap();
        assert_eq!(summary["hanging_notes"], 0, "{summary}");
    }
}

#[test]
fn only_groups_are_announced() {
    let folder = Folder::new("sap-unicast");
    let file = folder.write("song.mid", &song(&[(100, &[0x90, 60, 100])]));
    let sdp = folder.path("x.sdp");
    let arguments = ["broadcast", argument(&file), "--to", "udp://127.0.0.1:5004", "--sap", "--sdp", argument(&sdp)];
    Program::start(&arguments).finish().failed_with("--sap announces what goes to a multicast group");
    assert!(!sdp.exists(), "nothing has been written");
}
