//! Any octets as an RTP payload.
#![no_main]

#[path = "../../crates/rtp-midi/tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    laws::a_payload_reads_as_written(octets);
    laws::a_payload_is_inspected_as_it_is_read(octets);
});
