//! `rtpmidi sdp`: session descriptions of RTP MIDI streams, written, checked, explained and negotiated.

mod answer;
mod capabilities;
mod caps;
mod check;
mod explain;
mod new;
mod offer;
mod session;
mod verify;

use clap::Subcommand;

use crate::failure::Result;

/// Write, check, explain and negotiate session descriptions (SDP).
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(Box<new::Args>),
    Check(check::Args),
    Explain(explain::Args),
    Caps(caps::Args),
    Offer(offer::Args),
    Answer(answer::Args),
    Verify(verify::Args),
}

const EXAMPLES: &str = "\
Example:
  rtpmidi sdp new --profile broadcast --to udp://239.1.2.3:5004 > music.sdp
  rtpmidi sdp check music.sdp
  rtpmidi sdp explain music.sdp
  rtpmidi sdp caps music.sdp";

/// Does what the subcommand says.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::New(args) => new::run(args),
        Command::Check(args) => check::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Caps(args) => caps::run(args),
        Command::Offer(args) => offer::run(args),
        Command::Answer(args) => answer::run(args),
        Command::Verify(args) => verify::run(args),
    }
}
