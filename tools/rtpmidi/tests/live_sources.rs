//! MIDI that is played now: from a pipe, and from the ALSA sequencer.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;
mod rtsp_client;

use std::fs;
use std::io::Write;
use std::path::Path;

use kit::{
    Folder, Objects, PATIENCE, Program, argument, description, free_port, lines, wait_for_line, wait_for_listener,
};
use rtsp_client::{Client, Server};
use smf_timeline::{Body, Song};

/// The messages of a file in order.
fn messages(path: &Path) -> Vec<Vec<u8>> {
    let song = Song::read(&fs::read(path).unwrap(), 0).unwrap();
    let message = |event: smf_timeline::Event<'_>| match event.body {
        Body::Message(octets) => Some(octets.to_vec()),
        Body::Meta(_) => None,
    };
    song.events().filter_map(message).collect()
}

#[test]
fn what_comes_through_a_pipe_is_heard_and_its_end_lets_the_notes_go() {
    let folder = Folder::new("pipe");
    let (port, recording) = (free_port(), folder.path("recording.mid"));
    let sdp = folder.write("x.sdp", description(port).as_bytes());
    let listen = ["listen", argument(&sdp), "--smf", argument(&recording), "--print"];
    let mut listener = Program::start_with_open_stdout(&listen);
    let mut heard = lines(listener.stdout());
    wait_for_listener(port + 1);
    let to = format!("udp://127.0.0.1:{port}");
    let written = folder.path("broadcast.sdp");
    let arguments = ["broadcast", "-", "--to", &to, "--sdp", argument(&written), "--json"];
    let (mut broadcast, mut keyboard) = Program::start_with_open_stdin(&arguments);
    let said = Objects::of(&mut broadcast);
    // Running status, a clock inside a note, half a message that is completed later.
    keyboard.write_all(&[0xC0, 5, 0x90, 60, 100, 62, 0xF8, 101, 0x90, 64]).unwrap();
    wait_for_line(&mut heard, |line| line.contains("note on   D4"));
    let dump = [&[0xF0, 0x7D][..], &[1; 3000], &[0xF7]].concat();
    keyboard.write_all(&[&[102][..], &dump].concat()).unwrap();
    wait_for_line(&mut heard, |line| line.contains("note on   E4"));
    drop(keyboard);
    let summary = said.wait_for("the end", PATIENCE, |object| object["type"] == "summary");
    assert_eq!((broadcast.finish().code, summary["events"].as_u64()), (Some(0), Some(9)), "{summary}");
    let heard = std::thread::spawn(move || std::io::copy(&mut heard, &mut std::io::sink()).unwrap());
    assert_eq!(listener.finish().code, Some(0));
    heard.join().unwrap();

    let played: [&[u8]; 9] = [
        &[0xC0, 5],
        &[0x90, 60, 100],
        &[0xF8],
        &[0x90, 62, 101],
        &[0x90, 64, 102],
        &dump,
        &[0x80, 60, 64],
        &[0x80, 62, 64],
        &[0x80, 64, 64],
    ];
    let recorded = messages(&recording);
    assert_eq!(recorded.len(), played.len(), "{recorded:02X?}");
    assert!(recorded.iter().zip(played).all(|(recorded, played)| recorded == played), "{recorded:02X?}");
    let text = fs::read_to_string(written).unwrap();
    let fmtp = "a=fmtp:96 j_sec=recj; j_update=anchor; rtp_ptime=220; guardtime=44100\r\n";
    assert!(text.contains("s=Live\r\n") && text.contains(fmtp) && !text.contains("b=AS"), "{text}");
}

#[test]
fn a_live_channel_on_which_nobody_plays_yet_can_be_tuned_in() {
    let arguments = ["broadcast", "--channel", "piano=-", "--rtsp", "127.0.0.1:0", "--json"];
    let (program, mut keyboard) = Program::start_with_open_stdin(&arguments);
    let server = Server::of(program);
    let mut client = Client::play(&server, "/live/piano");
    keyboard.write_all(&[0xC0, 7, 0x90, 60, 100]).unwrap();
    client.until(&[0x90, 60, 100]);
    // Who comes late is set by the first packet, though nobody plays just then.
    let description = Client::new(&server).request("DESCRIBE", "/native/live/piano", "");
    assert!(description.contains("s=piano\r\n") && !description.contains("cm_unused"), "{description}");
    drop(keyboard);
    client.until(&[0x80, 60, 64]);
    server.interrupt();
    assert_eq!(server.end().code, Some(0));
}

#[test]
fn what_a_live_source_cannot_do_is_refused() {
    let to = format!("udp://127.0.0.1:{}", free_port());
    let folder = Folder::new("live-refused");
    let file = folder.write("x.mid", &kit::song(&[(0, &[0x90, 60, 1])]));
    for (arguments, words) in [
        (vec!["-", "--loop"], "--loop is for files, and there are none"),
        (vec!["-", "--speed", "2"], "--speed is for files, and there are none"),
        (vec![argument(&file), "-"], "a live source has no end at which something else could follow"),
        (vec!["-", "--channel", "a=-", "--rtsp", "127.0.0.1:0"], "two channels cannot both play stdin"),
    ] {
        Program::start(&[&["broadcast", "--to", &to], &arguments[..]].concat()).finish().failed_with(words);
    }
}
