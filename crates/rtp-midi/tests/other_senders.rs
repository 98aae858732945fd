//! Journals as other senders may write them: with tools that ours uses elsewhere, or not at all.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use rtp_midi::midi::Command;
use rtp_midi::{Config, Origin, Received, Receiver, Sender};

/// What the receiver makes up for behind packets of these numbers and payloads.
fn repairs(packets: &[(u16, &[u8])]) -> Vec<Vec<u8>> {
    let mut receiver = Receiver::new(Config::new(44_100));
    let mut repairs = Vec::new();
    for &(sequence, payload) in packets {
        receiver.receive(Received { sequence, timestamp: u32::from(sequence) * 4410, payload }, |event| {
            let mut octets = Vec::new();
            event.command.encode(&mut octets);
            if event.origin == Origin::Repair {
                repairs.push(octets);
            }
        });
    }
    repairs
}

#[test]
fn a_toggle_count_tells_off_from_on_for_any_controller() {
    let journal: &[u8] = &[0x40, 0x20, 0x00, 0x01, 0x00, 0x06, 0x40, 0x00, 0x45, 0x81];
    assert_eq!(repairs(&[(2, journal)]), [[0xB0, 0x45, 127]]);
}

#[test]
fn a_count_of_any_controller_tells_how_many_are_missing() {
    let heard: [&[u8]; 2] =
        [&[0x43, 0xB0, 84, 60, 0x80, 0, 1], &[0x43, 0xB0, 84, 62, 0xA0, 0, 1, 0x80, 6, 0x40, 0x80, 0xD4, 0xC1]];
    let journal: &[u8] = &[0x40, 0x20, 0x00, 0x01, 0x00, 0x06, 0x40, 0x00, 0x54, 0xC3];
    assert_eq!(repairs(&[(1, heard[0]), (2, heard[1]), (4, journal)]), [[0xB0, 84, 0]]);
}

#[test]
fn all_notes_off_by_its_value_is_repaired_when_s_says_that_it_is_new() {
    let heard: &[u8] = &[0x4A, 0xB0, 123, 0, 0, 0x90, 60, 64, 0, 61, 64, 0x80, 0, 1];
    let journal: &[u8] = &[0x40, 0x20, 0x00, 0x01, 0x00, 0x06, 0x40, 0x00, 123, 0];
    assert_eq!(repairs(&[(1, heard), (3, journal)]), [[0xB0, 123, 0], [0x80, 60, 64], [0x80, 61, 64]]);
    let old: &[u8] = &[0x40, 0x20, 0x00, 0x01, 0x00, 0x08, 0x50, 0x80, 0x80 | 123, 0, 0x00, 0x50];
    assert_eq!(repairs(&[(1, heard), (3, old)]), [[0xE0, 0x00, 0x50]]);
}

#[test]
fn a_reset_state_command_whose_end_was_lost_resets_the_receiver_too() {
    let (mut sender, mut receiver) = (Sender::new(Config::new(44_100), 1), Receiver::new(Config::new(44_100)));
    let mut heard = Vec::new();
    let reset: [&[u8]; 2] = [&[0xF0, 0x7E, 0x7F, 0xF0], &[0xF7, 9, 1, 0xF7]];
    // The value that is set again is lost with the end of the command.
    for (octets, lost) in
        [(&[0xB0, 7, 9][..], false), (reset[0], false), (reset[1], true), (&[0xB0, 7, 9], true), (&[0xFE], false)]
    {
        sender.queue(0, Command::decode(octets).unwrap().0).unwrap();
        let mut payload = Vec::new();
        let packet = sender.packet(0, &mut payload);
        if !lost {
            receiver.receive(Received { sequence: packet.sequence, timestamp: 0, payload: &payload }, |event| {
                let mut octets = Vec::new();
                event.command.encode(&mut octets);
                heard.push(octets);
            });
        }
    }
    assert_eq!(heard[2..], [&[0xF7, 9, 1, 0xF7][..], &[0xB0, 7, 9], &[0xFE]]);
}

#[test]
fn a_reset_state_command_counts_in_segments_too() {
    let mut sender = Sender::new(Config::new(44_100), 1);
    let mut journals = Vec::new();
    for octets in [&[0xB0, 7, 9][..], &[0xF0, 0x7E, 0x7F, 0xF0], &[0xF7, 9, 1, 0xF7], &[0xFE]] {
        sender.queue(0, Command::decode(octets).unwrap().0).unwrap();
        let mut payload = Vec::new();
        let packet = sender.packet(0, &mut payload);
        journals.push(payload[payload.len() - packet.journal..].to_vec());
    }
    assert_eq!(journals[2][0] & 0x20, 0x20, "a channel journal before the command is whole");
    assert_eq!(journals[3][0] & 0x20, 0, "none behind it");
}
