//! `rtpmidi bridge`: ports of ALSA and JACK, and sessions and streams of the network, in one patchbay.
//!
//! ```text
//!  config, options ── what it is to be ──▶ run ◀── request ── control ◀── whoever asks ── status
//!                                           │
//!  transport/applemidi ── inbox ──▶ one thread: bay ──▶ transport/alsa, /jack, /applemidi, /ipmidi, /rtp, /rawmidi
//!  transport/alsa, /ipmidi, /rtp ─▶   names, counts, what goes where
//!  transport/jack ──────── rings ─▶
//!  transport/rawmidi ── a thread each ─▶
//!                                      ▲
//!                         rules ───────┘ connects
//! ```
//!
//! What a person has connected, and whom the bridge knows, is in memory, which outlives it in a file.
//!
//! Transports make ports in the bay and play what is routed to them. What sessions hear comes through the inbox, which is
//! bounded; the sequencer and the network's groups and streams are read by the main loop itself.

mod bay;
mod config;
mod control;
mod crowd;
mod errand;
mod inbox;
mod memory;
mod metrics;
mod options;
mod rules;
mod run;
mod service;
mod transport;

use bridge_control::{passage, request, rpc, settings, status};

use crate::failure::Result;

/// Join ports of ALSA and JACK, AppleMIDI sessions, raw multicast MIDI and RTP MIDI streams: every session around becomes
/// a port, every device a session.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    options: options::Options,

    #[command(flatten)]
    place: control::Place,
}

/// A configuration with all keys, their defaults in comments.
pub(crate) use config::DEFAULT as CONFIGURATION;

/// What the port is called that exports what is connected with it.
const EXPORT: &str = "Network Export";

const EXAMPLES: &str = "\
Example:
  rtpmidi bridge                         (with all that is around)
  rtpmidi bridge --name Studio --peer organ.local --peer 192.0.2.7:5006
  aconnect 'Digital Piano' Studio:0      (others see a session Studio/Digital Piano)
  aconnect Studio:2 'FLUID Synth'        (a session is joined, and heard; aconnect -l lists the numbers)
  rtpmidi bridge --ipmidi 4 --rule 'Piano --> \"ipMIDI 1\"' --export .hw

Sessions that are announced around here, and whoever joins ours, have a port of ALSA each. A session is joined when
something is connected with its port, and left when nothing is any more. It ends with Ctrl-C, which lets go what sounds.
While it runs, rtpmidi bridge status, connect, disconnect, mute, panic and others speak to it.";

#[derive(clap::Subcommand)]
enum Command {
    Init(config::InitArgs),
    Check(config::CheckArgs),
    #[command(flatten)]
    Order(control::Order),
}

/// Runs until somebody ends it, or speaks to one that runs.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        None => {
            let place = run::Places { control: &args.place, state: args.options.state(&args.place) };
            run::run(&|| args.options.config(), args.options.json, &place)
        }
        Some(Command::Init(args)) => config::init(args),
        Some(Command::Check(args)) => config::check(args),
        Some(Command::Order(order)) => control::run(order),
    }
}
