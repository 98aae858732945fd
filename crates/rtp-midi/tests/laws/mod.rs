//! What holds for any octets: called by the property tests and by the fuzz targets.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each program that shares this uses what it needs")]

use rtp_midi::inspect::inspect;
use rtp_midi::midi::{Command, Status};
use rtp_midi::payload::{Payload, Reader, Writer};
use rtp_midi::{
    Chapters, Commands, Config, Inclusion, Journal, Latency, Letters, Numbers, Playout, Policy, Received, Receiver,
    Selection, Usage,
};

fn encode(command: &Command<'_>) -> Vec<u8> {
    let mut octets = Vec::new();
    command.encode(&mut octets);
    octets
}

/// What can be read of a payload is written and read again as the same commands at the same times.
pub fn a_payload_reads_as_written(octets: &[u8]) {
    let Ok(payload) = Payload::decode(octets) else { return };
    let commands: Vec<_> = payload.commands(0).map_while(Result::ok).map(|c| (c.time, encode(&c.command))).collect();
    let mut writer = Writer::default();
    let start = commands.first().map_or(0, |(time, _)| *time);
    for (time, octets) in &commands {
        // A list of many five-octet deltas or running statuses may grow when it is written plainly.
        if !writer.push(*time, Command::decode(octets).unwrap().0, Status::Given, Writer::MAX) {
            return;
        }
    }
    let again: Vec<_> =
        Reader::new(writer.octets(), start, false).map(|c| c.unwrap()).map(|c| (c.time, encode(&c.command))).collect();
    assert_eq!(again, commands);
}

/// The inspector finds the commands that a reader finds, and defects inside the payload only.
pub fn a_payload_is_inspected_as_it_is_read(octets: &[u8]) {
    let found = inspect(octets, 7);
    assert!(found.defects.iter().all(|defect| defect.at <= octets.len()));
    match Payload::decode(octets) {
        Ok(payload) => {
            let read = payload.commands(7).map_while(Result::ok);
            assert!(read.eq(found.commands.iter().map(|placed| placed.timed)));
        }
        Err(error) => assert_eq!(found.defects.first().map(|defect| defect.error), Some(error)),
    }
}

/// Packets of any octets leave a receiver that can be silenced, and that gives out a bounded number of commands.
///
/// The octets are cut into packets: a sequence number step, a length, and so many octets of payload.
pub fn any_packets_are_received(octets: &[u8]) {
    for config in configs() {
        let (mut receiver, mut sequence, mut rest) = (Receiver::new(config), 0_u16, octets);
        while let [step, length, behind @ ..] = rest {
            let (payload, next) = behind.split_at(behind.len().min(usize::from(*length)));
            rest = next;
            sequence = sequence.wrapping_add(u16::from(*step));
            let (mut given, sounding) = (0, receiver.sounding());
            receiver.receive(Received { sequence, timestamp: u32::from(sequence) * 100, payload }, |event| {
                assert!(!encode(&event.command).is_empty());
                given += 1;
            });
            // A note may be owed many NoteOffs; all else is told octet by octet.
            assert!(given <= 70_000 + 4 * sounding, "{given} commands from {} octets", payload.len());
        }
        receiver.silence(0, |_| {});
        assert_eq!(receiver.sounding(), 0);
    }
}

/// A playout executes commands in the order of their times, none behind the time it is asked for, and nothing sounds
/// when it has been stopped, whatever comes from whom and when.
///
/// The octets are cut into packets: milliseconds, the source and a sequence number step, a timestamp in hundreds of
/// ticks, a length, and so many octets of payload.
pub fn any_packets_are_played(octets: &[u8]) {
    let adaptive = Latency::Adaptive { least: 0, most: 200 * MILLISECOND };
    for (config, latency) in configs().into_iter().zip([Latency::Fixed(0), adaptive, Latency::Fixed(50 * MILLISECOND)])
    {
        let mut playout = Playout::new(config, latency);
        let (mut now, mut last, mut sequence, mut rest) = (0, 0, 0_u16, octets);
        while let [wait, step, time, length, behind @ ..] = rest {
            let (payload, next) = behind.split_at(behind.len().min(usize::from(*length)));
            rest = next;
            now += u64::from(*wait) * MILLISECOND;
            sequence = sequence.wrapping_add(u16::from(step >> 2)).wrapping_sub(u16::from(step & 2));
            let packet = Received { sequence, timestamp: u32::from(sequence) * 400 + u32::from(*time) * 100, payload };
            playout.receive(now, u32::from(step & 1), packet);
            playout.play(now, |cue| {
                assert!(last <= cue.at && cue.at <= now, "{last} {} {now}", cue.at);
                last = cue.at;
            });
            assert!(playout.due().is_none_or(|due| due > now), "something is left to do");
        }
        playout.stop(now, |_| {});
        assert_eq!((playout.receiver().sounding(), playout.stats().waiting), (0, 0));
    }
}

const MILLISECOND: u64 = 1_000_000;

/// Every policy; plain rules, none but the RFC's, and rules that split chapters.
fn configs() -> [Config; 3] {
    let types = |letters: &str, fields: Option<u32>| Selection::Types {
        channels: Numbers::default(),
        letters: Letters::of(letters),
        fields: Numbers::new(fields.map(|field| field..=field)),
    };
    let (mut chapters, mut commands) = (Chapters::default(), Commands::all());
    for (inclusion, letters, field) in [
        (Inclusion::Anchor, "P", None),
        (Inclusion::Default, "C", Some(128 + 11)),
        (Inclusion::Anchor, "CM", Some(7)),
        (Inclusion::Never, "CMN", Some(64)),
        (Inclusion::Never, "EX", Some(0)),
    ] {
        chapters.assign(inclusion, &types(letters, field));
    }
    for (letters, field) in [("CMN", 5), ("X", 3), ("AQ", 1)] {
        commands.assign(Usage::Unused, &types(letters, Some(field)));
    }
    let config = |policy| Config { journal: Journal::Recovery(policy), ..Config::new(44_100) };
    [
        Config { commands: Commands::all(), guardtime: Some(4410), ..config(Policy::ClosedLoop) },
        config(Policy::Anchor),
        Config { commands, chapters, ..config(Policy::OpenLoop) },
    ]
}
