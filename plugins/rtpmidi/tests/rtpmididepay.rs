//! `rtpmididepay`: messages, their times, repairs, and silence at the end.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod rtp;

use gst::prelude::*;
use gst_check::Harness;
use rtp::*;

/// The packets of `messages`, offline, with the end of the stream.
fn packets_of(properties: &[(&str, &str)], messages: &[(u64, &[u8])]) -> Vec<gst::Buffer> {
    let mut pay = pay(properties);
    for (at, octets) in messages {
        pay.push(buffer(ms(*at), octets)).unwrap();
    }
    pay.push_event(gst::event::Eos::new());
    sent(&mut pay)
}

fn push(depay: &mut Harness, packets: impl IntoIterator<Item = gst::Buffer>) {
    for packet in packets {
        depay.push(packet).unwrap();
    }
}

fn ends(messages: &[(gst::ClockTime, Vec<u8>)], key: u8) -> bool {
    messages.iter().any(|(_, octets)| {
        matches!(octets[..], [0x80..=0x8F, k, _] | [0x90..=0x9F, k, 0] if k == key)
            || matches!(octets[..], [0xB0..=0xBF, 120 | 123, _])
    })
}

#[test]
fn every_kind_of_message_arrives_as_it_was_sent() {
    let _watch = start();
    let sysex: Vec<u8> = [vec![0xF0], (0..3000).map(|n| (n % 128) as u8).collect(), vec![0xF7]].concat();
    let kinds: Vec<&[u8]> = vec![
        &[0x80, 60, 64],
        &[0x91, 61, 100],
        &[0x91, 61, 0],
        &[0xA2, 62, 30],
        &[0xB3, 7, 100],
        &[0xC4, 5],
        &[0xD5, 70],
        &[0xE6, 1, 0x40],
        &[0xF1, 0x35],
        &[0xF2, 1, 2],
        &[0xF3, 9],
        &[0xF6],
        &[0xF8],
        &[0xFA],
        &[0xFB],
        &[0xFC],
        &[0xFE],
        &[0xFF],
        &[0xF0, 0xF7],
        &[0xF0, 0x7E, 0x7F, 9, 1, 0xF7],
        &sysex,
    ];
    for clock in ["1", "1000", "44100", "90000"] {
        let mut pay = pay_to(&[], Some(&format!("application/x-rtp,clock-rate={clock}")));
        let times: Vec<_> = (0..kinds.len() as u64).map(|n| gst::ClockTime::from_nseconds(n / 2 * 7_654_321)).collect();
        for (at, octets) in times.iter().zip(&kinds) {
            pay.push(buffer(*at, octets)).unwrap();
        }
        pay.push_event(gst::event::Eos::new());
        let caps = pay.sinkpad().unwrap().current_caps().unwrap().to_string();
        let mut depay = depay(&[], &caps);
        push(&mut depay, sent(&mut pay));
        let arrived = messages(&mut depay);
        assert_eq!(octets(&arrived), kinds, "clock rate {clock}");
        let tick = 1_000_000_000 / clock.parse::<u64>().unwrap();
        for ((is, _), was) in arrived.iter().zip(times) {
            assert!(is.nseconds().abs_diff(was.nseconds()) <= tick, "{was} became {is} at clock rate {clock}");
        }
    }
}

#[test]
fn the_packet_behind_a_loss_ends_notes_and_sets_program_and_controllers_right() {
    let _watch = start();
    let packets = packets_of(
        &[],
        &[(0, &[0x90, 60, 100]), (10, &[0xC0, 5]), (20, &[0xB0, 7, 90]), (30, &[0x80, 60, 64]), (40, &[0x91, 40, 100])],
    );
    let mut depay = depay(&[], RTP_CAPS);
    let bus = gst::Bus::new();
    depay.element().unwrap().set_bus(Some(&bus));
    push(&mut depay, packets.iter().take(1).cloned());
    assert_eq!(octets(&messages(&mut depay)), [[0x90, 60, 100]]);
    push(&mut depay, packets.iter().skip(4).take(1).cloned());
    let repaired = messages(&mut depay);
    assert!(ends(&repaired, 60), "{repaired:02X?}");
    assert!(octets(&repaired).contains(&&[0xC0, 5][..]) && octets(&repaired).contains(&&[0xB0, 7, 90][..]));
    assert_eq!(repaired.last().unwrap().1, [0x91, 40, 100]);
    assert!(repaired.iter().all(|(at, _)| *at == ms(40)), "repairs have the packet's time");
    assert_eq!((stat(&depay, "lost"), stat(&depay, "repaired")), (3, repaired.len() as u64 - 1));

    let message = bus.pop_filtered(&[gst::MessageType::Element]).unwrap();
    let loss = message.structure().unwrap();
    assert_eq!(loss.name(), gstrtpmidi::depay::LOSS);
    assert_eq!((loss.get("lost"), loss.get("repaired")), (Ok(3_u64), Ok(repaired.len() as u64 - 1)));
    assert_eq!(loss.get("seqnum"), Ok(u32::from(FIRST.wrapping_add(4))));
    assert_eq!(loss.get("running-time"), Ok(ms(40)));
}

#[test]
fn the_guard_packets_end_a_note_whose_last_packet_is_lost() {
    let _watch = start();
    let packets = packets_of(&[], &[(0, &[0x90, 60, 100]), (100, &[0x80, 60, 64])]);
    let mut depay = depay(&[], RTP_CAPS);
    push(&mut depay, packets.into_iter().enumerate().filter(|(n, _)| *n != 1).map(|(_, packet)| packet));
    assert!(ends(&messages(&mut depay), 60));
    assert_eq!(stat(&depay, "sounding"), 0);
}

#[test]
fn without_a_journal_a_gap_ends_what_sounds() {
    let _watch = start();
    let packets =
        packets_of(&[("journal", "none")], &[(0, &[0x90, 60, 100]), (10, &[0x80, 60, 64]), (20, &[0x90, 62, 1])]);
    let mut depay = depay(&[], &format!("{RTP_CAPS},j_sec=none"));
    push(&mut depay, [packets[0].clone(), packets[2].clone()]);
    let arrived = messages(&mut depay);
    assert!(ends(&arrived, 60), "{arrived:02X?}");
    assert_eq!(arrived.last().unwrap().1, [0x90, 62, 1]);
}

#[test]
fn another_source_ends_what_the_first_one_left_sounding() {
    let _watch = start();
    let mut depay = depay(&[], RTP_CAPS);
    push(&mut depay, [rtp_packet(10, 0, 1, &[3, 0x90, 60, 100]), rtp_packet(11, 441, 1, &[3, 0x90, 61, 100])]);
    messages(&mut depay);
    push(&mut depay, [rtp_packet(5000, 1 << 30, 2, &[3, 0x90, 72, 100])]);
    let arrived = messages(&mut depay);
    assert!(ends(&arrived, 60) && ends(&arrived, 61), "{arrived:02X?}");
    assert_eq!(arrived.last().unwrap(), &(ms(10), vec![0x90, 72, 100]));
    assert_eq!(stat(&depay, "sounding"), 1);
}

#[test]
fn the_end_of_the_stream_ends_what_sounds() {
    let _watch = start();
    let packets = packets_of(&[], &[(0, &[0x90, 60, 100]), (700, &[0x92, 61, 100])]);
    let mut depay = depay(&[], RTP_CAPS);
    push(&mut depay, packets);
    messages(&mut depay);
    depay.push_event(gst::event::Eos::new());
    let end = messages(&mut depay);
    assert!(ends(&end, 60) && ends(&end, 61), "{end:02X?}");
    assert!(end.iter().all(|(at, _)| *at >= ms(700)));
    assert_eq!(stat(&depay, "sounding"), 0);
}

#[test]
fn silence_for_the_timeout_ends_what_sounds() {
    let _watch = start();
    let mut depay = depay(&[("timeout", "2000000000")], RTP_CAPS);
    let bus = gst::Bus::new();
    depay.element().unwrap().set_bus(Some(&bus));
    depay.set_time(ms(1000)).unwrap();
    push(&mut depay, packets_of(&[], &[(0, &[0x90, 60, 100])]).into_iter().take(1));
    messages(&mut depay);
    depay.crank_single_clock_wait().unwrap();
    let off = depay.pull().unwrap();
    assert_eq!(off.pts(), Some(ms(3000)));
    assert!(ends(&[(ms(0), off.map_readable().unwrap().to_vec())], 60));
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(5), &[gst::MessageType::Element]).unwrap();
    let end = message.structure().unwrap();
    assert_eq!((end.name().as_str(), end.get("reason")), (gstrtpmidi::depay::END, Ok("timeout")));
}

#[test]
fn garbage_is_counted_and_what_is_behind_it_plays() {
    let _watch = start();
    let mut depay = depay(&[], RTP_CAPS);
    let garbage: [&[u8]; 6] = [&[], &[0x8F], &[0x0F, 1, 2], &[0x45, 0x90, 0x3C], &[0x03, 1, 2, 3], &[0xFF; 40]];
    for (n, payload) in garbage.iter().enumerate() {
        push(&mut depay, [rtp_packet(n as u16, 0, 1, payload)]);
    }
    push(&mut depay, [rtp_packet(6, 0, 1, &[3, 0x90, 60, 100])]);
    assert_eq!(messages(&mut depay).last().unwrap().1, [0x90, 60, 100]);
    let counted = stat(&depay, "malformed-packets") + stat(&depay, "malformed-lists");
    assert!(counted >= 5, "{counted}");
}

#[test]
fn a_cancelled_or_too_long_system_exclusive_never_comes_out() {
    let _watch = start();
    let mut depay = depay(&[("sysex-limit", "4")], RTP_CAPS);
    push(
        &mut depay,
        [
            rtp_packet(0, 0, 1, &[4, 0xF0, 1, 2, 0xF0]),
            rtp_packet(1, 0, 1, &[2, 0xF7, 0xF4]),
            rtp_packet(2, 0, 1, &[4, 0xF0, 1, 2, 0xF0]),
            rtp_packet(3, 0, 1, &[5, 0xF7, 3, 4, 5, 0xF7]),
            rtp_packet(4, 0, 1, &[4, 0xF0, 1, 2, 0xF0]),
            rtp_packet(5, 0, 1, &[4, 0xF7, 3, 4, 0xF7]),
        ],
    );
    assert_eq!(octets(&messages(&mut depay)), [[0xF0, 1, 2, 3, 4, 0xF7]]);
}

#[test]
fn after_a_flush_what_sounded_ends_before_the_next_message() {
    let _watch = start();
    let mut depay = depay(&[], RTP_CAPS);
    let packets = packets_of(&[], &[(500, &[0x90, 60, 100]), (600, &[0x90, 62, 100])]);
    push(&mut depay, packets[..2].iter().cloned());
    messages(&mut depay);
    depay.push_event(gst::event::FlushStart::new());
    depay.push_event(gst::event::FlushStop::new(true));
    depay.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    let mut early = packets.last().unwrap().clone();
    early.make_mut().set_pts(ms(100));
    push(&mut depay, [early]);
    let arrived = messages(&mut depay);
    assert!(ends(&arrived, 60), "{arrived:02X?}");
    assert_eq!(arrived[0].0, ms(100));
}

#[test]
fn stopping_the_element_alone_ends_what_sounds() {
    let _watch = start();
    let mut depay = depay(&[], RTP_CAPS);
    let next = gst::ElementFactory::make("identity").build().unwrap();
    let element = depay.element().unwrap();
    let sink = depay.sinkpad().unwrap();
    element.static_pad("src").unwrap().unlink(&sink).unwrap();
    element.static_pad("src").unwrap().link(&next.static_pad("sink").unwrap()).unwrap();
    next.static_pad("src").unwrap().link(&sink).unwrap();
    next.set_state(gst::State::Playing).unwrap();
    push(&mut depay, packets_of(&[], &[(0, &[0x90, 60, 100])]).into_iter().take(1));
    messages(&mut depay);
    element.set_state(gst::State::Null).unwrap();
    assert!(ends(&messages(&mut depay), 60));
    next.set_state(gst::State::Null).unwrap();
}

#[test]
fn gaps_pass_and_silent_packets_become_gaps() {
    let _watch = start();
    let mut depay = depay(&[], RTP_CAPS);
    push(&mut depay, packets_of(&[], &[(0, &[0x90, 60, 100])]));
    depay.push_event(gst::event::Gap::builder(ms(5000)).duration(ms(10)).build());
    let gaps: Vec<_> = std::iter::from_fn(|| depay.try_pull_event())
        .filter_map(|event| match event.view() {
            gst::EventView::Gap(gap) => Some(gap.get().0),
            _ => None,
        })
        .collect();
    assert_eq!(gaps.last(), Some(&ms(5000)));
    assert_eq!(gaps.len(), 6, "one a guard packet: {gaps:?}");
}

#[test]
fn the_stream_is_sparse_and_the_stats_of_all_depayloaders_are_there() {
    let _watch = start();
    let mut depay = depay(&[], RTP_CAPS);
    push(&mut depay, packets_of(&[], &[(0, &[0x90, 60, 100])]));
    let start = depay.sinkpad().unwrap().sticky_event::<gst::event::StreamStart>(0).unwrap();
    assert!(start.stream_flags().contains(gst::StreamFlags::SPARSE));
    let stats = depay.element().unwrap().property::<gst::Structure>("stats");
    assert!(stats.has_field("running-time-pts"), "{stats}");
    assert_eq!(stats.get("packets"), Ok(6_u64));
}

#[test]
fn at_the_end_of_a_recording_notes_end_and_the_pedal_stays_down() {
    let _watch = start();
    for (live, pedals) in [(false, 0), (true, 1)] {
        let mut depay = depay(&[], RTP_CAPS);
        depay.set_live(live);
        push(&mut depay, packets_of(&[], &[(0, &[0xB0, 64, 127]), (0, &[0x90, 60, 100]), (10, &[0xB0, 123, 0])]));
        messages(&mut depay);
        depay.push_event(gst::event::Eos::new());
        let end = messages(&mut depay);
        let count = |status| end.iter().filter(|(_, octets)| octets[0] == status).count();
        assert_eq!((count(0x80), count(0xB0)), (1, pedals), "live: {live}, {end:?}");
    }
}

#[test]
fn mpeg4_generic_carries_the_same() {
    let _watch = start();
    let caps = "application/x-rtp,encoding-name=MPEG4-GENERIC,mode=rtp-midi";
    let mut pay = pay_to(&[], Some(caps));
    pay.push(buffer(ms(0), &[0x90, 60, 100])).unwrap();
    pay.push_event(gst::event::Eos::new());
    let caps = pay.sinkpad().unwrap().current_caps().unwrap().to_string();
    let mut depay = depay(&[], &caps);
    push(&mut depay, sent(&mut pay));
    assert_eq!(octets(&messages(&mut depay)), [[0x90, 60, 100]]);
}

/// RTP packets in the framing of RFC 4571.
fn recorded(messages: &[(u64, &[u8])]) -> Vec<u8> {
    let mut octets = Vec::new();
    for packet in packets_of(&[], messages) {
        let packet = packet.map_readable().unwrap();
        octets.extend((packet.len() as u16).to_be_bytes());
        octets.extend_from_slice(&packet);
    }
    octets
}

#[test]
fn behind_rtpstreamdepay_times_follow_rtp_time_from_the_start() {
    let _watch = start();
    let song: [(u64, &[u8]); 4] =
        [(250, &[0x90, 60, 100]), (1000, &[0x80, 60, 64]), (1000, &[0xC0, 1]), (90_000, &[0xF8])];
    let file = std::env::temp_dir().join(format!("rtpmididepay-{}.rtp", std::process::id()));
    std::fs::write(&file, recorded(&song)).unwrap();
    let arrived = run(&format!(
        "filesrc location={} ! application/x-rtp-stream,media=audio,encoding-name=RTP-MIDI,clock-rate=44100,payload=96 \
         ! rtpstreamdepay ! rtpmididepay ! fakesink name=sink",
        file.display()
    ));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(octets(&arrived), song.map(|(_, octets)| octets));
    for ((is, _), (was, _)) in arrived.iter().zip(song) {
        assert!(is.nseconds().abs_diff(ms(was).nseconds()) <= 22_676, "{was} ms became {is}");
    }
}
