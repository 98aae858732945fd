//! `cargo xtask install`: the program, its manual, completions and service, and the plugins, in
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
    let of_files = folders.data.join("man/man5");
    fs::create_dir_all(&of_files)?;
    fs::rename(manual.join(FILE_PAGE), of_files.join(FILE_PAGE))?;
    println!("  {}/{FILE_PAGE}", of_files.display());
    for (shell, file) in COMPLETIONS {
        let words = Command::new(&program).args(["completions", shell]).output()?;
        ensure!(words.status.success(), "no completions for {shell}: {}", words.status);
        let file = folders.data.join(file);
        write(&file, &words.stdout)?;
        println!("  {}", file.display());
    }
    for name in UNITS {
        let unit = folders.data.join("systemd/user").join(name);
        let text = fs::read_to_string(step::root().join("tools/rtpmidi").join(name))?;
        write(&unit, unit_for(&text, &program).as_bytes())?;
        println!("  {}", unit.display());
    }
    println!("\nTry\n  rtpmidi --help\n  gst-inspect-1.0 rtpmidipay");
    Ok(())
}

/// The systemd unit with the program's place, which is none where systemd looks by itself. A percent sign means something
/// there, and so does a blank.
fn unit_for(text: &str, program: &Path) -> String {
    let program = program.display().to_string().replace('%', "%%").replace('\\', "\\\\").replace('"', "\\\"");
    text.replace("ExecStart=rtpmidi ", &format!("ExecStart=\"{program}\" "))
}

/// The manual page of a file, which stands in a section of its own.
const FILE_PAGE: &str = "rtpmidi-bridge.toml.5";

/// Services of a user.
const UNITS: [&str; 2] = ["rtpmidi-bridge.service", "rtpmidi-patch.service"];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_finds_the_program_where_it_was_put() {
        let text = include_str!("../../rtpmidi/rtpmidi-patch.service");
        let unit = unit_for(text, Path::new("/home/a b/100%/rtpmidi"));
        assert!(unit.contains("\nExecStart=\"/home/a b/100%%/rtpmidi\" patch $OPTIONS\n"), "{unit}");
    }

    #[test]
    fn systemd_finds_no_fault_with_the_units() {
        let folder = std::env::temp_dir().join(format!("rtpmidi-units-{}", std::process::id()));
        for name in UNITS {
            let unit = folder.join(name);
            let text = fs::read_to_string(step::root().join("tools/rtpmidi").join(name)).unwrap();
            // It wants a program that is there, and it does not matter which.
            write(&unit, unit_for(&text, &std::env::current_exe().unwrap()).as_bytes()).unwrap();
            let mut verify = Command::new("systemd-analyze");
            verify.args(["verify", "--user", "--man=no"]).arg(&unit).env("XDG_RUNTIME_DIR", &folder);
            match verify.output() {
                Ok(found) => assert!(found.status.success() && found.stderr.is_empty(), "{found:?}"),
                Err(error) => eprintln!("skipped: systemd-analyze: {error}"),
            }
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
