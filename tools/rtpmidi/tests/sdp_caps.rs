//! The command lines of `rtpmidi sdp caps`, pasted into a shell: what one end plays, the other hears.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod kit;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kit::{Folder, PATIENCE, Program, free_port, song, wait_for_listener};
use smf_timeline::{Body, Song};

/// A second of notes on two channels, a pedal and a bend.
fn music() -> Vec<u8> {
    let mut messages: Vec<(u16, Vec<u8>)> = vec![(0, vec![0xB0, 64, 127]), (0, vec![0xE1, 0, 80])];
    for note in 60..72 {
        messages.push((20, vec![0x90, note, 100]));
        messages.push((20, vec![0x90, note, 0]));
    }
    // What would still be held at the end is released by the receiver. A rest leaves it time to come late.
    messages.push((1500, vec![0xB0, 64, 0]));
    song(&messages.iter().map(|(delta, message)| (*delta, &message[..])).collect::<Vec<_>>())
}

/// The messages of a file, releases in one form.
fn messages(file: &Path) -> Vec<Vec<u8>> {
    let Ok(song) = Song::read(&fs::read(file).unwrap_or_default(), 0) else { return Vec::new() };
    let message = |body: Body<'_>| match body {
        Body::Message(&[status @ 0x80..=0x8F, note, _]) => Some(vec![status | 0x10, note, 0]),
        Body::Message(octets) => Some(octets.to_vec()),
        Body::Meta(_) => None,
    };
    song.events().filter_map(|event| message(event.body)).collect()
}

/// Makes a description with these flags, and pastes the lines of its two ends.
fn travels(name: &str, flags: &str, sender_first: bool) {
    travels_as(name, &format!("rtpmidi sdp new {flags}"), sender_first);
}

/// The same of what this command prints.
fn travels_as(name: &str, command: &str, sender_first: bool) {
    let (folder, port) = (Folder::new(name), free_port());
    folder.write("song.mid", &music());
    let command = command.replace("PORT", &port.to_string());
    let new = Program::shell(&format!("{command} > a.sdp && rtpmidi sdp caps a.sdp"), &folder).finish();
    assert_eq!(new.code, Some(0), "{new:?}");
    let paste = |only: &str| {
        // Whoever has to share the machine waits longer for packets that it reads late.
        let line = format!(
            "exec sh -c \"exec $(rtpmidi sdp caps a.sdp --smf heard.mid --only {only} | sed s/latency=50/latency=2000/)\""
        );
        Program::shell(&line, &folder)
    };
    let (sender, receiver) = if sender_first {
        let sender = paste("sender");
        wait_until_accepting(port);
        (sender, paste("receiver"))
    } else {
        let receiver = paste("receiver");
        wait_for_listener(port);
        (paste("sender"), receiver)
    };
    let (played, started) = (messages(&folder.path("song.mid")), Instant::now());
    assert_eq!(played.len(), 27);
    let heard = folder.path("heard.mid");
    while messages(&heard).len() < played.len() {
        assert!(started.elapsed() < PATIENCE, "heard {:02X?}", messages(&heard));
        std::thread::sleep(Duration::from_millis(50));
    }
    // Where the BYE of GStreamer's session is quicker than the end of the stream behind it, a sender does not end by itself.
    let sent = sender.interrupted();
    assert_eq!(sent.code, Some(0), "{sent:?}");
    receiver.interrupted();
    assert_eq!(messages(&heard), played);
    assert!(!folder.path("stolen").exists(), "a description has written a file");
}

/// Waits until a program accepts TCP connections at `port`, without making one.
fn wait_until_accepting(port: u16) {
    let (listening, started) = (format!(":{port:04X} 00000000:0000 0A"), Instant::now());
    while !fs::read_to_string("/proc/net/tcp").unwrap().contains(&listening) {
        assert!(started.elapsed() < PATIENCE, "nobody listens on TCP port {port}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_broadcast_is_heard_as_a_newcomer_would_try_it() {
    travels("caps-broadcast", "--profile broadcast --to udp://127.0.0.1:PORT", false);
}

#[test]
fn musicians_hear_each_other() {
    travels("caps-nmp", "--profile nmp --to udp://127.0.0.1:PORT", false);
}

#[test]
fn a_minimal_stream_is_heard() {
    travels("caps-minimal", "--to udp://127.0.0.1:PORT", false);
}

#[test]
fn parameters_with_quotes_blanks_and_repetitions_are_heard() {
    let flags = "--title \"It's mine\" --to udp://127.0.0.1:PORT --format mpeg4-generic --j-sec recj --j-update anchor \
                 --cm-unused ATX --cm-used 0X --cm-unused P --ch-never EX --ch-never A --clock-rate 48000 \
                 --render synthetic --rinit audio/asc --url 'https://example.net/gm.acn?a=1&b=$HOME' --cid 'a!b'";
    travels("caps-quotes", flags, false);
}

#[test]
fn a_description_cannot_say_more_than_its_parameters() {
    let hostile = "c=\"a ! filesink location=stolen\"; d=a\" ! touch stolen; 'e'=$(touch stolen)";
    let fmtp = format!("a=fmtp:96 j_update=anchor; {hostile}");
    let text = format!("v=0\nc=IN IP4 127.0.0.1\nm=audio PORT RTP/AVP 96\na=rtpmap:96 rtp-midi/44100\n{fmtp}\n");
    let quoted = text.replace('\'', r"'\''");
    travels_as("caps-hostile", &format!("printf %s '{quoted}'"), false);
}

#[test]
fn an_encrypted_stream_is_heard_with_its_key() {
    travels("caps-srtp", "--srtp --j-update anchor --to udp://127.0.0.1:PORT", false);
}

#[test]
fn a_stream_in_a_connection_is_heard_from_its_start() {
    travels("caps-tcp", "--to tcp://127.0.0.1:PORT", true);
}

#[test]
fn rtpmidi_listen_hears_the_line_of_the_sender() {
    let (folder, port) = (Folder::new("caps-listen"), free_port());
    folder.write("song.mid", &music());
    let new = format!("rtpmidi sdp new --profile broadcast --to udp://127.0.0.1:{port} > a.sdp");
    assert_eq!(Program::shell(&new, &folder).finish().code, Some(0));
    let listener = Program::shell("exec rtpmidi listen a.sdp --smf heard.mid --timeout 3", &folder);
    wait_for_listener(port);
    let sent = Program::shell("sh -c \"$(rtpmidi sdp caps a.sdp --only sender)\"", &folder).finish();
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert_eq!(listener.finish().code, Some(0));
    assert_eq!(messages(&folder.path("heard.mid")), messages(&folder.path("song.mid")));
}
