//! Streams that carry a part of MIDI: what `cm_unused` excludes is neither sent nor given out (RFC 6295, C.1).

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use proptest::prelude::*;
use rtp_midi::midi::{Command, End, Part, Reassembler, Segment, System};
use rtp_midi::payload::Payload;
use rtp_midi::{Class, Commands, Config, Letters, Numbers, Received, Receiver, Selection, Sender};

fn types(channels: Numbers, letters: &str, fields: Numbers) -> Selection {
    Selection::Types { channels, letters: Letters::of(letters), fields }
}

fn all(letters: &str) -> Selection {
    types(Numbers::default(), letters, Numbers::default())
}

fn config(forbidden: &[Selection]) -> Config {
    let mut config = Config::new(44_100);
    for selection in forbidden {
        config.commands.forbid(selection);
    }
    config
}

fn octets(command: &Command<'_>) -> Vec<u8> {
    let mut octets = Vec::new();
    command.encode(&mut octets);
    octets
}

/// Queues commands; returns the payload.
fn send(sender: &mut Sender, commands: &[&[u8]]) -> (u16, Vec<u8>) {
    for octets in commands {
        sender.queue(0, Command::decode(octets).unwrap().0).unwrap();
    }
    let mut payload = Vec::new();
    (sender.packet(0, &mut payload).sequence, payload)
}

/// The commands in the list of a payload.
fn list(payload: &[u8]) -> Vec<Vec<u8>> {
    Payload::decode(payload).unwrap().commands(0).map(|timed| octets(&timed.unwrap().command)).collect()
}

fn hear(receiver: &mut Receiver, (sequence, payload): &(u16, Vec<u8>)) -> Vec<Vec<u8>> {
    let mut heard = Vec::new();
    let received = Received { sequence: *sequence, timestamp: 0, payload };
    receiver.receive(received, |event| heard.push(octets(&event.command)));
    heard
}

#[test]
fn an_unused_command_is_neither_in_the_list_nor_in_a_journal() {
    let mut sender = Sender::new(config(&[all("N")]), 1);
    let (_, first) = send(&mut sender, &[&[0x90, 60, 100], &[0xC0, 5], &[0x80, 60, 64]]);
    assert_eq!(list(&first), [[0xC0, 5]]);
    let (_, second) = send(&mut sender, &[]);
    // One channel journal with Chapter P alone.
    assert_eq!(second[6], 0x80, "{second:02X?}");
    let stats = sender.stats();
    assert_eq!((stats.commands, stats.unused), (1, 2));
}

#[test]
fn undefined_commands_are_unused_and_the_octets_of_segments_are_not() {
    let mut sender = Sender::new(Config::new(44_100), 1);
    let (_, payload) = send(
        &mut sender,
        &[&[0xF9], &[0xF4, 1, 0xF7], &[0xF5, 0xF7], &[0xFD], &[0xF0, 1, 0xF5], &[0xF0, 1, 0xF0], &[0xF7, 0xF4]],
    );
    assert_eq!(list(&payload), [&[0xF0, 1, 0xF5][..], &[0xF0, 1, 0xF0], &[0xF7, 0xF4]]);
    assert_eq!(sender.stats().unused, 4);
}

#[test]
fn a_later_assignment_lets_one_controller_of_an_unused_type_pass() {
    let mut config = config(&[all("C")]);
    config.commands.allow(&types(Numbers::default(), "C", Numbers::new([7..=7])));
    let (_, payload) = send(&mut Sender::new(config, 1), &[&[0xB0, 8, 1], &[0xB0, 7, 1], &[0xB0, 6, 1]]);
    assert_eq!(list(&payload), [[0xB0, 7, 1]]);
}

#[test]
fn a_channel_list_speaks_of_voices_and_not_of_system_commands() {
    let some = types(Numbers::new([4..=4, 11..=13]), "BN", Numbers::default());
    let mut sender = Sender::new(config(&[some]), 1);
    let notes: Vec<Vec<u8>> = (0x90..=0x9F).map(|status| vec![status, 60, 1]).collect();
    let commands: Vec<&[u8]> = notes.iter().map(Vec::as_slice).chain([&[0xFF][..]]).collect();
    let (_, payload) = send(&mut sender, &commands);
    let channels: Vec<u8> = list(&payload).iter().map(|octets| octets[0] & 0x0F).collect();
    assert_eq!(channels, [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 14, 15]);
}

#[test]
fn a_transaction_that_comes_in_two_packets_is_one_decision() {
    let mut sender = Sender::new(config(&[types(Numbers::default(), "M", Numbers::new([1..=1]))]), 1);
    assert_eq!(list(&send(&mut sender, &[&[0xB0, 101, 0]]).1), [[0xB0, 101, 0]]);
    assert!(list(&send(&mut sender, &[&[0xB0, 100, 1]]).1).is_empty());
    assert!(list(&send(&mut sender, &[&[0xB0, 6, 1], &[0xB0, 96, 0]]).1).is_empty());
    assert_eq!(list(&send(&mut sender, &[&[0xB0, 100, 0], &[0xB0, 6, 1]]).1), [[0xB0, 100, 0], [0xB0, 6, 1]]);
}

#[test]
fn an_excluded_system_exclusive_is_called_off_where_its_octets_show_it() {
    let mut config = config(&[all("X")]);
    config.commands.allow(&Selection::SysEx(Class::new([1 << 0x7E, u128::MAX, 1 << 9])));
    let mut sender = Sender::new(config, 1);
    assert_eq!(list(&send(&mut sender, &[&[0xF0, 0x7E, 0xF0]]).1), [[0xF0, 0x7E, 0xF0]]);
    assert_eq!(list(&send(&mut sender, &[&[0xF7, 1, 8, 0xF0], &[0xF7, 1, 0xF7]]).1), [[0xF7, 0xF4]]);
    assert!(list(&send(&mut sender, &[&[0xF0, 0x43, 0xF0], &[0xF7, 1, 0xF7], &[0xF0, 0x43, 0xF7]]).1).is_empty());
    assert_eq!(sender.stats().unused, 5);
}

#[test]
fn a_system_exclusive_that_may_come_is_cut_and_another_is_not() {
    let mut config = config(&[all("X")]);
    config.commands.allow(&types(Numbers::new([0..=0]), "X", Numbers::new([0..=2000])));
    let mut sender = Sender::new(config, 1);
    for (length, arrives) in [(2000, true), (2001, false)] {
        let data = vec![1; length];
        let mut reassembler = Reassembler::new(10_000);
        let mut arrived = false;
        let pieces: Vec<_> = sender.split(Segment { part: Part::Whole(End::Eox), data: &data }).collect();
        for piece in pieces {
            sender.queue(0, piece.into()).unwrap();
            let mut payload = Vec::new();
            sender.packet(0, &mut payload);
            for timed in Payload::decode(&payload).unwrap().commands(0) {
                let Command::System(System::SysEx(segment)) = timed.unwrap().command else { panic!("no segment") };
                assert_ne!(segment.part, Part::Cancel);
                arrived |= reassembler.push(segment).is_some_and(|(octets, _)| octets == data);
            }
        }
        assert_eq!(arrived, arrives, "{length}");
    }
    assert_eq!(sender.stats().unused, 1);
}

#[test]
fn without_cancel_sublists_none_is_sent() {
    let mut config = Config::new(44_100);
    config.commands.allow(&types(Numbers::new([0..=0]), "X", Numbers::default()));
    let mut sender = Sender::new(config, 1);
    let (_, payload) = send(&mut sender, &[&[0xF0, 1, 0xF0], &[0xF7, 0xF4], &[0xF0, 2, 0xF7]]);
    assert_eq!(list(&payload), [[0xF0, 1, 0xF0], [0xF0, 2, 0xF7]]);
}

#[test]
fn a_receiver_gives_out_nothing_of_what_its_session_excludes() {
    let mut sender = Sender::new(Config { commands: Commands::all(), ..Config::new(44_100) }, 1);
    let excluded = [all("CF"), types(Numbers::default(), "N", Numbers::new([0..=63]))];
    let mut receiver = Receiver::new(config(&excluded));
    let first = send(&mut sender, &[&[0xB0, 7, 1], &[0x90, 60, 1], &[0x90, 64, 1], &[0xF9], &[0xC0, 3]]);
    assert_eq!(hear(&mut receiver, &first), [&[0x90, 64, 1][..], &[0xC0, 3]]);
    // The second packet is lost, and the journal of the third tells of it.
    send(&mut sender, &[&[0xB0, 7, 2], &[0x80, 60, 64], &[0x80, 64, 64], &[0xFD], &[0xC0, 4]]);
    let third = send(&mut sender, &[]);
    assert_eq!(hear(&mut receiver, &third), [&[0xC0, 4][..], &[0x80, 64, 64]]);
    let stats = receiver.stats();
    assert_eq!((stats.commands, stats.unused), (5, 6), "what is kept back is observed");
    assert_eq!(receiver.sounding(), 0);
}

#[test]
fn a_receiver_calls_off_what_it_has_begun_to_give_out() {
    let mut sender = Sender::new(Config::new(44_100), 1);
    let mut only_short = config(&[all("X")]);
    only_short.commands.allow(&types(Numbers::default(), "X", Numbers::new([0..=2])));
    let mut receiver = Receiver::new(only_short);
    let long = send(&mut sender, &[&[0xF0, 1, 0xF0], &[0xF7, 2, 3, 0xF0], &[0xF7, 4, 0xF7], &[0xF0, 1, 0xF7]]);
    assert_eq!(hear(&mut receiver, &long), [&[0xF0, 1, 0xF0][..], &[0xF7, 0xF4], &[0xF0, 1, 0xF7]]);
}

fn command() -> impl Strategy<Value = Vec<u8>> {
    let controller = prop::sample::select(vec![0_u8, 6, 7, 32, 38, 64, 96, 98, 99, 100, 101, 121]);
    prop_oneof![
        4 => (0xB0..0xB2_u8, controller, prop::sample::select(vec![0_u8, 1, 2, 127])).prop_map(|(s, c, v)| vec![s, c, v]),
        2 => (0x80..0xA0_u8, 0..3_u8, 0..3_u8).prop_map(|(status, note, velocity)| vec![status, note, velocity]),
        1 => (0xF6..=0xFF_u8).prop_filter("no segment", |status| *status != 0xF7).prop_map(|status| vec![status]),
        1 => prop::collection::vec(0..128_u8, 0..6).prop_map(|data| [&[0xF0][..], &data, &[0xF7]].concat()),
    ]
}

proptest! {
    /// What goes through a sender's subset goes through a receiver's, and both leave the same.
    #[test]
    fn both_ends_agree_on_what_is_excluded(
        commands in prop::collection::vec(prop::collection::vec(command(), 0..5), 1..30),
        letters in "[CMNQX]{1,3}",
        field in prop::option::of(0..131_u32),
    ) {
        let fields = Numbers::new(field.map(|field| field..=field));
        let forbidden = [types(Numbers::new([0..=0, 3..=15]), &letters, fields)];
        let mut sender = Sender::new(config(&forbidden), 9);
        let mut receiver = Receiver::new(config(&forbidden));
        for commands in &commands {
            let commands: Vec<&[u8]> = commands.iter().map(Vec::as_slice).collect();
            let packet = send(&mut sender, &commands);
            prop_assert_eq!(hear(&mut receiver, &packet), list(&packet.1));
        }
        prop_assert_eq!(receiver.stats().unused, 0);
    }
}
