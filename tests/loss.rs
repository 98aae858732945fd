//! However many packets a link loses, a listener is set as the sender is, and no note sounds on that has ended there.
//!
//! The judge is a model instrument at each end: one gets the song as its file has it, up to the end of the packet that
//! arrives; the other gets what the listener makes of the packets that arrived. They are compared behind each of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::ops::AddAssign;

use kit::corpus::Piece;
use kit::packets::{Loss, Recording};
use kit::smf::Event;
use kit::synth::{self, Settings, Synth};
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
    for (journal, seeds) in [("closed-loop", 0..30), ("anchor", 30..45), ("open-loop", 45..60)] {
        let songs: Vec<_> =
            seeds.map(|seed| Piece { name: format!("seed-{seed}"), file: song::random(seed) }).collect();
        follow(&songs, journal, LOSSES.len());
    }
}

#[test]
fn songs_by_others_are_repaired() {
    let mut songs = corpus::pieces();
    // What cannot be played is the business of another test.
    songs.retain(|piece| smf::read(&piece.file).is_ok());
    // All losses take minutes.
    let thorough = std::env::var_os("RTPMIDI_THOROUGH").is_some();
    follow(&songs, "closed-loop", if thorough { LOSSES.len() } else { 2 });
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    songs: usize,
    packets: usize,
    lost: usize,
    compared: usize,
    /// Packets behind a lost command that resets the instrument, which journals do not tell of.
    restricted: usize,
}

/// Each song with so many of the losses, in turn.
fn follow(songs: &[Piece], journal: &str, losses: usize) {
    let songs: Vec<_> = songs.iter().enumerate().collect();
    let outcomes = pipeline::spread(&songs, |(index, piece)| {
        follow_one(piece, journal, (0..losses).map(|count| (index * losses + count) % LOSSES.len()))
    });
    let (mut totals, mut failures) = ([Tally::default(); LOSSES.len()], Vec::new());
    for (loss, outcome) in outcomes.into_iter().flatten() {
        match outcome {
            Ok(tally) => totals[loss] += tally,
            Err(why) => failures.push(why),
        }
    }
    for (loss, Tally { songs, packets, lost, compared, restricted }) in LOSSES.iter().zip(totals) {
        println!(
            "{journal}, {songs} songs, {loss:?}: {lost} of {packets} packets lost, {compared} comparisons, \
             {restricted} more left out behind a lost reset"
        );
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// What became of each of the losses.
fn follow_one(
    piece: &Piece,
    journal: &str,
    losses: impl Iterator<Item = usize>,
) -> Vec<(usize, Result<Tally, String>)> {
    let events = smf::read(&piece.file).unwrap().events;
    let sent = pipeline::send(&piece.file, &format!("journal={journal}"));
    let sent = Recording::read(&sent.unwrap_or_else(|error| panic!("{}: {error}", piece.name)));
    assert_eq!(sent.packets.last().map_or(0, |packet| packet.told), events.len(), "{}", piece.name);
    let listen = |loss: usize| {
        let arrives = LOSSES[loss].survivors(sent.packets.len(), loss as u64);
        let outcome = compare(&events, &sent, &arrives);
        (loss, outcome.map_err(|why| format!("{}, {:?}: {why}", piece.name, LOSSES[loss])))
    };
    losses.map(listen).collect()
}

fn compare(events: &[Event], sent: &Recording, arrives: &[bool]) -> Result<Tally, String> {
    let heard = pipeline::record(&sent.write(arrives));
    let mut behind_packets = heard.behind_packets.iter();
    let (mut there, mut here) = (Synth::default(), Synth::default());
    let (mut told, mut knows_resets) = (0, true);
    let mut tally = Tally { songs: 1, ..Tally::default() };
    for (number, (packet, arrives)) in sent.packets.iter().zip(arrives).enumerate() {
        let news = &events[told..packet.told];
        for event in news {
            there.execute(&event.octets);
        }
        told = packet.told;
        if news.iter().any(|event| synth::resets(&event.octets)) {
            // An instrument that has heard nothing yet needs no reset.
            knows_resets = *arrives || here.channels.is_empty();
        }
        tally.packets += 1;
        if !arrives {
            tally.lost += 1;
            continue;
        }
        behind_packets.next().unwrap().iter().for_each(|message| here.execute(message));
        if knows_resets {
            tally.compared += 1;
            agree(&there, &here).map_err(|why| format!("behind packet {number}: {why}"))?;
        } else {
            tally.restricted += 1;
        }
    }
    recorded(&heard, &here, arrives)?;
    Ok(tally)
}

/// Whether the instruments are set alike, and nothing sounds here that does not sound there.
fn agree(there: &Synth, here: &Synth) -> Result<(), String> {
    for (channel, there) in &there.channels {
        let mut there = there.settings.clone();
        let mut here = here.channels.get(channel).map_or_else(Settings::default, |here| here.settings.clone());
        if !there.controllers.contains_key(&0) {
            // Chapter P knows no bank without CC 0 (A.2), so that nobody can tell to which of several programs a CC 32
            // alone belongs.
            for program in [&mut there.program, &mut here.program].into_iter().flatten() {
                program.1 = (0, 0);
            }
        }
        if here != there {
            return Err(format!("channel {channel} is set\n  {here:?}, but sent was\n  {there:?}"));
        }
    }
    for (channel, here) in &here.channels {
        let there = there.channels.get(channel).cloned().unwrap_or_default();
        if !here.sounding.is_subset(&there.sounding) {
            return Err(format!("channel {channel}: {:?} sound on", &here.sounding - &there.sounding));
        }
    }
    Ok(())
}

/// Whether the recording holds what was heard, and then ends every note.
fn recorded(heard: &pipeline::Heard, here: &Synth, arrives: &[bool]) -> Result<(), String> {
    if !arrives.contains(&true) {
        return Ok(());
    }
    let file = smf::read(&heard.file).map_err(|fault| format!("recorded as no song: {fault}"))?;
    let messages: Vec<_> = heard.behind_packets.concat();
    let mut recorded = file.events.iter().map(|event| &event.octets);
    if !messages.iter().eq(recorded.by_ref().take(messages.len())) {
        return Err("recorded is not what was heard".to_owned());
    }
    let mut end = here.clone();
    recorded.for_each(|message| end.execute(message));
    for (channel, end) in &end.channels {
        if !end.sounding.is_empty() {
            return Err(format!("channel {channel}: {:?} never end", end.sounding));
        }
        if end.settings != here.channels.get(channel).cloned().unwrap_or_default().settings {
            return Err(format!("channel {channel}: the end changes settings"));
        }
    }
    Ok(())
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.songs += other.songs;
        self.packets += other.packets;
        self.lost += other.lost;
        self.compared += other.compared;
        self.restricted += other.restricted;
    }
}
