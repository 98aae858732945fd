//! What downstream demands of `rtpmidipay`, and what `rtpmididepay` makes of caps: at first, and in midstream.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod rtp;

use gst::prelude::*;
use gst_check::Harness;
use rtp::*;

const NOTE_ON: [u8; 3] = [0x90, 60, 100];
const NOTE_OFF: [u8; 3] = [0x80, 60, 64];
const WHEEL: [u8; 3] = [0xE0, 0, 0x50];

fn fmtp(harness: &Harness) -> Option<String> {
    harness.element().unwrap().property("fmtp")
}

/// A payloader that downstream demands this of, with a message already on its way.
fn demanded(properties: &[(&str, &str)], demands: &str) -> Harness {
    let mut pay = pay_to(properties, Some(&format!("application/x-rtp,{demands}")));
    pay.push(buffer(ms(0), &NOTE_ON)).unwrap();
    pay
}

/// What a payloader that downstream demands this of says on the bus, and the result of the first message.
fn refused(properties: &[(&str, &str)], caps: &str) -> (String, Result<gst::FlowSuccess, gst::FlowError>) {
    let bus = gst::Bus::new();
    let pay = gst::ElementFactory::make("rtpmidipay").build().unwrap();
    for (name, value) in properties {
        pay.set_property_from_str(name, value);
    }
    pay.set_bus(Some(&bus));
    let mut pay = Harness::with_element(&pay, Some("sink"), Some("src"));
    pay.set_sink_caps_str(caps);
    pay.set_src_caps_str("audio/x-midi-event");
    let result = pay.push(buffer(ms(0), &NOTE_ON));
    (errors(&bus).remove(0), result)
}

fn errors(bus: &gst::Bus) -> Vec<String> {
    let messages = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Error]));
    let words = |message: gst::Message| match message.view() {
        gst::MessageView::Error(error) => error.error().message().to_owned(),
        other => panic!("{other:?}"),
    };
    messages.map(words).collect()
}

#[test]
fn of_several_values_that_downstream_takes_the_payloaders_own_is_chosen() {
    let _watch = start();
    let demands = "j_update=(string){ open-loop, anchor, closed-loop },tsmode=(string){ async, comex }";
    for (journal, line) in
        [("anchor", "j_update=anchor; tsmode=comex"), ("closed-loop", "j_update=closed-loop; tsmode=comex")]
    {
        assert_eq!(fmtp(&demanded(&[("journal", journal)], demands)).as_deref(), Some(line));
    }
    let other = demanded(&[("fmtp", "guardtime=5")], "guardtime=(string){ 44100, 88200 }");
    assert_eq!(fmtp(&other).as_deref(), Some("guardtime=44100"));
}

#[test]
fn of_several_offers_the_first_that_can_be_met_is_taken() {
    let _watch = start();
    let demands = "guardtime=(string)0;application/x-rtp,guardtime=(string)441,clock-rate=48000";
    let pay = demanded(&[], demands);
    assert_eq!(fmtp(&pay).as_deref(), Some("guardtime=441"));
    let caps = pay.sinkpad().unwrap().current_caps().unwrap();
    assert_eq!(caps.structure(0).unwrap().get("clock-rate"), Ok(48_000));
}

#[test]
fn what_cannot_be_is_refused_by_name_and_value() {
    let _watch = start();
    for (properties, caps, words) in [
        (&[][..], "application/x-rtp,guardtime=(string)0", ["Downstream demands", "guardtime=0 is not a value"]),
        (&[], "application/x-rtp,ch_never=(string)7", ["Downstream demands", "ch_never=7 is not a value"]),
        (&[("fmtp", "j_sec=foo")], "application/x-rtp", ["A parameter of the stream is wrong", "j_sec=foo"]),
        (&[], "application/x-rtp,guardtime=4410", ["guardtime=(int)4410, but only", "guardtime=(string)4410 can be"]),
        (&[], "application/x-rtp,payload=10", ["payload=(int)10, but only", "[ 96, 127 ]"]),
        (&[], "application/x-rtp,encoding-name=OPUS", ["encoding-name=(string)OPUS", "encoding-name=(string)RTP-MIDI"]),
        (&[], "application/x-rtp,encoding-name=RTP-MIDI,clock-rate=0", ["clock-rate=(int)0", "[ 1, "]),
        (
            &[],
            "application/x-rtp,encoding-name=MPEG4-GENERIC,mode=(string)AAC-hbr",
            ["mode=(string)AAC-hbr", "rtp-midi"],
        ),
        (
            &[],
            "application/x-rtp,encoding-name=MPEG4-GENERIC,streamtype=(string)4",
            ["streamtype=(string)4", "streamtype=(string)5"],
        ),
        (&[], "audio/x-raw", ["no RTP MIDI", "audio/x-raw"]),
    ] {
        let (said, result) = refused(properties, caps);
        assert!(words.iter().all(|word| said.contains(word)), "{caps}: {said}");
        assert_eq!(result, Err(gst::FlowError::NotNegotiated), "{caps}");
    }
}

#[test]
fn a_demand_in_midstream_is_obeyed_from_the_next_message_on() {
    let _watch = start();
    let mut pay = pay_to(&[("journal", "anchor")], Some("application/x-rtp"));
    let caps = |demands: &str| format!("application/x-rtp{demands}");
    for (at, demands, line, passes) in [
        (0, "", "j_update=anchor", true),
        (100, ",cm_unused=(string)W", "cm_unused=W; j_update=anchor", false),
        (200, ",j_update=(string)open-loop", "j_update=open-loop", true),
        (
            300,
            ",encoding-name=MPEG4-GENERIC,j_sec=(string)none",
            "streamtype=5; mode=rtp-midi; profile-level-id=12; config=7A0A0000000000; j_sec=none",
            true,
        ),
    ] {
        pay.set_sink_caps_str(&caps(demands));
        pay.push(buffer(ms(at), &NOTE_ON)).unwrap();
        pay.push(buffer(ms(at), &WHEEL)).unwrap();
        pay.push(buffer(ms(at + 50), &NOTE_OFF)).unwrap();
        assert_eq!(fmtp(&pay).as_deref(), Some(line));
        let packets = packets(&mut pay);
        let wheels = packets.iter().flat_map(|packet| &packet.commands).filter(|(_, octets)| octets[..] == WHEEL);
        assert_eq!(wheels.count() == 1, passes, "{demands}");
        let last = packets.last().unwrap();
        assert_eq!((last.journal.is_some(), at < 300), (at < 300, last.journal.is_some()));
        assert!(at < 300 || packets.iter().all(|packet| packet.marker));
    }
}

#[test]
fn a_demand_in_midstream_that_cannot_be_obeyed_ends_the_stream_with_its_reason() {
    let _watch = start();
    let bus = gst::Bus::new();
    let mut pay = demanded(&[("journal", "anchor")], "clock-rate=44100");
    pay.element().unwrap().set_bus(Some(&bus));
    pay.set_sink_caps_str("application/x-rtp,rtp_ptime=(string)soon");
    assert_eq!(pay.push(buffer(ms(10), &NOTE_OFF)), Err(gst::FlowError::NotNegotiated));
    let said = errors(&bus);
    assert!(said.len() == 1 && said[0].contains("rtp_ptime=soon is not a value of rtp_ptime"), "{said:?}");
    // And when it can be obeyed again, it goes on.
    pay.set_sink_caps_str("application/x-rtp,rtp_ptime=(string)0");
    pay.push(buffer(ms(20), &NOTE_OFF)).unwrap();
    assert_eq!(fmtp(&pay).as_deref(), Some("j_update=anchor; rtp_ptime=0"));
}

#[test]
fn a_command_that_the_stream_excludes_ends_it_where_it_is_to_be_refused() {
    let _watch = start();
    let bus = gst::Bus::new();
    let properties = [("fmtp", "cm_unused=C; cm_used=C7"), ("unused-commands", "refuse")];
    let mut pay = pay(&properties);
    pay.element().unwrap().set_bus(Some(&bus));
    for octets in [&NOTE_ON[..], &[0xF9], &[0xB0, 7, 1]] {
        pay.push(buffer(ms(0), octets)).unwrap();
    }
    assert_eq!(pay.push(buffer(ms(5), &[0xB0, 8, 1])), Err(gst::FlowError::Error));
    let said = errors(&bus);
    assert!(said.len() == 1 && said[0].ends_with("cm_unused=C; cm_used=C7"), "{said:?}");
    let commands: Vec<_> = packets(&mut pay).into_iter().flat_map(|packet| packet.commands).collect();
    assert!(commands.iter().all(|(_, octets)| octets[..2] != [0xB0, 8]));
}

/// RTP times of a note and a clock behind it, of another note, and of a long System Exclusive.
fn stamps(fmtp: &str) -> Vec<u32> {
    let mut pay = pay(&[("fmtp", fmtp), ("max-ptime", "100000000")]);
    let exclusive = [&[0xF0], &[1; 98][..], &[0xF7]].concat();
    for (at, octets) in [(1000, &NOTE_ON[..]), (1000, &[0xF8]), (1003, &NOTE_OFF), (2000, &exclusive), (2000, &[0xF8])]
    {
        pay.push(buffer(ms(at), octets)).unwrap();
    }
    pay.push_event(gst::event::Eos::new());
    let packets = packets(&mut pay);
    assert!(
        packets.windows(2).all(|two| two[0].timestamp.wrapping_sub(OFFSET) <= two[1].timestamp.wrapping_sub(OFFSET))
    );
    packets.iter().flat_map(|packet| &packet.commands).map(|(time, _)| *time).collect()
}

#[test]
fn timestamps_are_what_tsmode_says() {
    let _watch = start();
    let execution = [44_100, 44_100, 44_232, 88_200, 88_200];
    assert_eq!(stamps(""), execution);
    assert_eq!(stamps("tsmode=async; octpos=last"), execution);
    // Two octets before the last one of a note, at 14 ticks each; 99 before that of the System Exclusive.
    assert_eq!(stamps("tsmode=async; octpos=first"), [44_072, 44_100, 44_204, 86_803, 88_200]);
    assert_eq!(stamps("tsmode=async; linerate=32000; octpos=first"), [44_097, 44_100, 44_229, 88_060, 88_200]);
    assert_eq!(stamps("tsmode=buffer; octpos=last; mperiod=441"), [44_100, 44_100, 44_541, 88_200, 88_200]);
    assert_eq!(stamps("tsmode=buffer; octpos=first; mperiod=44"), [44_088, 44_132, 44_220, 86_812, 88_220]);
}

#[test]
fn ptime_and_maxptime_in_caps_bound_the_time_in_a_packet() {
    let _watch = start();
    let lengths = |demands: &str| -> Vec<usize> {
        let mut pay = pay_to(&[], Some(&format!("application/x-rtp,{demands}")));
        for at in [0, 5, 10, 15, 20, 25] {
            pay.push(buffer(ms(at), &NOTE_ON)).unwrap();
        }
        pay.push_event(gst::event::Eos::new());
        packets(&mut pay).iter().map(|packet| packet.commands.len()).filter(|length| *length > 0).collect()
    };
    for (demands, expected) in [
        ("ptime=(uint)10", &[3, 3][..]),
        ("ptime=10", &[3, 3]),
        ("ptime=20,maxptime=5", &[2, 2, 2]),
        ("rtp_ptime=(string)4410,clock-rate=44100,maxptime=(uint)10", &[3, 3]),
        ("maxptime=0", &[1, 1, 1, 1, 1, 1]),
    ] {
        assert_eq!(lengths(demands), expected, "{demands}");
    }
}

#[test]
fn numbers_in_the_caps_of_received_packets_are_parameters_too() {
    let _watch = start();
    let depay = depay(&[], &format!("{RTP_CAPS},guardtime=4410,rtp_maxptime=(uint)0,j_sec=none"));
    assert_eq!(fmtp(&depay).as_deref(), Some("j_sec=none; rtp_maxptime=0; guardtime=4410"));
}

#[test]
fn a_depayloader_follows_caps_that_change_in_midstream() {
    let _watch = start();
    let mut depay = depay(&[], RTP_CAPS);
    let mut heard = |caps: &str, sequence: u16, list: &[u8]| -> Vec<Vec<u8>> {
        depay.set_src_caps_str(caps);
        let payload = [&[list.len() as u8][..], list].concat();
        depay.push(rtp_packet(sequence, 0, 1, &payload)).unwrap();
        messages(&mut depay).into_iter().map(|(_, octets)| octets).collect()
    };
    assert_eq!(heard(RTP_CAPS, 1, &NOTE_ON), [NOTE_ON]);
    // What sounds under the old parameters ends; then they are others.
    let without_notes = format!("{RTP_CAPS},cm_unused=(string)N");
    let list = [&NOTE_ON[..], &[0], &WHEEL].concat();
    assert_eq!(heard(&without_notes, 2, &list), [NOTE_OFF, WHEEL]);
    assert_eq!(heard(&without_notes, 3, &NOTE_ON), [[0; 3]; 0]);
    let mpeg4 = RTP_CAPS.replace("RTP-MIDI", "MPEG4-GENERIC") + ",mode=(string)rtp-midi,streamtype=(string)5";
    assert_eq!(heard(&mpeg4, 4, &NOTE_ON), [NOTE_ON]);
    assert_eq!(fmtp(&depay).as_deref(), Some("streamtype=5; mode=rtp-midi"));
}

#[test]
fn the_property_of_a_depayloader_outweighs_caps_that_change_in_midstream() {
    let _watch = start();
    let mut depay = depay(&[("fmtp", "cm_unused=N; cm_used=0N; cm_used=1N60")], RTP_CAPS);
    for (sequence, caps) in
        [(1, RTP_CAPS.to_owned()), (2, format!("{RTP_CAPS},cm_unused=(string)W,guardtime=(string)5"))]
    {
        depay.set_src_caps_str(&caps);
        for (offset, list) in [(0, [0x91, 61, 9]), (1, [0xE0, 0, 0x50])] {
            depay.push(rtp_packet(2 * sequence + offset, 0, 1, &[&[3][..], &list].concat())).unwrap();
        }
        let messages = messages(&mut depay);
        assert_eq!(octets(&messages), [WHEEL], "{caps}");
    }
    assert_eq!(fmtp(&depay).as_deref(), Some("cm_unused=N; cm_used=0N; cm_used=1N60; guardtime=5"));
}
