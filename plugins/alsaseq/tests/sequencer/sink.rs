//! `alsaseqsink`: what others hear.

use std::process::Command;
use std::time::{Duration, Instant};

use alsa::seq::{EvNote, EventType};
use gst::prelude::*;

use crate::kit::{Other, Played, Tool, push, text, until};

fn end(played: &Played) {
    let source = played.pipeline.by_name("source").unwrap();
    assert_eq!(source.emit_by_name::<gst::FlowReturn>("end-of-stream", &[]), gst::FlowReturn::Ok);
}

const SOURCE: &str = "appsrc name=source format=time caps=audio/x-midi-event ! alsaseqsink name=it";

/// Waits for a note on or off, and returns its number.
fn note(other: &Other, kind: EventType) -> u8 {
    let wanted = |event: &alsa::seq::Event<'_>| {
        let is_wanted = event.get_type() == kind;
        event.get_data::<EvNote>().filter(|_| is_wanted).map(|note| note.note)
    };
    other.hears("a note", wanted)
}

/// A pipeline that plays to another client.
fn heard_by(other: &Other, line: &str) -> Played {
    let played = Played::paused(line);
    played.pipeline.set_state(gst::State::Paused).unwrap();
    other.connect(played.address(), other.address);
    played.pipeline.set_state(gst::State::Playing).unwrap();
    played
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn aseqdump_shows_every_kind_of_message() {
    let played = Played::paused(SOURCE);
    played.pipeline.set_state(gst::State::Paused).unwrap();
    let dump = Tool::start(Command::new("aseqdump").arg("-p").arg(text(played.address())));
    let watcher = Other::new("Watcher");
    let is_connected = || {
        let connections =
            alsa::seq::PortSubscribeIter::new(&watcher.seq, played.address(), alsa::seq::QuerySubsType::READ);
        (connections.count() > 0).then_some(())
    };
    until("aseqdump", is_connected);
    played.pipeline.set_state(gst::State::Playing).unwrap();
    let long = [&[0xF0, 0x7D][..], &[7; 400], &[0xF7]].concat();
    push(
        &played,
        &[
            (0, &[0x91, 60, 100]),
            (10, &[0xA1, 60, 20]),
            (20, &[0x81, 60, 64]),
            (30, &[0xB2, 7, 90]),
            (40, &[0xC3, 12]),
            (50, &[0xD4, 33]),
            (60, &[0xE5, 0, 96]),
            (70, &[0xF1, 0x31]),
            (80, &[0xF2, 1, 2]),
            (90, &[0xF3, 4]),
            (100, &[0xF6]),
            (110, &[0xF8]),
            (120, &[0xFA]),
            (130, &[0xFB]),
            (140, &[0xFC]),
            (150, &[0xF9]),
            (160, &[0xF4, 1]),
            (170, &long),
            (900, &[0xFE]),
            (910, &[0xFF]),
        ],
    );
    end(&played);
    played.told(gst::MessageType::Eos);
    dump.says("Reset");
    let said = dump.interrupt();
    for words in [
        "Note on                 1, note 60, velocity 100",
        "Polyphonic aftertouch   1, note 60, value 20",
        "Note off                1, note 60, velocity 64",
        "Control change          2, controller 7, value 90",
        "Program change          3, program 12",
        "Channel aftertouch      4, value 33",
        "Pitch bend              5, value 4096",
        "MTC quarter frame",
        "Song position pointer",
        "257",
        "Song select",
        "Tune request",
        "Clock",
        "Start",
        "Continue",
        "Stop",
        "Active Sensing",
        "Reset",
        "F0 7D 07",
        "07 07 F7",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // F4 has no event; nobody misses a tick for renderers.
    assert_eq!((played.stat("sent"), played.stat("dropped")), (18, 1));
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn the_end_waits_for_what_is_to_come_and_lets_go_what_sounds() {
    let other = Other::new("Listener");
    let played = heard_by(&other, &format!("{SOURCE} latency=1000000000"));
    push(&played, &[(0, &[0x90, 60, 1]), (900, &[0x90, 61, 1])]);
    end(&played);
    played.told(gst::MessageType::Eos);
    assert_eq!([note(&other, EventType::Noteon), note(&other, EventType::Noteon)], [60, 61]);
    assert_eq!([note(&other, EventType::Noteoff), note(&other, EventType::Noteoff)], [60, 61]);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn the_last_message_goes_out_though_the_sequencer_comes_to_it_late() {
    let other = Other::new("Listener");
    for number in 0..20 {
        let played = heard_by(&other, SOURCE);
        push(&played, &[(0, &[0xC0, 5]), (10, &[0x90, number, 1])]);
        end(&played);
        played.told(gst::MessageType::Eos);
        assert_eq!([note(&other, EventType::Noteon), note(&other, EventType::Noteoff)], [number; 2]);
    }
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_stop_takes_back_what_is_to_come_and_lets_go_what_sounds() {
    let other = Other::new("Listener");
    let played = heard_by(&other, &format!("{SOURCE} latency=1000000000"));
    push(&played, &[(0, &[0x90, 60, 1]), (0, &[0xB0, 64, 127]), (100_000, &[0x90, 61, 1])]);
    assert_eq!(note(&other, EventType::Noteon), 60);
    played.stop();
    let mut rest = Vec::new();
    other.hears("the end of the port", |event| {
        rest.push(event.get_type());
        (event.get_type() == EventType::PortUnsubscribed).then_some(())
    });
    assert_eq!(rest, [EventType::Controller, EventType::Controller, EventType::Noteoff, EventType::PortUnsubscribed]);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_flush_takes_back_what_is_to_come_and_ends_half_a_system_exclusive() {
    let other = Other::new("Listener");
    // It takes a minute, however slow the machine is.
    let played = heard_by(&other, &format!("{SOURCE} sysex-rate=312"));
    let dump = [&[0xF0, 0x7D][..], &vec![1; 20_000], &[0xF7]].concat();
    push(&played, &[(0, &[0x90, 60, 1]), (0, &dump), (0, &[0x90, 61, 1])]);
    assert_eq!(note(&other, EventType::Noteon), 60);
    until("all to be handed over", || (played.stat("sent") == 3).then_some(()));
    let waiting = waiting(played.address().client);
    assert!(waiting > 100, "{waiting} cells");
    let pad = played.it().static_pad("sink").unwrap();
    pad.send_event(gst::event::FlushStart::new());
    pad.send_event(gst::event::FlushStop::new(false));
    assert_eq!(self::waiting(played.address().client), 0);
    let mut pieces = Vec::new();
    let last = other.hears("the end of the note", |event| {
        pieces.extend(event.get_ext().map(<[u8]>::to_vec));
        event.get_data::<EvNote>().map(|note| (event.get_type(), note.note))
    });
    assert_eq!(last, (EventType::Noteoff, 60));
    assert_eq!(pieces.last().unwrap(), &[0xF7]);
    assert!(pieces.concat().len() < 10_000 && !pieces.concat()[..pieces.concat().len() - 1].contains(&0xF7));
}

/// The cells of the sequencer's memory in which events of a client wait.
fn waiting(client: i32) -> u32 {
    let clients = std::fs::read_to_string("/proc/asound/seq/clients").unwrap();
    let number = |line: &str| line.strip_prefix("Client ")?.split(':').next()?.trim().parse::<i32>().ok();
    let mut lines = clients.lines().skip_while(|line| number(line) != Some(client));
    let cells = lines.find_map(|line| line.trim().strip_prefix("Cells in use")).unwrap();
    cells.trim_start_matches([' ', ':']).parse().unwrap()
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_receiver_without_room_keeps_no_other_from_silence() {
    let (deaf, other, flood) = (Other::new("Deaf"), Other::new("Listener"), Other::new("Flood"));
    flood.connect(flood.address, deaf.address);
    // More than can wait at a port.
    flood.floods(5000);
    let played = heard_by(&deaf, SOURCE);
    other.connect(played.address(), other.address);
    push(&played, &[(0, &[0xB0, 64, 127]), (0, &[0x90, 60, 1]), (0, &[0x90, 61, 1])]);
    assert_eq!([note(&other, EventType::Noteon), note(&other, EventType::Noteon)], [60, 61]);
    end(&played);
    played.told(gst::MessageType::Eos);
    assert_eq!([note(&other, EventType::Noteoff), note(&other, EventType::Noteoff)], [60, 61]);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_pause_is_silent_and_the_music_goes_on_behind_it() {
    let other = Other::new("Listener");
    let played = heard_by(&other, SOURCE);
    push(&played, &[(0, &[0x90, 60, 1])]);
    assert_eq!(note(&other, EventType::Noteon), 60);
    played.pipeline.set_state(gst::State::Paused).unwrap();
    assert_eq!(note(&other, EventType::Noteoff), 60);
    played.pipeline.set_state(gst::State::Playing).unwrap();
    push(&played, &[(1, &[0x90, 61, 1])]);
    assert_eq!(note(&other, EventType::Noteon), 61);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn more_than_the_sequencer_holds_waits_and_none_is_lost() {
    let listener = Played::new("alsaseqsrc name=it client-name=Listener ! fakesink sync=false");
    // What follows a System Exclusive waits for it, so that little more than 250 messages go out in a second: the sink
    // takes more than that, and the source waits for it, until the sequencer has no room for another.
    let source = SOURCE.replace("appsrc", "appsrc block=true max-buffers=8");
    let played = Played::new(&format!("{source} sync=false sysex-rate=500 ports=Listener:in"));
    let mut messages = Vec::new();
    while played.stat("waits") == 0 {
        let exclusive = [&[0xF0, 0x7D][..], &[1; 97], &[0xF7]].concat();
        let group: Vec<Vec<u8>> = (0..50).map(|value| vec![0xB0, 7, value]).chain([exclusive]).collect();
        let timed: Vec<(u64, &[u8])> = group.iter().map(|octets| (0, &octets[..])).collect();
        push(&played, &timed);
        messages.extend(group);
        assert!(messages.len() < 20_000, "it did not fill the pool");
    }
    end(&played);
    played.told(gst::MessageType::Eos);
    assert!(listener.hears(messages.len()) == messages);
    assert_eq!(listener.stat("overruns"), 0);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_hundred_thousand_octets_of_system_exclusive_arrive_whole() {
    let listener = Played::new("alsaseqsrc name=it client-name=Listener ! fakesink sync=false");
    // Twenty times as fast as a cable, with a note behind it, and clocks that do not wait.
    let played = Played::new(&format!("{SOURCE} sysex-rate=60000 ports=Listener:in"));
    let dump: Vec<u8> =
        [0xF0, 0x7D].into_iter().chain((0..100_000_u32).map(|n| (n % 127) as u8)).chain([0xF7]).collect();
    push(&played, &[(0, &dump), (1, &[0xF8]), (2, &[0x90, 60, 1])]);
    end(&played);
    played.told(gst::MessageType::Eos);
    let heard = listener.hears(4);
    let without_clock: Vec<&Vec<u8>> = heard.iter().filter(|octets| octets[..] != [0xF8]).collect();
    assert!(*without_clock[0] == dump, "{} octets", without_clock[0].len());
    assert_eq!(without_clock[1..], [&vec![0x90, 60, 1], &vec![0x80, 60, 64]]);
    assert_eq!(listener.stat("dropped") + listener.stat("overruns"), 0);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_long_system_exclusive_goes_out_in_chunks_as_a_cable_carries_them() {
    let other = Other::new("Listener");
    let played = heard_by(&other, &format!("{SOURCE} sysex-rate=10000"));
    let dump = [&[0xF0, 0x7D][..], &[7; 5000], &[0xF7]].concat();
    let (started, mut came) = (Instant::now(), Vec::new());
    push(&played, &[(0, &dump)]);
    other.hears("the end of the dump", |event| {
        let chunk = event.get_ext().filter(|_| event.get_type() == EventType::Sysex).unwrap_or_default();
        assert!(chunk.len() <= 256, "{} octets at once", chunk.len());
        came.extend_from_slice(chunk);
        chunk.ends_with(&[0xF7]).then_some(())
    });
    assert!(came == dump, "{} octets", came.len());
    // All but what the buffer of a driver takes at once.
    let took = started.elapsed();
    assert!(took > Duration::from_millis(350), "{took:?}");
}
