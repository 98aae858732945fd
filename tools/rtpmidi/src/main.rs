//! `rtpmidi`: sends Standard MIDI Files as RTP MIDI, listens to such streams, and shows what is in them.

mod alsa;
mod archive;
mod backlog;
mod caps;
mod claim;
mod cmd;
mod cpu_latency;
mod description;
mod destination;
mod elements;
mod failure;
mod folders;
mod intake;
mod interface;
mod interrupt;
mod ipmidi;
mod journal;
mod lock;
mod loss;
mod ports;
mod replace;
mod report;
mod rtp;
mod rules;
mod sap;
mod serve;
mod signals;
mod sockets;
mod srtp;
mod sync;
mod time;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// MIDI over RTP (RFC 6295): music travels through packet loss.
#[derive(Parser)]
#[command(name = "rtpmidi", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bridge(Box<cmd::bridge::Args>),
    Broadcast(Box<cmd::broadcast::Args>),
    Listen(Box<cmd::listen::Args>),
    Relay(Box<cmd::relay::Args>),
    Devices(cmd::devices::Args),
    Doctor(cmd::doctor::Args),
    Host(cmd::session::HostArgs),
    Join(cmd::session::JoinArgs),
    Monitor(cmd::monitor::Args),
    Patch(cmd::patch::Args),
    Sdp(cmd::sdp::Args),
    #[command(hide = true)]
    Man(cmd::pages::ManArgs),
    #[command(hide = true)]
    Completions(cmd::pages::CompletionsArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bridge(args) => cmd::bridge::run(&args),
        Command::Broadcast(args) => cmd::broadcast::run(&args),
        Command::Listen(args) => cmd::listen::run(&args),
        Command::Relay(args) => cmd::relay::run(&args),
        Command::Devices(args) => cmd::devices::run(&args),
        Command::Doctor(args) => cmd::doctor::run(&args),
        Command::Host(args) => cmd::session::host(&args),
        Command::Join(args) => cmd::session::join(&args),
        Command::Monitor(args) => cmd::monitor::run(&args),
        Command::Patch(args) => cmd::patch::run(&args),
        Command::Sdp(args) => cmd::sdp::run(&args),
        Command::Man(args) => cmd::pages::man::<Cli>(&args),
        Command::Completions(args) => cmd::pages::completions::<Cli>(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            journal::print(&failure.to_string());
            ExitCode::from(failure.code())
        }
    }
}
