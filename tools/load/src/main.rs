//! The program: arguments, a run, and what it came to.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use rtpmidi_load::Options;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let summary = rtpmidi_load::run(options)?;
    let text = if options.json { summary.to_string() } else { serde_json::to_string_pretty(&summary)? };
    Ok(writeln!(stdout(), "{text}")?)
}
