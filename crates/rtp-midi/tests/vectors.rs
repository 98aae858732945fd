//! Payloads written out by hand from RFC 6295, and a captured session.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use rtp_midi::midi::Command;
use rtp_midi::{Commands, Config, Outcome, Packet, Received, Receiver, Sender};

/// One packet's commands and RTP time.
type Step<'a> = (u32, &'a [&'a [u8]]);

/// The payloads of packets 0x1234 and on.
fn payloads(steps: &[Step<'_>]) -> Vec<(Packet, Vec<u8>)> {
    let mut sender = Sender::new(Config { commands: Commands::all(), ..Config::new(44_100) }, 0x1234);
    let send = |(time, commands): &Step<'_>| {
        for octets in *commands {
            sender.queue(*time, Command::decode(octets).unwrap().0).unwrap();
        }
        let mut payload = Vec::new();
        (sender.packet(*time, &mut payload), payload)
    };
    steps.iter().map(send).collect()
}

/// The payload of an empty packet behind one with `commands`.
fn behind(commands: &[&[u8]]) -> Vec<u8> {
    payloads(&[(0, commands), (10_000, &[])]).remove(1).1
}

#[test]
fn an_empty_first_packet_is_a_header_and_an_empty_journal() {
    let [(packet, payload)] = &payloads(&[(0, &[])])[..] else { panic!() };
    assert_eq!((&payload[..], packet.marker), (&[0x40, 0x80, 0x12, 0x34][..], false));
}

#[test]
fn a_note_is_fresh_then_old_then_released() {
    let on: &[u8] = &[0x90, 0x3C, 0x40];
    let off: &[u8] = &[0x80, 0x3C, 0x40];
    let sent = payloads(&[(0, &[on]), (0, &[]), (10_000, &[]), (20_000, &[off]), (20_000, &[])]);
    let octets: Vec<_> = sent.iter().map(|(_, payload)| payload.clone()).collect();
    assert_eq!(octets[0], [0x43, 0x90, 0x3C, 0x40, 0x80, 0x12, 0x34]);
    assert_eq!(octets[1], [0x40, 0x20, 0x12, 0x34, 0x00, 0x07, 0x08, 0x81, 0xF1, 0x3C, 0xC0]);
    assert_eq!(octets[2], [0x40, 0xA0, 0x12, 0x34, 0x80, 0x07, 0x08, 0x81, 0xF1, 0xBC, 0x40]);
    let list = [0x43, 0x80, 0x3C, 0x40];
    assert_eq!(octets[3], [&list[..], &[0xA0, 0x12, 0x34, 0x80, 0x07, 0x08, 0x81, 0xF1, 0xBC, 0x40]].concat());
    assert_eq!(octets[4], [0x40, 0x20, 0x12, 0x34, 0x00, 0x06, 0x08, 0x00, 0x77, 0x08]);
    let markers: Vec<_> = sent.iter().map(|(packet, _)| packet.marker).collect();
    assert_eq!(markers, [true, false, false, true, false]);
}

#[test]
fn every_channel_chapter_is_coded_as_derived() {
    let cases: &[(&[&[u8]], &[u8])] = &[
        (&[&[0xB0, 0, 1], &[0xB0, 32, 2], &[0xC0, 5]], &[0x00, 0x06, 0x80, 0x05, 0x81, 0x02]),
        (
            &[&[0xB0, 7, 100], &[0xB0, 64, 127], &[0xB0, 64, 0], &[0xB0, 64, 127], &[0xB0, 123, 0]],
            &[0x00, 0x0A, 0x40, 0x02, 0x07, 0x64, 0x40, 0x83, 0x7B, 0xC1],
        ),
        (&[&[0xB0, 101, 0], &[0xB0, 100, 0], &[0xB0, 6, 2]], &[0x00, 0x08, 0x20, 0x34, 0x05, 0x00, 0x82, 0x02]),
        (&[&[0xB0, 101, 0]], &[0x00, 0x06, 0x20, 0x40, 0x03, 0x00]),
        (&[&[0xE0, 0x12, 0x34]], &[0x00, 0x05, 0x10, 0x12, 0x34]),
        (&[&[0x80, 0x3C, 0x20]], &[0x00, 0x09, 0x0C, 0x00, 0x77, 0x08, 0x00, 0x3C, 0xA0]),
        (&[&[0xD0, 0x55], &[0xA0, 0x3C, 0x2A]], &[0x00, 0x07, 0x03, 0x55, 0x00, 0x3C, 0x2A]),
    ];
    for (commands, journal) in cases {
        assert_eq!(behind(commands), [&[0x40, 0x20, 0x12, 0x34][..], journal].concat(), "{commands:02X?}");
    }
}

#[test]
fn every_system_chapter_is_coded_as_derived() {
    let clocks = [&[0xFA][..], &[0xF8], &[0xF8], &[0xF8], &[0xF8], &[0xF8], &[0xF8], &[0xF8]];
    let series = [0x04, 0x10, 0x23, 0x30, 0x42, 0x50, 0x61, 0x72].map(|value| [0xF1, value]);
    let quarters: Vec<&[u8]> = series.iter().map(|octets| &octets[..]).collect();
    let cases: &[(&[&[u8]], &[u8])] = &[
        (&clocks, &[0x10, 0x05, 0x70, 0x00, 0x06]),
        (&quarters, &[0x08, 0x07, 0x57, 0x60, 0x30, 0x20, 0x12]),
        (&[&[0xFF]], &[0x40, 0x04, 0x40, 0x01]),
        (&[&[0xF4, 1, 2, 0xF7]], &[0x40, 0x07, 0x08, 0x28, 0x04, 0x01, 0x82]),
        (&[&[0xF9]], &[0x40, 0x05, 0x02, 0x42, 0x01]),
        (&[&[0xFE], &[0xFE]], &[0x20, 0x03, 0x02]),
        // With the list tool and COUNT.
        (&[&[0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7]], &[0x04, 0x08, 0x2F, 0x01, 0x7E, 0x7F, 0x09, 0x81]),
    ];
    for (commands, journal) in cases {
        assert_eq!(behind(commands), [&[0x40, 0x40, 0x12, 0x34][..], journal].concat(), "{commands:02X?}");
    }
}

#[test]
fn a_journal_of_system_and_channels_has_mixed_s_bits() {
    let older: &[&[u8]] = &[&[0xF6], &[0x89, 36, 64]];
    let sent = payloads(&[(0, older), (0, &[&[0xE0, 0x00, 0x50]]), (0, &[])]);
    let journal =
        [0x61, 0x12, 0x34, 0xC0, 0x04, 0xA0, 0x81, 0x00, 0x05, 0x10, 0x00, 0x50, 0xC8, 0x06, 0x08, 0x80, 0x44, 0x08];
    assert_eq!(sent[2].1, [&[0x40][..], &journal].concat());
}

#[test]
fn the_session_between_two_macs_is_understood_to_the_last_packet() {
    let lines = include_str!("data/apple-mac-to-mac.jsonl").lines();
    let field = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("\"{name}\": \""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let mut ends = [("A>B", Receiver::new(Config::new(10_000))), ("B>A", Receiver::new(Config::new(10_000)))];
    let mut notes = 0_i32;
    for line in lines {
        let (Some(direction), Some(hex)) = (field(line, "dir"), field(line, "hex")) else { continue };
        let octets: Vec<u8> =
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        if octets.starts_with(&[0xFF, 0xFF]) {
            continue;
        }
        let (sequence, timestamp) = (u16::from_be_bytes([octets[2], octets[3]]), &octets[4..8]);
        let timestamp = u32::from_be_bytes(timestamp.try_into().unwrap());
        let (_, receiver) = ends.iter_mut().find(|(end, _)| *end == direction).unwrap();
        let outcome = receiver.receive(Received { sequence, timestamp, payload: &octets[12..] }, |event| {
            let (_, voice) = event.command.voice().unwrap();
            notes += i32::from(voice.note_on().is_some()) - i32::from(voice.note_off().is_some());
        });
        assert!(matches!(outcome, Outcome::First { .. } | Outcome::InOrder), "{outcome:?}");
    }
    let stats = ends.map(|(_, receiver)| receiver.stats());
    assert_eq!(stats.iter().map(|stats| stats.packets).sum::<u64>(), 42);
    assert!(stats.iter().all(|stats| stats.malformed_lists + stats.malformed_payloads + stats.malformed_journals == 0));
    assert_eq!(notes, 0, "every note that began has ended");
}
