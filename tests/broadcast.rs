//! The program broadcasts to a group of listeners: one that gets everything, one that loses much, one that comes late.
//! All end alike.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use kit::launch::Program;
use kit::pipeline::{self, Folder};
use kit::synth::{Settings, Synth};
use kit::{smf, song};

/// Runs in a network of its own, where `$1` is the program and `$2` the folder.
const SCRIPT: &str = r#"
    set -eu
    all= some= late=
    trap 'kill $all $some $late 2>/dev/null || true' EXIT
    ip link set lo up multicast on
    ip route add 224.0.0.0/4 dev lo
    cd "$2"
    "$1" listen song.sdp --smf all.mid &
    all=$!
    "$1" listen song.sdp --smf some.mid --loss 25 &
    some=$!
    until [ "$(grep -c ":C350 " /proc/net/udp)" -ge 2 ]; do sleep 0.1; done
    "$1" broadcast song.mid --to udp://239.192.7.7:50000 --speed 8 --ch-never X513-4294967295 &
    sender=$!
    sleep 2
    "$1" listen song.sdp --smf late.mid &
    late=$!
    wait $sender && wait $all && wait $some && wait $late
"#;

/// What the listeners are told of the stream.
const DESCRIPTION: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Song\r\nt=0 0\r\nm=audio 50000 RTP/AVP 96\r\n\
    c=IN IP4 239.192.7.7/1\r\na=rtpmap:96 rtp-midi/44100\r\na=fmtp:96 j_sec=recj; j_update=anchor\r\n";

#[test]
fn all_listeners_end_alike() {
    let Some(program) = program() else { return };
    let folder = Folder::new("broadcast");
    let file = song::random(3);
    let was = smf::read(&file).unwrap().events;
    let lasts = was.last().unwrap().time / 1_000_000_000;
    fs::write(folder.path("song.mid"), &file).unwrap();
    fs::write(folder.path("song.sdp"), DESCRIPTION).unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(["-rn", "timeout", "100", "sh", "-c", SCRIPT, "broadcast"]).arg(program).arg(folder.path(""));
    Program::start(&mut unshare).finish();

    let read = |name: &str| smf::read(&fs::read(folder.path(name)).unwrap()).unwrap().events;
    let all = read("all.mid");
    assert!(all.iter().zip(&was).all(|(is, was)| is.octets == was.octets) && all.len() >= was.len());
    let end = settings(&all);
    assert_eq!(settings(&read("some.mid")), end, "behind losses");
    let late = read("late.mid");
    assert_eq!(settings(&late), end, "from the middle on");
    println!("{lasts} s of music, {} events, {} of them heard by the late one", was.len(), late.len());
}

/// How the channels are set when everything has been played, and that no note sounds then.
fn settings(events: &[smf::Event]) -> Vec<(u8, Settings)> {
    let mut synth = Synth::default();
    for event in events {
        synth.execute(&event.octets);
    }
    assert!(synth.channels.values().all(|channel| channel.sounding.is_empty()), "a note hangs");
    let channels = synth.channels.into_iter().map(|(number, channel)| (number, channel.settings));
    channels.filter(|(_, settings)| *settings != Settings::default()).collect()
}

/// The program, where it is built and networks of one's own are allowed; says why not.
fn program() -> Option<PathBuf> {
    let program = pipeline::built().join("rtpmidi");
    if !program.exists() {
        println!("skipped: no {}; cargo build --package rtpmidi-cli makes it", program.display());
        return None;
    }
    let allowed = Command::new("unshare").args(["-rn", "ip", "link"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        println!("skipped: no network namespaces here");
        return None;
    }
    Some(program)
}
