//! The law of output: an instrument behind the receiver is set as one at the sender, and nothing sounds on it that
//! does not sound there, after every packet that arrives, whatever was lost, doubled or came in another order.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod gesture;
mod synth;

use gesture::gesture;
use proptest::prelude::*;
use rtp_midi::midi::{Command, Status};
use rtp_midi::{Config, Journal, Policy, Received, Receiver, Sender};
use synth::Synth;

/// One packet: its commands, and what the network does to it.
#[derive(Clone, Debug)]
struct Step {
    commands: Vec<Vec<u8>>,
    fate: Fate,
    /// A report of what has arrived reaches the sender.
    report: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Arrives,
    ArrivesTwice,
    /// Behind the packet that follows it.
    Overtaken,
    Lost,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        6 => Just(Fate::Arrives),
        1 => Just(Fate::ArrivesTwice),
        1 => Just(Fate::Overtaken),
        5 => Just(Fate::Lost),
    ];
    let commands = prop::collection::vec(gesture(), 0..4).prop_map(|gestures| gestures.concat());
    let step = (commands, fate, prop::bool::weighted(0.3)).prop_map(|(commands, fate, report)| Step {
        commands,
        fate,
        report,
    });
    prop::collection::vec(step, 1..50)
}

fn run(policy: Policy, steps: &[Step]) -> Result<(), TestCaseError> {
    let config = Config { journal: Journal::Recovery(policy), ..Config::new(1000) };
    let (mut sender, mut receiver) = (Sender::new(config.clone(), 65_520), Receiver::new(config));
    let (mut at_sender, mut at_receiver) = (Synth::default(), Synth::default());
    let mut overtaken: Option<(u16, u32, Vec<u8>)> = None;
    for (step, time) in steps.iter().zip((0..).step_by(7)) {
        for octets in &step.commands {
            sender.queue(time, Command::decode(octets).unwrap().0).unwrap();
            at_sender.execute(octets);
        }
        let mut payload = Vec::new();
        let packet = sender.packet(time, &mut payload);
        let mut receive = |sequence, timestamp, payload: &[u8]| {
            receiver.receive(Received { sequence, timestamp, payload }, |event| {
                let mut octets = Vec::new();
                event.command.encode(&mut octets);
                at_receiver.execute(&octets);
            });
        };
        match step.fate {
            Fate::Lost => continue,
            Fate::Overtaken => {
                overtaken = Some((packet.sequence, packet.timestamp, payload));
                continue;
            }
            Fate::Arrives | Fate::ArrivesTwice => receive(packet.sequence, packet.timestamp, &payload),
        }
        if step.fate == Fate::ArrivesTwice {
            receive(packet.sequence, packet.timestamp, &payload);
        }
        if let Some((sequence, timestamp, payload)) = overtaken.take() {
            receive(sequence, timestamp, &payload);
        }
        for (number, here) in &at_receiver.channels {
            let there = at_sender.channels.get(number).cloned().unwrap_or_default();
            prop_assert_eq!(&here.settings, &there.settings, "channel {}", number);
            prop_assert!(here.sounding.is_subset(&there.sounding), "hanging {:?}", &here.sounding - &there.sounding);
        }
        for (number, there) in &at_sender.channels {
            let heard = at_receiver.channels.contains_key(number);
            prop_assert!(heard || there.settings == synth::Settings::default(), "nothing heard of channel {}", number);
        }
        if step.report {
            sender.acknowledge(7, u32::from(packet.sequence));
        }
    }
    let end = |event: rtp_midi::Event<'_>| {
        let mut octets = Vec::new();
        event.command.encode(&mut octets);
        at_receiver.execute(&octets);
    };
    receiver.silence(0, end);
    prop_assert!(
        at_receiver.channels.values().all(|channel| channel.sounding.is_empty() && channel.sustained.is_empty())
    );
    prop_assert_eq!(receiver.sounding(), 0);
    Ok(())
}

proptest! {
    #[test]
    fn anchor(steps in steps()) {
        run(Policy::Anchor, &steps)?;
    }

    #[test]
    fn closed_loop(steps in steps()) {
        run(Policy::ClosedLoop, &steps)?;
    }

    #[test]
    fn open_loop(steps in steps()) {
        run(Policy::OpenLoop, &steps)?;
    }

    #[test]
    fn any_octets_are_received_without_panic(
        packets in prop::collection::vec((0..40_u16, prop::collection::vec(any::<u8>(), 0..60)), 0..20),
    ) {
        let mut receiver = Receiver::new(Config::new(44_100));
        for (sequence, payload) in &packets {
            receiver.receive(Received { sequence: *sequence, timestamp: 0, payload }, |_| {});
        }
        receiver.silence(0, |_| {});
        prop_assert_eq!(receiver.sounding(), 0);
    }

    #[test]
    fn a_damaged_journal_never_costs_the_commands_of_its_packet(
        journal in prop::collection::vec(any::<u8>(), 0..60),
        gap in 1..5_u16,
    ) {
        let mut receiver = Receiver::new(Config::new(44_100));
        receiver.receive(Received { sequence: 1, timestamp: 0, payload: &[0x43, 0x90, 60, 64, 0x80, 0, 1] }, |_| {});
        let payload = [&[0x43, 0x80, 60, 0][..], &journal].concat();
        let mut last = None;
        receiver.receive(Received { sequence: 1 + gap, timestamp: 9, payload: &payload }, |event| {
            last = event.command.voice().and_then(|(_, voice)| voice.note_off());
        });
        prop_assert_eq!(last.map(|(note, _)| note.get()), Some(60));
    }
}

#[test]
fn a_parser_in_front_makes_the_phantom_bit() {
    let mut sender = Sender::new(Config { journal: Journal::None, ..Config::new(44_100) }, 0);
    let mut headers = Vec::new();
    rtp_midi::midi::Parser::new(100).push(&[0x90, 60, 64, 62, 64], |command, source| {
        match source {
            Status::Given => sender.queue(0, command).unwrap(),
            Status::Running => sender.queue_running(0, command).unwrap(),
        }
        let mut payload = Vec::new();
        sender.packet(0, &mut payload);
        headers.push(payload[0]);
    });
    assert_eq!(headers, [0x03, 0x13]);
}

#[test]
fn the_end_of_a_recording_ends_the_notes_and_leaves_the_pedal_down() {
    let list = [0x90, 60, 100, 0, 61, 100, 0, 62, 100, 0, 61, 0, 0, 0xB0, 64, 127, 0, 123, 0, 0, 0x90, 63, 9];
    let payload = [&[0x80, list.len() as u8], &list[..]].concat();
    let config = Config { journal: Journal::None, ..Config::new(44_100) };
    let told = |end: &dyn Fn(&mut Receiver, &mut Vec<Vec<u8>>)| {
        let (mut receiver, mut told) = (Receiver::new(config.clone()), Vec::new());
        receiver.receive(Received { sequence: 1, timestamp: 0, payload: &payload }, |_| {});
        end(&mut receiver, &mut told);
        assert_eq!(receiver.sounding(), 0);
        told
    };
    let push = |told: &mut Vec<Vec<u8>>, event: rtp_midi::Event<'_>| {
        let mut octets = Vec::new();
        event.command.encode(&mut octets);
        told.push(octets);
    };
    let finished = told(&|receiver, told| receiver.finish(0, |event| push(told, event)));
    assert_eq!(finished, [[0x80, 60, 64], [0x80, 62, 64], [0x80, 63, 64]]);
    let mut silenced = told(&|receiver, told| receiver.silence(0, |event| push(told, event)));
    silenced.sort();
    assert_eq!(silenced, [[0x80, 60, 64], [0x80, 62, 64], [0x80, 63, 64], [0xB0, 64, 0]]);
}

/// What instruments at both ends make of three packets whose second one is lost, and all that was given out.
fn lose_the_second(packets: [&[&[u8]]; 3]) -> (Synth, Synth, Vec<Vec<u8>>) {
    let config = Config::new(44_100);
    let (mut sender, mut receiver) = (Sender::new(config.clone(), 0), Receiver::new(config));
    let (mut there, mut here, mut given) = (Synth::default(), Synth::default(), Vec::new());
    for (number, commands) in packets.into_iter().enumerate() {
        for octets in commands {
            sender.queue(0, Command::decode(octets).unwrap().0).unwrap();
            there.execute(octets);
        }
        let mut payload = Vec::new();
        let packet = sender.packet(0, &mut payload);
        if number != 1 {
            receiver.receive(Received { sequence: packet.sequence, timestamp: 0, payload: &payload }, |event| {
                let mut octets = Vec::new();
                event.command.encode(&mut octets);
                here.execute(&octets);
                given.push(octets);
            });
        }
    }
    (there, here, given)
}

#[test]
fn a_bank_select_without_cc_0_comes_before_its_program() {
    let (there, here, _) = lose_the_second([&[&[0xC0, 5]], &[&[0xB0, 32, 3], &[0xC0, 6]], &[]]);
    assert_eq!(there.channels[&0].settings.program, Some((6, (0, 3))));
    assert_eq!(here, there);
}

#[test]
fn a_receiver_that_comes_late_and_loses_nothing_is_set_like_one_of_the_first_hour() {
    let settings: [&[u8]; 12] = [
        &[0xB0, 0, 1],
        &[0xB0, 32, 2],
        &[0xC0, 5],
        &[0xB0, 7, 20],
        &[0xB0, 64, 127],
        &[0xB0, 101, 0],
        &[0xB0, 100, 0],
        &[0xB0, 6, 12],
        &[0xE0, 0, 80],
        &[0xD0, 33],
        &[0xB0, 123, 0],
        &[0xF3, 4],
    ];
    let (mut sender, mut late) = (Sender::new(Config::new(1000), 1), Receiver::new(Config::new(1000)));
    let (mut at_sender, mut at_late, mut song) = (Synth::default(), Synth::default(), None);
    for (time, packet) in (0..).step_by(100).zip(0..40) {
        let note: &[u8] = if packet % 2 == 0 { &[0x90, 60, 64] } else { &[0x80, 60, 64] };
        let commands = if packet == 0 { &settings[..] } else { &[note][..] };
        for octets in commands {
            sender.queue(time, Command::decode(octets).unwrap().0).unwrap();
            at_sender.execute(octets);
        }
        let mut payload = Vec::new();
        let sent = sender.packet(time, &mut payload);
        // The first receiver has everything, and the second one comes with packet 10.
        sender.acknowledge(1, u32::from(sent.sequence));
        if packet >= 10 {
            late.receive(Received { sequence: sent.sequence, timestamp: sent.timestamp, payload: &payload }, |event| {
                let mut octets = Vec::new();
                event.command.encode(&mut octets);
                song = song.or((octets[0] == 0xF3).then(|| octets[1]));
                at_late.execute(&octets);
            });
        }
        if packet >= 20 {
            sender.acknowledge(2, u32::from(sent.sequence));
        }
    }
    assert_eq!(at_late.channels[&0].settings, at_sender.channels[&0].settings);
    assert_eq!((at_late.channels[&0].sounding.len(), song), (at_sender.channels[&0].sounding.len(), Some(4)));
}

#[test]
fn a_note_gets_its_note_off_even_if_an_all_notes_off_was_lost_with_it() {
    let (_, _, given) = lose_the_second([&[&[0x90, 60, 100]], &[&[0x80, 60, 0], &[0xB0, 123, 0]], &[]]);
    assert_eq!(given, [vec![0x90, 60, 100], vec![0xB0, 123, 0], vec![0x80, 60, 64]]);
}

#[test]
fn a_pedal_goes_down_again_behind_a_loss_that_the_checkpoint_does_not_seem_to_cover() {
    // After 65536 packets the first one, which anchor has as its checkpoint, has the number of the latest.
    let anchor = Config { journal: Journal::Recovery(Policy::Anchor), ..Config::new(44_100) };
    let (mut sender, mut receiver) = (Sender::new(anchor, 7), Receiver::new(Config::new(44_100)));
    let mut here = Synth::default();
    for number in 0..=65_536_u32 {
        let octets: &[u8] = if number == 0 { &[0xB0, 64, 127] } else { &[0xC1, 5] };
        sender.queue(number, Command::decode(octets).unwrap().0).unwrap();
        let mut payload = Vec::new();
        let packet = sender.packet(number, &mut payload);
        if number != 65_535 {
            receiver.receive(Received { sequence: packet.sequence, timestamp: number, payload: &payload }, |event| {
                let mut octets = Vec::new();
                event.command.encode(&mut octets);
                here.execute(&octets);
            });
        }
    }
    assert_eq!(receiver.stats().uncovered, 1);
    assert_eq!(here.channels[&0].settings.controllers[&64], 127);
}
