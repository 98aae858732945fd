//! An open loop behind a loss that its journal does not reach back to (RFC 6295, C.2.2.3, C.2.3).

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use rtp_midi::midi::Command;
use rtp_midi::{
    Chapters, Config, Inclusion, Journal, Letters, OPEN_LOOP_PACKETS, Policy, Received, Receiver, Selection, Sender,
};

fn config() -> Config {
    let mut config = Config::new(1000);
    config.set_journal(Journal::Recovery(Policy::OpenLoop));
    config
}

/// What a receiver gives out for the first packet behind a loss of `lost` packets, at whose start `commands` went out.
/// A note of another channel sounds all the while.
fn behind_a_loss(config: Config, commands: &[&[u8]], lost: u32) -> (Vec<Vec<u8>>, Receiver) {
    let (mut sender, mut receiver) = (Sender::new(config.clone(), 65_000), Receiver::new(config));
    let mut heard = Vec::new();
    for packet in 0..lost + 2 {
        let queued: &[&[u8]] = match packet {
            0 => &[&[0x95, 60, 100]],
            1 => commands,
            _ => &[],
        };
        for octets in queued {
            sender.queue(packet, Command::decode(octets).unwrap().0).unwrap();
        }
        let mut payload = Vec::new();
        let sent = sender.packet(packet, &mut payload);
        if packet == 0 || packet == lost + 1 {
            heard.clear();
            let received = Received { sequence: sent.sequence, timestamp: sent.timestamp, payload: &payload };
            receiver.receive(received, |event| {
                let mut octets = Vec::new();
                event.command.encode(&mut octets);
                heard.push(octets);
            });
        }
    }
    (heard, receiver)
}

const BEYOND: u32 = OPEN_LOOP_PACKETS + 10;
const SETTINGS: [&[u8]; 5] = [&[0xC0, 5], &[0xB0, 7, 90], &[0xE0, 1, 2], &[0xF3, 4], &[0xF0, 0x7D, 1, 0xF7]];

#[test]
fn settings_are_anchored_and_come_through_any_loss() {
    let (heard, receiver) = behind_a_loss(config(), &SETTINGS, BEYOND);
    for octets in SETTINGS {
        assert!(heard.iter().any(|heard| heard == octets), "{octets:02X?} in {heard:02X?}");
    }
    assert_eq!(receiver.stats().uncovered, 1);
}

#[test]
fn a_note_that_nothing_is_known_of_ends() {
    let (heard, receiver) = behind_a_loss(config(), &[], BEYOND);
    assert_eq!(heard, [[0x85, 60, 64]]);
    assert_eq!(receiver.sounding(), 0);
    let (heard, receiver) = behind_a_loss(config(), &[], 100);
    assert!(heard.is_empty() && receiver.sounding() == 1, "the journal reaches back");
}

#[test]
fn anchored_notes_go_on() {
    let mut config = config();
    config.chapters.assign(Inclusion::Anchor, &Selection::of(Letters::of("N")));
    let (heard, receiver) = behind_a_loss(config, &[&[0x95, 64, 1]], BEYOND);
    assert!(heard.is_empty(), "{heard:02X?}");
    assert_eq!(receiver.sounding(), 2, "the one that was lost is known and not played late");
}

#[test]
fn notes_that_no_journal_tells_of_end_behind_any_loss() {
    let mut config = config();
    config.chapters.assign(Inclusion::Never, &Selection::of(Letters::of("N")));
    let (heard, receiver) = behind_a_loss(config, &[], 1);
    assert_eq!((heard, receiver.sounding()), (vec![vec![0x85, 60, 64]], 0));
}

#[test]
fn rules_that_are_there_already_stay() {
    let mut config = Config::new(1000);
    config.chapters.assign(Inclusion::Never, &Selection::of(Letters::of("W")));
    config.set_journal(Journal::Recovery(Policy::OpenLoop));
    let (heard, _) = behind_a_loss(config.clone(), &SETTINGS, BEYOND);
    assert!(!heard.contains(&SETTINGS[2].to_vec()) && heard.contains(&SETTINGS[1].to_vec()));
    config.chapters = Chapters::default();
    config.set_journal(Journal::Recovery(Policy::Anchor));
    assert_eq!(config.chapters, Chapters::default());
}
