//! `rtpmidi sdp answer`: what this end makes of an offer (RFC 3264).

use std::path::PathBuf;

use rtp_midi_sdp::negotiate::{answer, answer_again};

use super::{capabilities, session};
use crate::failure::{Failure, Result};
use crate::report;

/// Print the answer to an offer, and say what of it is refused and why.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The offer; - reads it from stdin
    #[arg(value_name = "OFFER")]
    offer: PathBuf,

    /// What this end can do (TOML); without it, all that this project can, over UDP to 127.0.0.1
    #[arg(long, value_name = "FILE")]
    capabilities: Option<PathBuf>,

    /// In a session that runs: the latest description of the other end and that of this end
    #[arg(long, num_args = 2, value_names = ["THEIRS", "OURS"])]
    running: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi sdp answer offer.sdp --capabilities mine.toml > answer.sdp
  rtpmidi sdp answer next.sdp --capabilities mine.toml --running offer.sdp answer.sdp

An offer that is refused as a whole is answered with port 0 in every line, where that is the way to say so, and the exit
code is 1. In a session that runs nothing is printed then: it goes on as before.";

/// Prints the answer.
pub(super) fn run(args: &Args) -> Result<()> {
    let offer = session::read(&args.offer)?;
    let capabilities = capabilities::read(args.capabilities.as_deref())?;
    let answered = match &args.running[..] {
        [theirs, ours] => answer_again(&session::read(theirs)?, &session::read(ours)?, &offer, &capabilities),
        _ => answer(&offer, &capabilities),
    };
    match answered {
        Ok(answered) => {
            answered.refused.iter().for_each(|refused| eprintln!("refused: {refused}"));
            report::data(answered.session.print().trim_end_matches('\n')).map(|_| ())
        }
        Err(refusal) => {
            if let Some(answer) = &refusal.session {
                // Whether or not somebody reads the answer, it says no.
                let _ = report::data(answer.print().trim_end_matches('\n'))?;
            }
            Err(Failure::new(refusal.to_string()))
        }
    }
}
