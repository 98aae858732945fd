//! Any octets from any senders as raw multicast MIDI.
#![no_main]

#[path = "../../crates/ipmidi/tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| laws::whatever_comes_out_can_be_sent_again(octets));
