//! What holds for any octets: every octet is shown, and the inspector finds wrong what the decoders find wrong.

use std::mem::{Discriminant, discriminant};

use proptest::prelude::*;

use super::inspect;
use crate::error::Error;
use crate::journal::Section;
use crate::midi::{Command, Status};
use crate::payload::{Payload, Reader, Writer};
use crate::{Config, Sender};

/// What the decoders say of a payload. How much is missing where something is cut off depends on how large the pieces
/// are that one looks at; that it is cut off does not.
fn errors(octets: &[u8]) -> Vec<Discriminant<Error>> {
    let payload = match Payload::decode(octets) {
        Ok(payload) => payload,
        Err(error) => return vec![discriminant(&error)],
    };
    let mut errors: Vec<Error> = payload.commands(0).filter_map(Result::err).collect();
    match payload.journal.map(Section::decode) {
        None if payload.trailing > 0 => errors.push(Error::Trailing { found: payload.trailing }),
        None => {}
        Some(Err(error)) => errors.push(error),
        Some(Ok(journal)) => {
            errors.extend(journal.system().and_then(Result::err));
            errors.extend(journal.channels().filter_map(Result::err));
        }
    }
    errors.iter().map(discriminant).collect()
}

fn holds(octets: &[u8]) {
    let found = inspect(octets, 7);
    let defects: Vec<_> = found.defects.iter().map(|defect| discriminant(&defect.error)).collect();
    assert_eq!(defects, errors(octets), "{:?} of {octets:02x?}", found.defects);
    assert!(found.defects.iter().all(|defect| defect.at <= octets.len()));

    let mut shown = vec![false; octets.len()];
    let mut fields = 0;
    for (_, field) in found.walk() {
        fields += 1;
        assert!(field.children.iter().all(|child| child.octets.end <= field.octets.end), "{field:?}");
        if field.children.is_empty() {
            shown[field.octets.clone()].fill(true);
        }
    }
    assert!(shown.iter().all(|shown| *shown), "{shown:?} of {octets:02x?}: {found:#?}");
    assert!(fields <= 6 * octets.len() + 8, "{fields} fields of {} octets", octets.len());

    if let Ok(payload) = Payload::decode(octets) {
        let timed: Vec<_> = payload.commands(7).map_while(Result::ok).collect();
        assert_eq!(found.commands.iter().map(|placed| placed.timed).collect::<Vec<_>>(), timed);
        for placed in &found.commands {
            // Without a status octet of its own it says the same to a reader that still has that of the one before.
            let octets = &octets[placed.octets.clone()];
            if octets[0] & 0x80 != 0 {
                let alone = Reader::new(octets, placed.timed.time, false).next();
                assert_eq!(alone, Some(Ok(placed.timed)));
            }
        }
    }
}

/// Packets of one of our own senders.
fn stream(commands: &[(u8, u8, u8)]) -> Vec<Vec<u8>> {
    let mut sender = Sender::new(Config::new(44_100), 0);
    let mut payloads = Vec::new();
    for (time, (status, first, second)) in (0..).step_by(100).zip(commands) {
        let (first, second) = (first & 0x7F, second & 0x7F);
        let octets = match 0x80 | status {
            0xF0 | 0xF7 => vec![0xF0, 0x7E, first, second, 0xF7],
            0xF4 => vec![0xF4, first, 0xF7],
            0xF5 => vec![0xF5, 0xF7],
            status => vec![status, first, second],
        };
        sender.queue(time, Command::decode(&octets).unwrap().0).unwrap();
        let mut payload = Vec::new();
        sender.packet(time, &mut payload);
        payloads.push(payload);
    }
    payloads
}

proptest! {
    #[test]
    fn of_any_octets(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        holds(&octets);
    }

    #[test]
    fn of_any_journal(octets in prop::collection::vec(any::<u8>(), 0..100), system: bool) {
        let mut payload = vec![0x40, if system { 0x60 } else { 0x23 }, 0, 1];
        payload.extend(octets);
        holds(&payload);
    }

    #[test]
    fn of_damaged_packets(
        commands in prop::collection::vec((0..0x80_u8, any::<u8>(), any::<u8>()), 1..30),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..9),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut payloads = stream(&commands);
        for payload in &payloads {
            holds(payload);
        }
        prop_assert!(payloads.iter().all(|payload| inspect(payload, 0).defects.is_empty()));
        for (packet, index, value) in damage {
            let packet = packet.index(payloads.len());
            let payload = &mut payloads[packet];
            let index = index.index(payload.len());
            payload[index] = value;
            holds(payload);
            holds(&payload[..cut.index(payload.len())]);
        }
    }
}

#[test]
fn the_largest_payload_is_bounded_work() {
    let mut writer = Writer::default();
    let (clock, _) = Command::decode(&[0xF8]).unwrap();
    while writer.push(0, clock, Status::Given, Writer::MAX) {}
    let mut payload = vec![0xCF, writer.octets().len() as u8];
    payload[0] |= (writer.octets().len() >> 8) as u8;
    payload.extend(writer.octets());
    payload.extend([0x2F, 0, 1]);
    payload.resize(65_500, 0x08);
    holds(&payload);
}
