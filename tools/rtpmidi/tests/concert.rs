//! A broadcast and its listener: what is played at one end arrives at the other.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod kit;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use kit::{
    Ended, Folder, Program, argument, description, free_port, lines, messages, song, wait_for_line, wait_for_listener,
};

/// Sixteen seconds of two hands, a bass with a pedal, and a wheel that turns: two seconds at `--speed 8`.
fn music() -> Vec<u8> {
    let mut messages: Vec<(u16, Vec<u8>)> = vec![
        (0, vec![0xC0, 19]),
        (0, vec![0xC1, 32]),
        (0, vec![0xB0, 7, 100]),
        (0, vec![0xB1, 10, 40]),
        (0, vec![0xB1, 101, 0]),
        (0, vec![0xB1, 100, 0]),
        (0, vec![0xB1, 6, 12]),
    ];
    let (high, low) = (|step: u8| 60 + step % 24 * 7 % 24, |step: u8| 36 + step % 12 * 5 % 12);
    for step in 0..64_u8 {
        messages.push((0, vec![0x90, high(step), 60 + step]));
        if step % 4 == 0 {
            messages.push((0, vec![0xB1, 64, if step % 8 == 0 { 127 } else { 0 }]));
            messages.push((0, vec![0x91, low(step), 90]));
        }
        messages.push((60, vec![0xE0, 0, 0x40 + step % 32]));
        messages.push((60, vec![0x80, high(step), 64]));
        if step % 4 == 3 {
            messages.push((0, vec![0x81, low(step - 3), 64]));
        }
        messages.push((5, vec![0xB0, 11, step]));
    }
    let borrowed: Vec<(u16, &[u8])> = messages.iter().map(|(delta, message)| (*delta, &message[..])).collect();
    song(&borrowed)
}

/// The last value of each program, controller and wheel.
fn state(messages: &[Vec<u8>]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let lasting = messages.iter().filter(|message| matches!(message[0] & 0xF0, 0xB0 | 0xC0 | 0xE0));
    lasting
        .map(|message| {
            let key = if message[0] & 0xF0 == 0xB0 { 2 } else { 1 };
            (message[..key].to_vec(), message[key..].to_vec())
        })
        .collect()
}

/// Plays `music` faster to a listener that records it.
fn perform(folder: &Folder, speed: &str, broadcast: &[&str], listen: &[&str]) -> (Ended, Ended) {
    perform_while(folder, speed, broadcast, listen, |_| {})
}

/// The same to a listener with which something is done when its ports are open.
fn perform_while(
    folder: &Folder,
    speed: &str,
    broadcast: &[&str],
    listen: &[&str],
    work: impl FnOnce(&Program),
) -> (Ended, Ended) {
    let file = folder.write("music.mid", &music());
    let (sdp, recording) = (folder.path("music.sdp"), folder.path("recording.mid"));
    let port = free_port();
    fs::write(&sdp, description(port)).unwrap();
    let listener = [&["listen", argument(&sdp), "--smf", argument(&recording), "--json"], listen].concat();
    let listener = Program::start(&listener);
    wait_for_listener(port + 1);
    let to = format!("udp://127.0.0.1:{port}");
    let broadcast =
        [&["broadcast", argument(&file), "--to", &to, "--sdp", argument(&sdp), "--speed", speed, "--json"], broadcast]
            .concat();
    work(&listener);
    let sender = Program::start(&broadcast).finish();
    listener.signal("CONT");
    (sender, listener.finish())
}

/// How long the sound in a file of `listen --wav` takes: 16 bit, two channels.
fn seconds_of_sound(wav: &Path) -> f64 {
    (fs::metadata(wav).unwrap().len() - 44) as f64 / (4.0 * 44_100.0)
}

#[test]
fn without_loss_everything_arrives() {
    let folder = Folder::new("everything");
    let (sender, listener) = perform(&folder, "8", &[], &[]);
    assert_eq!((sender.code, listener.code), (Some(0), Some(0)), "{sender:?} {listener:?}");
    assert_eq!(messages(&folder.path("recording.mid")), messages(&folder.path("music.mid")));

    let (sent, heard) = (sender.summary(), listener.summary());
    for same in ["events", "packets", "octets"] {
        assert_eq!(heard[same], sent[same], "{same}: {sent} {heard}");
    }
    for none in ["lost_packets", "dropped_on_purpose", "foreign_datagrams", "commands_repaired", "hanging_notes"] {
        assert_eq!(heard[none], 0, "{none}: {heard}");
    }
    assert!(!listener.objects("progress").is_empty());
    let progress = &sender.objects("progress")[0];
    assert!(progress["position_s"].as_f64() <= progress["duration_s"].as_f64(), "{progress}");
}

#[test]
fn music_survives_loss() {
    let folder = Folder::new("loss");
    let (sender, listener) = perform(&folder, "8", &[], &["--loss", "20:3", "--loss-seed", "5"]);
    assert_eq!((sender.code, listener.code), (Some(0), Some(0)), "{sender:?} {listener:?}");
    let (sent, heard) = (sender.summary(), listener.summary());
    let dropped = heard["dropped_on_purpose"].as_u64().unwrap();
    assert!(dropped > 5, "{heard}");
    assert_eq!(heard["packets"].as_u64().unwrap() + dropped, sent["packets"].as_u64().unwrap());
    assert!(heard["lost_packets"].as_u64().unwrap() <= dropped, "{heard}");
    assert!(heard["commands_repaired"].as_u64().unwrap() > 0, "{heard}");
    assert_eq!(heard["hanging_notes"], 0, "{heard}");

    let (played, recorded) = (messages(&folder.path("music.mid")), messages(&folder.path("recording.mid")));
    assert_eq!(state(&recorded), state(&played), "everything that lasts is as at the sender");
    let notes_on = |messages: &[Vec<u8>], channel: u8| {
        let begins = |message: &&Vec<u8>| message[0] == 0x90 | channel && message[2] > 0;
        messages.iter().filter(begins).cloned().collect::<Vec<_>>()
    };
    let (mut all, mut heard) = (0, 0);
    // Those made up for after a loss come channel by channel.
    for channel in 0..16 {
        let (there, here) = (notes_on(&played, channel), notes_on(&recorded, channel));
        let mut rest = there.iter();
        assert!(here.iter().all(|note| rest.any(|other| other == note)), "no note is made up, none out of order");
        (all, heard) = (all + there.len(), heard + here.len());
    }
    assert!(heard * 2 > all, "{heard} of {all} notes arrived");
}

#[test]
fn receivers_report_to_a_closed_loop() {
    let folder = Folder::new("closed-loop");
    // The first reports come after some seconds: play slower than the other concerts.
    let (sender, listener) = perform(&folder, "1.5", &["--journal", "closed-loop"], &["--loss", "10"]);
    assert_eq!((sender.code, listener.code), (Some(0), Some(0)), "{sender:?} {listener:?}");
    let anchored = perform(&folder, "1.5", &["--journal", "anchor"], &[]).0.summary();
    let reported = sender.summary();
    assert!(reported["journal_octets"].as_u64() < anchored["journal_octets"].as_u64(), "{reported} {anchored}");
    assert_eq!(listener.summary()["hanging_notes"], 0);
}

#[test]
fn ctrl_c_completes_the_recordings() {
    let folder = Folder::new("ctrl-c-listener");
    let file = folder.write("music.mid", &music());
    let port = free_port();
    let sdp = folder.write("x.sdp", description(port).as_bytes());
    let (smf, wav) = (folder.path("x.mid"), folder.path("x.wav"));
    let listener = ["listen", argument(&sdp), "--print", "--json", "--smf", argument(&smf), "--wav", argument(&wav)];
    let mut listener = Program::start_with_open_stdout(&listener);
    let mut printed = lines(listener.stdout());
    wait_for_listener(port + 1);
    let to = format!("udp://127.0.0.1:{port}");
    let sender = Program::start(&["broadcast", argument(&file), "--to", &to, "--loop"]);
    wait_for_line(&mut printed, |line| line.contains("note on"));
    std::thread::sleep(Duration::from_secs(1));
    listener.interrupt();
    wait_for_line(&mut printed, |line| line.contains("\"hanging_notes\":0"));
    drop(printed);
    assert_eq!(listener.finish().code, Some(0));
    drop(sender);

    assert!(messages(&smf).len() > 10, "the recording is a whole file");
    let wav = fs::read(&wav).unwrap();
    let data = u32::from_le_bytes(wav[40..44].try_into().unwrap()) as usize;
    assert_eq!((&wav[..4], &wav[36..40], wav.len()), (&b"RIFF"[..], &b"data"[..], data + 44), "the header is complete");
    // 16 bit, two channels: some tenths of a second at least, and not silence.
    assert!(data > 4 * 44_100 / 2, "{data} octets of sound");
    assert!(wav[44..].chunks_exact(2).any(|sample| i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 500));
}

#[test]
fn two_signals_at_a_time_are_one_wish_as_timeout_sends_them() {
    let folder = Folder::new("two-signals");
    let port = free_port();
    let sdp = folder.write("x.sdp", description(port).as_bytes());
    let listener = Program::start(&["listen", argument(&sdp), "--json"]);
    wait_for_listener(port + 1);
    let kill = format!("kill -INT {0}; kill -TERM {0}", listener.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let ended = listener.finish();
    assert_eq!((ended.code, ended.summary()["packets"].as_u64()), (Some(0), Some(0)), "{ended:?}");
}

#[test]
fn a_recording_lasts_as_long_as_the_music() {
    let folder = Folder::new("lasts");
    let wav = folder.path("x.wav");
    let (_, listener) = perform(&folder, "8", &[], &["--wav", argument(&wav)]);
    assert_eq!(listener.code, Some(0), "{listener:?}");
    let seconds = seconds_of_sound(&wav);
    // Two seconds of music, and what the guard packets at its end take.
    assert!((1.9..6.0).contains(&seconds), "{seconds} seconds of sound: {listener:?}");
}

#[test]
fn a_recording_is_whole_where_the_listener_has_not_run_until_the_end() {
    let folder = Folder::new("stands-still");
    let wav = folder.path("x.wav");
    let (sender, listener) =
        perform_while(&folder, "8", &[], &["--wav", argument(&wav)], |listener| listener.signal("STOP"));
    assert_eq!((sender.code, listener.code), (Some(0), Some(0)), "{sender:?} {listener:?}");
    assert_eq!(messages(&folder.path("recording.mid")), messages(&folder.path("music.mid")));
    let (seconds, heard, sent) = (seconds_of_sound(&wav), listener.summary(), sender.summary());
    let length = |summary: &Value| summary["duration_s"].as_f64().unwrap();
    assert!((1.9..6.0).contains(&seconds), "{seconds} seconds of sound: {listener:?}");
    assert!(length(&heard) > 1.9 && length(&heard) <= length(&sent) + 1.0, "{heard} {sent}");
}

#[test]
fn a_listener_whose_reader_has_left_ends_in_peace() {
    let folder = Folder::new("pipe");
    let file = folder.write("music.mid", &music());
    let port = free_port();
    let sdp = folder.write("x.sdp", description(port).as_bytes());
    let mut listener = Program::start_with_open_stdout(&["listen", argument(&sdp), "--print"]);
    let mut printed = lines(listener.stdout());
    wait_for_listener(port + 1);
    let to = format!("udp://127.0.0.1:{port}");
    let sender = Program::start(&["broadcast", argument(&file), "--to", &to, "--loop"]);
    let line = wait_for_line(&mut printed, |line| line.contains("note on"));
    assert!(line.contains("channel  1  note on   C4"), "{line}");
    drop(printed);
    let ended = listener.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("panic") && !ended.stderr.contains("error"), "{ended:?}");
    drop(sender);
}

#[test]
fn a_sender_that_vanishes_leaves_no_note_behind() {
    let folder = Folder::new("vanish");
    let file = folder.write("x.mid", &song(&[(0, &[0x90, 60, 100]), (15_000, &[0x80, 60, 64])]));
    let port = free_port();
    let sdp = folder.write("x.sdp", description(port).as_bytes());
    let mut listener = Program::start_with_open_stdout(&["listen", argument(&sdp), "--print", "--timeout", "2"]);
    let mut printed = lines(listener.stdout());
    wait_for_listener(port + 1);
    let to = format!("udp://127.0.0.1:{port}");
    let sender = Program::start(&["broadcast", argument(&file), "--to", &to]);
    wait_for_line(&mut printed, |line| line.contains("note on   C4"));
    // Killed: no BYE.
    drop(sender);
    wait_for_line(&mut printed, |line| line.contains("note off  C4"));
    let ended = listener.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("notes     0 hanging, 1 silenced"), "{ended:?}");
}
