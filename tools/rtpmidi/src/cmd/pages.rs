//! `rtpmidi man` and `rtpmidi completions`: what packages install beside the program.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::roff::{Roff, bold, roman};

use super::bridge::CONFIGURATION;
use crate::failure::{Failure, Result};

/// Writes a manual page for each subcommand, and one for the configuration of a bridge.
#[derive(clap::Args)]
pub(crate) struct ManArgs {
    /// The folder to write them to; it is made if missing.
    dir: PathBuf,
}

/// Prints completions for a shell.
#[derive(clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell to complete for.
    shell: Shell,
}

/// Writes `rtpmidi.1`, `rtpmidi-SUBCOMMAND.1` and `rtpmidi-bridge.toml.5`.
pub(crate) fn man<C: CommandFactory>(args: &ManArgs) -> Result<()> {
    fs::create_dir_all(&args.dir)
        .and_then(|()| clap_mangen::generate_to(C::command(), &args.dir))
        .and_then(|()| fs::write(args.dir.join("rtpmidi-bridge.toml.5"), configuration().to_roff()))
        .map_err(|error| Failure::new(format!("cannot write manual pages to {}: {error}", args.dir.display())))
}

/// Prints to stdout.
#[allow(clippy::unnecessary_wraps, reason = "all subcommands end in a result")]
pub(crate) fn completions<C: CommandFactory>(args: &CompletionsArgs) -> Result<()> {
    clap_complete::generate(args.shell, &mut C::command(), "rtpmidi", &mut io::stdout());
    Ok(())
}

/// The page about the configuration of a bridge: what the default says of each key.
fn configuration() -> Roff {
    let mut page = Roff::new();
    page.control("TH", ["rtpmidi-bridge.toml", "5"]);
    page.control("SH", ["NAME"]);
    page.text([roman("rtpmidi-bridge.toml - the configuration of rtpmidi bridge")]);
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold("~/.config/rtpmidi/bridge.toml"), roman(", "), bold("/etc/rtpmidi/bridge.toml")]);
    page.control("SH", ["DESCRIPTION"]);
    let about = "The first of these files that is there is read, or the one that --config names. It is TOML, of which every \
                 key may be left out; a file that makes no sense is refused as a whole, and one that comes later changes \
                 nothing of a bridge that runs. Below, each key stands with its default, or, where it has none, with an \
                 example.";
    page.text([roman(about)]);
    page.control("SH", ["KEYS"]);
    // The paragraph before the first empty line is about the file itself.
    for paragraph in CONFIGURATION.split("\n\n").skip(1) {
        page.control("PP", []);
        for line in paragraph.lines().map(|line| line.trim_start_matches('#').trim()) {
            let is_key = line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
            if is_key {
                page.control("br", []);
                page.text([bold(line)]);
                page.control("br", []);
            } else {
                page.text([roman(line)]);
            }
        }
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([
        bold("rtpmidi-bridge"),
        roman("(1), "),
        bold("rtpmidi-bridge-init"),
        roman("(1), "),
        bold("rtpmidi-bridge-check"),
        roman("(1)"),
    ]);
    page
}
