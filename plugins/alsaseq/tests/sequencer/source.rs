//! `alsaseqsrc`: what others play.

use std::process::Command;

use alsa::Direction;
use alsa::seq::{EvCtrl, EvNote, Event, EventType};
use gst::prelude::*;

use crate::kit::{Other, Played, text, until};

fn note(kind: EventType, note: u8) -> Event<'static> {
    Event::new(kind, &EvNote { channel: 0, note, velocity: 100, off_velocity: 0, duration: 0 })
}

/// A file of 500 ticks a second, with each message behind so many ticks.
pub(crate) fn file(messages: &[(u8, &[u8])]) -> Vec<u8> {
    let mut track = Vec::new();
    for (delta, message) in messages {
        track.push(*delta);
        match message {
            [0xF0, data @ ..] => {
                track.extend([0xF0, 0x80 | (data.len() >> 7) as u8, data.len() as u8 & 0x7F]);
                track.extend(data);
            }
            message => track.extend(*message),
        }
    }
    track.extend([0, 0xFF, 0x2F, 0]);
    let mut file = b"MThd\0\0\0\x06\0\0\0\x01\0\xFAMTrk".to_vec();
    file.extend((track.len() as u32).to_be_bytes());
    file.extend(track);
    file
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn what_aplaymidi_plays_comes_out_at_its_times() {
    let dump = [&[0xF0, 0x7D][..], &[1; 1500], &[0xF7]].concat();
    let song: [(u8, &[u8]); 6] = [
        (0, &[0xC0, 5]),
        (50, &[0x90, 60, 100]),
        (50, &[0xE0, 0, 80]),
        (0, &dump),
        (100, &[0xB0, 7, 99]),
        (50, &[0x80, 60, 64]),
    ];
    let path = std::env::temp_dir().join("aplaymidi.mid");
    std::fs::write(&path, file(&song)).unwrap();
    let played = Played::new("alsaseqsrc name=it ! fakesink sync=false");
    let status = Command::new("aplaymidi").arg("-p").arg(text(played.address())).arg(&path).status().unwrap();
    assert!(status.success());
    let expected: Vec<&[u8]> = song.iter().map(|(_, octets)| *octets).collect();
    assert_eq!(played.hears(6)[..6], expected[..]);
    // aplaymidi sends a long System Exclusive in chunks, which last half a second on a cable.
    let times: Vec<u64> = played.heard().iter().map(|(time, _)| time.mseconds()).collect();
    assert!(times.is_sorted());
    for (message, ms) in [(1, 100), (2, 200), (4, 400), (5, 500)] {
        let elapsed = times[message] - times[0];
        assert!(elapsed.abs_diff(ms) < 100, "message {message} after {elapsed} ms and not {ms}: {times:?}");
    }
    assert_eq!(played.stat("received"), 6);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn who_leaves_lets_go_of_notes_and_so_does_the_end() {
    let played = Played::new("alsaseqsrc name=it ! fakesink sync=false");
    let (one, two) = (Other::new("One"), Other::new("Two"));
    for other in [&one, &two] {
        other.connect(other.address, played.address());
    }
    one.play(note(EventType::Noteon, 60));
    two.play(note(EventType::Noteon, 62));
    played.hears(2);
    drop(one);
    assert_eq!(played.hears(3)[2], [0x80, 60, 64]);
    assert!(played.pipeline.send_event(gst::event::Eos::new()));
    played.told(gst::MessageType::Eos);
    assert_eq!(played.octets()[3..], [[0x80, 62, 64]]);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_pause_lets_go_what_sounds_and_hears_nothing() {
    let played = Played::new("alsaseqsrc name=it ! fakesink sync=false");
    let other = Other::new("Other");
    other.connect(other.address, played.address());
    other.play(note(EventType::Noteon, 60));
    played.hears(1);
    played.pipeline.set_state(gst::State::Paused).unwrap();
    other.play(note(EventType::Noteon, 61));
    played.pipeline.set_state(gst::State::Playing).unwrap();
    assert_eq!(played.hears(2)[1], [0x80, 60, 64]);
    other.play(note(EventType::Noteon, 62));
    assert_eq!(played.hears(3)[2], [0x90, 62, 100]);
}

/// Takes no message out of the pipeline until the probe is removed.
fn hold_up(played: &Played) -> (gst::Pad, gst::PadProbeId) {
    let pad = played.it().static_pad("src").unwrap();
    let block = pad.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_, _| gst::PadProbeReturn::Ok).unwrap();
    (pad, block)
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn what_comes_while_the_pipeline_is_held_up_waits_for_it() {
    let played = Played::new("alsaseqsrc name=it ! fakesink sync=false");
    let other = Other::new("Player");
    other.connect(other.address, played.address());
    other.play(note(EventType::Noteon, 60));
    played.hears(1);
    let (pad, block) = hold_up(&played);
    // Without asking, the system keeps 200.
    other.floods(1800);
    pad.remove_probe(block);
    assert_eq!(played.hears(1801).len(), 1801);
    assert_eq!(played.stat("overruns"), 0);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn an_end_during_a_pause_lets_go_what_sounds() {
    let played = Played::new("alsaseqsrc name=it ! fakesink sync=false async=false");
    let other = Other::new("Other");
    other.connect(other.address, played.address());
    other.play(note(EventType::Noteon, 60));
    played.hears(1);
    played.pipeline.set_state(gst::State::Paused).unwrap();
    assert!(played.it().send_event(gst::event::Eos::new()));
    played.pipeline.set_state(gst::State::Playing).unwrap();
    played.told(gst::MessageType::Eos);
    assert_eq!(played.octets(), [[0x90, 60, 100], [0x80, 60, 64]]);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn an_overrun_is_counted_told_and_survived_and_lets_go_what_sounds() {
    let played = Played::new("alsaseqsrc name=it ! fakesink sync=false");
    let other = Other::new("Flood");
    other.connect(other.address, played.address());
    other.play(note(EventType::Noteon, 60));
    played.hears(1);
    // Nobody takes the next message until there are more than can wait.
    let (pad, block) = hold_up(&played);
    other.floods(5000);
    pad.remove_probe(block);
    played.told(gst::MessageType::Warning);
    until("an overrun", || (played.stat("overruns") > 0).then_some(()));
    until("silence", || played.octets().contains(&vec![0x80, 60, 64]).then_some(()));
    other.play(note(EventType::Noteon, 99));
    until("life after it", || played.octets().contains(&vec![0x90, 99, 100]).then_some(()));
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn ports_are_connected_by_name_and_when_they_come() {
    let first = Other::new("Piano, left");
    let played = Played::new(r#"alsaseqsrc name=it ports="Piano\\, left:port,Latecomer:0" ! fakesink sync=false"#);
    let words = played.warns();
    assert!(words.contains("there is no ALSA port Latecomer:0"), "{words}");
    assert!(first.is_connected(played.address(), Direction::Playback));
    let second = Other::new("Latecomer");
    until("the second", || second.is_connected(played.address(), Direction::Playback).then_some(()));
    // It is unplugged, and comes back.
    drop(second);
    let second = Other::new("Latecomer");
    until("the second again", || second.is_connected(played.address(), Direction::Playback).then_some(()));
    second.play(note(EventType::Noteon, 70));
    first.play(note(EventType::Noteon, 71));
    assert_eq!(played.hears(2), [[0x90, 70, 100], [0x90, 71, 100]]);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_port_that_refuses_is_told_of_and_keeps_no_other_from_being_connected() {
    let (busy, free, holder) = (Other::new("Busy"), Other::new("Free"), Other::new("Holder"));
    let exclusive = ["-e", &text(busy.address), &text(holder.address)];
    assert!(Command::new("aconnect").args(exclusive).status().unwrap().success());
    let played = Played::new("alsaseqsrc name=it ports=Busy:port,Free:port ! fakesink sync=false");
    let words = played.warns();
    assert!(words.contains("the ALSA port Busy:port is not connected: another program has it for itself"), "{words}");
    assert!(free.is_connected(played.address(), Direction::Playback));
    assert!(!busy.is_connected(played.address(), Direction::Playback));
    // Whoever has it leaves.
    drop(holder);
    until("the other one", || busy.is_connected(played.address(), Direction::Playback).then_some(()));
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn one_pattern_is_one_connection_until_its_port_goes() {
    let first = Other::new("Pianola");
    let played = Played::new("alsaseqsrc name=it ports=Piano,Marker ! fakesink sync=false");
    assert!(first.is_connected(played.address(), Direction::Playback));
    let second = Other::new("Piano");
    let marked = || {
        let marker = Other::new("Marker");
        until("a marker", || marker.is_connected(played.address(), Direction::Playback).then_some(()));
    };
    marked();
    assert!(!second.is_connected(played.address(), Direction::Playback));
    let by_hand = ["-d", &text(first.address), &text(played.address())];
    assert!(Command::new("aconnect").args(by_hand).status().unwrap().success());
    drop(second);
    marked();
    assert!(!first.is_connected(played.address(), Direction::Playback));
}

/// With `RTPMIDI_THOROUGH`, for a minute, and at that rate: a machine that others use, and that is emulated, may need
/// longer for the same number.
#[test]
#[ignore = "needs an ALSA sequencer"]
fn five_thousand_events_a_second_come_without_loss() {
    let is_thorough = std::env::var_os("RTPMIDI_THOROUGH").is_some();
    let seconds = if is_thorough { 60 } else { 2 };
    let played = Played::new("alsaseqsrc name=it ! fakesink sync=false");
    let other = Other::new("Busy");
    other.connect(other.address, played.address());
    let started = std::time::Instant::now();
    for n in 0..seconds * 5000 {
        // Five at a time, a thousand times a second; but no more at once than are sure of their room, which a machine
        // that is busy with other things makes necessary.
        let due = std::time::Duration::from_millis(u64::from(n / 5));
        std::thread::sleep(due.saturating_sub(started.elapsed()));
        until("room", || (u64::from(n) < played.stat("received") + 1500).then_some(()));
        let value = i32::try_from(n & 127).unwrap();
        other.play(Event::new(EventType::Controller, &EvCtrl { channel: 0, param: n >> 7 & 63, value }));
    }
    let heard = played.hears(seconds as usize * 5000);
    let expected = |n: usize| vec![0xB0, (n >> 7 & 63) as u8, (n & 127) as u8];
    assert!(heard.iter().enumerate().all(|(n, octets)| *octets == expected(n)));
    assert_eq!(played.stat("overruns"), 0);
    let limit = std::time::Duration::from_secs(u64::from(seconds) + 2);
    assert!(!is_thorough || started.elapsed() < limit, "it took {:?}", started.elapsed());
    println!("{} events in {:.1} s", heard.len(), started.elapsed().as_secs_f64());
}
