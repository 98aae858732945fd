//! `cargo xtask`: the project's own commands.

mod artifact;
mod bench;
mod bridge_load;
mod corpus;
mod demo;
mod install;
mod interop;
mod load;
mod packages;
mod process;
mod score;
mod sessions;
mod status_line;
mod step;
mod suite;
mod test;
mod test_program;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Hear it: music over UDP with a fifth of the packets dropped, half a minute
    Demo(demo::Options),
    /// Run everything that continuous integration runs
    Test(test::Options),
    /// Hold sessions with AppleMIDI peers by others
    Interop(interop::Options),
    /// Put the program and the GStreamer plugins where your shell and gst-launch-1.0 find them
    Install(install::Options),
    /// Measure speed and size
    Bench(bench::Options),
    /// Measure the RTSP server with many listeners on this machine
    Load(load::Options),
    /// Measure AppleMIDI sessions on this machine: a thousand, one, and a hundred in which nobody plays
    Sessions(sessions::Options),
    /// Measure a bridge with many peers on this machine
    BridgeLoad(bridge_load::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Interop(options) => interop::run(&options),
        Command::Install(options) => install::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Load(options) => load::run(&options),
        Command::Sessions(options) => sessions::run(&options),
        Command::BridgeLoad(options) => bridge_load::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
