//! A broadcast, an edge and a listener, each on a network of its own; the edge is killed, and another takes its place. Set
//! `RTPMIDI_THOROUGH` to have it inside the RTSP connection as well.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use kit::Folder;

/// The origin multicasts to the edge, which has an address in each network.
const SCRIPT: &str = r#"
    unshare -n sleep 200 & edge=$!
    unshare -n sleep 200 & ear=$!
    trap 'kill $edge $ear' EXIT
    # A network of their own is there when it is no longer ours.
    own() { while [ "$(readlink /proc/$1/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do :; done; }
    own $edge
    own $ear
    at_edge() { nsenter --target $edge --net "$@"; }
    at_ear() { nsenter --target $ear --net "$@"; }
    ip link add origin type veth peer name north netns $edge
    at_edge ip link add south type veth peer name ear netns $ear
    ip address add 10.77.1.1/24 dev origin
    ip link set origin up
    at_edge ip address add 10.77.1.2/24 dev north
    at_edge ip link set north up
    at_edge ip route add 224.0.0.0/4 dev north
    at_edge ip address add 10.77.2.1/24 dev south
    at_edge ip link set south up
    at_ear ip address add 10.77.2.2/24 dev ear
    at_ear ip link set ear up
    at_ear ip link set lo up

    until_there() { while ! grep -q "$1" "$2" 2>/dev/null; do sleep 0.05; done; }
    relay() {
        nsenter --target $edge --net "$1" relay song.sdp --interface north --rtsp 10.77.2.1:8554 --json >$2 & relay=$!
        until_there serving $2
    }
    "$1" broadcast song.mid --to udp://239.77.1.1:5004 --interface origin --guardtime 500 --sdp song.sdp --json >sent &
    broadcast=$!
    until_there m=audio song.sdp
    relay "$1" first
    nsenter --target $ear --net "$1" listen rtsp://10.77.2.1:8554/native/live --rtsp-transport $3 --reconnect always \
        --timeout 60 --print --json >heard & listener=$!
    until_there '"90 3c 64"' heard
    kill -KILL $relay
    # The first note ends and much else happens while nobody hands on.
    sleep 2
    relay "$1" second
    until_there '"90 40 64"' heard
    wait $broadcast
    until_there '"80 40 40"' heard
    kill -INT $listener $relay
    wait $listener
    wait $relay
"#;

#[test]
fn behind_an_edge_that_was_killed_and_replaced_listeners_are_set_as_the_sender_is() {
    let song: [(u16, &[u8]); 11] = [
        (0, &[0xC0, 40]),
        (0, &[0xB0, 7, 99]),
        (2500, &[0x90, 60, 100]),
        // From here on without an edge.
        (500, &[0x80, 60, 64]),
        (0, &[0xC0, 41]),
        (0, &[0xB0, 7, 55]),
        (0, &[0xE0, 0, 70]),
        (0, &[0x90, 62, 100]),
        (0, &[0x80, 62, 64]),
        (3000, &[0x90, 64, 100]),
        (500, &[0x80, 64, 64]),
    ];
    let thorough = std::env::var_os("RTPMIDI_THOROUGH").is_some();
    for transport in if thorough { &["udp", "tcp"][..] } else { &["udp"] } {
        let folder = Folder::new(&format!("tiers-{transport}"));
        folder.write("song.mid", &kit::song(&song));
        let script = SCRIPT.replace("$3", transport);
        if !kit::in_a_network(&script, &folder.path("")) {
            return;
        }
        let objects = kit::objects(&folder.path("heard"));
        let events: Vec<&str> = objects.iter().filter_map(|object| object["octets"].as_str()).collect();
        let last = |start: &str| events.iter().rev().find(|octets| octets.starts_with(start)).copied();
        assert_eq!(last("c0"), Some("c0 29"), "{transport}: {events:?}");
        assert_eq!(last("b0 07"), Some("b0 07 37"), "{transport}: {events:?}");
        assert_eq!(last("e0"), Some("e0 00 46"), "{transport}: {events:?}");
        let place = |octets: &str| events.iter().position(|it| it.starts_with(octets));
        assert!(place("80 3c") < place("90 40") && place("80 3c").is_some(), "{transport}: {events:?}");
        let summary = objects.iter().find(|object| object["type"] == "summary").unwrap();
        assert_eq!(summary["hanging_notes"], 0, "{transport}: {summary}");
    }
}
