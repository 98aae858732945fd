//! `rtpmidi man` and `rtpmidi completions`: what packages install beside the program.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::failure::{Failure, Result};

/// Writes a manual page for each subcommand.
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

/// Writes `rtpmidi.1` and `rtpmidi-SUBCOMMAND.1`.
pub(crate) fn man<C: CommandFactory>(args: &ManArgs) -> Result<()> {
    fs::create_dir_all(&args.dir)
        .and_then(|()| clap_mangen::generate_to(C::command(), &args.dir))
        .map_err(|error| Failure::new(format!("cannot write manual pages to {}: {error}", args.dir.display())))
}

/// Prints to stdout.
#[allow(clippy::unnecessary_wraps, reason = "all subcommands end in a result")]
pub(crate) fn completions<C: CommandFactory>(args: &CompletionsArgs) -> Result<()> {
    clap_complete::generate(args.shell, &mut C::command(), "rtpmidi", &mut io::stdout());
    Ok(())
}
