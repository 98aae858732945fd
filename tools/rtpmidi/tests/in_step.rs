//! Listeners that play in step: real programs that start at different moments, behind networks of different delay.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod link;
mod ntp_server;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kit::{Folder, Program, argument, free_port, in_a_network, lines, song, wait_for, wait_for_listener};
use link::{Link, Way};
use ntp_server::NtpServer;
use serde_json::Value;

/// What a listener has printed: for each note the moment at which it says it plays it, and at which the line came.
type Played = BTreeMap<String, (f64, f64)>;

/// A fast network, and a slow one that shuffles packets.
const NEAR: Way = Way { delay: Duration::ZERO, jitter: Duration::ZERO };
const REMOTE: Way = Way { delay: Duration::from_millis(30), jitter: Duration::from_millis(40) };

/// A listener with these options, and what it plays.
fn listen(sdp: &str, options: &[&str]) -> (Program, JoinHandle<Played>) {
    let arguments = [&["listen", sdp, "--print", "--json", "--timeout", "30"], options].concat();
    let mut program = Program::start_with_open_stdout(&arguments);
    let printed = lines(program.stdout());
    (program, std::thread::spawn(|| played(printed)))
}

/// What a listener says it plays, up to its end.
fn played(printed: impl BufRead) -> Played {
    let mut played = Played::new();
    for line in printed.lines().map_while(Result::ok) {
        let came = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let event: Value = serde_json::from_str(&line).unwrap();
        let octets = event["octets"].as_str().unwrap_or_default();
        if octets.starts_with("90") {
            played.insert(octets.to_owned(), (event["at"].as_f64().unwrap_or(f64::NAN), came));
        }
    }
    played
}

/// Sixty notes in six seconds.
fn music() -> Vec<u8> {
    let notes: Vec<[u8; 3]> = (30..90).flat_map(|key| [[0x90, key, 100], [0x80, key, 64]]).collect();
    song(&notes.iter().map(|note| (25, &note[..])).collect::<Vec<_>>())
}

/// The music by one clock to two listeners, of which the second one comes later and is further away.
fn concert(name: &str, sync: &str, of_listeners: &[&str], change: impl Fn(String) -> String) -> [Played; 2] {
    let folder = Folder::new(name);
    let file = folder.write("song.mid", &music());
    let ports: [u16; 4] = std::array::from_fn(|_| free_port());
    let links =
        [(ports[0], ports[2], NEAR), (ports[1], ports[3], REMOTE)].map(|(from, to, way)| Link::open(from, to, way));
    let to = [ports[0], ports[1]].map(|port| format!("udp://127.0.0.1:{port}"));
    let sdp = folder.path("song.sdp");
    let sending =
        ["broadcast", argument(&file), "--to", &to[0], "--to", &to[1], "--sdp", argument(&sdp), "--sync", sync];
    let broadcast = Program::start(&[&sending[..], &["--rtcp-interval", "0.2"]].concat());
    wait_for(&sdp);
    let text = change(std::fs::read_to_string(&sdp).unwrap());
    let listeners = [2, 3].map(|listener| {
        let port = ports[listener];
        let mine = text.replace(&format!("m=audio {} ", ports[0]), &format!("m=audio {port} "));
        let mine = folder.write(&format!("{listener}.sdp"), mine.as_bytes());
        let listener = listen(argument(&mine), of_listeners);
        // The second one starts when the first one has begun.
        wait_for_listener(port);
        listener
    });
    let played = listeners.map(|(program, played)| {
        let ended = program.finish();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        played.join().unwrap()
    });
    broadcast.finish();
    drop(links);
    played
}

/// How far apart the two have played, in seconds, note by note and in order: as they say, and as the lines came.
fn apart([near, remote]: &[Played; 2]) -> [Vec<f64>; 2] {
    let both: Vec<_> = near.iter().filter_map(|(note, near)| Some((near, remote.get(note)?))).collect();
    // What was under way when the second one began is played as it begins.
    let both = &both[both.len() / 4..];
    assert!(both.len() > 20, "{near:?} {remote:?}");
    let differences =
        [both.iter().map(|(a, b)| (a.0 - b.0).abs()).collect(), both.iter().map(|(a, b)| (a.1 - b.1).abs()).collect()];
    differences.map(|mut differences: Vec<f64>| {
        differences.sort_by(f64::total_cmp);
        differences
    })
}

/// Asserts that both have played in step, to so many seconds by their own word. Lines come when the machine has time
/// for them, so of these the one in the middle counts.
fn in_step(played: &[Played; 2], exactly: f64) {
    let [said, came] = apart(played);
    assert!(said[said.len() - 1] < exactly, "{said:?}");
    assert!(came[came.len() / 2] < 0.005, "{came:?}");
}

#[test]
fn two_listeners_on_this_machines_clock_play_in_step() {
    let played = concert("in-step", "ntp-local", &["--sync", "auto"], |sdp| sdp);
    in_step(&played, 0.000_01);
    for (at, came) in played.iter().flat_map(BTreeMap::values) {
        assert!(at - came < 0.001, "{} s before its time", at - came);
    }
}

#[test]
fn reports_are_enough_to_play_in_step() {
    let without_offset = |sdp: String| {
        let (before, rest) = sdp.split_once("a=mediaclk:").unwrap();
        format!("{before}a=mediaclk:sender{}", rest.split_once('\r').unwrap().1.replacen('\n', "\r\n", 1))
    };
    let played = concert("reports", "ntp-local", &["--sync", "ntp-local"], without_offset);
    // A report tells the time to a tick.
    in_step(&played, 0.000_1);
}

#[test]
fn two_listeners_on_the_clock_of_a_server_play_in_step() {
    let server = NtpServer::start(Duration::from_hours(1000));
    let clock = format!("ntp=127.0.0.1:{}", server.port());
    let played = concert("by-ntp", &clock, &["--sync", "auto"], |sdp| sdp);
    in_step(&played, 0.000_01);
}

/// A PTP master, a sender and two listeners: hosts of a network, of which the listeners print into `near` and `remote`.
/// That the master is right is nobody's concern; the hosts have the clock of one machine.
const BY_PTP: &str = r#"
    for host in sender near remote; do
        unshare -n sleep 100 & eval $host=$!
    done
    trap 'kill $sender $near $remote' EXIT
    # A network of their own is there when it is no longer ours.
    own() { while [ "$(readlink /proc/$1/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do :; done; }
    ip link add hub type bridge mcast_snooping 0
    ip link set hub up
    ip link add port1 type veth peer name clock
    ip link set dev port1 master hub
    ip link set dev port1 up
    ip address add 10.77.1.1/24 dev clock
    ip link set dev clock up
    number=1
    for host in $sender $near $remote; do
        own $host
        number=$((number + 1))
        ip link add port$number type veth peer name eth0 netns $host
        ip link set dev port$number master hub
        ip link set dev port$number up
        nsenter --target $host --net ip address add 10.77.1.$number/24 dev eth0
        nsenter --target $host --net ip link set dev eth0 up
        nsenter --target $host --net ip route add 224.0.0.0/4 dev eth0
    done
    printf '%s\n' '[global]' 'domainNumber 7' 'time_stamping software' 'free_running 1' 'logAnnounceInterval -2' \
        'announceReceiptTimeout 2' 'logSyncInterval -3' 'logMinDelayReqInterval -3' "uds_address $2/ptp4l" >ptp.conf
    PATH=$PATH:/usr/sbin ptp4l -f ptp.conf -i clock >master 2>&1 & master=$!
    nsenter --target $sender --net "$1" broadcast song.mid --to udp://239.77.1.1:5004 --interface eth0 --sdp song.sdp \
        --sync ptp=7 --speed 0.8 >sent 2>&1 & broadcast=$!
    while ! grep -q m=audio song.sdp 2>/dev/null; do kill -0 $broadcast; sleep 0.05; done
    for host in near remote; do
        eval process=\$$host
        nsenter --target $process --net "$1" listen song.sdp --interface eth0 --sync auto --timeout 30 --print --json \
            >$host 2>$host.err & listeners="${listeners:-} $!"
    done
    wait $broadcast
    wait $listeners
    kill $master
"#;

#[test]
fn two_listeners_on_the_clock_of_a_ptp_master_play_in_step() {
    let has_ptp = |path: &str| Command::new(path).arg("-v").output().is_ok();
    if !has_ptp("ptp4l") && !has_ptp("/usr/sbin/ptp4l") {
        return eprintln!("skipped: no ptp4l (apt install linuxptp)");
    }
    let folder = Folder::new("by-ptp");
    folder.write("song.mid", &music());
    let printed = ["near", "remote"].map(|name| {
        let path = folder.path(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        std::thread::spawn(move || played(BufReader::new(File::open(path).unwrap())))
    });
    if !in_a_network(BY_PTP, &folder.path("")) {
        // Nobody has opened the other ends, so that these threads wait.
        return;
    }
    let both = printed.map(|thread| thread.join().unwrap());
    let description = std::fs::read_to_string(folder.path("song.sdp")).unwrap();
    assert!(description.contains("a=ts-refclk:ptp=IEEE1588-2008:") && description.contains(":7\r\n"), "{description}");
    in_step(&both, 0.000_01);
    // PTP counts as this machine's clock does, which the master has taken: what is played at a time comes at it.
    let mut late: Vec<f64> = both.iter().flat_map(BTreeMap::values).map(|(at, came)| came - at).collect();
    late.sort_by(f64::total_cmp);
    assert!((-0.001..0.005).contains(&late[late.len() / 2]), "{late:?}");
}

#[test]
fn without_a_clock_each_plays_when_packets_come() {
    let played = concert("out-of-step", "ntp-local", &[], |sdp| sdp);
    let [_, came] = apart(&played);
    assert!(came[came.len() / 2] > 0.02, "the links do differ: {came:?}");
}
