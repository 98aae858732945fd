//! Any octets as a Standard MIDI File.
#![no_main]

#[path = "../../crates/smf-timeline/tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| laws::reading_is_safe_and_stable(octets));
