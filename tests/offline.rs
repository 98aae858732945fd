//! A song that travels as a file of packets comes back with every event, in order, each within a tick of the RTP clock.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::collections::BTreeSet;

use kit::corpus::Piece;
use kit::{corpus, pipeline, smf, song};

/// One tick of 44100 Hz in nanoseconds, rounded up.
const TICK: u64 = 22_676;

#[test]
fn random_songs_come_back() {
    let songs: Vec<_> = (0..60).map(|seed| Piece { name: format!("seed-{seed}"), file: song::random(seed) }).collect();
    assert_eq!(travel(&songs), 0);
}

#[test]
fn songs_by_others_come_back() {
    travel(&corpus::pieces());
}

/// How many songs were refused.
fn travel(songs: &[Piece]) -> usize {
    let (mut alike, mut events, mut refused, mut failures) = (0, 0, 0, Vec::new());
    for (piece, outcome) in songs.iter().zip(pipeline::spread(songs, |piece| round_trip(&piece.file))) {
        match outcome {
            Ok(Back::Alike { events: count }) => {
                alike += 1;
                events += count;
            }
            Ok(Back::Refused(why)) => {
                println!("refused: {}: {why}", piece.name);
                refused += 1;
            }
            Err(why) => failures.push(format!("{}: {why}", piece.name)),
        }
    }
    println!("{alike} of {} songs came back, {events} events; {refused} refused", songs.len());
    assert!(failures.is_empty(), "{} do not:\n{}", failures.len(), failures.join("\n"));
    refused
}

enum Back {
    Alike {
        events: usize,
    },
    /// No file to be played, in the eyes of the plain reader as well.
    Refused(String),
}

fn round_trip(file: &[u8]) -> Result<Back, String> {
    let (was, sent) = match (smf::read(file), pipeline::send(file, "")) {
        (Err(fault), sent) => return Ok(Back::Refused(format!("{fault}; {}", sent.err().unwrap_or_default()))),
        (Ok(song), sent) => (song.events, sent?),
    };
    let again = pipeline::record(&sent).file;
    let is = smf::read(&again).map_err(|fault| format!("came back as no song: {fault}"))?.events;
    compare(&was, &is)?;
    Ok(Back::Alike { events: was.len() })
}

fn compare(was: &[smf::Event], is: &[smf::Event]) -> Result<(), String> {
    for (index, (was, is)) in was.iter().zip(is).enumerate() {
        if was.octets != is.octets {
            return Err(format!("event {index} at {} ns was {:02X?} and is {:02X?}", was.time, was.octets, is.octets));
        }
        if was.time.abs_diff(is.time) > TICK {
            return Err(format!("event {index}, {:02X?}, was at {} ns and is at {} ns", was.octets, was.time, is.time));
        }
    }
    let Some(gained) = is.get(was.len()..) else {
        return Err(format!("{} of {} events", is.len(), was.len()));
    };
    let ended: BTreeSet<_> = gained.iter().map(|event| (event.octets[0], event.octets.get(1).copied())).collect();
    let open: BTreeSet<_> = open_notes(was).into_iter().map(|(channel, note)| (0x80 | channel, Some(note))).collect();
    if ended == open && gained.len() == open.len() {
        Ok(())
    } else {
        Err(format!("{open:?} are open, {ended:?} ended"))
    }
}

/// Notes whose last command was a NoteOn.
fn open_notes(events: &[smf::Event]) -> BTreeSet<(u8, u8)> {
    let mut open = BTreeSet::new();
    for event in events {
        match event.octets[..] {
            [status @ 0x90..=0x9F, note, 1..=127] => drop(open.insert((status & 0xF, note))),
            [status @ 0x80..=0x9F, note, _] => drop(open.remove(&(status & 0xF, note))),
            _ => {}
        }
    }
    open
}
