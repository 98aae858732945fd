//! `rtpmidi bridge check`: whether a configuration makes sense.

use std::path::PathBuf;

use port_rules::Rules;
use serde_json::json;

use super::file::{beside, parse, usual};
use crate::cmd::bridge::transport::rawmidi::check as look;
use crate::description::{printable, read};
use crate::failure::{Failure, Result};
use crate::ports::rules::fault;
use crate::report::data;

/// Say what is wrong with a configuration, where, and what was meant.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// The file; - is stdin [default: the one that rtpmidi bridge reads]
    file: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi bridge check
  rtpmidi bridge check new.toml && mv new.toml ~/.config/rtpmidi/bridge.toml

Devices of it that cannot be opened here are told of with what to do about it.
The exit code is 0 when it makes sense, 1 when it does not, 2 when it cannot be read.";

/// Reads the file as a bridge does, and the rules that it names.
pub(crate) fn run(args: &CheckArgs) -> Result<()> {
    let none = || Failure::new("there is no configuration").hint("rtpmidi bridge init writes one");
    let path = args.file.clone().or_else(usual).ok_or_else(|| none().unanswerable())?;
    let text = read(&path).map_err(Failure::unanswerable)?;
    let parsed = parse(&String::from_utf8_lossy(&text)).map(|config| beside(&path, config));
    let rule_file = parsed.as_ref().ok().and_then(|config| config.rule_file.clone());
    let (mut errors, mut faults) = (Vec::new(), Vec::new());
    if let Some(rules) = rule_file {
        let text = read(&rules).map_err(Failure::unanswerable)?;
        errors = Rules::parse(&String::from_utf8_lossy(&text)).errors;
        let name = rules.display().to_string();
        faults.extend(errors.iter().map(|error| fault(&name, error)));
        if args.json {
            for it in &errors {
                let (message, fix) = (it.fault.to_string(), it.fault.hint());
                tell(
                    &json!({"type": "diagnostic", "file": name, "line": it.line, "column": it.column, "message": message, "fix": fix}),
                )?;
            }
        }
    }
    for device in parsed.iter().flat_map(|config| &config.devices) {
        let Err(refusal) = look(device) else { continue };
        // It may come, or be for a machine that is not this one.
        if args.json {
            let (name, message, fix) = (&device.name, &refusal.words, &refusal.advice);
            tell(&json!({"type": "device", "name": name, "message": message, "fix": fix}))?;
        } else {
            eprintln!("{}", printable(&format!("warning: {}: {refusal}", device.name)));
        }
    }
    let name = path.display().to_string();
    match &parsed {
        Err(fault) if args.json => {
            let mut place = fault.place.split(':').skip(1).map(str::parse::<u64>);
            let [line, column] = [place.next(), place.next()].map(|number| number.and_then(Result::ok));
            let (message, fix) = (&fault.message, &fault.hint);
            tell(
                &json!({"type": "diagnostic", "file": name, "line": line, "column": column, "message": message, "fix": fix}),
            )?;
        }
        Ok(_) if args.json => tell(&json!({"type": "file", "file": name, "errors": errors.len()}))?,
        Ok(_) if errors.is_empty() => eprintln!("{} makes sense", printable(&name)),
        _ => {}
    }
    parsed.map_err(|fault| fault.failure(&path))?;
    match &faults[..] {
        [] => Ok(()),
        faults => Err(Failure::new(printable(&faults.join("\n")))),
    }
}

fn tell(object: &serde_json::Value) -> Result<()> {
    // Who reads no longer has read enough.
    data(&object.to_string()).map(drop)
}
