//! `rtpmidipay` when the journal is full: it waits for reports that can make it shorter, and for nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod rtp;

use gst::prelude::*;
use gst_check::Harness;
use rtp::{Packet, buffer, crank, ms, packets, pay, start, stat};

/// Controllers of sixteen channels: more than a journal of one packet holds.
fn flood() -> impl Iterator<Item = [u8; 3]> {
    let controllers = (1..60_u8).filter(|controller| !matches!(controller, 6 | 32 | 38));
    controllers.flat_map(|controller| (0..16_u8).map(move |channel| [0xB0 | channel, controller, 1]))
}

fn push(pay: &mut Harness, at: gst::ClockTime, octets: &[u8]) {
    pay.push(buffer(at, octets)).unwrap();
}

fn acknowledge(pay: &Harness, packet: &Packet) {
    pay.element().unwrap().emit_by_name::<()>("acknowledge", &[&7_u32, &u32::from(packet.sequence)]);
}

/// Sends until the journal is full; returns what had not been pushed by then.
fn fill(pay: &mut Harness, messages: &mut impl Iterator<Item = [u8; 3]>) {
    pay.set_live(true);
    pay.set_time(ms(100)).unwrap();
    push(pay, ms(100), &[0xB0, 1, 1]);
    let first = packets(pay).pop().unwrap();
    acknowledge(pay, &first);
    while stat(pay, "stalls") == 0 {
        push(pay, ms(100), &messages.next().expect("the journal is full at last"));
    }
}

#[test]
fn messages_wait_for_a_report_and_then_come_in_their_order() {
    let _watch = start();
    let mut pay = pay(&[]);
    let mut messages = flood();
    fill(&mut pay, &mut messages);
    let sent = packets(&mut pay);
    let waiting: Vec<_> = messages.take(5).collect();
    for octets in &waiting {
        push(&mut pay, ms(100), octets);
    }
    assert_eq!(packets(&mut pay).len(), 0, "they wait");

    let guard = crank(&mut pay);
    assert!(guard.octets().is_empty() && guard.ms() > 100, "{guard:?}");
    acknowledge(&pay, sent.last().unwrap());
    let behind = crank(&mut pay);
    assert_eq!(behind.octets().len(), 6, "the one that was refused and the five behind it: {behind:?}");
    assert_eq!(behind.octets()[1..], waiting.iter().map(|octets| &octets[..]).collect::<Vec<_>>());
    assert!(behind.ms() >= guard.ms() && behind.journal < guard.journal);
    assert_eq!((stat(&pay, "oversized"), stat(&pay, "journal-cuts")), (0, 0));
}

#[test]
fn at_the_end_nothing_is_lost() {
    let _watch = start();
    let mut pay = pay(&[]);
    fill(&mut pay, &mut flood());
    packets(&mut pay);
    assert!(pay.push_event(gst::event::Eos::new()));
    let commands: usize = packets(&mut pay).iter().map(|packet| packet.octets().len()).sum();
    assert_eq!(commands, 1);
}

#[test]
fn a_journal_that_nobody_can_shorten_goes_out_and_is_told_once() {
    let _watch = start();
    let mut pay = pay(&[("journal", "anchor")]);
    let bus = gst::Bus::new();
    pay.element().unwrap().set_bus(Some(&bus));
    for (octets, at) in flood().zip(0..) {
        push(&mut pay, ms(at), &octets);
    }
    assert!(stat(&pay, "oversized") > 0);
    assert_eq!(stat(&pay, "stalls"), 0);
    let warnings = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Warning])).count();
    assert_eq!(warnings, 1);
}
