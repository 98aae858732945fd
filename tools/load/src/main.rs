//! The program: arguments, a run, and what it came to.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use rtpmidi_load::{BridgeOptions, Options, SessionOptions};

/// Play many listeners to an RTSP server of RTP MIDI, and measure what reaches them
#[derive(Parser)]
#[command(name = "rtpmidi-load", args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    listeners: Option<Options>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Sessions(SessionOptions),
    Bridge(BridgeOptions),
}

const EXAMPLES: &str = "\
Example:
  rtpmidi broadcast concert/ --rtsp 127.0.0.1:8554 --loop --rtsp-clients 1000 --rtsp-clients-per-address 1000
  rtpmidi-load rtsp://127.0.0.1:8554/live --listeners 1000 --seconds 60 --pid $(pidof rtpmidi)
  rtpmidi-load sessions --count 1000 --rate 50
  rtpmidi-load bridge bridge.sock --peers 300 --rate 10000";

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let (summary, json) = match arguments {
        Arguments { command: Some(Command::Sessions(options)), .. } => {
            (rtpmidi_load::run_sessions(options)?, options.json)
        }
        Arguments { command: Some(Command::Bridge(options)), .. } => (rtpmidi_load::run_bridge(options)?, options.json),
        Arguments { listeners: Some(options), .. } => (rtpmidi_load::run(options)?, options.json),
        Arguments { .. } => Arguments::command().error(ErrorKind::MissingRequiredArgument, "a URL is missing").exit(),
    };
    let text = if json { summary.to_string() } else { serde_json::to_string_pretty(&summary)? };
    Ok(writeln!(stdout(), "{text}")?)
}
