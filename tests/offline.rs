//! A song that travels as a file of packets comes back with every event, in order, each within a tick of the RTP clock.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use kit::corpus::Piece;
use kit::{corpus, pipeline, sameness, smf, song};

#[test]
fn random_songs_come_back() {
    for (seeds, properties) in [
        (0..50, ""),
        (50..60, "max-ptime=0"),
        (60..70, "min-ptime=100000000 guardtime=500000000"),
        (70..80, "mtu=300"),
        (80..90, "journal=none"),
    ] {
        let songs: Vec<_> =
            seeds.map(|seed| Piece { name: format!("seed-{seed}"), file: song::random(seed) }).collect();
        assert_eq!(travel(&songs, properties), 0);
    }
}

#[test]
fn songs_by_others_come_back() {
    travel(&corpus::pieces(), "");
}

/// How many songs were refused.
fn travel(songs: &[Piece], properties: &str) -> usize {
    let (mut alike, mut events, mut refused, mut failures) = (0, 0, 0, Vec::new());
    let outcomes = pipeline::spread(songs, |piece| round_trip(&piece.file, properties));
    for (piece, outcome) in songs.iter().zip(outcomes) {
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

fn round_trip(file: &[u8], properties: &str) -> Result<Back, String> {
    let (was, sent) = match (smf::read(file), pipeline::send(file, properties)) {
        (Err(fault), sent) => return Ok(Back::Refused(format!("{fault}; {}", sent.err().unwrap_or_default()))),
        (Ok(song), sent) => (song.events, sent?),
    };
    let again = pipeline::record(&sent).file;
    let is = smf::read(&again).map_err(|fault| format!("came back as no song: {fault}"))?.events;
    sameness::compare(&was, &is)?;
    Ok(Back::Alike { events: was.len() })
}
