//! `cargo xtask bench`: the protocol's speed and size.

use anyhow::Result;

use crate::{corpus, step};

/// Measure speed and size
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only the benchmarks whose name contains this
    filter: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut arguments = vec!["bench", "--package", "rtp-midi"];
    if let Some(filter) = &options.filter {
        arguments.extend(["--", filter]);
    }
    corpus::fetch()?;
    step::run(&format!("cargo {}", arguments.join(" ")), &mut step::cargo(&arguments))
}
