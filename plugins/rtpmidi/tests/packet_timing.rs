//! `rtpmidipay`: the media time of packets (`rtp_ptime`, `rtp_maxptime`) and the time between them (`guardtime`).

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod rtp;

use gst::prelude::*;
use gst_check::Harness;
use rtp::*;

const NOTE_ON: [u8; 3] = [0x90, 60, 100];
const NOTE_OFF: [u8; 3] = [0x80, 60, 64];

fn push(harness: &mut Harness, at: u64, octets: &[u8]) {
    harness.push(buffer(ms(at), octets)).unwrap();
}

/// The packets with messages that a recording of `times` gives, as time and number of messages.
fn offline(properties: &[(&str, &str)], caps: &str, times: &[u64]) -> Vec<(u64, usize)> {
    let mut pay = pay_to(properties, Some(&format!("application/x-rtp,clock-rate=44100,{caps}")));
    for &at in times {
        push(&mut pay, at, &NOTE_ON);
    }
    pay.push_event(gst::event::Eos::new());
    let packets = packets(&mut pay).into_iter().filter(|packet| packet.marker);
    packets.map(|packet| (packet.ms(), packet.commands.len())).collect()
}

#[test]
fn rtp_ptime_says_how_much_time_a_packet_spans() {
    let _watch = start();
    let times = [0, 7, 20, 21, 30, 50];
    assert_eq!(offline(&[], "rtp_ptime=(string)882", &times), [(0, 3), (21, 2), (50, 1)]);
    assert_eq!(offline(&[("min-ptime", "50000000")], "rtp_ptime=(string)0", &times).len(), 6);
}

#[test]
fn rtp_maxptime_is_never_exceeded() {
    let _watch = start();
    let times: Vec<u64> =
        (0..200).map(|n| n * n % 37 + n * 3).scan(0, |last, at| Some(at.max(std::mem::replace(last, at)))).collect();
    for (most, properties) in [(0_u32, "min-ptime"), (441, "min-ptime"), (441, "max-ptime"), (4410, "max-ptime")] {
        let caps = format!("application/x-rtp,clock-rate=44100,rtp_ptime=(string)44100,rtp_maxptime=(string){most}");
        let mut pay = pay_to(&[(properties, "2000000000")], Some(&caps));
        for &at in &times {
            push(&mut pay, at, &NOTE_ON);
        }
        pay.push_event(gst::event::Eos::new());
        let packets = packets(&mut pay);
        let longest = packets.iter().filter_map(|packet| {
            let (first, last) = (packet.commands.first()?, packet.commands.last()?);
            Some(last.0 - first.0)
        });
        let longest = longest.max().unwrap();
        assert!(longest <= most && (most == 0 || longest > most / 2), "{longest} of {most}");
        assert_eq!(packets.iter().map(|packet| packet.commands.len()).sum::<usize>(), times.len());
        let fmtp = pay.element().unwrap().property::<String>("fmtp");
        assert_eq!(fmtp, format!("rtp_ptime=44100; rtp_maxptime={most}"));
    }
}

/// How many ticks each packet with messages spans, to the end of its list.
fn media_times(packets: &[Packet]) -> Vec<u32> {
    packets.iter().filter(|packet| packet.marker).map(|packet| packet.reach).collect()
}

#[test]
fn packets_span_a_multiple_of_ptime_multiple_unless_they_are_ended_by_what_comes_next() {
    let _watch = start();
    let properties = [("min-ptime", "50000000"), ("max-ptime", "50000000"), ("ptime-multiple", "20000000")];
    let mut pay = pay_to(&properties, Some("application/x-rtp,clock-rate=1000"));
    // The third packet has to end where the fourth begins.
    for at in [0, 5, 30, 100, 200, 250, 251] {
        push(&mut pay, at, &NOTE_ON);
    }
    pay.push_event(gst::event::Eos::new());
    assert_eq!(media_times(&packets(&mut pay)), [40, 20, 50, 20]);
}

#[test]
fn a_live_packet_spans_a_multiple_of_ptime_multiple_too_and_what_comes_late_comes_at_its_end() {
    let _watch = start();
    let mut pay = pay_to(&[("min-ptime", "10000000"), ("ptime-multiple", "10000000")], None);
    pay.set_live(true);
    pay.set_time(ms(100)).unwrap();
    push(&mut pay, 100, &NOTE_ON);
    let first = crank(&mut pay);
    assert_eq!((first.ms(), first.reach), (100, 441));
    push(&mut pay, 105, &NOTE_OFF);
    let late = crank(&mut pay);
    assert_eq!((late.ms(), late.octets()), (110, vec![&NOTE_OFF[..]]));
}

#[test]
fn a_live_packet_waits_for_rtp_ptime_but_not_beyond_rtp_maxptime() {
    let _watch = start();
    for (caps, hold) in [("rtp_ptime=(string)1323", 30), ("rtp_ptime=(string)4410,rtp_maxptime=(string)882", 20)] {
        let mut pay = pay_to(&[], Some(&format!("application/x-rtp,clock-rate=44100,{caps}")));
        pay.set_live(true);
        pay.set_time(ms(100)).unwrap();
        push(&mut pay, 100, &NOTE_ON);
        push(&mut pay, 110, &NOTE_OFF);
        assert_eq!(pay.buffers_in_queue(), 0);
        let packet = crank(&mut pay);
        assert_eq!((packet.ms(), packet.octets()), (100, vec![&NOTE_ON[..], &NOTE_OFF]));
        assert_eq!(pay.testclock().unwrap().time(), ms(100 + hold));
        let mut query = gst::query::Latency::new();
        assert!(pay.element().unwrap().static_pad("src").unwrap().query(&mut query));
        assert_eq!(query.result().1, ms(hold));
    }
}

#[test]
fn with_a_media_time_of_zero_a_live_list_becomes_a_packet_for_each_moment() {
    let _watch = start();
    let mut pay = pay_to(&[], Some("application/x-rtp,clock-rate=44100,rtp_ptime=(string)0,rtp_maxptime=(string)0"));
    pay.set_live(true);
    let list: gst::BufferList = [1, 1, 2, 3, 3, 3].map(|at| buffer(ms(at), &NOTE_ON)).into_iter().collect();
    assert_eq!(pay.srcpad().unwrap().push_list(list), Ok(gst::FlowSuccess::Ok));
    let packets = packets(&mut pay);
    assert_eq!(
        packets.iter().map(|packet| (packet.ms(), packet.commands.len())).collect::<Vec<_>>(),
        [(1, 2), (2, 1), (3, 3)]
    );
}

/// Guard times, in milliseconds.
const GUARDTIMES: [u64; 4] = [5, 50, 1000, 5000];

fn guarded(guardtime: u64) -> Harness {
    pay_to(&[], Some(&format!("application/x-rtp,clock-rate=48000,guardtime=(string){}", guardtime * 48)))
}

#[test]
fn live_no_gap_is_longer_than_guardtime_nor_shorter_once_the_guard_packets_are_out() {
    let _watch = start();
    for guardtime in GUARDTIMES {
        let mut pay = guarded(guardtime);
        pay.set_live(true);
        pay.set_time(ms(1000)).unwrap();
        push(&mut pay, 1000, &NOTE_OFF);
        let mut last = packet(&pay.pull().unwrap()).pts.unwrap();
        let mut keep_alives = 0;
        while keep_alives < 5 {
            let next = crank(&mut pay);
            let at = next.pts.unwrap();
            assert_eq!(pay.testclock().unwrap().time(), at, "a packet leaves at its time");
            assert!(at - last <= ms(guardtime), "{} behind {last} is beyond {guardtime} ms", at - last);
            assert!(next.commands.is_empty() && !next.marker);
            if last >= ms(2600) {
                assert_eq!(at - last, ms(guardtime));
                keep_alives += 1;
            }
            last = at;
        }
    }
}

#[test]
fn a_live_source_that_has_nothing_to_say_yet_begins_the_guard_times() {
    let _watch = start();
    let mut pay = guarded(1000);
    pay.set_live(true);
    pay.set_time(ms(500)).unwrap();
    pay.push_event(gst::event::Gap::new(ms(500), None));
    assert_eq!(packet(&pay.pull().unwrap()).ms(), 500);
    pay.push_event(gst::event::Gap::new(ms(600), None));
    assert_eq!(pay.buffers_in_queue(), 0, "once is enough");
    assert_eq!(crank(&mut pay).ms(), 1500);
    let mut silent = pay_to(&[], Some("application/x-rtp,clock-rate=48000"));
    silent.set_live(true);
    silent.push_event(gst::event::Gap::new(ms(500), None));
    assert_eq!(silent.buffers_in_queue(), 0, "without guard times nobody waits for a packet");
}

#[test]
fn offline_no_gap_is_longer_than_guardtime() {
    let _watch = start();
    for guardtime in GUARDTIMES {
        for properties in [&[][..], &[("min-ptime", "100000000")]] {
            let caps = format!("application/x-rtp,clock-rate=48000,guardtime=(string){}", guardtime * 48);
            let mut pay = pay_to(properties, Some(&caps));
            let times = [0, 3, 6, 9, 70, 71, 5000, 21_000];
            for at in times {
                push(&mut pay, at, &NOTE_ON);
            }
            pay.push_event(gst::event::Eos::new());
            let packets = packets(&mut pay);
            assert_eq!(packets.iter().map(|packet| packet.commands.len()).sum::<usize>(), times.len());
            // From the last command of a packet to the first of the next.
            let ends = packets.iter().map(|packet| match packet.commands.last() {
                Some((at, _)) => *at,
                None => packet.timestamp.wrapping_sub(OFFSET),
            });
            for (end, next) in ends.zip(&packets[1..]) {
                let gap = next.timestamp.wrapping_sub(OFFSET) - end;
                assert!(u64::from(gap) <= guardtime * 48, "{gap} ticks before {next:?}, guardtime {guardtime} ms");
            }
        }
    }
}

#[test]
fn a_packet_that_waits_for_messages_leaves_early_where_guardtime_asks_for_it() {
    let _watch = start();
    let caps = "application/x-rtp,clock-rate=48000,guardtime=(string)2400,rtp_ptime=(string)4800";
    let mut pay = pay_to(&[], Some(caps));
    pay.set_live(true);
    pay.set_time(ms(0)).unwrap();
    push(&mut pay, 0, &NOTE_ON);
    assert_eq!(crank(&mut pay).ms(), 0);
    let now = |pay: &Harness| pay.testclock().unwrap().time();
    assert_eq!(now(&pay), ms(100), "there is none before it to be far from");
    pay.set_time(ms(120)).unwrap();
    push(&mut pay, 120, &NOTE_OFF);
    let off = crank(&mut pay);
    assert_eq!((off.ms(), off.marker, now(&pay)), (120, true, ms(150)));
}

#[test]
fn empty_packets_keep_the_distance_of_messages_to_the_clock() {
    let _watch = start();
    let mut pay = guarded(50);
    pay.set_live(true);
    pay.set_time(ms(530)).unwrap();
    // A source with 30 ms of latency.
    push(&mut pay, 500, &NOTE_ON);
    assert_eq!(packet(&pay.pull().unwrap()).ms(), 500);
    for at in [550, 600, 650] {
        let guard = crank(&mut pay);
        assert_eq!((guard.ms(), pay.testclock().unwrap().time()), (at, ms(at + 30)));
    }
    pay.set_time(ms(715)).unwrap();
    push(&mut pay, 685, &NOTE_OFF);
    let off = packets(&mut pay).pop().unwrap();
    assert_eq!((off.ms(), off.octets()), (685, vec![&NOTE_OFF[..]]), "no guard packet was ahead of it");
}

#[test]
fn a_new_segment_does_not_put_a_keep_alive_off() {
    let _watch = start();
    let mut pay = guarded(50);
    pay.set_live(true);
    pay.set_time(ms(0)).unwrap();
    push(&mut pay, 0, &NOTE_ON);
    pay.pull().unwrap();
    pay.set_time(ms(40)).unwrap();
    assert!(pay.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())));
    assert_eq!(crank(&mut pay).ms(), 50);
    assert_eq!(pay.testclock().unwrap().time(), ms(50));
}

#[test]
fn a_stall_is_not_made_up_for_with_a_burst() {
    let _watch = start();
    let mut pay = guarded(5);
    pay.set_live(true);
    pay.set_time(ms(0)).unwrap();
    push(&mut pay, 0, &NOTE_ON);
    pay.pull().unwrap();
    pay.set_time(ms(3000)).unwrap();
    let first = crank(&mut pay);
    assert_eq!((first.ms(), crank(&mut pay).ms()), (3000, 3005));
}
