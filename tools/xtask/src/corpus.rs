//! Music by others: files that the tests and the benchmarks play.

use std::process::Command;

use anyhow::Result;

use crate::step;

/// Fetches it, once, into `target/corpus`. Where that fails, those who want it say so and go on without.
pub(crate) fn fetch() -> Result<()> {
    let script = step::root().join("tests/corpus");
    step::timed("tests/corpus: real files to play, from packages", || {
        if let Err(error) = step::succeed(&mut Command::new(script)) {
            println!("    {error:#}: what wants real files will be skipped");
        }
        Ok(())
    })
}
