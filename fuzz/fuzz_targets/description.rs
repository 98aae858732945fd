//! Any octets as a session description.
#![no_main]

#[path = "../../crates/rtp-midi-sdp/tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    laws::printing_is_stable(octets);
    laws::every_diagnostic_has_its_place(octets);
    laws::renderers_are_read_as_they_are_printed(octets);
    laws::offers_are_answered_or_refused_with_a_reason(octets);
});
