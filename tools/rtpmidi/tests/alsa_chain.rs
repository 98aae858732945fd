//! What is played to one port of the ALSA sequencer comes out of another, with a network between them: state, System
//! Exclusives, and time.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod chain;
mod kit;
#[path = "../../../crates/rtp-midi/tests/random/mod.rs"]
mod random;
mod sequencer;
#[path = "../../../crates/rtp-midi/tests/synth/mod.rs"]
mod synth;
#[path = "../../../tests/vm/kit.rs"]
mod vm;

use std::collections::HashMap;

use chain::{Timed, carry};
use synth::Synth;

#[test]
fn a_network_between_two_sequencers() {
    vm::run_the_ignored_tests_in_virtual_time();
}

const MS: u64 = 1_000_000;

/// Milliseconds of a phrase with the rest behind it, which is longer than half of that.
const BAR: u64 = 2500;
const BARS: u8 = 6;

/// Six phrases with rests between them, most of their messages unlike any other. A note sounds through all rests.
fn music() -> Vec<(u64, Vec<u8>)> {
    let mut music = vec![(0, vec![0x9F, 36, 1])];
    for phrase in 0..BARS {
        for step in 0..100_u8 {
            let (time, channel) = (u64::from(phrase) * BAR + 20 + u64::from(step) * 10, step % 15);
            let (value, note) = (1 + (u32::from(phrase) * 100 + u32::from(step)) as u8 % 127, 36 + step / 2 + phrase);
            let status = |kind: u8| kind << 4 | channel;
            let messages: Vec<(u64, Vec<u8>)> = match step % 10 {
                0 => vec![(0, vec![status(0xC), value])],
                1 => vec![(0, vec![status(0xB), [7, 10, 11, 1, 74, 91][usize::from(phrase)], value])],
                2 => vec![(0, vec![status(0xE), value, step])],
                3 => vec![(0, vec![status(0xD), value])],
                // The bend range of another channel each time, all in one moment.
                4 => [[101, 0], [100, 0], [6, value], [38, 0]].map(|[n, v]| (0, vec![status(0xB), n, v])).into(),
                5 => vec![(0, vec![0xF0, 0x7D, phrase, step, value, 0xF7])],
                6 => vec![(0, vec![status(0xB), 64, 127]), (15, vec![status(0xB), 64, 0])],
                7 => vec![(0, vec![status(0xA), note, value])],
                _ => vec![(0, vec![status(0x9), note, value]), (25, vec![status(0x8), note, value])],
            };
            music.extend(messages.into_iter().map(|(later, octets)| (time + later, octets)));
        }
    }
    music.push((u64::from(BARS) * BAR, vec![0x8F, 36, 64]));
    music.sort_by_key(|(time, _)| *time);
    music
}

/// When each message was played; `None` for those that were more than once.
fn times(messages: &[Timed]) -> HashMap<&[u8], Option<u64>> {
    let mut times = HashMap::new();
    for (time, octets) in messages {
        times.entry(&octets[..]).and_modify(|time| *time = None).or_insert(Some(*time));
    }
    times
}

/// An instrument that has been played until `time`.
fn played(messages: &[Timed], time: u64) -> Synth {
    let mut synth = Synth::default();
    messages.iter().take_while(|(at, _)| *at <= time).for_each(|(_, octets)| synth.execute(octets));
    synth
}

fn exclusives(messages: &[Timed]) -> Vec<&[u8]> {
    messages.iter().filter(|(_, octets)| octets[0] == 0xF0).map(|(_, octets)| &octets[..]).collect()
}

fn in_nanoseconds(messages: Vec<(u64, Vec<u8>)>) -> Vec<Timed> {
    messages.into_iter().map(|(millisecond, octets)| (millisecond * MS, octets)).collect()
}

/// How far the delays of messages are from the one in their middle, which comes first: the least, and the greatest.
fn spread(mut delays: Vec<u64>) -> (u64, u64, u64) {
    delays.sort_unstable();
    let (least, middle, greatest) = (delays[0], delays[delays.len() / 2], delays[delays.len() - 1]);
    let (early, late) = (middle - least, greatest - middle);
    println!("{} messages, up to {} us early and {} us late", delays.len(), early / 1000, late / 1000);
    (middle, early, late)
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_fifth_of_the_packets_is_lost_yet_the_state_is_equal_system_exclusives_are_whole_and_what_comes_is_in_time() {
    let music = music();
    let outcome = carry(&music, 20);
    assert!(outcome.lost > outcome.packets / 6, "{} of {} packets lost", outcome.lost, outcome.packets);
    let (music, recorded) = (in_nanoseconds(music), outcome.recorded);
    let (sent, heard) = (times(&music), times(&recorded));
    let delay = |octets: &Vec<u8>| {
        let sent = (*sent.get(&octets[..])?)?;
        let heard = heard.get(&octets[..]).copied().flatten();
        Some(heard.unwrap_or_else(|| panic!("{octets:02X?} came and was not heard, or twice")) - sent)
    };
    let delays: Vec<u64> = outcome.carried.iter().filter_map(delay).collect();
    assert!(delays.len() > 400, "{} messages came", delays.len());
    let (delay, early, late) = spread(delays);
    assert!(early <= 2 * MS && late <= 2 * MS);
    assert_eq!(exclusives(&recorded), exclusives(&music));
    for bar in 1..=u64::from(BARS) {
        // Where the next phrase is about to begin.
        let time = bar * BAR * MS - MS;
        let (there, here) = (played(&music, time), played(&recorded, time + delay));
        for (channel, there) in &there.channels {
            let here = here.channels.get(channel).cloned().unwrap_or_default();
            assert_eq!(here.settings, there.settings, "channel {channel} in bar {bar}");
            assert!(here.sounding.is_subset(&there.sounding), "{:?} sound on in bar {bar}", here.sounding);
            assert!(here.sustained.is_empty(), "{:?} are held in bar {bar}", here.sustained);
        }
    }
    let end = played(&recorded, u64::MAX);
    assert!(end.channels.values().all(|channel| channel.sounding.is_empty()));
    println!("{} of {} packets lost", outcome.lost, outcome.packets);
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn five_thousand_events_a_second_pass_and_none_is_lost() {
    let seconds = if std::env::var_os("RTPMIDI_THOROUGH").is_some() { 60 } else { 2 };
    // Wheels, of which the journal has the latest alone: that of a thousand controllers is longer than a packet.
    let event = |n: u64| (n / 5, vec![0xE0 | (n >> 14 & 0xF) as u8, (n & 0x7F) as u8, (n >> 7 & 0x7F) as u8]);
    let music: Vec<_> = (0..seconds * 5000).map(event).collect();
    let outcome = carry(&music, 0);
    let (music, recorded) = (in_nanoseconds(music), outcome.recorded);
    assert_eq!(recorded.len(), music.len());
    assert!(recorded.iter().zip(&music).all(|((_, recorded), (_, sent))| recorded == sent));
    spread(recorded.iter().zip(&music).map(|((heard, _), (sent, _))| heard - sent).collect());
}

#[test]
#[ignore = "needs an ALSA sequencer"]
fn a_system_exclusive_of_a_hundred_thousand_octets_passes_whole() {
    let dump = [&[0xF0, 0x7D][..], &(0..100_000_u32).map(|n| (n % 127) as u8).collect::<Vec<_>>(), &[0xF7]].concat();
    // A cable carries it in 32 s: one to us, and one from us, which carries on when all else has ended.
    let outcome = carry(&[(0, vec![0x90, 60, 1]), (100, dump.clone()), (40_000, vec![0x80, 60, 64])], 0);
    let recorded: Vec<&[u8]> = outcome.recorded.iter().map(|(_, octets)| &octets[..]).collect();
    let lengths: Vec<usize> = recorded.iter().map(|octets| octets.len()).collect();
    assert!(recorded == [&[0x90, 60, 1], &dump[..], &[0x80, 60, 64]], "messages of {lengths:?} octets");
}
