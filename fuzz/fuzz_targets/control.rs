//! Any octets as what is said to a bridge: lines of its control, requests for its metrics, and names of its ports.
#![no_main]

#[path = "../../crates/bridge-control/tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    laws::a_line_is_understood_or_refused(octets);
    laws::a_request_is_answered(octets);
    let names: Vec<String> = String::from_utf8_lossy(octets).split('\0').map(str::to_owned).collect();
    laws::metrics_are_well_formed(&names);
});
