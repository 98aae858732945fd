//! `rtpmidipay`: what packets hold, when they leave, and what the caps say.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod rtp;

use gst::prelude::*;
use gst_check::Harness;
use rtp::*;

const NOTE_ON: [u8; 3] = [0x90, 60, 100];
const NOTE_OFF: [u8; 3] = [0x80, 60, 64];

fn push(harness: &mut Harness, at: gst::ClockTime, octets: &[u8]) {
    harness.push(buffer(at, octets)).unwrap();
}

#[test]
fn simultaneous_messages_share_a_packet_and_others_do_not() {
    let _watch = start();
    let mut pay = pay(&[]);
    for (at, key) in [(0, 60), (0, 64), (0, 67), (50, 72), (50, 74)] {
        push(&mut pay, ms(at), &[0x90, key, 100]);
    }
    pay.push_event(gst::event::Eos::new());
    let packets: Vec<_> = packets(&mut pay).into_iter().filter(|packet| packet.marker).collect();
    assert_eq!(packets.iter().map(Packet::ms).collect::<Vec<_>>(), [0, 50]);
    assert_eq!(packets[0].octets(), [[0x90, 60, 100], [0x90, 64, 100], [0x90, 67, 100]]);
    assert_eq!(packets[1].octets(), [[0x90, 72, 100], [0x90, 74, 100]]);
    assert_eq!(packets[1].timestamp, OFFSET.wrapping_add(2205));
}

#[test]
fn max_ptime_groups_what_lies_within_it() {
    let _watch = start();
    let mut pay = pay(&[("max-ptime", "20000000")]);
    for at in [0, 7, 20, 21, 30, 50] {
        push(&mut pay, ms(at), &NOTE_ON);
    }
    pay.push_event(gst::event::Eos::new());
    let packets: Vec<_> = packets(&mut pay).into_iter().filter(|packet| packet.marker).collect();
    assert_eq!(
        packets.iter().map(|packet| (packet.ms(), packet.commands.len())).collect::<Vec<_>>(),
        [(0, 3), (21, 2), (50, 1)]
    );
    let times: Vec<_> = packets[0].commands.iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [0, 308, 882]);
}

#[test]
fn every_command_is_within_a_tick_of_its_time() {
    let _watch = start();
    let mut pay = pay(&[("max-ptime", "10000000")]);
    let times: Vec<_> = (0..500_u64).map(|n| gst::ClockTime::from_nseconds(n * 1_234_567 + 13)).collect();
    for &at in &times {
        push(&mut pay, at, &NOTE_ON);
    }
    pay.push_event(gst::event::Eos::new());
    let ticks: Vec<_> = packets(&mut pay).iter().flat_map(|packet| packet.commands.clone()).map(|(at, _)| at).collect();
    assert_eq!(ticks.len(), times.len());
    for (tick, at) in ticks.into_iter().zip(times) {
        let exact = at.nseconds() as f64 * RATE as f64 / 1e9;
        assert!((exact - f64::from(tick)).abs() <= 1.0, "{at} became tick {tick}");
    }
}

#[test]
fn sequence_numbers_and_timestamps_begin_at_their_offsets_and_wrap() {
    let _watch = start();
    let mut pay = pay(&[]);
    for at in 0..5 {
        push(&mut pay, ms(at * 20), &NOTE_ON);
    }
    pay.push_event(gst::event::Eos::new());
    let packets = packets(&mut pay);
    for (n, packet) in packets.iter().enumerate() {
        assert_eq!(packet.sequence, FIRST.wrapping_add(n as u16));
        let ticks = u128::from(packet.pts.unwrap().nseconds()) * u128::from(RATE) / 1_000_000_000;
        assert_eq!(packet.timestamp, OFFSET.wrapping_add(ticks as u32));
    }
}

#[test]
fn what_is_no_message_is_dropped_and_counted() {
    let _watch = start();
    let mut pay = pay(&[]);
    for octets in [&[0xF9][..], &[0xFD], &[0xB0, 7, 100, 0x60], &[1, 2, 3], &[0x90, 60], &[0xF7, 1], &[0xC3, 5]] {
        push(&mut pay, ms(10), octets);
    }
    assert_eq!((stat(&pay, "undefined"), stat(&pay, "stray")), (2, 3));
    pay.push_event(gst::event::Eos::new());
    let packets = packets(&mut pay);
    let found: Vec<_> = packets.iter().flat_map(Packet::octets).collect();
    assert_eq!(found, [&[0xB0, 7, 100][..], &[0xC3, 5]]);
}

#[test]
fn a_long_system_exclusive_travels_in_packets_that_fit_the_mtu() {
    let _watch = start();
    let mut pay = pay(&[("mtu", "400")]);
    let data: Vec<u8> = (0..5000).map(|n| (n % 128) as u8).collect();
    let message = [&[0xF0][..], &data, &[0xF7]].concat();
    for piece in message.chunks(256) {
        push(&mut pay, ms(10), piece);
    }
    pay.push_event(gst::event::Eos::new());
    let packets = packets(&mut pay);
    assert!(packets.iter().all(|packet| packet.size <= 400), "{:?}", packets.iter().map(|p| p.size).max());
    let sent: Vec<u8> = packets
        .iter()
        .flat_map(|packet| &packet.commands)
        .flat_map(|(_, segment)| segment[1..segment.len() - 1].to_vec())
        .collect();
    assert_eq!(sent, data);
}

#[test]
fn an_offline_stream_that_begins_in_silence_has_a_packet_at_its_start() {
    let _watch = start();
    let mut pay = pay(&[]);
    push(&mut pay, ms(700), &NOTE_ON);
    let first = packet(&pay.pull().unwrap());
    assert_eq!((first.ms(), first.timestamp, first.marker), (0, OFFSET, false));
}

#[test]
fn guard_packets_follow_stream_time_offline_and_the_last_ones_come_with_the_end() {
    let _watch = start();
    let mut pay = pay(&[]);
    push(&mut pay, ms(0), &NOTE_ON);
    push(&mut pay, ms(500), &NOTE_OFF);
    assert!(pay.push_event(gst::event::Gap::builder(ms(500)).duration(ms(150)).build()));
    let before: Vec<_> = packets(&mut pay).iter().map(|packet| (packet.ms(), packet.marker)).collect();
    let guards = [(100, false), (200, false), (400, false), (500, true), (600, false)];
    assert_eq!(before[0], (0, true));
    assert_eq!(before[1..], guards);
    pay.push_event(gst::event::Eos::new());
    let rest: Vec<_> = packets(&mut pay).iter().map(|packet| (packet.ms(), packet.marker)).collect();
    assert_eq!(rest, [(700, false), (900, false), (1300, false), (2100, false)]);
    assert_eq!(stat(&pay, "guard-packets"), 8);
}

#[test]
fn keep_alive_packets_come_at_guardtime_offline() {
    let _watch = start();
    let mut pay = pay(&[("guardtime", "1000000000")]);
    push(&mut pay, ms(0), &NOTE_OFF);
    push(&mut pay, ms(5000), &NOTE_ON);
    let silence: Vec<_> = packets(&mut pay).iter().map(Packet::ms).filter(|&at| at > 1600).collect();
    assert_eq!(silence, [2600, 3600, 4600]);
}

#[test]
fn a_live_message_leaves_at_once_and_a_list_in_one_packet() {
    let _watch = start();
    let mut pay = pay(&[]);
    pay.set_live(true);
    push(&mut pay, ms(0), &NOTE_ON);
    assert_eq!(packet(&pay.pull().unwrap()).octets(), [NOTE_ON]);
    let list: gst::BufferList = (1..4).map(|n| buffer(ms(n), &[0x90, n as u8, 1])).collect();
    assert_eq!(pay.srcpad().unwrap().push_list(list), Ok(gst::FlowSuccess::Ok));
    push(&mut pay, ms(5), &NOTE_OFF);
    let packets = packets(&mut pay);
    assert_eq!(packets.iter().map(|packet| packet.commands.len()).collect::<Vec<_>>(), [3, 1]);
    assert_eq!((packets[0].ms(), packets[1].ms()), (1, 5));
}

#[test]
fn live_guard_packets_come_on_the_clock() {
    let _watch = start();
    let mut pay = pay(&[]);
    pay.set_live(true);
    pay.set_time(ms(1000)).unwrap();
    push(&mut pay, ms(1000), &NOTE_OFF);
    assert!(packet(&pay.pull().unwrap()).marker);
    for at in [1100, 1200, 1400, 1800, 2600] {
        let guard = crank(&mut pay);
        assert_eq!((guard.ms(), guard.marker), (at, false));
        assert!(guard.commands.is_empty() && guard.journal.is_some());
    }
}

#[test]
fn min_ptime_holds_live_messages_and_is_reported_as_latency() {
    let _watch = start();
    let mut pay = pay(&[("min-ptime", "30000000")]);
    pay.set_live(true);
    pay.set_upstream_latency(ms(5));
    pay.set_time(ms(100)).unwrap();
    push(&mut pay, ms(100), &NOTE_ON);
    push(&mut pay, ms(110), &NOTE_OFF);
    assert_eq!(pay.buffers_in_queue(), 0);
    let packet = crank(&mut pay);
    assert_eq!((packet.ms(), packet.octets()), (100, vec![&NOTE_ON[..], &NOTE_OFF]));
    assert_eq!(pay.testclock().unwrap().time(), ms(130));
    let mut query = gst::query::Latency::new();
    assert!(pay.element().unwrap().static_pad("src").unwrap().query(&mut query));
    assert_eq!(query.result().1, ms(35));
}

#[test]
fn reports_by_event_and_signal_move_the_checkpoint() {
    let _watch = start();
    let mut pay = pay(&[]);
    let journal = |pay: &mut Harness, at: u64| {
        push(pay, ms(at), &[0x90, (at % 100) as u8, 100]);
        assert!(pay.push_event(gst::event::Gap::builder(ms(at + 1)).build()));
        packets(pay).pop().unwrap()
    };
    for at in 0..30 {
        journal(&mut pay, at * 10);
    }
    let long = journal(&mut pay, 300);
    let report = |sequence: u16| {
        let report = gst::Structure::builder(gstrtpmidi::pay::ACK)
            .field("ssrc", long.ssrc)
            .field("reporter", 7_u32)
            .field("exthighestseq", 0x1_0000 + u32::from(sequence))
            .build();
        gst::event::CustomUpstream::new(report)
    };
    assert!(pay.push_upstream_event(report(long.sequence)));
    assert_eq!(stat(&pay, "reporters"), 1);
    let short = journal(&mut pay, 310);
    assert!(short.journal < long.journal, "{short:?}");

    let element = pay.element().unwrap();
    element.emit_by_name::<()>("acknowledge", &[&8_u32, &u32::from(long.sequence)]);
    assert_eq!(stat(&pay, "reporters"), 2);
    for at in 32..62 {
        journal(&mut pay, at * 10);
    }
    let last = journal(&mut pay, 620);
    assert!(pay.push_upstream_event(report(last.sequence)));
    let held = journal(&mut pay, 630);
    assert!(held.journal > short.journal, "reporter 8 lags behind");
    element.emit_by_name::<()>("reporter-left", &[&8_u32]);
    assert!(journal(&mut pay, 640).journal < held.journal);
}

#[test]
fn reports_about_another_source_go_upstream() {
    let _watch = start();
    let mut pay = pay(&[]);
    push(&mut pay, ms(0), &NOTE_ON);
    let report = gst::Structure::builder(gstrtpmidi::pay::ACK)
        .field("ssrc", 1_u32)
        .field("reporter", 7_u32)
        .field("exthighestseq", u32::from(FIRST))
        .build();
    let before = pay.upstream_events_received();
    pay.push_upstream_event(gst::event::CustomUpstream::new(report));
    assert_eq!((stat(&pay, "reporters"), pay.upstream_events_received()), (0, before + 1));
}

#[test]
fn another_ssrc_goes_on_with_the_next_sequence_number_and_tells_what_was_before() {
    let _watch = start();
    let mut pay = pay(&[]);
    for at in 0..10 {
        push(&mut pay, ms(at), &NOTE_ON);
    }
    let before = packets(&mut pay).pop().unwrap();
    let collision = gst::Structure::builder("GstRTPCollision").field("ssrc", before.ssrc).build();
    assert!(pay.push_upstream_event(gst::event::CustomUpstream::new(collision)));
    push(&mut pay, ms(10), &NOTE_OFF);
    let after = packet(&pay.pull().unwrap());
    assert_ne!(after.ssrc, before.ssrc);
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert_eq!(after.journal, before.journal);
}

#[test]
fn each_cycle_of_sequence_numbers_has_an_ssrc_of_its_own_if_that_is_wanted() {
    let _watch = start();
    for wanted in ["true", "false"] {
        let mut pay = pay(&[("ssrc-per-cycle", wanted), ("journal", "anchor")]);
        push(&mut pay, ms(0), &[0xB0, 7, 90]);
        for at in 1..9 {
            push(&mut pay, ms(at), &NOTE_ON);
        }
        let packets = packets(&mut pay);
        let begun = packets.iter().position(|packet| packet.sequence == 0).unwrap();
        let (before, after) = packets.split_at(begun);
        assert!(before.iter().all(|packet| packet.ssrc == packets[0].ssrc));
        assert!(after.iter().all(|packet| packet.ssrc == after[0].ssrc));
        assert_eq!(after[0].ssrc != before[0].ssrc, wanted == "true");
        assert!(after[0].journal > before[0].journal, "who comes late hears of the volume");
    }
}

#[test]
fn caps_and_fmtp_say_what_is_not_default() {
    let _watch = start();
    for (properties, fields, fmtp) in [
        (&[][..], &[][..], None),
        (&[("journal", "none")], &[("j_sec", "none")], Some("j_sec=none")),
        (&[("journal", "anchor")], &[("j_update", "anchor")], Some("j_update=anchor")),
        (
            &[("journal", "open-loop"), ("guardtime", "2000000000")],
            &[("j_update", "open-loop"), ("ch_anchor", "ACDMPQTWX"), ("guardtime", "88200")],
            Some("j_update=open-loop; ch_anchor=ACDMPQTWX; guardtime=88200"),
        ),
    ] {
        let mut pay = pay(properties);
        push(&mut pay, ms(0), &NOTE_ON);
        let caps = pay.sinkpad().unwrap().current_caps().unwrap();
        let caps = caps.structure(0).unwrap();
        assert_eq!(caps.get::<&str>("encoding-name"), Ok("RTP-MIDI"));
        assert_eq!((caps.get("clock-rate"), caps.get("payload")), (Ok(44_100), Ok(96)));
        for (name, value) in fields {
            assert_eq!(caps.get(*name), Ok(*value));
        }
        assert_eq!(pay.element().unwrap().property::<Option<String>>("fmtp").as_deref(), fmtp);
    }
}

#[test]
fn downstream_chooses_media_type_clock_rate_and_journal() {
    let _watch = start();
    let caps = "application/x-rtp,encoding-name=MPEG4-GENERIC,clock-rate=90000,j_sec=none,payload=111";
    let mut pay = pay_to(&[("journal", "anchor")], Some(caps));
    push(&mut pay, ms(0), &NOTE_ON);
    push(&mut pay, ms(1000), &NOTE_OFF);
    pay.push_event(gst::event::Eos::new());
    let packets = packets(&mut pay);
    assert!(packets.iter().all(|packet| packet.marker && packet.journal.is_none()), "{packets:?}");
    let off = packets.iter().find(|packet| packet.octets() == [NOTE_OFF]).unwrap();
    assert_eq!(off.timestamp, OFFSET.wrapping_add(90_000));
    let fmtp = pay.element().unwrap().property::<String>("fmtp");
    assert_eq!(fmtp, "streamtype=5; mode=rtp-midi; profile-level-id=12; config=7F80AFC80A0000000000; j_sec=none");
}

#[test]
fn messages_outside_the_segment_move_to_its_edge() {
    let _watch = start();
    let mut pay = pay(&[]);
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(ms(10_000));
    segment.set_time(ms(10_000));
    pay.push_event(gst::event::Segment::new(&segment));
    push(&mut pay, ms(9000), &[0xC0, 5]);
    push(&mut pay, ms(10_500), &NOTE_ON);
    pay.push_event(gst::event::Eos::new());
    let packets = packets(&mut pay);
    assert_eq!((packets[0].ms(), packets[0].timestamp), (10_000, OFFSET));
    assert_eq!(packets[0].octets(), [[0xC0, 5]]);
    let on = packets.iter().find(|packet| packet.octets() == [NOTE_ON]).unwrap();
    assert_eq!(on.timestamp, OFFSET.wrapping_add(22_050));
}

#[test]
fn after_a_flush_time_begins_anew_and_sequence_numbers_go_on() {
    let _watch = start();
    let mut pay = pay(&[]);
    push(&mut pay, ms(5000), &NOTE_ON);
    push(&mut pay, ms(6000), &NOTE_OFF);
    let before = packets(&mut pay).pop().unwrap();
    pay.push_event(gst::event::FlushStart::new());
    pay.push_event(gst::event::FlushStop::new(true));
    pay.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    push(&mut pay, ms(100), &NOTE_ON);
    pay.push_event(gst::event::Eos::new());
    let after = packets(&mut pay);
    assert_eq!(after[0].sequence, before.sequence.wrapping_add(1));
    assert_eq!((after[0].ms(), after[0].timestamp), (100, OFFSET.wrapping_add(4410)));
    assert_eq!(after[0].octets(), [NOTE_ON], "what waited was flushed");
    assert!(stat(&pay, "packets") >= 4);
}

#[test]
fn a_packet_is_one_piece_of_memory() {
    let _watch = start();
    let mut pay = pay(&[]);
    pay.set_live(true);
    push(&mut pay, ms(0), &NOTE_ON);
    assert_eq!(pay.pull().unwrap().n_memory(), 1, "filesink behind rtpstreampay loses packets of two");
}

#[test]
fn the_stream_is_sparse() {
    let _watch = start();
    let mut pay = pay(&[]);
    push(&mut pay, ms(0), &NOTE_ON);
    let start = pay.sinkpad().unwrap().sticky_event::<gst::event::StreamStart>(0).unwrap();
    assert!(start.stream_flags().contains(gst::StreamFlags::SPARSE));
}

#[test]
fn the_stats_of_all_payloaders_are_still_there() {
    let _watch = start();
    let mut pay = pay(&[]);
    push(&mut pay, ms(0), &NOTE_ON);
    pay.push_event(gst::event::Eos::new());
    let stats = pay.element().unwrap().property::<gst::Structure>("stats");
    assert_eq!(stats.get("clock-rate"), Ok(44_100_u32));
    assert_eq!(stats.get("seqnum-offset"), Ok(u32::from(FIRST)));
    assert_eq!((stats.get("commands"), stats.get("sounding")), (Ok(1_u64), Ok(1_u64)));
}
