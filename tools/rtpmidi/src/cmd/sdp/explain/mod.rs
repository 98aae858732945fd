//! `rtpmidi sdp explain`: a description line by line, in plain words.
//!
//! ```text
//!  text ─▶ context (what lines say for others) ─▶ line ─▶ parameter ─▶ selection, rendering
//! ```

mod context;
mod line;
mod parameter;
mod rendering;
mod selection;
mod silence;
mod words;

use std::path::PathBuf;

use crate::description;
use crate::failure::Result;
use crate::report;
use context::Context;
use words::Words;

/// Say in plain words what each line and each parameter makes sender and receiver do.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The session description; - reads it from stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi sdp explain music.sdp
  rtpmidi sdp new --profile nmp | rtpmidi sdp explain -

Nothing is judged here: rtpmidi sdp check says what is wrong.";

/// Explains the description.
pub(super) fn run(args: &Args) -> Result<()> {
    let octets = description::read(&args.file)?;
    report::data(&description::printable(&explain(&String::from_utf8_lossy(&octets)))).map(|_| ())
}

/// The description with words below each line, and at the end of each stream what goes without saying.
fn explain(text: &str) -> String {
    let text = text.trim_start_matches('\u{FEFF}').trim_end();
    let lines: Vec<&str> = text.lines().collect();
    let context = Context::read(&lines);
    let mut out = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some((kind, value)) = line.trim().split_once('=') else {
            out.push((*line).to_owned());
            if !line.trim().is_empty() {
                out.push(words::print(
                    4,
                    &[Words::both("no line of a session description: those are a letter, = and a value")],
                ));
            }
            continue;
        };
        out.push((*line).to_owned());
        match context.fmtp(number) {
            Some(fmtp) => out.extend(fmtp.parameters.iter().flat_map(|parameter| {
                let meaning = parameter::explain(parameter, fmtp.parameters, fmtp.about);
                [format!("  {parameter}"), words::print(6, &meaning)]
            })),
            None => out.push(words::print(4, &line::explain(kind, value, number, &context))),
        }
        out.extend(silence::explain(&context, number));
    }
    out.join("\n")
}
