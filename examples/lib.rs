//! Small programs that show one thing each: `cargo run --example lossy_link`.
