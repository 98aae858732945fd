//! The journal section: headers, order, S bits, histories (section 5, appendix A.1).

use rtp_midi::Receiver;

use crate::kit::{FIRST, anchor, behind, chapters, hear, joined, journal_behind, stream};
use crate::walker::{Section, walk};

const NOTE: &[u8] = &[0x90, 0x3C, 0x40];

fn journals(packets: &[&[&[u8]]]) -> Vec<Section> {
    stream(anchor(), packets).iter().map(|(_, payload)| walk(payload).journal.unwrap()).collect()
}

#[test]
fn the_first_journal_is_empty_and_knows_nothing_of_its_own_packet() {
    let (_, payload) = &stream(anchor(), &[&[NOTE]])[0];
    assert_eq!(payload[4..], [0x80, 0x12, 0x34]);
    let journals = journals(&[&[], &[NOTE], &[]]);
    assert!(journals[..2].iter().all(|journal| journal.channels.is_empty()));
    assert_eq!(journals[2].channels.len(), 1);
}

#[test]
fn the_checkpoint_is_the_big_endian_number_of_the_first_packet() {
    let packets: Vec<&[&[u8]]> = vec![&[NOTE]; 50];
    assert!(journals(&packets).iter().all(|journal| journal.checkpoint == FIRST));
}

#[test]
fn all_sixteen_channels_come_in_ascending_order() {
    let notes: Vec<_> = (0..16_u8).rev().map(|channel| [0x90 | channel, 60, 64]).collect();
    let notes: Vec<&[u8]> = notes.iter().map(|note| &note[..]).collect();
    let (_, payload) = stream(anchor(), &[&notes, &[]]).remove(1);
    assert_eq!(payload[1] & 0x2F, 0x2F, "A and TOTCHAN");
    let numbers: Vec<_> = walk(&payload).journal.unwrap().channels.iter().map(|channel| channel.number).collect();
    assert_eq!(numbers, (0..16).collect::<Vec<_>>());
}

#[test]
fn chapters_stand_in_the_order_of_the_table_of_contents() {
    let commands: &[&[u8]] = &[
        &[0xA0, 60, 1],
        &[0xD0, 2],
        &[0x80, 60, 3],
        &[0xE0, 4, 5],
        &[0xB0, 101, 0],
        &[0xB0, 100, 0],
        &[0xB0, 6, 7],
        &[0xB0, 7, 8],
        &[0xC0, 9],
    ];
    let channel = behind(&[commands]);
    assert_eq!(channel.toc, 0xFF);
    assert_eq!(channel.program.unwrap().number, 9);
    assert_eq!((channel.control.len(), channel.wheel), (1, Some((false, 4, 5))));
    assert_eq!((channel.extras[0].value, channel.pressure, channel.poly[0].value), (3, Some((false, 2)), 1));
    assert_eq!(channel.notes.unwrap().released, [60]);
}

#[test]
fn one_chapter_is_enough_for_a_channel_journal() {
    assert_eq!(chapters(&[&[&[0xE0, 0, 0x41]]]), [0x10, 0x00, 0x41]);
    let payload = stream(anchor(), &[&[&[0xD5, 0x40]], &[]]).remove(1).1;
    assert_eq!(payload[4..], [0x28, 0x04, 0x02, 0x40], "LENGTH counts its own header");
}

#[test]
fn s_is_zero_behind_the_packet_of_the_change_and_one_from_then_on() {
    let commands: &[&[u8]] = &[&[0xC0, 1], &[0xB0, 7, 1], &[0xE0, 1, 1], &[0xD0, 1], &[0xA0, 60, 1], NOTE];
    let [_, fresh, old] = &journals(&[commands, &[], &[]])[..] else { panic!() };
    let bits = |journal: &Section| {
        let channel = &journal.channels[0];
        let logs = [&channel.poly[0], &channel.notes.as_ref().unwrap().logs[0]].map(|log| log.s);
        let single = [channel.program.unwrap().s, channel.wheel.unwrap().0, channel.pressure.unwrap().0];
        [&[journal.s, channel.s, channel.control[0].s][..], &logs, &single].concat()
    };
    assert_eq!(bits(fresh), [false; 8]);
    assert_eq!(bits(old), [true; 8]);
}

#[test]
fn what_did_not_change_keeps_s_beside_what_did() {
    let [_, _, journal] = &journals(&[&[&[0xC0, 1], &[0xC1, 1]], &[&[0xE0, 1, 1]], &[]])[..] else { panic!() };
    assert!(!journal.s && !journal.channels[0].s && journal.channels[1].s);
    assert!(journal.channels[0].program.unwrap().s && !journal.channels[0].wheel.unwrap().0);
}

#[test]
fn reset_state_commands_make_all_channels_forget() {
    let resets: [&[u8]; 6] = [
        &[0xFF],
        &[0xF0, 0x7E, 0x7F, 9, 1, 0xF7],
        &[0xF0, 0x7E, 0x05, 9, 3, 0xF7],
        &[0xF0, 0x7E, 0x7F, 9, 0, 0xF7],
        &[0xF0, 0x7E, 0x7F, 10, 1, 0xF7],
        &[0xF0, 0x7E, 0x00, 10, 2, 0xF7],
    ];
    let before: &[&[u8]] = &[&[0xC0, 1], &[0xB3, 7, 1], &[0xB0, 101, 0], &[0xB0, 100, 0], &[0xB0, 6, 1], NOTE, NOTE];
    for reset in resets {
        assert!(journal_behind(&[before, &[reset]]).channels.is_empty(), "{reset:02X?}");
        let again = behind(&[before, &[reset], &[NOTE]]);
        assert_eq!((again.toc, again.extras.len()), (0x08, 0), "{reset:02X?}: counts begin anew");
    }
    for other in [&[0xF0, 0x7E, 0x7F, 9, 2, 0xF7][..], &[0xF0, 0x7F, 0x7F, 9, 1, 0xF7]] {
        assert!(!journal_behind(&[before, &[other]]).channels.is_empty(), "{other:02X?} is no reset");
    }
}

#[test]
fn a_command_speaks_of_its_own_channel() {
    let channels = journal_behind(&[&[NOTE, &[0xE0, 1, 1]], &[&[0xB1, 123, 0], &[0xB1, 121, 0]]]).channels;
    assert_eq!(channels.iter().map(|channel| channel.toc).collect::<Vec<_>>(), [0x18, 0x40]);
}

#[test]
fn reserved_bits_are_ignored() {
    let wheel = joined(&[0x20, 0, 1, 0x00, 0x05, 0x10, 0x12, 0x34]);
    assert_eq!(wheel, [[0xE0, 0x12, 0x34]]);
    assert_eq!(joined(&[0x20, 0, 1, 0x00, 0x05, 0x10, 0x12, 0xB4]), wheel, "R of Chapter W");
    let buttons = |toc: u8, c: u8| [0x20, 0, 1, 0, 11, 0x20, 0x34, 0x08, 0x00, toc, 0x80, 0x01, c, 0x02];
    let plain = joined(&buttons(0x32, 0x80));
    assert!(!plain.is_empty());
    assert_eq!(joined(&buttons(0x33, 0x80)), plain, "R of a parameter log");
    assert_eq!(joined(&buttons(0x32, 0xC0)), plain, "R of C-BUTTON");
}

#[test]
fn octets_that_length_counts_and_nobody_knows_are_stepped_over() {
    let two = [0x21, 0, 1, 0x00, 0x05, 0x10, 0x12, 0x34, 0x08, 0x04, 0x02, 0x55];
    let expected = [vec![0xE0, 0x12, 0x34], vec![0xD1, 0x55]];
    assert_eq!(joined(&two), expected);
    let junk = [0x21, 0, 1, 0x00, 0x08, 0x10, 0x12, 0x34, 0xAA, 0xBB, 0xCC, 0x08, 0x04, 0x02, 0x55];
    assert_eq!(joined(&junk), expected, "behind the chapters of a channel");
    let system = [&[0x61, 0, 1, 0x00, 0x05, 0xAA, 0xBB, 0xCC][..], &two[3..]].concat();
    assert_eq!(joined(&system), expected, "in a system journal");
}

#[test]
fn a_system_journal_stands_before_the_channels() {
    assert_eq!(joined(&[0x60, 0, 1, 0xA0, 0x03, 0x81, 0x00, 0x04, 0x02, 0x55]), [[0xD0, 0x55]]);
    assert_eq!(joined(&[0x4F, 0, 1, 0xA0, 0x03, 0x81]), [[0_u8; 0]; 0], "TOTCHAN without A");
}

#[test]
fn data_older_than_the_window_is_accepted_like_any_other() {
    let mut receiver = Receiver::new(anchor());
    let sent = stream(anchor(), &[&[&[0xB0, 7, 20]], &[], &[], &[]]);
    assert_eq!(hear(&mut receiver, &[&sent[0], &sent[3]]), [[0xB0, 7, 20]], "known: nothing to repair");
    assert_eq!(hear(&mut Receiver::new(anchor()), &[&sent[3]]), [[0xB0, 7, 20]], "new: repaired");
    let covers_nothing = [0x20, 0, 9, 0x00, 0x05, 0x10, 0x12, 0x34];
    assert_eq!(joined(&covers_nothing), [[0xE0, 0x12, 0x34]], "even when the checkpoint is the packet itself");
}
