//! The requirements of RFC 6295 on what only the elements decide.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod rtp;

use gst_check::Harness;
use rtp::*;

/// The first packet of a payloader that was told nothing.
fn first_packet() -> Packet {
    let mut pay = Harness::new("rtpmidipay");
    pay.set_live(false);
    pay.set_src_caps_str("audio/x-midi-event");
    pay.push(buffer(ms(0), &[0x90, 60, 100])).unwrap();
    pay.push_event(gst::event::Eos::new());
    packets(&mut pay).remove(0)
}

#[test]
fn streams_begin_at_random_numbers() {
    let _watch = start();
    let firsts: Vec<_> = (0..5).map(|_| first_packet()).collect();
    let differ = |field: fn(&Packet) -> u32| firsts.iter().any(|packet| field(packet) != field(&firsts[0]));
    assert!(differ(|packet| u32::from(packet.sequence)) && differ(|packet| packet.timestamp));
    assert!(differ(|packet| packet.ssrc));
}

/// A General MIDI configuration (appendix E.4) that carries a Standard MIDI File of one note.
const CONFIG: &str = "7A0A000000224D546864000000060000000100604D54726B0000000C00903C4060803C4000FF2F000";

#[test]
fn a_file_in_the_configuration_is_not_played() {
    let _watch = start();
    let caps = format!(
        "application/x-rtp,media=audio,encoding-name=MPEG4-GENERIC,clock-rate=44100,payload=96,streamtype=(string)5,\
         mode=rtp-midi,profile-level-id=(string)12,config=(string){CONFIG}"
    );
    let mut depay = depay(&[], &caps);
    depay.push(rtp_packet(1, 0, 1, &[0x43, 0x90, 60, 100, 0x80, 0, 1])).unwrap();
    assert_eq!(octets(&messages(&mut depay)), [[0x90, 60, 100]]);
}
