//! `cargo xtask interop`: sessions with AppleMIDI peers by others.

use std::process::Command;

use anyhow::Result;

use crate::{packages, step};

/// Hold sessions with AppleMIDI peers by others (docs/interop.md), which it gets first
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Take the system packages as they are
    #[arg(long)]
    no_install: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.no_install {
        packages::install(&[packages::BUILD, packages::RUN, packages::TEST, packages::INTEROP])?;
    }
    step::run("tests/peers/install all", installer().arg("all"))?;
    let arguments = ["test", "--package", "rtpmidi-cli", "--test", "peers", "--test", "peers_pipewire"];
    step::run("cargo test --test peers --test peers_pipewire", &mut step::cargo(&arguments))
}

/// Gets the peers that are quick to get, once, into `target/peers`. Where that fails, those who want them say so and go
/// on without.
pub(crate) fn fetch() -> Result<()> {
    step::timed("tests/peers/install: AppleMIDI peers by others, from packages", || {
        if let Err(error) = step::succeed(&mut installer()) {
            println!("    {error:#}: what wants them will be skipped");
        }
        Ok(())
    })
}

fn installer() -> Command {
    Command::new(step::root().join("tests/peers/install"))
}
