//! However many packets a link loses, a listener is set as the sender is, and no note sounds on that has ended there.
//!
//! The judge is a model instrument at each end: one gets the song as its file has it, up to the end of the packet that
//! arrives; the other gets what the listener makes of the packets that arrived. They are compared behind each of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use std::collections::BTreeSet;
use std::ops::AddAssign;

use kit::corpus::Piece;
use kit::packets::{Loss, Recording};
use kit::smf::Event;
use kit::synth::{Settings, Synth};
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

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    songs: usize,
    packets: usize,
    lost: usize,
    compared: usize,
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
        let outcome = compare(&events, &sent, &arrives);
        (loss, outcome.map_err(|why| format!("{}, {:?}: {why}", piece.name, LOSSES[loss])))
    };
    losses.map(listen).collect()
}

fn compare(events: &[Event], sent: &Recording, arrives: &[bool]) -> Result<Tally, String> {
    let heard = pipeline::record(&sent.write(arrives));
    let mut behind_packets = heard.behind_packets.iter();
    let (mut there, mut here) = (Instrument::default(), Instrument::default());
    let mut told = 0;
    let mut tally = Tally { songs: 1, ..Tally::default() };
    for (number, (packet, arrives)) in sent.packets.iter().zip(arrives).enumerate() {
        let news = &events[told..packet.told];
        for event in news {
            there.execute(&event.octets);
        }
        told = packet.told;
        tally.packets += 1;
        if !arrives {
            tally.lost += 1;
            continue;
        }
        behind_packets.next().unwrap().iter().for_each(|message| here.execute(message));
        tally.compared += 1;
        agree(&there, &here).map_err(|why| format!("behind packet {number}: {why}"))?;
    }
    recorded(&heard, &here, arrives)?;
    Ok(tally)
}

/// A model instrument, and the notes whose last command was a NoteOn even if an All Notes Off has silenced them: some
/// instruments heed none.
#[derive(Clone, Debug, Default)]
struct Instrument {
    synth: Synth,
    struck: BTreeSet<(u8, u8)>,
    /// Channels on which no CC 0 came before the latest Program Change.
    without_bank: BTreeSet<u8>,
}

impl Instrument {
    fn execute(&mut self, message: &[u8]) {
        match *message {
            [status @ 0x90..=0x9F, note, 1..=127] => drop(self.struck.insert((status & 0xF, note))),
            [status @ 0x80..=0x9F, note, _] => drop(self.struck.remove(&(status & 0xF, note))),
            [status @ 0xC0..=0xCF, _] => {
                let channel = status & 0xF;
                let settings = self.synth.channels.get(&channel).map(|channel| &channel.settings);
                if settings.is_some_and(|settings| settings.controllers.contains_key(&0)) {
                    self.without_bank.remove(&channel);
                } else {
                    self.without_bank.insert(channel);
                }
            }
            _ => {}
        }
        self.synth.execute(message);
    }
}

/// Whether the instruments are set alike, and nothing sounds here that does not sound there.
fn agree(there: &Instrument, here: &Instrument) -> Result<(), String> {
    for (channel, sent) in &there.synth.channels {
        let mut sent = sent.settings.clone();
        let mut heard = here.synth.channels.get(channel).map_or_else(Settings::default, |heard| heard.settings.clone());
        if there.without_bank.contains(channel) {
            // Chapter P tells no bank then (A.2), so that nobody knows to which of several programs a CC 32 belongs.
            for program in [&mut sent.program, &mut heard.program].into_iter().flatten() {
                program.1 = (0, 0);
            }
        }
        if heard != sent {
            return Err(format!("channel {channel} is set\n  {heard:?}, but sent was\n  {sent:?}"));
        }
    }
    if !here.struck.is_subset(&there.struck) {
        return Err(format!("{:?} get no NoteOff", &here.struck - &there.struck));
    }
    for (channel, here) in &here.synth.channels {
        let there = there.synth.channels.get(channel).cloned().unwrap_or_default();
        if !here.sounding.is_subset(&there.sounding) {
            return Err(format!("channel {channel}: {:?} sound on", &here.sounding - &there.sounding));
        }
    }
    Ok(())
}

/// Whether the recording holds what was heard, and then ends every note.
fn recorded(heard: &pipeline::Heard, here: &Instrument, arrives: &[bool]) -> Result<(), String> {
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
    if !end.struck.is_empty() {
        return Err(format!("{:?} never end", end.struck));
    }
    for (channel, end) in &end.synth.channels {
        if end.settings != here.synth.channels.get(channel).cloned().unwrap_or_default().settings {
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
    }
}
