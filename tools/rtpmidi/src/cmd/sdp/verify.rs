//! `rtpmidi sdp verify`: whether an answer goes with its offer, and what both ends do then (RFC 3264).

use std::path::PathBuf;

use rtp_midi::{Config, Journal, Policy};
use rtp_midi_sdp::negotiate::{Agreement, End, Flow, Line, verify};

use super::session;
use crate::failure::{Failure, Result};
use crate::report::{self, Audience, plural};

/// Check an answer against its offer, and say who sends what to whom then.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The offer
    #[arg(value_name = "OFFER")]
    offer: PathBuf,

    /// The answer; - reads it from stdin
    #[arg(value_name = "ANSWER")]
    answer: PathBuf,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi sdp verify offer.sdp answer.sdp

The exit code is 1 if the answer breaks a rule; the rules stand in brackets.";

/// Prints the agreement, or what is wrong with the answer.
pub(super) fn run(args: &Args) -> Result<()> {
    let (offer, answer) = (session::read(&args.offer)?, session::read(&args.answer)?);
    match verify(&offer, &answer) {
        Ok(agreement) => report::data(&words(&agreement)).map(|_| ()),
        Err(violations) => {
            for violation in &violations {
                if report::data(&format!("{}: {violation}", args.answer.display()))? == Audience::Gone {
                    break;
                }
            }
            Err(Failure::new(format!("the answer breaks {}", plural(violations.len() as u64, "rule"))))
        }
    }
}

fn words(agreement: &Agreement) -> String {
    let flows = agreement.lines.iter().flat_map(|line| line.flows.iter().map(move |flow| describe(line, flow)));
    let flows: Vec<String> = flows.collect();
    if flows.is_empty() { "nobody sends anything".to_owned() } else { flows.join("\n") }
}

fn describe(line: &Line, flow: &Flow) -> String {
    let (who, to) = match flow.sender {
        End::Offerer => ("offerer", &line.answerer),
        End::Answerer => ("answerer", &line.offerer),
    };
    let host = to.address.as_ref().map_or_else(|| "a host that is not named".to_owned(), |it| it.host.to_string());
    let encrypted = if flow.key.is_some() { ", encrypted" } else { "" };
    format!(
        "media line {}: the {who} sends to {host}, port {}, over {}: payload type {}, {} Hz, {}{encrypted}",
        line.media + 1,
        to.port,
        line.protocol.token(),
        flow.payload_type,
        flow.config.clock_rate,
        journal(&flow.config)
    )
}

const fn journal(config: &Config) -> &'static str {
    match config.journal {
        Journal::None => "no journal",
        Journal::Recovery(Policy::ClosedLoop) => "closed-loop journal",
        Journal::Recovery(Policy::Anchor) => "anchor journal",
        Journal::Recovery(Policy::OpenLoop) => "open-loop journal",
    }
}
