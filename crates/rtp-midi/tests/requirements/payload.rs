//! The MIDI command section, and the RTP header fields beside it (sections 2.1, 2.2, 3 and 6.2).

use proptest::prelude::*;
use rtp_midi::midi::{Command, Parser, Reassembler, Segment, System};
use rtp_midi::payload::{Payload, Reader};
use rtp_midi::{Config, Outcome, Received, Receiver, Sender};

use crate::kit::{FIRST, RATE, anchor, hear, mpeg4, octets, send, stream, without_journal};
use crate::walker::walk;

/// The commands of a list with their times.
fn read(list: &[u8], timestamp: u32, delta_zero: bool) -> Vec<(u32, Vec<u8>)> {
    let timed = Reader::new(list, timestamp, delta_zero).map(Result::unwrap);
    timed.map(|timed| (timed.time, octets(&timed.command))).collect()
}

/// What a parser makes of a byte stream, each command with whether its source used running status.
fn parsed(octets_in: &[u8], limit: usize) -> Vec<Vec<u8>> {
    let mut commands = Vec::new();
    Parser::new(limit).push(octets_in, |command, _| commands.push(octets(&command)));
    commands
}

const NOTE: &[u8] = &[0x90, 0x3C, 0x40];

#[test]
fn the_header_says_how_long_the_list_is_and_whether_a_journal_follows() {
    let mut sender = Sender::new(anchor(), FIRST);
    let long: Vec<u8> = [&[0xF0][..], &[1; 200], &[0xF7]].concat();
    for commands in [&[][..], &[NOTE], &[NOTE; 5], &[&long]] {
        let (_, payload) = send(&mut sender, 0, commands);
        let walked = walk(&payload);
        assert!(walked.journal.is_some());
        let header = if walked.list.len() > 15 { 2 } else { 1 };
        assert_eq!(payload[0] & 0x60, 0x40, "J and no Z: the first command is at the RTP timestamp");
        assert_eq!(payload[header..header + walked.list.len()], walked.list);
        assert_eq!(read(&walked.list, 0, false).len(), commands.len());
    }
}

#[test]
fn a_short_list_behind_a_long_header_is_read() {
    let payload = Payload::decode(&[0x80, 0x03, 0x90, 0x3C, 0x40]).unwrap();
    assert_eq!(payload.list, NOTE);
    assert_eq!(Payload::decode(&[0x40, 0x80, 0, 1]).unwrap().list, [0_u8; 0]);
}

#[test]
fn the_marker_bit_means_commands_and_in_mpeg4_generic_nothing() {
    let packets: &[&[&[u8]]] = &[&[NOTE], &[], &[&[0xF8]]];
    let markers = |config: Config| stream(config, packets).into_iter().map(|(packet, _)| packet.marker);
    assert_eq!(markers(anchor()).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(markers(mpeg4()).collect::<Vec<_>>(), [true, true, true]);
}

#[test]
fn an_mpeg4_generic_payload_is_the_native_payload() {
    let packets: &[&[&[u8]]] = &[&[NOTE], &[&[0xB0, 7, 100], &[0xF0, 1, 2, 0xF7]], &[], &[NOTE, NOTE]];
    let payloads = |config: Config| stream(config, packets).into_iter().map(|(_, payload)| payload).collect::<Vec<_>>();
    assert_eq!(payloads(mpeg4()), payloads(Config::new(RATE)));
}

#[test]
fn sequence_numbers_follow_each_other_over_the_wrap_guard_packets_included() {
    let mut sender = Sender::new(Config::new(RATE), 0xFFFE);
    let commands: [&[&[u8]]; 5] = [&[NOTE], &[], &[NOTE], &[], &[]];
    let numbers: Vec<_> = commands.iter().map(|commands| send(&mut sender, 0, commands).0.sequence).collect();
    assert_eq!(numbers, [0xFFFE, 0xFFFF, 0, 1, 2]);
}

#[test]
fn a_stream_without_journal_has_none_in_any_packet() {
    for (_, payload) in stream(without_journal(), &[&[], &[NOTE], &[], &[&[0xB0, 7, 100]]]) {
        assert_eq!(walk(&payload).journal, None);
    }
}

#[test]
fn a_stream_with_a_journal_has_one_in_every_packet() {
    for config in [anchor(), Config::new(RATE), mpeg4()] {
        let sent = stream(config, &[&[], &[NOTE], &[], &[&[0xB0, 7, 100]]]);
        assert!(sent.iter().all(|(packet, payload)| walk(payload).journal.is_some() && packet.journal >= 3));
    }
}

#[test]
fn octets_behind_a_list_without_journal_cost_no_command() {
    let mut receiver = Receiver::new(Config::new(RATE));
    let payload = &[0x03, 0x90, 0x3C, 0x40, 0xAA, 0xBB];
    let mut heard = 0;
    receiver.receive(Received { sequence: 1, timestamp: 0, payload }, |_| heard += 1);
    assert_eq!((heard, Payload::decode(payload).unwrap().trailing), (1, 2));
}

#[test]
fn times_are_the_timestamp_and_the_deltas_so_far_over_the_wrap() {
    let list = [0x02, 0x90, 0x3C, 0x40, 0x81, 0x00, 0x80, 0x3C, 0x40];
    let expected = [(1, NOTE.to_vec()), (129, vec![0x80, 0x3C, 0x40])];
    assert_eq!(read(&list, u32::MAX, true), expected);
    assert_eq!(read(&[&[0x00][..], NOTE].concat(), 7, true), read(NOTE, 7, false));
    for zero in [&[0x00][..], &[0x80, 0x00], &[0x80, 0x80, 0x00], &[0x80, 0x80, 0x80, 0x00]] {
        assert_eq!(read(&[zero, NOTE].concat(), 7, true), [(7, NOTE.to_vec())], "{zero:02X?}");
    }
    let most = [&[0xFF, 0xFF, 0xFF, 0x7F][..], NOTE].concat();
    assert_eq!(read(&most, 0, true), [((1 << 28) - 1, NOTE.to_vec())]);
}

#[test]
fn the_time_of_a_packet_reaches_from_its_timestamp_to_the_end_of_its_list() {
    let reach = |list: &[u8], delta_zero: bool| {
        let mut reader = Reader::new(list, 1000, delta_zero);
        assert!(reader.by_ref().all(|timed| timed.is_ok()));
        reader.time() - 1000
    };
    assert_eq!(reach(&[10, 0x90, 60, 64, 20, 0x80, 60, 64], true), 30);
    assert_eq!(reach(&[0x90, 60, 64, 0x0A], false), 10, "void time behind a note");
    assert_eq!(reach(&[0x0A], true), 10, "void time alone");
    assert_eq!(reach(&[], false), 0);
}

#[test]
fn a_packet_may_end_with_time_in_which_nothing_comes() {
    let note = Command::decode(NOTE).unwrap().0;
    let list = |octets: &[u8]| walk(octets).list;
    let mut sender = Sender::new(Config { max_ptime: Some(441), ..without_journal() }, 0);
    let mut payload = Vec::new();
    assert!(!sender.pad(441), "nothing is there that it could be behind");
    sender.queue(1000, note).unwrap();
    assert!(!sender.pad(1442), "longer than packets are");
    assert!(!sender.pad(1000) && !sender.pad(900), "no time");
    assert!(sender.pad(1441));
    assert_eq!(sender.packet(0, &mut payload).timestamp, 1000);
    assert_eq!(list(&payload), [NOTE, &[0x83, 0x39]].concat());
    // What comes in this time all the same comes at its end.
    sender.queue(1300, note).unwrap();
    assert_eq!(sender.packet(0, &mut payload).timestamp, 1441);
}

#[test]
fn a_chord_comes_out_in_list_order_at_one_instant() {
    let list = [0x90, 60, 64, 0, 64, 64, 0, 67, 64];
    let chord = [60, 64, 67].map(|note| (9, vec![0x90, note, 64]));
    assert_eq!(read(&list, 9, false), chord);
}

#[test]
fn packets_with_equal_or_far_timestamps_are_received() {
    let mut receiver = Receiver::new(Config::new(RATE));
    for (sequence, timestamp) in [(1, 5), (2, 5), (3, 5_u32.wrapping_add(0x7FFF_FFFF)), (4, 0)] {
        let packet = Received { sequence, timestamp, payload: &[0x43, 0x90, 60, 64, 0x80, 0, 1] };
        let outcome = receiver.receive(packet, |event| assert_eq!(event.time, timestamp));
        assert!(matches!(outcome, Outcome::First { .. } | Outcome::InOrder));
    }
}

#[test]
fn running_status_is_read_and_never_crosses_a_packet() {
    assert_eq!(read(&[0x90, 60, 64, 0, 62, 64], 0, false).len(), 2);
    for (_, payload) in stream(anchor(), &[&[NOTE, NOTE], &[NOTE, NOTE]]) {
        assert_eq!(walk(&payload).list, [0x90, 0x3C, 0x40, 0, 0x3C, 0x40]);
    }
}

#[test]
fn a_data_octet_without_running_status_is_no_command() {
    let is_damaged = |list: &[u8]| Reader::new(list, 0, false).any(|timed| timed.is_err());
    assert!(is_damaged(&[0x3C, 0x40]) && is_damaged(&[0xF6, 0, 0x3C, 0x40]));
    for common in
        [&[0xF0, 1, 0xF7][..], &[0xF1, 5], &[0xF2, 0, 1], &[0xF3, 5], &[0xF6], &[0xF7, 1, 0xF7], &[0xF7, 0xF4]]
    {
        let list = [NOTE, &[0], common, &[0, 62, 64]].concat();
        assert!(is_damaged(&list), "{list:02X?}");
    }
}

#[test]
fn the_phantom_bit_tells_of_the_first_channel_command_only_and_changes_nothing() {
    let note = Command::decode(NOTE).unwrap().0;
    let clock = Command::decode(&[0xF8]).unwrap().0;
    let phantom = |running: &[bool], with_clock: bool| {
        let mut sender = Sender::new(without_journal(), 0);
        if with_clock {
            sender.queue(0, clock).unwrap();
        }
        for running in running {
            if *running { sender.queue_running(0, note) } else { sender.queue(0, note) }.unwrap();
        }
        let mut payload = Vec::new();
        sender.packet(0, &mut payload);
        walk(&payload).phantom
    };
    assert!(phantom(&[true], false) && phantom(&[true, true], true) && phantom(&[true, false], false));
    assert!(!phantom(&[], false) && !phantom(&[], true) && !phantom(&[false, true], false));
    let [plain, flipped] = [[0x03, 0x90, 60, 64], [0x13, 0x90, 60, 64]].map(|payload| {
        Payload::decode(&payload).unwrap().commands(0).map(|timed| octets(&timed.unwrap().command)).collect::<Vec<_>>()
    });
    assert_eq!(plain, flipped);
}

#[test]
fn an_embedded_real_time_command_shares_the_list_of_its_host() {
    let mut sender = Sender::new(without_journal(), 0);
    Parser::new(100).push(&[0x90, 0xF8, 60, 64], |command, _| sender.queue(0, command).unwrap());
    let mut payload = Vec::new();
    sender.packet(0, &mut payload);
    assert_eq!(walk(&payload).list, [0xF8, 0x00, 0x90, 60, 64]);
}

#[test]
fn ff_in_a_list_is_the_system_reset() {
    assert_eq!(read(&[0xFF, 0, 0xF8], 0, false), [(0, vec![0xFF]), (0, vec![0xF8])]);
}

#[test]
fn a_stray_f7_ends_running_status_and_is_not_sent() {
    assert_eq!(parsed(&[0x90, 60, 64, 0xF7, 62, 64, 0xC0, 5], 9), [NOTE.to_vec(), vec![0xC0, 5]]);
}

#[test]
fn only_an_open_system_exclusive_is_cancelled() {
    let cancel = |pushed: &[u8]| {
        let mut parser = Parser::new(2);
        parser.push(pushed, |_, _| {});
        parser.reset().map(|command| octets(&command))
    };
    assert_eq!(cancel(&[0xF0, 1, 2, 3]), Some(vec![0xF7, 0xF4]));
    assert_eq!(cancel(&[0xF0, 1, 2, 3, 0xF7]), None);
    assert_eq!(cancel(&[0xF0, 1]), None);
    assert!(Command::decode(&[0xF7, 1, 0xF4]).is_err());
}

#[test]
fn a_stray_cancel_and_an_interrupted_system_exclusive_give_nothing() {
    let mut reassembler = Reassembler::new(100);
    for octets in [&[0xF7, 0xF4][..], &[0xF0, 1, 0xF0], &[0xF7, 0xF4], &[0xF7, 2, 0xF7]] {
        let Command::System(System::SysEx(segment)) = Command::decode(octets).unwrap().0 else { panic!() };
        assert_eq!(reassembler.push(segment), None);
    }
}

/// Segments over several packets, put together again at the other end.
#[test]
fn a_system_exclusive_in_segments_over_packets_arrives_whole() {
    let data: Vec<u8> = (0..100).collect();
    let mut packets = Vec::new();
    let mut sender = Sender::new(anchor(), FIRST);
    let Command::System(System::SysEx(whole)) = Command::sysex(&data) else { panic!() };
    for (segment, time) in whole.split(10).zip(0..) {
        sender.queue(time, Segment::into(segment)).unwrap();
        if time % 3 == 2 {
            let mut payload = Vec::new();
            packets.push((sender.packet(time, &mut payload), payload));
        }
    }
    let mut payload = Vec::new();
    packets.push((sender.packet(100, &mut payload), payload));
    assert_eq!(packets.len(), 4);
    let mut reassembler = Reassembler::new(1000);
    let mut whole = Vec::new();
    for segment in hear(&mut Receiver::new(anchor()), &packets.iter().collect::<Vec<_>>()) {
        let Command::System(System::SysEx(segment)) = Command::decode(&segment).unwrap().0 else { panic!() };
        whole.extend(reassembler.push(segment).map(|(data, _)| data.to_vec()));
    }
    assert_eq!(whole, [data]);
}

proptest! {
    #[test]
    fn nothing_but_real_time_stands_between_the_segments_of_a_parsed_stream(
        source in prop::collection::vec(prop_oneof![4 => 0..128_u8, 1 => any::<u8>(), 1 => Just(0xF0_u8)], 0..200),
        limit in 1..8_usize,
    ) {
        let mut open = false;
        for command in parsed(&source, limit) {
            match (command[0], *command.last().unwrap()) {
                (0xF0, 0xF0) => prop_assert!(!std::mem::replace(&mut open, true)),
                (0xF7, end) => prop_assert!(std::mem::replace(&mut open, end == 0xF0)),
                (0xF8.., _) => {}
                _ => prop_assert!(!open, "{:02X?} between segments", command),
            }
        }
    }

    #[test]
    fn no_command_is_later_than_the_next_timestamp(times in prop::collection::vec((0..5000_u32, 0..4_usize), 1..30)) {
        let mut sender = Sender::new(without_journal(), 0);
        let mut last = None;
        for (time, count) in times {
            for later in 0..count {
                sender.queue(time + 40 * later as u32, Command::decode(NOTE).unwrap().0).unwrap();
            }
            let padded = count % 2 == 1 && sender.pad(time + 441);
            let mut payload = Vec::new();
            let packet = sender.packet(time, &mut payload);
            prop_assert!(last.is_none_or(|last| last <= packet.timestamp));
            let commands = read(&walk(&payload).list, packet.timestamp, false);
            last = Some(commands.last().map_or(packet.timestamp, |(time, _)| *time));
            last = if padded { last.max(Some(time + 441)) } else { last };
        }
    }
}
