//! The elements and a real ALSA sequencer, with the tools of others at the other ends.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod devices;
mod kit;
mod launch;
mod ports;
mod sink;
mod source;
mod system;
#[path = "../../../../tests/vm/kit.rs"]
mod vm;

#[test]
fn the_elements_work_with_a_real_sequencer() {
    launch::prepare();
    vm::run_the_ignored_tests();
}
