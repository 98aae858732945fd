//! Any octets as an APP packet with titles and texts.
#![no_main]

#[path = "../../crates/rtp-midi-metadata/tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| laws::a_packet_is_refused_or_means_what_is_written_of_it(octets));
