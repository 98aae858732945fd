//! Enhanced coding of controllers (A.3.3), COUNT of parameters (A.4.2.2), and both chapters under rules of their own
//! (C.2.3), octet by octet.

use rtp_midi::{Chapters, Config, Inclusion, Letters, Numbers, Policy, Received, Receiver, Selection, Sender};

use crate::kit::{Commands, FIRST, anchor, config, hear, send, stream};

/// One assignment to `ch_never`, `ch_default` or `ch_anchor`: channels (none: all), letters, fields.
type Assignment<'a> = (Inclusion, &'a [u32], &'a str, &'a [u32]);

const ENHANCED_16: Assignment<'_> = (Inclusion::Default, &[], "C", &[128 + 16]);

fn ruled(policy: Policy, assignments: &[Assignment<'_>]) -> Config {
    let numbers = |list: &[u32]| Numbers::new(list.iter().map(|number| *number..=*number));
    let mut chapters = Chapters::default();
    for (inclusion, channels, letters, fields) in assignments {
        let (channels, letters, fields) = (numbers(channels), Letters::of(letters), numbers(fields));
        chapters.assign(*inclusion, &Selection::Types { channels, letters, fields });
    }
    Config { chapters, ..config(policy) }
}

fn counting(parameters: &[u32]) -> Config {
    let numbers = Numbers::new(parameters.iter().map(|number| *number..=*number));
    Config { counted_parameters: Some(numbers), ..anchor() }
}

/// The journal of an empty packet behind `packets`, from the flags on, without the checkpoint.
fn journal(config: Config, packets: &[Commands<'_>]) -> Vec<u8> {
    let packets = [packets, &[&[]]].concat();
    let payload = stream(config, &packets).pop().unwrap().1;
    [&payload[1..2], &payload[4..]].concat()
}

/// What stands behind the header of the one channel journal: table of contents and chapters.
fn chapters(config: Config, packets: &[Commands<'_>]) -> Vec<u8> {
    journal(config, packets).get(3..).unwrap_or_default().to_vec()
}

/// The logs of Chapter C, the only chapter.
fn logs(config: Config, packets: &[Commands<'_>]) -> Vec<[u8; 2]> {
    let chapters = chapters(config, packets);
    assert_eq!((chapters[0], usize::from(chapters[1] & 0x7F)), (0x40, (chapters.len() - 2) / 2 - 1), "{chapters:02X?}");
    chapters[2..].chunks(2).map(|log| [log[0], log[1]]).collect()
}

/// What a receiver makes of an empty packet with this journal behind an empty first one and three lost ones.
fn repaired(config: Config, journal: &[u8]) -> Vec<Vec<u8>> {
    let mut receiver = Receiver::new(config);
    let mut heard = Vec::new();
    for (sequence, journal) in [(5, &[0x90, 0, 5][..]), (9, journal)] {
        let payload = [&[0x40], journal].concat();
        receiver.receive(Received { sequence, timestamp: 0, payload: &payload }, |event| {
            heard.push(crate::kit::octets(&event.command));
        });
    }
    heard
}

#[test]
fn h_is_set_in_every_packet_of_a_stream_with_enhanced_controllers() {
    let rules = || ruled(Policy::Anchor, &[(Inclusion::Default, &[3], "C", &[135])]);
    assert_eq!(journal(rules(), &[]), [0x90]);
    assert_eq!(journal(anchor(), &[]), [0x80]);
    let (with, without): (&[u8], &[u8]) = (&[0xE3, 0, 64], &[0xE2, 0, 64]);
    assert_eq!(journal(rules(), &[&[with, without]]), [0x31, 0x10, 5, 0x10, 0, 64, 0x1C, 5, 0x10, 0, 64]);
}

#[test]
fn every_command_of_an_enhanced_controller_is_listed_oldest_first_among_all() {
    let packets: &[Commands<'_>] =
        &[&[&[0xB0, 16, 1]], &[&[0xB0, 16, 1], &[0xB0, 7, 9]], &[&[0xB0, 16, 3], &[0xB0, 16, 4]]];
    let (old, new) = (0x80 | 16, 16);
    let expected = [[old, 0xC1], [old, 1], [old, 1], [0x87, 9], [new, 0xC3], [new, 3], [new, 4]];
    assert_eq!(logs(ruled(Policy::Anchor, &[ENHANCED_16]), packets), expected);
    assert_eq!(logs(anchor(), packets), [[0x87, 9], [new, 4]]);
}

#[test]
fn enhanced_coding_leaves_nothing_to_chapter_p() {
    let rules = ruled(Policy::Anchor, &[(Inclusion::Default, &[], "C", &[128])]);
    let coded = chapters(rules, &[&[&[0xB0, 0, 1], &[0xB0, 32, 2], &[0xC0, 5]]]);
    assert_eq!(coded, [0xC0, 5, 0x81, 2, 2, 0, 0xC1, 0, 1, 32, 2]);
}

#[test]
fn a_list_has_the_latest_sixty_three_commands_of_a_number_and_the_sender_counts_what_it_lacks() {
    let mut sender = Sender::new(ruled(Policy::Anchor, &[ENHANCED_16]), FIRST);
    for value in 0..70 {
        send(&mut sender, 0, &[&[0xB0, 16, value], &[0xB0, 17, value]]);
    }
    let (_, payload) = send(&mut sender, 0, &[]);
    let logs: Vec<_> = payload[8..].chunks(2).collect();
    assert_eq!(logs[0], [0x80 | 16, 0xC0 | 8]);
    assert_eq!(logs[1..63].iter().map(|log| log[1]).collect::<Vec<_>>(), (7..69).collect::<Vec<_>>());
    assert_eq!(logs[63..], [[16, 0xC0 | (70 - 64)], [16, 69], [17, 69]]);
    assert_eq!(sender.stats().short_lists, 7);
}

#[test]
fn a_list_without_room_for_all_has_the_latest_commands_and_all_other_controllers() {
    let numbers: Vec<u32> = (16..20).map(|number| 128 + number).collect();
    let mut sender = Sender::new(ruled(Policy::Anchor, &[(Inclusion::Default, &[], "C", &numbers)]), FIRST);
    send(&mut sender, 0, &[&[0xB0, 7, 100]]);
    for value in 0..40 {
        send(&mut sender, 0, &[&[0xB0, 16, value], &[0xB0, 17, value], &[0xB0, 18, value], &[0xB0, 19, value]]);
    }
    let (_, payload) = send(&mut sender, 0, &[]);
    assert_eq!(payload[7] & 0x7F, 127, "128 logs");
    let logs: Vec<_> = payload[8..].chunks(2).collect();
    assert_eq!(logs[0], [0x87, 100]);
    let values: Vec<_> = logs.iter().filter(|log| log[0] & 0x7F == 16 && log[1] < 0x80).map(|log| log[1]).collect();
    assert_eq!(values, (11..40).collect::<Vec<_>>(), "no holes");
    assert!(sender.stats().short_lists > 0);
}

#[test]
fn each_lost_step_of_a_rotary_encoder_is_executed_once() {
    let config = ruled(Policy::Anchor, &[ENHANCED_16]);
    let steps: Vec<_> = (1..9).map(|value| [0xB0, 16, value % 3]).collect();
    let packets: Vec<[&[u8]; 1]> = steps.iter().map(|step| [&step[..]]).collect();
    let packets: Vec<Commands<'_>> = packets.iter().map(|packet| &packet[..]).collect();
    let sent = stream(config.clone(), &packets);
    for lost in 0_u32..64 {
        // The first packet and the last one arrive.
        let arrives = |index: usize| !(1..7).contains(&index) || lost & 1 << (index - 1) == 0;
        let arriving: Vec<_> = sent.iter().enumerate().filter(|(index, _)| arrives(*index)).map(|(_, p)| p).collect();
        assert_eq!(hear(&mut Receiver::new(config.clone()), &arriving), steps, "{lost:06b}");
    }
}

#[test]
fn a_receiver_that_comes_late_hears_no_step_from_before() {
    let config = ruled(Policy::Anchor, &[ENHANCED_16]);
    let packets: &[Commands<'_>] = &[&[&[0xB0, 16, 1], &[0xB0, 7, 9]], &[&[0xB0, 16, 2]], &[], &[&[0xB0, 16, 3]], &[]];
    let sent = stream(config.clone(), packets);
    let heard = hear(&mut Receiver::new(config), &[&sent[2], &sent[4]]);
    assert_eq!(heard, [vec![0xB0, 7, 9], vec![0xB0, 16, 3]]);
}

#[test]
fn the_h_bit_alone_tells_a_receiver_of_enhanced_coding() {
    // Counts for the first command only, for some, and for all; other controllers in between.
    for logs in [
        &[[16, 0xC1], [16, 1], [7, 9], [16, 1], [16, 2]][..],
        &[[16, 0xC1], [16, 1], [7, 9], [16, 1], [16, 0xC3], [16, 2]],
        &[[16, 0xC1], [16, 1], [7, 9], [16, 0xC2], [16, 1], [16, 0xC3], [16, 2]],
    ] {
        let chapter = [&[logs.len() as u8 - 1], logs.as_flattened()].concat();
        let channel = [&[0x04, 3 + chapter.len() as u8, 0x40][..], &chapter].concat();
        let journal = [&[0x30, 0, 5][..], &channel].concat();
        let expected = [[0xB0, 16, 1], [0xB0, 7, 9], [0xB0, 16, 1], [0xB0, 16, 2]];
        assert_eq!(repaired(anchor(), &journal), expected, "{logs:02X?}");
    }
}

#[test]
fn controllers_are_coded_never_by_default_or_since_the_first_packet() {
    let rules = ruled(
        Policy::ClosedLoop,
        &[(Inclusion::Never, &[], "C", &[1, 10]), (Inclusion::Anchor, &[], "C", &[7, 128 + 16])],
    );
    let mut sender = Sender::new(rules, FIRST);
    let (packet, _) = send(&mut sender, 0, &[&[0xB0, 1, 9], &[0xB0, 7, 9], &[0xB0, 8, 9], &[0xB0, 16, 9]]);
    let (_, payload) = send(&mut sender, 0, &[]);
    assert_eq!(payload[7..], [3, 7, 9, 8, 9, 16, 0xC1, 16, 9]);
    sender.acknowledge(1, u32::from(packet.sequence) + 1);
    let (_, payload) = send(&mut sender, 0, &[]);
    assert_eq!(payload[7..], [0x82, 0x87, 9, 0x90, 0xC1, 0x90, 9]);
}

#[test]
fn a_parameter_that_is_never_coded_has_a_log_without_fields_while_its_transaction_is_open() {
    let select: [&[u8]; 3] = [&[0xB0, 101, 0], &[0xB0, 100, 0], &[0xB0, 6, 2]];
    let never = |fields| ruled(Policy::Anchor, &[(Inclusion::Never, &[], "M", fields)]);
    assert_eq!(chapters(never(&[0]), &[&select]), [0x20, 0x34, 4, 0x00, 0x00]);
    assert_eq!(chapters(never(&[]), &[&select]), [0x20, 0x34, 4, 0x00, 0x00]);
    assert_eq!(chapters(never(&[1]), &[&select]), [0x20, 0x34, 5, 0x00, 0x82, 2]);
    let null: [&[u8]; 2] = [&[0xB0, 101, 127], &[0xB0, 100, 127]];
    assert_eq!(chapters(never(&[0]), &[&select, &null]), [0x20, 0x00, 2], "nothing is open");
    assert_eq!(chapters(never(&[]), &[&select, &null]), [], "the chapter is never coded");
}

#[test]
fn a_log_without_fields_says_where_the_data_entry_behind_the_loss_belongs() {
    let config = ruled(Policy::Anchor, &[(Inclusion::Never, &[], "M", &[0])]);
    let packets: &[Commands<'_>] = &[&[], &[&[0xB0, 101, 0], &[0xB0, 100, 0], &[0xB0, 6, 2]], &[&[0xB0, 6, 3]]];
    let sent = stream(config.clone(), packets);
    let heard = hear(&mut Receiver::new(config), &[&sent[0], &sent[2]]);
    assert_eq!(heard, [[0xB0, 101, 0], [0xB0, 100, 0], [0xB0, 6, 3]]);
}

#[test]
fn an_anchored_parameter_is_coded_since_the_first_packet() {
    let nrpn_1 = 16384 + 1;
    let mut sender = Sender::new(ruled(Policy::ClosedLoop, &[(Inclusion::Anchor, &[], "M", &[nrpn_1])]), FIRST);
    let null: [&[u8]; 2] = [&[0xB0, 101, 127], &[0xB0, 100, 127]];
    send(&mut sender, 0, &[&[0xB0, 99, 0], &[0xB0, 98, 1], &[0xB0, 6, 2]]);
    send(&mut sender, 0, &[&[0xB0, 101, 0], &[0xB0, 100, 1], &[0xB0, 6, 7], null[0], null[1]]);
    let (packet, _) = send(&mut sender, 0, &[]);
    sender.acknowledge(1, u32::from(packet.sequence));
    let (_, payload) = send(&mut sender, 0, &[]);
    assert_eq!(payload[6..], [0x20, 0x8C, 5, 0x81, 0x82, 2]);
    // What is open stands behind it, without a value: that is no part of the checkpoint history.
    send(&mut sender, 0, &[&[0xB0, 101, 0], &[0xB0, 100, 1]]);
    let (packet, _) = send(&mut sender, 0, &[]);
    sender.acknowledge(1, u32::from(packet.sequence));
    let (_, payload) = send(&mut sender, 0, &[]);
    assert_eq!(payload[6..], [0x20, 0xA0, 9, 0x81, 0x80, 0x82, 2, 0x81, 0x00, 0x00]);
}

const SELECT: [&[u8]; 2] = [&[0xB0, 101, 0], &[0xB0, 100, 0]];

/// The fields of the one log of Chapter M: its table of contents and COUNT.
fn count(packets: &[Commands<'_>]) -> (u8, u8) {
    let chapters = chapters(counting(&[0]), packets);
    (chapters[4], chapters[chapters.len() - 1])
}

#[test]
fn count_is_the_number_of_transactions() {
    let (enter, other): (&[u8], &[u8]) = (&[0xB0, 6, 2], &[0xB0, 6, 3]);
    let once = [SELECT[0], SELECT[1], enter];
    assert_eq!(count(&[&once]), (0x8E, 1));
    assert_eq!(count(&[&once, &once, &[SELECT[1]], &[enter, other]]), (0x8E, 3));
    assert_eq!(count(&[&SELECT]), (0x0E, 1), "a transaction without data entry counts");
    assert_eq!(count(&[&once[..]; 130]), (0x8E, 2));
    assert_eq!(count(&[&once, &[&[0xB0, 121, 0]]]).1, 0x81);
    assert_eq!(count(&[&once, &[&[0xB0, 121, 0]], &once]).1, 2);
    assert_eq!(chapters(anchor(), &[&once])[4] & 0x0C, 0, "T and N of a parameter that is not counted");
    let reset = journal(counting(&[0]), &[&once, &once, &[&[0xFF]], &once]);
    assert_eq!(reset[reset.len() - 1], 1);
}

#[test]
fn count_stands_where_the_checkpoint_history_has_a_new_transaction() {
    let mut sender = Sender::new(Config { counted_parameters: Some(Numbers::default()), ..Config::new(1000) }, FIRST);
    let (packet, _) = send(&mut sender, 0, &SELECT);
    sender.acknowledge(1, u32::from(packet.sequence));
    send(&mut sender, 0, &[&[0xB0, 6, 2]]);
    let (_, payload) = send(&mut sender, 0, &[]);
    assert_eq!(payload[6..], [0x20, 0x34, 5, 0x00, 0x86, 2]);
}

#[test]
fn lost_transactions_are_executed_again_as_often_as_they_were_sent() {
    let enter: &[u8] = &[0xB0, 6, 2];
    let once = [SELECT[0], SELECT[1], enter];
    let sent = stream(counting(&[0]), &[&[], &once, &once, &once, &[]]);
    let heard = hear(&mut Receiver::new(anchor()), &[&sent[0], &sent[1], &sent[4]]);
    assert_eq!(heard, [once, once, once].concat());
    let late = hear(&mut Receiver::new(anchor()), &[&sent[4]]);
    assert_eq!(late, once, "a receiver that comes late sets it once");
}

#[test]
fn a_parameter_that_is_only_counted_is_selected_again() {
    // E, U and Z; RPN 0 with N and T, COUNT 2.
    let journal = [0x20, 0, 5, 0x00, 8, 0x20, 0x34, 5, 0x00, 0x0C, 2];
    assert_eq!(repaired(anchor(), &journal), [SELECT, SELECT].concat());
}

#[test]
fn a_journal_cannot_have_a_receiver_send_transactions_without_end() {
    let logs: Vec<u8> = (0..120).flat_map(|lsb| [lsb, 0x0C, 100]).collect();
    let length = 2 + logs.len();
    let chapter = [&[0x34 | (length >> 8) as u8, length as u8], &logs[..]].concat();
    let length = 3 + chapter.len();
    let journal = [&[0x20, 0, 5, (length >> 8) as u8, length as u8, 0x20], &chapter[..]].concat();
    assert!(repaired(anchor(), &journal).len() < 2000);
}
