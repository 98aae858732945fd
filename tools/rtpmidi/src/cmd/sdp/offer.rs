//! `rtpmidi sdp offer`: what this end proposes (RFC 3264).

use std::path::PathBuf;

use rtp_midi_sdp::negotiate::offer;

use super::capabilities;
use crate::failure::{Failure, Result};
use crate::report;

/// Print the description that this end offers.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What this end can do (TOML); without it, all that this project can, over UDP to 127.0.0.1
    #[arg(long, value_name = "FILE")]
    capabilities: Option<PathBuf>,

    /// Print a capabilities file with all that may stand in one, and end
    #[arg(long, conflicts_with = "capabilities")]
    print_capabilities: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi sdp offer --print-capabilities > mine.toml
  rtpmidi sdp offer --capabilities mine.toml > offer.sdp
  rtpmidi sdp answer offer.sdp --capabilities theirs.toml > answer.sdp
  rtpmidi sdp verify offer.sdp answer.sdp";

/// Prints the offer.
pub(super) fn run(args: &Args) -> Result<()> {
    if args.print_capabilities {
        return report::data(capabilities::DEFAULT.trim_end()).map(|_| ());
    }
    let capabilities = capabilities::read(args.capabilities.as_deref())?;
    let session = offer(&capabilities).map_err(|error| Failure::new(format!("nothing can be offered: {error}")))?;
    report::data(session.print().trim_end_matches('\n')).map(|_| ())
}
