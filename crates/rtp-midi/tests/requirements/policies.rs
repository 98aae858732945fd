//! Sending policies, guard packets and keep-alives (C.2.1, C.2.2, C.4.2).

use rtp_midi::{Config, OPEN_LOOP_PACKETS, Policy, Received, Receiver, Sender};

use crate::kit::{FIRST, RATE, anchor, config, hear, octets, send, without_journal};
use crate::walker::{Section, walk};

const NOTE: &[u8] = &[0x90, 60, 64];
const VOLUME: &[u8] = &[0xB0, 7, 20];

fn next(sender: &mut Sender, commands: &[&[u8]]) -> (u16, Section) {
    let (packet, payload) = send(sender, 0, commands);
    (packet.sequence, walk(&payload).journal.unwrap())
}

#[test]
fn the_anchor_stays_at_the_first_packet() {
    let mut sender = Sender::new(anchor(), 0xFFF0);
    for _ in 0..70_000 {
        let (sequence, journal) = next(&mut sender, &[NOTE]);
        assert_eq!(journal.checkpoint, 0xFFF0);
        sender.acknowledge(7, u32::from(sequence));
    }
}

#[test]
fn an_anchored_receiver_does_not_misread_a_checkpoint_that_wrapped() {
    let (mut sender, mut receiver) = (Sender::new(anchor(), 5), Receiver::new(anchor()));
    for number in 0..65_540 {
        let sent = send(&mut sender, number, &[]);
        // The packet behind the loss comes right behind the one that has the number of the first again.
        if !(65_534..=65_536).contains(&number) {
            hear(&mut receiver, &[&sent]);
        }
    }
    assert_eq!((receiver.stats().lost, receiver.stats().uncovered), (3, 0));
}

#[test]
fn closed_loop_is_the_default_and_its_checkpoint_waits_for_reports() {
    let mut sender = Sender::new(Config::new(RATE), FIRST);
    for _ in 0..100 {
        assert_eq!(next(&mut sender, &[VOLUME]).1.checkpoint, FIRST);
    }
}

#[test]
fn a_report_moves_the_checkpoint_to_the_packet_behind_it() {
    let mut sender = Sender::new(Config::new(RATE), FIRST);
    (0..60).for_each(|_| drop(next(&mut sender, &[VOLUME])));
    sender.acknowledge(7, u32::from(FIRST + 41));
    assert_eq!(next(&mut sender, &[]).1.checkpoint, FIRST + 42);
    for stale in [FIRST + 40, FIRST + 1000, FIRST.wrapping_sub(9)] {
        sender.acknowledge(7, u32::from(stale));
        assert_eq!(next(&mut sender, &[]).1.checkpoint, FIRST + 42, "{stale}");
    }
    sender.acknowledge(8, u32::from(FIRST + 50));
    sender.acknowledge(7, u32::from(FIRST + 60));
    assert_eq!(next(&mut sender, &[]).1.checkpoint, FIRST + 51, "the slowest counts");
    sender.reporter_left(8);
    assert_eq!(next(&mut sender, &[]).1.checkpoint, FIRST + 61);
}

#[test]
fn cycles_that_a_late_receiver_has_not_seen_do_not_matter() {
    let mut sender = Sender::new(Config::new(RATE), 0xFFFE);
    (0..70_000).for_each(|_| drop(next(&mut sender, &[])));
    let (sequence, _) = next(&mut sender, &[VOLUME]);
    sender.acknowledge(7, u32::from(sequence));
    assert_eq!(next(&mut sender, &[]).1.checkpoint, sequence.wrapping_add(1));
}

#[test]
fn what_everyone_has_leaves_the_journal() {
    let mut sender = Sender::new(Config::new(RATE), FIRST);
    let (sequence, _) = next(&mut sender, &[VOLUME, NOTE]);
    assert_eq!(next(&mut sender, &[]).1.channels.len(), 1);
    sender.acknowledge(7, u32::from(sequence));
    let (_, journal) = next(&mut sender, &[]);
    assert_eq!((journal.channels.len(), journal.checkpoint), (0, sequence + 1));
}

#[test]
fn a_new_receiver_gets_what_was_set_before_it_came() {
    let mut sender = Sender::new(Config::new(RATE), FIRST);
    let (sequence, _) = next(&mut sender, &[VOLUME]);
    sender.acknowledge(7, u32::from(sequence));
    let (sequence, journal) = next(&mut sender, &[]);
    assert!(journal.channels.is_empty());
    sender.acknowledge(8, u32::from(sequence));
    let (complete, journal) = next(&mut sender, &[]);
    assert_eq!(journal.channels[0].control[0].number, 7);
    sender.acknowledge(7, u32::from(complete));
    assert!(!next(&mut sender, &[]).1.channels.is_empty(), "until it reports that packet");
    sender.acknowledge(8, u32::from(complete));
    assert!(next(&mut sender, &[]).1.channels.is_empty());
}

#[test]
fn a_new_receiver_is_not_told_of_commands_that_leave_nothing_behind() {
    let mut sender = Sender::new(config(Policy::ClosedLoop), FIRST);
    let (sequence, _) = next(&mut sender, &[&[0xFF], &[0xF6], &[0xF9], &[0xF5, 0xF7], &[0xFE], &[0xF3, 4]]);
    sender.acknowledge(7, u32::from(sequence));
    let (sequence, journal) = next(&mut sender, &[]);
    assert!(journal.system.is_empty());
    sender.acknowledge(8, u32::from(sequence));
    let (_, journal) = next(&mut sender, &[]);
    assert_eq!(journal.system, [0xC0, 4, 0x90, 0x84], "the song alone: else it would reset a running performance");
}

#[test]
fn an_open_loop_follows_the_sender_at_a_distance() {
    let mut sender = Sender::new(config(Policy::OpenLoop), 0);
    for number in 0..3 * OPEN_LOOP_PACKETS {
        let checkpoint = next(&mut sender, &[]).1.checkpoint;
        assert_eq!(u32::from(checkpoint), number.saturating_sub(OPEN_LOOP_PACKETS));
    }
}

/// Two packets: two notes, then a journal whose checkpoint is `checkpoint` in packet 15.
fn behind_a_loss(policy: Policy, checkpoint: u8) -> (u64, Vec<Vec<u8>>) {
    let mut receiver = Receiver::new(config(policy));
    let notes = [0x46, 0x90, 60, 64, 0, 64, 64, 0x80, 0, 10];
    receiver.receive(Received { sequence: 10, timestamp: 0, payload: &notes }, |_| {});
    let mut heard = Vec::new();
    let payload = [0x40, 0x80, 0, checkpoint];
    receiver.receive(Received { sequence: 15, timestamp: 0, payload: &payload }, |event| {
        heard.push(octets(&event.command));
    });
    (receiver.stats().uncovered, heard)
}

#[test]
fn an_uncovered_loss_is_noticed_and_ends_what_sounds() {
    for policy in [Policy::OpenLoop, Policy::ClosedLoop] {
        assert_eq!(behind_a_loss(policy, 11), (0, vec![]), "{policy:?}");
        assert_eq!(behind_a_loss(policy, 12), (1, vec![vec![0x80, 60, 64], vec![0x80, 64, 64]]), "{policy:?}");
    }
}

#[test]
fn silence_has_no_packets_and_the_next_timestamp_shows_it() {
    let mut sender = Sender::new(anchor(), FIRST);
    let (first, _) = send(&mut sender, 0, &[NOTE]);
    let (second, _) = send(&mut sender, 10 * RATE, &[NOTE]);
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 441_000);
}

#[test]
fn guardtime_is_the_longest_gap_and_keep_alives_are_empty() {
    for guardtime in [221, RATE / 2, RATE, 5 * RATE] {
        let mut sender = Sender::new(Config { guardtime: Some(guardtime), ..anchor() }, FIRST);
        let (mut last, _) = send(&mut sender, 0, &[NOTE]);
        for _ in 0..50 {
            let due = sender.due().expect("there is always a next keep-alive");
            assert!(due.wrapping_sub(last.timestamp) <= guardtime);
            let (packet, payload) = send(&mut sender, due, &[]);
            let walked = walk(&payload);
            assert!(walked.list.is_empty() && walked.journal.is_some() && !packet.marker && !walked.phantom);
            last = packet;
        }
    }
    assert_eq!(Sender::new(anchor(), FIRST).due(), None);
}

#[test]
fn without_journal_a_gap_ends_what_sounds() {
    let (mut sender, mut receiver) = (Sender::new(without_journal(), FIRST), Receiver::new(without_journal()));
    let sent: Vec<_> = (0..3).map(|time| send(&mut sender, time, &[NOTE])).collect();
    assert_eq!(hear(&mut receiver, &[&sent[0], &sent[2]]), [NOTE, &[0x80, 60, 64], NOTE]);
}
