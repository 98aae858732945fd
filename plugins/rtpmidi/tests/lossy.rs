//! The promise of RFC 6295 at the elements: whatever is lost, the next packet that arrives sets everything right.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod rtp;

use std::collections::{BTreeMap, BTreeSet};

use rtp::*;

/// What a synthesiser knows: every setting by the octets that name it, and the notes that sound.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Synth {
    settings: BTreeMap<Vec<u8>, Vec<u8>>,
    sounding: BTreeSet<(u8, u8)>,
}

impl Synth {
    fn play(&mut self, octets: &[u8]) {
        let channel = octets[0] & 0x0F;
        match *octets {
            [0x90..=0x9F, key, 1..=127] => {
                self.sounding.insert((channel, key));
            }
            [0x80..=0x9F, key, _] => {
                self.sounding.remove(&(channel, key));
            }
            [0xB0..=0xBF, 120 | 123, _] => self.sounding.retain(|(other, _)| *other != channel),
            // The pressure of one key ends with its note.
            [0xB0..=0xBF, which, value] => {
                self.settings.insert(vec![octets[0], which], vec![value]);
            }
            [status @ 0xC0..=0xEF, ref value @ ..] => {
                self.settings.insert(vec![status], value.to_vec());
            }
            _ => {}
        }
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A message of `dice` on one of three channels: notes half of the time, no parameters or mode messages.
fn message(dice: &mut Dice) -> Vec<u8> {
    let channel = dice.roll(3) as u8;
    let (key, value) = (dice.roll(12) as u8 + 40, dice.roll(128) as u8);
    match dice.roll(12) {
        0..4 => vec![0x90 | channel, key, value.max(1)],
        4..7 => vec![0x80 | channel, key, value],
        7 => vec![0xB0 | channel, [1, 7, 10, 11, 64, 66, 74, 91][usize::from(key) % 8], value],
        8 => vec![0xC0 | channel, value],
        9 => vec![0xE0 | channel, value, key],
        10 => vec![0xD0 | channel, value],
        _ => vec![0xA0 | channel, key, value],
    }
}

/// Sends 600 messages; of the packets, `keep` says which arrive. The last one always does.
fn play(journal: &str, seed: u64, mut keep: impl FnMut(usize, &mut Dice) -> bool) {
    let mut dice = Dice(seed);
    let mut pay = pay(&[("journal", journal)]);
    for n in 0..600 {
        pay.push(buffer(ms(n * 7), &message(&mut dice))).unwrap();
    }
    pay.push_event(gst::event::Eos::new());
    let packets = sent(&mut pay);
    let name = if journal == "none" { "j_sec" } else { "j_update" };
    let mut depay = depay(&[], &format!("{RTP_CAPS},{name}={journal}"));
    let (mut sender, mut receiver) = (Synth::default(), Synth::default());
    let last = packets.len() - 1;
    let mut lost = 0;
    for (n, sent) in packets.into_iter().enumerate() {
        for octets in packet(&sent).octets() {
            sender.play(octets);
        }
        if n < last && !keep(n, &mut dice) {
            lost += 1;
            continue;
        }
        depay.push(sent).unwrap();
        for (_, octets) in messages(&mut depay) {
            receiver.play(&octets);
        }
        let hanging: Vec<_> = receiver.sounding.difference(&sender.sounding).collect();
        assert!(hanging.is_empty(), "{hanging:?} hang behind packet {n} (journal {journal}, seed {seed})");
    }
    assert!(lost > 0);
    assert_eq!(receiver.settings, sender.settings, "journal {journal}, seed {seed}");
}

#[test]
fn single_losses_and_bursts_leave_equal_settings_and_no_hanging_note() {
    let _watch = start();
    for journal in ["closed-loop", "anchor", "open-loop"] {
        for percent in [5, 20, 50] {
            for seed in 1..6 {
                play(journal, seed, |_, dice| dice.roll(100) >= percent);
                let mut burst = 0;
                play(journal, seed, move |_, dice| {
                    if burst == 0 && dice.roll(100) * 8 < percent {
                        burst = dice.roll(30) + 1;
                    }
                    let kept = burst == 0;
                    burst = burst.saturating_sub(1);
                    kept
                });
            }
        }
    }
}

#[test]
fn a_listener_who_misses_the_beginning_ends_equal() {
    let _watch = start();
    for journal in ["closed-loop", "anchor"] {
        for seed in 1..6 {
            play(journal, seed, |n, _| n >= 25);
        }
    }
}

#[test]
#[should_panic(expected = "journal none")]
fn without_a_journal_the_same_losses_do_harm() {
    let _watch = start();
    play("none", 1, |_, dice| dice.roll(100) >= 20);
}
