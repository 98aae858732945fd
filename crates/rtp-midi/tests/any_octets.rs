//! The laws for any octets, on random ones and on damaged packets of a real stream.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod laws;

use proptest::prelude::*;
use rtp_midi::midi::Command;
use rtp_midi::{Config, Sender};

/// A stream of our own in the form that [`laws::any_packets_are_received`] takes.
fn stream(commands: &[(u8, u8, u8)]) -> Vec<u8> {
    let mut sender = Sender::new(Config::new(44_100), 0);
    let mut stream = Vec::new();
    for (time, (status, first, second)) in (0..).step_by(100).zip(commands) {
        let octets = [0x80 | status, first & 0x7F, second & 0x7F];
        sender.queue(time, Command::decode(&octets).unwrap().0).unwrap();
        let mut payload = Vec::new();
        sender.packet(time, &mut payload);
        payload.truncate(255);
        stream.extend([1 + second % 3, payload.len() as u8]);
        stream.extend(payload);
    }
    stream
}

proptest! {
    #[test]
    fn random_octets(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        laws::a_payload_reads_as_written(&octets);
        laws::a_payload_is_inspected_as_it_is_read(&octets);
        laws::any_packets_are_received(&octets);
        laws::any_packets_are_played(&octets);
    }

    #[test]
    fn damaged_packets(
        commands in prop::collection::vec((0..0x70_u8, any::<u8>(), any::<u8>()), 1..40),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut octets = stream(&commands);
        for (index, value) in damage {
            let index = index.index(octets.len());
            octets[index] = value;
        }
        laws::any_packets_are_received(&octets);
        laws::any_packets_are_played(&octets);
    }
}

#[test]
fn the_seeds_of_the_fuzzers_hold() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let seeds = |target: &str| {
        // A package of this crate alone has none.
        let files = std::fs::read_dir(folder.join(target)).into_iter().flatten();
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect::<Vec<_>>()
    };
    for octets in seeds("payload") {
        laws::a_payload_reads_as_written(&octets);
        laws::a_payload_is_inspected_as_it_is_read(&octets);
    }
    for octets in seeds("receiver") {
        laws::any_packets_are_received(&octets);
    }
    for octets in seeds("playout") {
        laws::any_packets_are_played(&octets);
    }
}
