//! Raw multicast MIDI in networks of their own: the commands of the elements' pages, and the program.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use kit::{Folder, Program, argument, documented, free_port, in_a_network, messages, plugins, song};

/// `wait_for COUNT PORT FILE` waits until so many sockets of the kernel's list are on a port, in hexadecimal.
const SETUP: &str = r#"
    wait_for() {
        for _ in $(seq 300); do [ $(grep -c ":$2 " /proc/net/$3) -ge $1 ] && return; sleep 0.1; done
        cat /proc/net/$3 *.txt >&2
        exit 1
    }
"#;

const PLAYED: [&[u8]; 6] =
    [&[0xC0, 5], &[0x90, 60, 100], &[0x90, 64, 100], &[0xF0, 0x7D, 1, 0xF7], &[0x80, 60, 64], &[0x80, 64, 64]];

/// A folder with a file of [`PLAYED`], and what a shell needs to find our elements.
fn prepared(name: &str) -> (Folder, String) {
    let folder = Folder::new(name);
    // In a file the length of a System Exclusive stands behind its status.
    let written: Vec<Vec<u8>> = PLAYED
        .iter()
        .map(|message| match message {
            [0xF0, data @ ..] => [&[0xF0, data.len() as u8], data].concat(),
            message => message.to_vec(),
        })
        .collect();
    folder.write("song.mid", &song(&written.iter().map(|message| (25, &message[..])).collect::<Vec<_>>()));
    let setup = format!(
        "{SETUP}export GST_PLUGIN_PATH={} GST_REGISTRY={}\n",
        argument(&plugins(&folder)),
        argument(&folder.path("registry.bin"))
    );
    (folder, setup)
}

#[test]
fn the_documented_command_records_a_group_of_ipv6_and_sources_are_chosen() {
    let (folder, setup) = prepared("ipmidi-v6");
    let record = documented("ipmidisrc", "gst-launch-1.0 -e ipmidisrc port=2 group=ff12::37");
    let script = format!(
        r"{setup}
        ip link set here down
        ip link set here name eth0
        ip link set eth0 up
        {record} >record.txt 2>&1 &
        record=$!
        gst-launch-1.0 -e ipmidisrc port=2 group=ff12::37 interface=eth0 sources=2001:db8::1 \
            ! smfmux ! filesink location=other.mid >other.txt 2>&1 &
        other=$!
        wait_for 2 55A9 udp6
        gst-launch-1.0 filesrc location=song.mid ! smfparse ! ipmidisink port=2 group=ff12::37 interface=eth0
        kill -INT $record $other
        wait $record
        wait $other
        "
    );
    if in_a_network(&script, &folder.path("")) {
        assert_eq!(messages(&folder.path("take.mid")), PLAYED);
        assert!(messages(&folder.path("other.mid")).is_empty());
    }
}

#[test]
fn a_broadcast_of_a_port_is_heard_and_played_to_another_one() {
    let (folder, setup) = prepared("ipmidi-broadcast");
    let play = documented("ipmidisink", "gst-launch-1.0 filesrc");
    let script = format!(
        r#"{setup}
        "$1" broadcast ipmidi:1@lo --to udp://127.0.0.1:5004 --sdp x.sdp 2>broadcast.txt &
        broadcast=$!
        wait_for 1 55A8 udp
        gst-launch-1.0 -e ipmidisrc port=2 ! smfmux ! filesink location=again.mid >again.txt 2>&1 &
        again=$!
        "$1" listen x.sdp --smf heard.mid --ipmidi 2@lo &
        listen=$!
        wait_for 1 138C udp
        wait_for 1 55A9 udp
        {play}
        kill -INT $broadcast
        wait $broadcast
        wait $listen
        kill -INT $again
        wait $again
        "#
    );
    if in_a_network(&script, &folder.path("")) {
        assert_eq!(messages(&folder.path("heard.mid")), PLAYED);
        assert_eq!(messages(&folder.path("again.mid")), PLAYED);
    }
}

#[test]
fn the_documented_pipelines_bridge_to_rtp_midi_and_back() {
    let (folder, setup) = prepared("ipmidi-bridge");
    let [out, back] = [("ipmidisrc", "gst-launch-1.0 -e ipmidisrc !"), ("ipmidisink", "gst-launch-1.0 -e udpsrc")]
        .map(|(page, start)| documented(page, start));
    let (out, back) = (out.replace("192.0.2.7", "127.0.0.1"), back.replace("eth0", "lo"));
    let script = format!(
        r"{setup}
        {back} >back.txt 2>&1 &
        back=$!
        {out} >out.txt 2>&1 &
        out=$!
        gst-launch-1.0 ipmidisrc port=2 ! filesink location=heard buffer-mode=unbuffered >heard.txt 2>&1 &
        heard=$!
        wait_for 1 55A8 udp
        wait_for 1 55A9 udp
        wait_for 1 138C udp
        gst-launch-1.0 filesrc location=song.mid ! smfparse ! ipmidisink
        for _ in $(seq 300); do [ $(wc -c <heard) -ge {length} ] && break; sleep 0.1; done
        kill $out $back $heard
        ",
        length = PLAYED.concat().len(),
    );
    if in_a_network(&script, &folder.path("")) {
        assert_eq!(std::fs::read(folder.path("heard")).unwrap(), PLAYED.concat());
    }
}

#[test]
fn a_port_that_is_none_is_refused_with_the_form_that_it_has() {
    let to = format!("udp://127.0.0.1:{}", free_port());
    for (source, words) in [
        ("ipmidi:", "\"\" is no port of raw multicast MIDI"),
        ("ipmidi:0", "\"0\" is no port of raw multicast MIDI"),
        ("ipmidi:1@nowhere0", "there is no network interface nowhere0"),
    ] {
        Program::start(&["broadcast", source, "--to", &to]).finish().failed_with(words);
    }
}
