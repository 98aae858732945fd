//! Any octets as packets of several sources, at any times.
#![no_main]

#[path = "../../crates/rtp-midi/tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| laws::any_packets_are_played(octets));
