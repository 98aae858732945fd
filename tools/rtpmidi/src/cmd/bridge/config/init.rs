//! `rtpmidi bridge init`: a configuration to begin with.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use super::file::{DEFAULT, of_user};
use super::ini;
use crate::description::read;
use crate::failure::{Failure, Result};
use crate::replace::{Readers, replace};
use crate::report::data;

/// Write a configuration with all defaults in comments.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InitArgs {
    /// Where to; - is stdout [default: rtpmidi/bridge.toml in ~/.config, where a bridge of this user looks; stdout with
    /// --import-ini]
    file: Option<PathBuf>,

    /// Write what a configuration of rtpmidid says, each key of it, or a comment that says why not; - is stdin
    #[arg(long, value_name = "FILE")]
    import_ini: Option<PathBuf>,

    /// Take the place of a file that is there
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi bridge init
  rtpmidi bridge init /etc/rtpmidi/bridge.toml     (for a bridge of the system)
  rtpmidi bridge init -                            (shows it)
  rtpmidi bridge init --import-ini /etc/rtpmidid/default.ini";

/// Writes it, but never over a file that is there.
pub(crate) fn run(args: &InitArgs) -> Result<()> {
    let nowhere = || Failure::new("this user has no folder of his own").hint("name a file: rtpmidi bridge init FILE");
    let (text, usual) = match &args.import_ini {
        Some(from) => (Cow::Owned(imported(from)?), Some(PathBuf::from("-"))),
        None => (Cow::Borrowed(DEFAULT), of_user()),
    };
    let path = args.file.clone().or(usual).ok_or_else(nowhere)?;
    if path.as_os_str() == "-" {
        return data(text.trim_end()).map(drop);
    }
    if path.exists() && !args.force {
        return Err(Failure::new(format!("{} is there already", path.display()))
            .hint("--force takes its place; rtpmidi bridge init - shows what would be written"));
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .map_err(|error| Failure::new(format!("cannot make the folder {}: {error}", folder.display())))?;
    }
    replace(&path, text.as_bytes(), Readers::Usual)?;
    let what = if args.import_ini.is_some() { "what rtpmidid was told" } else { "the defaults" };
    eprintln!("{} has {what}; rtpmidi bridge check tells whether changes make sense", path.display());
    Ok(())
}

/// What a configuration of rtpmidid says, as one of ours.
fn imported(path: &Path) -> Result<String> {
    let octets = read(path)?;
    let translated = ini::translate(&String::from_utf8_lossy(&octets));
    translated.map_err(|fault| Failure::new(format!("{}{fault}", path.display())))
}
