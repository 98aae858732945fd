//! All that a listener can do with the music, at once: none of it is in the way of another.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::fs;

use kit::{Folder, Program, argument, description, free_port, messages, song, wait_for_listener};

#[test]
fn one_listener_renders_plays_records_and_prints_the_same_music() {
    let folder = Folder::new("together");
    let notes = (60..80_u8).flat_map(|note| [(0, vec![0x90, note, 100]), (60, vec![0x80, note, 64])]);
    let music: Vec<(u16, Vec<u8>)> = [(0, vec![0xC0, 19]), (0, vec![0xB0, 7, 100])].into_iter().chain(notes).collect();
    let borrowed: Vec<(u16, &[u8])> = music.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    let (file, port) = (folder.write("music.mid", &song(&borrowed)), free_port());
    let sdp = folder.write("x.sdp", description(port).as_bytes());
    let [wav, smf, days] = ["x.wav", "x.mid", "days"].map(|name| folder.path(name));
    let mut listener = std::process::Command::new(env!("CARGO_BIN_EXE_rtpmidi"));
    // Where there is a sound device, nobody has to hear it.
    listener.env("GST_PLUGIN_FEATURE_RANK", "fakeaudiosink:MAX").args(["listen", argument(&sdp), "--print", "--json"]);
    listener.args(["--wav", argument(&wav), "--smf", argument(&smf), "--record", argument(&days), "--play"]);
    let listener = Program::start_by(listener.args(["--record-every", "24h"]));
    wait_for_listener(port + 1);
    let to = format!("udp://127.0.0.1:{port}");
    let sender = Program::start(&["broadcast", argument(&file), "--to", &to, "--no-scan"]).finish();
    let listener = listener.finish();
    assert_eq!((sender.code, listener.code), (Some(0), Some(0)), "{sender:?} {listener:?}");

    let played = messages(&file);
    assert_eq!(messages(&smf), played);
    assert_eq!(recorded(&days), played);
    let printed: Vec<String> =
        listener.objects("event").iter().map(|event| event["octets"].as_str().unwrap().to_owned()).collect();
    let hex = |message: &Vec<u8>| message.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(" ");
    assert_eq!(printed, played.iter().map(hex).collect::<Vec<_>>());
    let sound = fs::read(&wav).unwrap();
    // 2.4 seconds of 16 bits on two channels, and not of silence.
    assert!(sound.len() > 4 * 44_100 * 23 / 10, "{} octets of sound: {listener:?}", sound.len());
    let loud = |sample: &[u8]| i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 500;
    assert!(sound[44..].chunks_exact(2).any(loud));
}

/// What the files in this folder have, in their order.
fn recorded(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|file| messages(file)).collect()
}
