//! What the parameters of a stream do (RFC 6295, C.1 and C.2.3): in the property `fmtp` and in caps, at both ends.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod rtp;

use gst::prelude::*;
use gst_check::Harness;
use gst_rtp::RTPBuffer;
use rtp::*;
use rtp_midi::inspect::inspect;
use rtp_midi::midi::Channel;

/// Music with something of everything, one message every 20 ms.
const MUSIC: [&[u8]; 12] = [
    &[0xC0, 5],
    &[0x90, 60, 100],
    &[0xE0, 0, 0x50],
    &[0xB0, 7, 100],
    &[0x80, 60, 64],
    &[0xB0, 8, 1],
    &[0xE0, 0, 0x40],
    &[0x90, 62, 100],
    &[0xF0, 0x7E, 0x7F, 9, 1, 0xF7],
    &[0x80, 62, 64],
    &[0xF6],
    &[0x90, 64, 100],
];

fn play(pay: &mut Harness) -> Vec<gst::Buffer> {
    for (at, octets) in (0..).step_by(20).zip(MUSIC) {
        pay.push(buffer(ms(at), octets)).unwrap();
    }
    pay.push_event(gst::event::Eos::new());
    sent(pay)
}

/// The status octets of the commands in all lists.
fn statuses(packets: &[gst::Buffer]) -> Vec<u8> {
    packets.iter().flat_map(|buffer| packet(buffer).commands).map(|(_, octets)| octets[0]).collect()
}

/// The letters of the chapters in the journal of each packet.
fn chapters(packets: &[gst::Buffer]) -> Vec<String> {
    let letters = |buffer: &gst::Buffer| {
        let rtp = RTPBuffer::from_buffer_readable(buffer).unwrap();
        let payload = rtp.payload().unwrap().to_vec();
        let inspection = inspect(&payload, rtp.timestamp());
        assert!(inspection.defects.is_empty());
        inspection
            .journal
            .map(|journal| journal.chapters.iter().map(|chapter| chapter.letter).collect())
            .unwrap_or_default()
    };
    packets.iter().map(letters).collect()
}

/// A payloader with these parameters, once as its property and once as what downstream demands.
fn both_ways(parameters: &str, demands: &str) -> [Harness; 2] {
    let caps = format!("application/x-rtp,clock-rate=44100,{demands}");
    [pay(&[("fmtp", parameters)]), pay_to(&[], Some(&caps))]
}

fn fmtp(harness: &Harness) -> Option<String> {
    harness.element().unwrap().property("fmtp")
}

#[test]
fn cm_unused_lets_no_such_command_out() {
    let _watch = start();
    for mut pay in both_ways("cm_unused=N", "cm_unused=(string)N") {
        let packets = play(&mut pay);
        assert_eq!(statuses(&packets), [0xC0, 0xE0, 0xB0, 0xB0, 0xE0, 0xF0, 0xF6]);
        assert!(chapters(&packets).iter().all(|letters| !letters.contains(['N', 'E'])));
        assert_eq!((stat(&pay, "unused"), stat(&pay, "commands")), (5, 7));
        assert_eq!(fmtp(&pay).as_deref(), Some("cm_unused=N"));
    }
}

#[test]
fn ch_never_lets_no_such_chapter_into_a_journal() {
    let _watch = start();
    for mut pay in both_ways("ch_never=W; j_update=anchor", "ch_never=(string)W,j_update=anchor") {
        let packets = play(&mut pay);
        assert!(statuses(&packets).contains(&0xE0), "the commands themselves are sent");
        let letters = chapters(&packets);
        assert!(letters.iter().all(|letters| !letters.contains('W')), "{letters:?}");
        assert!(letters.iter().any(|letters| letters.contains('P')), "{letters:?}");
    }
    assert!(chapters(&play(&mut pay(&[]))).iter().any(|letters| letters.contains('W')));
}

#[test]
fn ch_default_takes_back_a_part_of_ch_never() {
    let _watch = start();
    let mut pay = pay(&[("fmtp", "ch_never=P; ch_default=3P; j_update=anchor")]);
    for channel in [0, 3, 5] {
        pay.push(buffer(ms(0), &[0xC0 | channel, 9])).unwrap();
    }
    pay.push_event(gst::event::Eos::new());
    let buffers = sent(&mut pay);
    let rtp = RTPBuffer::from_buffer_readable(&buffers[1]).unwrap();
    let journal = inspect(rtp.payload().unwrap(), 0).journal.unwrap();
    let channels: Vec<_> = journal.chapters.iter().map(|chapter| chapter.channel.map(Channel::get)).collect();
    assert_eq!(channels, [Some(3)]);
}

/// The letters in the journals of a wheel that moves behind a program change, when all that is sent arrives at once.
fn reported(pay: &mut Harness) -> Vec<String> {
    let mut letters = Vec::new();
    for at in 0..10 {
        let music: &[u8] = if at == 0 { &[0xC0, 5] } else { &[0xE0, 0, at as u8] };
        pay.push(buffer(ms(at * 20), music)).unwrap();
        for buffer in sent(pay) {
            letters.extend(chapters(std::slice::from_ref(&buffer)));
            let report = [7, u32::from(packet(&buffer).sequence)];
            pay.element().unwrap().emit_by_name::<()>("acknowledge", &[&report[0], &report[1]]);
        }
    }
    letters
}

#[test]
fn ch_anchor_keeps_its_chapter_in_every_journal_though_the_checkpoint_moves() {
    let _watch = start();
    for mut pay in both_ways("ch_anchor=P", "ch_anchor=(string)P") {
        let letters = reported(&mut pay);
        assert!(letters.len() > 5 && letters[2..].iter().all(|letters| letters == "P"), "{letters:?}");
    }
    let letters = reported(&mut pay(&[]));
    assert!(letters[2..].iter().all(String::is_empty), "{letters:?}");
}

#[test]
fn what_caps_cannot_say_is_left_out_of_them_and_stands_in_fmtp() {
    let _watch = start();
    let line = "cm_unused=C; cm_used=0C7; cm_used=1C64; j_update=anchor; ch_never=W; ch_never=T; musicport=5";
    let mut pay = pay(&[("fmtp", line), ("guardtime", "1000000000")]);
    assert_eq!(statuses(&play(&mut pay))[..4], [0xC0, 0x90, 0xE0, 0xB0]);
    assert_eq!(stat(&pay, "unused"), 1);
    let caps = pay.sinkpad().unwrap().current_caps().unwrap();
    let caps = caps.structure(0).unwrap();
    assert!(!caps.has_field("cm_unused") && !caps.has_field("cm_used"));
    assert_eq!((caps.get("j_update"), caps.get("ch_never"), caps.get("musicport")), (Ok("anchor"), Ok("TW"), Ok("5")));
    let expected =
        "cm_unused=C; cm_used=0C7; cm_used=1C64; j_update=anchor; ch_never=W; ch_never=T; guardtime=44100; musicport=5";
    assert_eq!(fmtp(&pay).as_deref(), Some(expected));
}

#[test]
fn what_downstream_demands_wins() {
    let _watch = start();
    let caps = "application/x-rtp,clock-rate=44100,cm_unused=(string)W,guardtime=(string)4410";
    let mut pay =
        pay_to(&[("fmtp", "cm_unused=N; ch_never=T; guardtime=9; j_sec=none"), ("journal", "anchor")], Some(caps));
    let statuses = statuses(&play(&mut pay));
    assert!(statuses.contains(&0x90) && !statuses.contains(&0xE0));
    assert_eq!(fmtp(&pay).as_deref(), Some("cm_unused=W; j_sec=none; ch_never=T; guardtime=4410"));
}

#[test]
fn a_wrong_parameter_is_named() {
    let _watch = start();
    let rtp = "application/x-rtp,media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96";
    for (pipeline, word) in [
        (
            "appsrc name=src caps=audio/x-midi-event ! rtpmidipay fmtp=\"tsmode=sometimes\" ! fakesink".to_owned(),
            "tsmode=sometimes",
        ),
        (
            format!("appsrc name=src caps=audio/x-midi-event ! rtpmidipay ! {rtp},guardtime=(string)0 ! fakesink"),
            "guardtime=0",
        ),
        (
            format!("appsrc name=src caps={rtp} ! rtpmididepay fmtp=\"j_update=never; ch_never=W\" ! fakesink"),
            "j_update=never",
        ),
    ] {
        let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let source = pipeline.by_name("src").unwrap();
        let _ = source.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer(ms(0), &[0x90, 60, 100])]);
        let bus = pipeline.bus().unwrap();
        let error = bus.timed_pop_filtered(gst::ClockTime::from_seconds(10), &[gst::MessageType::Error]).unwrap();
        let gst::MessageView::Error(error) = error.view() else { panic!("no error") };
        let words = error.error().to_string();
        assert!(words.contains(word) && words.contains("which is "), "{words}");
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

#[test]
fn a_depayloader_gives_out_nothing_that_its_session_excludes() {
    let _watch = start();
    let packets = play(&mut pay(&[]));
    let caps = format!("{RTP_CAPS},cm_unused=(string)N");
    for mut depay in [depay(&[("fmtp", "cm_unused=N")], RTP_CAPS), depay(&[], &caps)] {
        for (n, packet) in packets.iter().enumerate() {
            // Some come from journals instead.
            if n % 3 != 1 {
                depay.push(packet.clone()).unwrap();
            }
        }
        let messages = messages(&mut depay);
        let notes = messages.iter().filter(|(_, octets)| matches!(octets[0] >> 4, 8 | 9)).count();
        assert_eq!(notes, 0, "{messages:02X?}");
        assert!(messages.iter().any(|(_, octets)| octets[..] == [0xC0, 5]), "{messages:02X?}");
        assert!(stat(&depay, "unused") >= 3);
        assert_eq!(fmtp(&depay).as_deref(), Some("cm_unused=N"));
    }
}

#[test]
fn undefined_commands_travel_where_both_ends_allow_them() {
    let _watch = start();
    let messages: [&[u8]; 4] = [&[0xF9], &[0xF4, 1, 2], &[0xF5], &[0xFD]];
    for (fmtp, arrive) in [("cm_used=JKYZ", 4), ("cm_used=Y", 1), ("", 0)] {
        let mut pay = pay(&[("fmtp", fmtp)]);
        for octets in messages {
            pay.push(buffer(ms(0), octets)).unwrap();
        }
        pay.push_event(gst::event::Eos::new());
        let mut depay = depay(&[("fmtp", fmtp)], RTP_CAPS);
        for packet in sent(&mut pay) {
            depay.push(packet).unwrap();
        }
        let arrived = rtp::messages(&mut depay);
        assert_eq!(octets(&arrived), &messages[..arrive], "{fmtp}");
        assert_eq!(stat(&pay, "undefined"), 4 - arrive as u64);
    }
}

#[test]
fn a_stream_of_a_subset_goes_through_pipelines_of_our_own() {
    let _watch = start();
    let file = std::env::temp_dir().join(format!("rtpmidi-parameters-{}.mid", std::process::id()));
    let mut track = Vec::new();
    for octets in MUSIC.iter().filter(|octets| octets[0] < 0xF0) {
        track.push(10);
        track.extend_from_slice(octets);
    }
    track.extend([0, 0xFF, 0x2F, 0]);
    let mut song = b"MThd\0\0\0\x06\0\0\0\x01\0\xFAMTrk".to_vec();
    song.extend((track.len() as u32).to_be_bytes());
    song.extend(track);
    std::fs::write(&file, song).unwrap();
    let line = "cm_unused=NW; cm_used=N62-64; ch_never=ENW";
    let messages = run(&format!(
        "filesrc location={} ! smfparse ! rtpmidipay fmtp=\"{line}\" ! rtpmididepay fmtp=\"{line}\" ! fakesink name=sink",
        file.display()
    ));
    std::fs::remove_file(&file).unwrap();
    let arrived: Vec<&[u8]> = octets(&messages);
    let expected: [&[u8]; 6] =
        [&[0xC0, 5], &[0xB0, 7, 100], &[0xB0, 8, 1], &[0x90, 62, 100], &[0x80, 62, 64], &[0x90, 64, 100]];
    // The last note is left sounding, and the end of the stream ends it.
    assert_eq!(arrived[..6], expected);
    assert_eq!(arrived[6..], [[0x80, 64, 64]]);
}
