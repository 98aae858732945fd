//! However many packets a link loses, a listener is set as the sender is, and no note sounds on that has ended there.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use kit::corpus::Piece;
use kit::listener::{self, Tally};
use kit::packets::{Loss, Recording};
use kit::{corpus, pipeline, smf, song};

const LOSSES: [Loss; 7] = [
    Loss::First(25),
    Loss::Single(5),
    Loss::Single(20),
    Loss::Single(50),
    Loss::Bursts(5),
    Loss::Bursts(20),
    Loss::Bursts(50),
];

#[test]
fn random_songs_are_repaired() {
    for (seeds, properties) in [
        (0..20, "journal=closed-loop"),
        (20..30, "journal=anchor"),
        (30..40, "journal=open-loop"),
        (40..45, "max-ptime=0"),
        (45..50, "min-ptime=100000000 guardtime=500000000"),
        (50..55, "mtu=300"),
    ] {
        let songs: Vec<_> =
            seeds.map(|seed| Piece { name: format!("seed-{seed}"), file: song::random(seed) }).collect();
        follow(&songs, properties, LOSSES.len());
    }
}

#[test]
fn songs_by_others_are_repaired() {
    let mut songs = corpus::pieces();
    // What cannot be played is the business of another test.
    songs.retain(|piece| smf::read(&piece.file).is_ok());
    // All losses take minutes.
    let thorough = std::env::var_os("RTPMIDI_THOROUGH").is_some();
    follow(&songs, "", if thorough { LOSSES.len() } else { 3 });
}

/// Each song with so many of the losses, in turn.
fn follow(songs: &[Piece], properties: &str, losses: usize) {
    let songs: Vec<_> = songs.iter().enumerate().collect();
    let outcomes = pipeline::spread(&songs, |(index, piece)| {
        follow_one(piece, properties, (0..losses).map(|count| (index * losses + count) % LOSSES.len()))
    });
    let (mut totals, mut failures) = ([Tally::default(); LOSSES.len()], Vec::new());
    for (loss, outcome) in outcomes.into_iter().flatten() {
        match outcome {
            Ok(tally) => totals[loss] += tally,
            Err(why) => failures.push(why),
        }
    }
    for (loss, Tally { songs, packets, lost, compared }) in LOSSES.iter().zip(totals) {
        println!("{properties}: {songs} songs, {loss:?}: {lost} of {packets} packets lost, {compared} comparisons");
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// What became of each of the losses.
fn follow_one(
    piece: &Piece,
    properties: &str,
    losses: impl Iterator<Item = usize>,
) -> Vec<(usize, Result<Tally, String>)> {
    let events = smf::read(&piece.file).unwrap().events;
    let sent = pipeline::send(&piece.file, properties);
    let sent = Recording::read(&sent.unwrap_or_else(|error| panic!("{}: {error}", piece.name)));
    assert_eq!(sent.packets.last().map_or(0, |packet| packet.told), events.len(), "{}", piece.name);
    let listen = |loss: usize| {
        let arrives = LOSSES[loss].survivors(sent.packets.len(), loss as u64);
        let heard = pipeline::record(&sent.write(&arrives));
        let outcome = listener::compare(&events, &sent, &arrives, &heard, |_, _| ());
        (loss, outcome.map_err(|why| format!("{}, {:?}: {why}", piece.name, LOSSES[loss])))
    };
    losses.map(listen).collect()
}
