//! The four command lines of the README in `gst-launch-1.0`, with nothing but our plugin beside the installed ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::fs;
use std::path::Path;
use std::time::Instant;

use kit::launch::{self, Program, gst_launch};
use kit::pipeline::Folder;
use kit::wav::{SILENCE, likeness, loudness};
use kit::{sameness, smf, song};

const SOUNDFONT: &str = "/usr/share/sounds/sf2/TimGM6mb.sf2";

#[test]
fn a_song_over_udp_sounds_as_it_does_here() {
    if !Path::new(SOUNDFONT).exists() {
        println!("skipped: no {SOUNDFONT}; its package is timgm6mb-soundfont");
        return;
    }
    let folder = Folder::new("sound");
    let path = |name: &str| folder.path(name).display().to_string();
    fs::write(folder.path("song.mid"), music()).unwrap();
    let (song, out, here) = (path("song.mid"), path("out.wav"), path("here.wav"));
    let render = format!("fluiddec soundfont={SOUNDFONT} ! audioconvert ! audio/x-raw,format=S16LE ! wavenc");

    let port = launch::free_port();
    let listener = Program::start(&mut gst_launch(&format!(
        "-e udpsrc port={port} caps=application/x-rtp,media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96 \
         ! rtpjitterbuffer latency=20 ! rtpmididepay ! miditick ! {render} ! filesink location={out}"
    )));
    launch::wait_for_listener(port);
    Program::start(&mut gst_launch(&format!(
        "filesrc location={song} ! smfparse ! rtpmidipay ! udpsink host=127.0.0.1 port={port}"
    )))
    .finish();
    let sounded = (SECONDS * 44_100.0) as u64 * 4;
    launch::wait_until("the song has sounded", || fs::metadata(&out).is_ok_and(|file| file.len() > sounded));
    listener.interrupt();
    listener.finish();

    Program::start(&mut gst_launch(&format!(
        "filesrc location={song} ! smfparse ! miditick ! {render} ! filesink location={here}"
    )))
    .finish();
    let (there, here) = (loudness(&fs::read(&out).unwrap()), loudness(&fs::read(&here).unwrap()));
    assert!(here.len() as f64 >= SECONDS * 10.0 - 1.0, "{} tenths of a second", here.len());
    assert!(here.iter().any(|level| *level > -30.0), "softer than music: {here:?}");
    assert!(here.contains(&SILENCE), "a rest in the middle: {here:?}");
    let likeness = likeness(&there, &here, 30);
    println!("likeness {likeness:.4}");
    assert!(likeness > 0.9, "{likeness}: {there:?}, but here {here:?}");
}

#[test]
fn an_hour_of_packets_is_written_and_read_in_seconds() {
    let folder = Folder::new("files");
    let path = |name: &str| folder.path(name).display().to_string();
    let (song, packets, again) = (path("song.mid"), path("song.rtp"), path("again.mid"));
    let mut file = song::random(12);
    // One tick in a quarter note makes it long.
    file[12..14].copy_from_slice(&[0, 1]);
    fs::write(&song, &file).unwrap();
    let was = smf::read(&file).unwrap().events;
    let lasts = was.last().unwrap().time / 1_000_000_000;
    assert!(lasts > 3600, "{lasts} s of music");

    let started = Instant::now();
    Program::start(&mut gst_launch(&format!(
        "filesrc location={song} ! smfparse ! rtpmidipay ! rtpstreampay ! filesink location={packets}"
    )))
    .finish();
    Program::start(&mut gst_launch(&format!(
        "filesrc location={packets} \
         ! application/x-rtp-stream,media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96 \
         ! rtpstreamdepay ! rtpmididepay ! smfmux ! filesink location={again}"
    )))
    .finish();
    let took = started.elapsed().as_secs();
    println!("{lasts} s of music in {took} s");
    assert!(took < lasts / 60, "{took} s");
    sameness::compare(&was, &smf::read(&fs::read(&again).unwrap()).unwrap().events).unwrap();
}

/// How long the music lasts.
const SECONDS: f64 = 5.5;

/// Chords that grow, a rest, chords that fade, and bass notes under a bend: 100 ticks a second.
fn music() -> Vec<u8> {
    let mut track = vec![0, 0xC0, 48, 0, 0xC1, 33, 0, 0xB0, 7, 110];
    for (step, velocity) in [40, 60, 80, 100, 120, 0, 0, 0, 110, 70, 40].into_iter().enumerate() {
        let root = 48 + step as u8 % 5;
        for note in [root, root + 4, root + 7] {
            track.extend([0, 0x90, note, velocity, 0, 0x91, note - 12, velocity, 0, 0xE1, 0, 64 + step as u8]);
        }
        for (index, note) in [root, root + 4, root + 7].into_iter().enumerate() {
            track.extend([if index == 0 { 50 } else { 0 }, 0x80, note, 64, 0, 0x81, note - 12, 64]);
        }
    }
    track.extend([0, 0xFF, 0x2F, 0]);
    [b"MThd\0\0\0\x06\0\0\0\x01\0\x32MTrk", &(track.len() as u32).to_be_bytes()[..], &track].concat()
}
