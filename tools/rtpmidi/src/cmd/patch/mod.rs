//! `rtpmidi patch`: ports of ALSA and JACK are connected as rules want it, and listed.
//!
//! ```text
//! source, rule_file ── rules ───┐                       ┌─ check, explain, list
//! live ──── servers, just now ──┼───────────────────────┘
//! keeper ── a server, for ever ─┼─ run ── log
//! memory ── what is learnt ─────┘
//! ```

mod check;
mod explain;
mod keeper;
mod list;
mod live;
mod log;
mod memory;
mod rule_file;
mod run;
mod source;

use crate::failure::Result;

/// Connect ports of ALSA and JACK (or PipeWire) by rules, whenever they come.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    options: run::RunOptions,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Check(check::Args),
    Explain(explain::Args),
}

const EXAMPLES: &str = "\
Example:
  rtpmidi patch --rules studio.rules
  rtpmidi patch --rule 'keys --> synth' --rule '.hw --> .app' --dry-run
  rtpmidi patch --learn                  (connect by hand once, and never again)
  rtpmidi patch --rules patterns.txt     (of jack-matchmaker)

The rules are described in docs/port-rules.md. They are read again when the file changes, and at SIGHUP. A server that
is missing is waited for. For PipeWire, JACK's library must be PipeWire's: pw-jack rtpmidi patch.";

/// Does what was asked for.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        None => run::run(&args.options),
        Some(Command::List(args)) => list::run(args),
        Some(Command::Check(args)) => check::run(args),
        Some(Command::Explain(args)) => explain::run(args),
    }
}
