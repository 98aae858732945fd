//! `cargo xtask install`: the program, its manual and completions, and the plugins, in
//! the user's own folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{artifact, packages, step};

/// Put the program and the plugins where your shell and gst-launch-1.0 find them
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Take the system packages as they are
    #[arg(long)]
    no_install: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.no_install {
        packages::install(&[packages::BUILD, packages::RUN])?;
    }
    let built = artifact::build()?;
    let folders = Folders::of_this_user()?;

    println!("\nInstalled");
    let program = folders.programs.join("rtpmidi");
    put(&built.program, &program)?;
    for plugin in &built.plugins {
        let name = plugin.file_name().context("a plugin without a name")?;
        put(plugin, &folders.data.join("gstreamer-1.0/plugins").join(name))?;
    }
    let manual = folders.data.join("man/man1");
    fs::create_dir_all(&manual)?;
    step::succeed(Command::new(&program).arg("man").arg(&manual))?;
    println!("  {}/rtpmidi*.1", manual.display());
    for (shell, file) in COMPLETIONS {
        let words = Command::new(&program).args(["completions", shell]).output()?;
        ensure!(words.status.success(), "no completions for {shell}: {}", words.status);
        let file = folders.data.join(file);
        write(&file, &words.stdout)?;
        println!("  {}", file.display());
    }
    println!("\nTry\n  rtpmidi --help\n  gst-inspect-1.0 rtpmidipay");
    Ok(())
}

/// Where each shell looks, below the user's data folder.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "bash-completion/completions/rtpmidi"),
    ("zsh", "zsh/site-functions/_rtpmidi"),
    ("fish", "fish/vendor_completions.d/rtpmidi.fish"),
];

struct Folders {
    programs: PathBuf,
    data: PathBuf,
}

impl Folders {
    fn of_this_user() -> Result<Self> {
        let home = std::env::home_dir().context("no home folder")?;
        let named = |variable| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let cargo = named("CARGO_HOME").unwrap_or_else(|| home.join(".cargo"));
        let data = named("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
        Ok(Self { programs: cargo.join("bin"), data })
    }
}

/// Copies a file; one that runs or is loaded just now keeps its old content.
fn put(from: &Path, to: &Path) -> Result<()> {
    let octets = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    let beside = to.with_extension("new");
    write(&beside, &octets)?;
    fs::set_permissions(&beside, fs::metadata(from)?.permissions())?;
    fs::rename(&beside, to).with_context(|| format!("cannot write {}", to.display()))?;
    println!("  {}", to.display());
    Ok(())
}

fn write(file: &Path, octets: &[u8]) -> Result<()> {
    let folder = file.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(file, octets).with_context(|| format!("cannot write {}", file.display()))
}
