//! `rtpmidi patch check`: what is wrong with rule files.

use std::path::PathBuf;

use serde_json::json;

use super::source::Reading;
use crate::description::printable;
use crate::failure::{Failure, Result};
use crate::ports::rules::fault;
use crate::report::{Audience, data, plural};

/// Say what is wrong with rule files, where, and what to write instead.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Rule files; - reads one from stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    reading: Reading,

    /// Print the rules as rtpmidi writes them, whatever language they are in
    #[arg(long, conflicts_with = "json")]
    print: bool,

    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi patch check studio.rules
  rtpmidi patch check --print patterns.txt > studio.rules     (from jack-matchmaker)
  rtpmidi patch check --format midiminder --print my.rules

The exit code is 0 without errors, 1 with errors, 2 when a file cannot be read.";

/// Checks all files, whatever is wrong with some.
pub(super) fn run(args: &Args) -> Result<()> {
    let (mut rules, mut errors) = (0, 0);
    for path in &args.files {
        let (parsed, format) = args.reading.file(path).map_err(Failure::unanswerable)?;
        let name = path.display().to_string();
        rules += parsed.rules.len() as u64;
        errors += parsed.errors.len() as u64;
        let mut lines = Vec::new();
        if args.json {
            lines.extend(parsed.errors.iter().map(|error| {
                let (line, column, message) = (error.line, error.column, error.fault.to_string());
                let fix = error.fault.hint();
                json!({"type": "diagnostic", "file": name, "line": line, "column": column, "message": message, "fix": fix})
                    .to_string()
            }));
            lines.push(json!({"type": "file", "file": name, "format": format.owner(), "rules": parsed.rules.len(), "errors": parsed.errors.len()}).to_string());
        } else {
            if args.print {
                lines.extend(parsed.rules.iter().map(|rule| printable(&rule.to_string())));
            }
            for error in &parsed.errors {
                eprintln!("{}", printable(&fault(&name, error)));
            }
            eprintln!(
                "{}: {} in the language of {}",
                printable(&name),
                plural(parsed.rules.len() as u64, "rule"),
                format.owner()
            );
        }
        for line in lines {
            if data(&line)? == Audience::Gone {
                return verdict(errors);
            }
        }
    }
    if args.json {
        let files = args.files.len();
        // Nobody is left to be told that nobody listens.
        let _ = data(&json!({"type": "summary", "files": files, "rules": rules, "errors": errors}).to_string())?;
    }
    verdict(errors)
}

fn verdict(errors: u64) -> Result<()> {
    match errors {
        0 => Ok(()),
        errors => Err(Failure::new(format!("{} found", plural(errors, "error")))),
    }
}
