//! Any octets as the datagrams of strangers to a session.
#![no_main]

#[path = "../../crates/applemidi/tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| laws::any_datagrams_are_borne(octets));
