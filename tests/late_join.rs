//! Whoever tunes in to a broadcast at any moment, over a link that loses a fifth of the packets, is set as the sender is
//! from the first packet on, and no note hangs when the music ends or the server dies.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use kit::corpus::Piece;
use kit::listener::{self, Tally};
use kit::packets::{Loss, Packet, Recording};
use kit::random::Random;
use kit::smf::Event;
use kit::{corpus, pipeline, smf, song};
use rtp_midi::midi::Command;
use rtp_midi::{Config, Format, Journal, Policy, Received, Receiver, Repertoire};
use rtp_midi_sdp::Parameters;

const CLOCK_RATE: u32 = 44_100;

/// Packets of 10 ms, guard packets each second, lost notes played up to 100 ms late: what `rtpmidi broadcast` does.
const PACE: &str = "min-ptime=10000000 guardtime=1000000000 fresh=100000000";

/// Percent of the packets that get lost, in runs.
const LOSS: Loss = Loss::Bursts(20);

/// Listeners of each song, each from a moment of its own.
const MOMENTS: u64 = 20;

#[test]
fn listeners_of_random_songs_are_set_at_once() {
    let songs: Vec<_> =
        (100..105).map(|seed| Piece { name: format!("seed-{seed}"), file: song::random(seed) }).collect();
    assert!(tune_in(&songs) > 0, "nobody hears notes when the stream stops, so that nothing shows that they end");
}

#[test]
fn listeners_of_songs_by_others_are_set_at_once() {
    let mut songs = corpus::pieces();
    // What cannot be played is the business of another test; some have no music in them.
    songs.retain(|piece| smf::read(&piece.file).is_ok_and(|song| !song.events.is_empty()));
    if std::env::var_os("RTPMIDI_THOROUGH").is_none() {
        // All songs take minutes. These are from several places.
        let step = songs.len().div_ceil(3).max(1);
        songs = songs.into_iter().step_by(step).collect();
    }
    tune_in(&songs);
}

/// Lets listeners come to each song; tells for how many of them notes sounded when the stream stopped.
fn tune_in(songs: &[Piece]) -> usize {
    let songs: Vec<_> = songs.iter().zip(0..).collect();
    let outcomes = pipeline::spread(&songs, |(piece, index)| {
        broadcast(piece, *index).map_err(|why| format!("{}, {why}", piece.name))
    });
    let (mut total, mut cut_off, mut failures) = (Tally::default(), 0, Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok((tally, notes)) => {
                total += tally;
                cut_off += notes;
            }
            Err(why) => failures.push(why),
        }
    }
    let Tally { songs: listeners, packets, lost, compared } = total;
    println!(
        "{} songs, {listeners} listeners: {lost} of {packets} packets lost, {compared} comparisons; \
         {cut_off} listeners heard notes when they were cut off",
        songs.len()
    );
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    cut_off
}

/// What became of the listeners of one song, and for how many of them notes sounded when the stream stopped.
fn broadcast(piece: &Piece, index: u64) -> Result<(Tally, usize), String> {
    let events = smf::read(&piece.file).unwrap().events;
    let fmtp = Parameters::of(&scan(&events)).to_string();
    let sent = Recording::read(&pipeline::send(&piece.file, &format!("{PACE} fmtp=\"{fmtp}\""))?);
    let told = sent.packets.last().map_or(0, |packet| packet.told);
    if told != events.len() {
        return Err(format!("{told} of {} events are sent", events.len()));
    }
    let config = Parameters::parse(&fmtp).config(CLOCK_RATE, Format::Native).unwrap();
    let (mut total, mut sounding) = (Tally::default(), 0);
    for moment in 0..MOMENTS {
        let seed = MOMENTS * index + moment;
        let (tally, sounds) = listen(&events, &sent, &config, seed).map_err(|why| format!("seed {seed}: {why}"))?;
        total += tally;
        sounding += usize::from(sounds);
    }
    Ok((total, sounding))
}

/// The stream of a song, anchored, and without what the song does without.
fn scan(events: &[Event]) -> Config {
    let mut repertoire = Repertoire::default();
    for event in events {
        repertoire.observe(&Command::decode(&event.octets).unwrap().0);
    }
    let mut config =
        Config { commands: repertoire.commands(), chapters: repertoire.chapters(), ..Config::new(CLOCK_RATE) };
    config.set_journal(Journal::Recovery(Policy::Anchor));
    config
}

/// One listener, from a random packet on to the end, or until the server dies behind another one. Tells what was lost
/// since it came, and whether notes sounded when the stream stopped.
fn listen(events: &[Event], sent: &Recording, config: &Config, seed: u64) -> Result<(Tally, bool), String> {
    let mut random = Random::new(seed);
    let count = sent.packets.len();
    let comes = random.below(count as u64) as usize;
    let dies = if random.happens(50) { comes + 1 + random.below((count - comes) as u64) as usize } else { count };
    let mut arrives = LOSS.survivors(count, seed);
    arrives[..comes].fill(false);
    arrives[dies..].fill(false);

    let mut receiver = Receiver::new(config.clone());
    let hear = |packet: &Packet| {
        let mut heard = Vec::new();
        let received =
            Received { sequence: packet.sequence(), timestamp: packet.timestamp(), payload: packet.payload() };
        receiver.receive(received, |event| heard.push(octets(&event.command)));
        heard
    };
    let (mut tally, mut instrument) = listener::follow(events, sent, &arrives, hear, |_, _| ())?;
    tally.packets = dies - comes;
    tally.lost = tally.packets - tally.compared;

    let stats = receiver.stats();
    if stats.uncovered + stats.malformed_journals + stats.malformed_lists > 0 {
        return Err(format!("{stats:?}"));
    }
    let sounds = !instrument.is_silent();
    receiver.silence(0, |event| instrument.execute(&octets(&event.command)));
    if !instrument.is_silent() {
        return Err(format!("notes hang: {instrument:?}"));
    }
    Ok((tally, sounds))
}

fn octets(command: &Command<'_>) -> Vec<u8> {
    let mut octets = Vec::new();
    command.encode(&mut octets);
    octets
}
