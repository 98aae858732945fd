//! Any text as a rule file of three languages.
#![no_main]

#[path = "../../crates/port-rules/tests/laws/mod.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let text = String::from_utf8_lossy(octets);
    laws::printing_is_stable(&text);
    laws::errors_have_their_place(&text);
    laws::deciding_is_final(&port_rules::Rules::parse(&text).rules, &laws::ports(), &[]);
});
