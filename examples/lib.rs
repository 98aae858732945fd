//! Small programs that show one thing each: `cargo run --example lossy_link`.
//!
//! Below stands the project's README, so that its example is compiled and run with the tests.
#![doc = include_str!("../README.md")]
