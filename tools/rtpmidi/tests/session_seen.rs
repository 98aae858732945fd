//! Sessions of ours as others see them: tshark their packets, Avahi their announcements.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::fs;
use std::path::Path;
use std::process::Command;

use kit::{Folder, argument, in_a_network, objects};

/// Whether the programs are here; says so when not.
fn are_here(programs: &[&str], package: &str) -> bool {
    let finds = |program| Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    let here = programs.iter().all(|program| finds(program).status.success());
    if !here {
        eprintln!("skipped: the package {package} is missing");
    }
    here
}

/// A session of two, in which both play, captured on loopback. Whoever has played waits until the other one has heard it,
/// and a report has been seen.
const SESSION: &str = r#"
    awaits() { for _ in $(seq 300); do grep -q "$1" "$2" && return; sleep 0.1; done; exit 1; }
    captured() {
        filter="applemidi.command == $1"
        for _ in $(seq 100); do
            tshark -n -o udp.try_heuristic_first:TRUE -r session.pcapng -Y "$filter" 2>/dev/null | grep -q . && return
            sleep 0.1
        done
        exit 1
    }
    touch host.json join.json
    tshark -q -n -i lo -w session.pcapng udp 2>tshark.txt &
    tshark=$!
    awaits Capturing tshark.txt
    (cat host.hex; awaits "a1 3c 22" join.json; awaits "82 3c 40" host.json; captured 0x5253) |
        "$1" host --no-mdns --stdin hex --print --json >host.json &
    host=$!
    awaits open host.json
    (cat join.hex; awaits "has left" join.json) | "$1" join 127.0.0.1 --no-mdns --stdin hex --print --json >join.json
    wait $host
    captured 0x4259
    kill -INT $tshark
    wait $tshark
"#;

/// Nothing that makes tshark 4.0 err (docs/interop.md): no chords, no clock, no song.
const HOST: &str = "c0 05\nb0 07 50\n90 3c 64\n80 3c 40\nfe\nf0 7e 7f 09 01 f7\na1 3c 22\n";

/// The same, with a System Exclusive in segments before the last note.
fn joiner() -> String {
    format!("e0 01 40\nd0 22\nf0{}f7\n92 3c 64\n82 3c 40\n", "11".repeat(2000))
}

/// What tshark shows of the packets that a filter selects.
fn tshark(capture: &Path, filter: &str) -> Vec<String> {
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-o", "udp.try_heuristic_first:TRUE", "-r"]).arg(capture).args(["-Y", filter]);
    let output = tshark.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn tshark_dissects_a_session_of_ours_without_complaint() {
    let folder = Folder::new("session-tshark");
    folder.write("host.hex", HOST.as_bytes());
    folder.write("join.hex", joiner().as_bytes());
    if !are_here(&["tshark"], "tshark") || !in_a_network(SESSION, &folder.path("")) {
        return;
    }
    let capture = folder.path("session.pcapng");
    assert_eq!(tshark(&capture, "_ws.malformed or _ws.expert"), [""; 0]);
    assert_eq!(tshark(&capture, "not applemidi and not rtpmidi"), [""; 0]);
    let shown = tshark(&capture, "udp").join("\n");
    let exchange =
        ["Invitation: peer", "Invitation Accepted: peer", "count = 2", "Receiver Feedback: seq", "End Session"];
    let music = [
        "Program Change (c=1, p=5)",
        "Channel Volume (msb), p=80",
        "Note On (c=1, n=C4, v=100)",
        "Active sensing",
        "Full Sysex-Command",
        "Start of Sysex-Segment",
        "End of Sysex-Segment",
        "Polyphonic Key Pressure (c=2, n=C4, p=34)",
        "Channel Pressure (c=1, p=34)",
        "Note Off (c=3, n=C4, v=64)",
    ];
    for words in exchange.iter().chain(&music) {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!tshark(&capture, "rtpmidi.cj_chapter_n_log_note == 60").is_empty(), "no journal");
}

/// A system bus for everybody.
const BUS: &str = r#"<busconfig>
<type>system</type>
<listen>unix:path=/run/bus</listen>
<policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
</policy>
</busconfig>"#;

const AVAHI: &str = "[server]\nuse-ipv6=no\nallow-interfaces=here\n";

/// Its own `/run`, and an owner for its files, since there is but one user in a namespace.
const NEIGHBOURS: &str = r#"
    set -eu
    awaits() { for _ in $(seq 300); do grep -q "$1" "$2" && return; sleep 0.1; done; exit 1; }
    mount -t tmpfs tmpfs /run
    echo avahi:x:0:0::/: >/run/passwd
    echo avahi:x:0: >/run/group
    mount --bind /run/passwd /etc/passwd
    mount --bind /run/group /etc/group
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/bus
    dbus-daemon --config-file="$PWD/bus.conf" --nofork --nopidfile 2>bus.txt &
    bus=$!
    for _ in $(seq 100); do [ -S /run/bus ] && break; sleep 0.1; done
    avahi-daemon -f "$PWD/avahi.conf" --no-drop-root --no-chroot --no-rlimits 2>avahi.txt &
    avahi=$!
    awaits "startup complete" avahi.txt
    touch browse.txt devices.json host.json
    avahi-browse -p -r _apple-midi._udp >browse.txt &
    browse=$!
    avahi-publish -s "Flügel No. 1" _apple-midi._udp 5004 2>publish.txt &
    publish=$!
    "$1" devices --interface here --wait 60 --json >devices.json &
    devices=$!
    "$1" host --name "Orgel für zwei" --interface here --port 6004 --json >host.json &
    host=$!
    awaits '^=.*Orgel' browse.txt
    awaits 'Flügel' devices.json
    kill -INT $host
    wait $host
    awaits '^-.*Orgel' browse.txt
    kill $publish
    awaits '"gone".*Flügel' devices.json
    kill -INT $devices
    wait $devices
    kill $browse $avahi $bus
    wait || true
"#;

#[test]
fn avahi_sees_our_session_come_and_go_and_we_see_what_it_announces() {
    let folder = Folder::new("session-avahi");
    folder.write("bus.conf", BUS.as_bytes());
    folder.write("avahi.conf", AVAHI.as_bytes());
    let script = folder.write("neighbours", NEIGHBOURS.as_bytes());
    let here = are_here(&["avahi-daemon", "dbus-daemon"], "avahi-daemon") && are_here(&["avahi-browse"], "avahi-utils");
    let network = format!(
        "ip address add 10.77.0.1/24 dev here; ip route replace 224.0.0.0/4 dev here; \
         unshare -m sh '{}' \"$1\"",
        argument(&script)
    );
    if !here || !in_a_network(&network, &folder.path("")) {
        return;
    }
    let seen = fs::read_to_string(folder.path("browse.txt")).unwrap();
    // It writes other octets than letters and digits in decimal digits.
    let ours = seen.lines().find(|line| line.starts_with("=;here;IPv4;Orgel")).unwrap();
    let fields: Vec<&str> = ours.split(';').collect();
    assert_eq!(fields[3], r"Orgel\032f\195\188r\032zwei");
    assert_eq!(fields[4..6], ["_apple-midi._udp", "local"]);
    assert_eq!(fields[7..9], ["10.77.0.1", "6004"]);
    let listed = objects(&folder.path("devices.json"));
    let theirs = listed.iter().find(|object| object["name"] == "Flügel No. 1").unwrap();
    assert_eq!((&theirs["type"], &theirs["addresses"][0]), (&"peer".into(), &"10.77.0.1:5004".into()));
}
