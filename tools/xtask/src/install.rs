//! `cargo xtask install`: the program, its manual, completions and services, and the plugins, in
//! the user's own folders, or for all users.

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

    /// For all users, below /usr/local, with the bridge as a service of the system; this takes the rights of root
    #[arg(long)]
    system: bool,

    /// Below this folder, as a package has it
    #[arg(long, requires = "system", value_name = "FOLDER")]
    root: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.no_install {
        packages::install(&[packages::BUILD, packages::RUN])?;
    }
    let built = artifact::build()?;
    let folders = if options.system {
        Folders::of_all(options.root.as_deref().unwrap_or(Path::new("/")))
    } else {
        Folders::of_this_user()?
    };
    println!("\nInstalled");
    place(&built.program, &built.plugins, &folders)?;
    println!("\nTry\n  rtpmidi --help");
    if options.system {
        println!("  systemctl daemon-reload && systemctl enable --now {SERVICE}");
    } else {
        println!("  gst-inspect-1.0 rtpmidipay");
    }
    Ok(())
}

/// Puts all of it where it belongs.
fn place(built: &Path, plugins: &[PathBuf], folders: &Folders) -> Result<()> {
    let program = folders.programs.join("rtpmidi");
    put(built, &program)?;
    if let Some(place) = &folders.plugins {
        for plugin in plugins {
            let name = plugin.file_name().context("a plugin without a name")?;
            put(plugin, &place.join(name))?;
        }
    }
    let manual = folders.data.join("man/man1");
    fs::create_dir_all(&manual).with_context(|| format!("cannot make {}", manual.display()))?;
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
    let of_users = UNITS.map(|name| (name.to_owned(), folders.data.join("systemd/user").join(name)));
    let of_system = folders.services.iter().map(|place| (format!("system/{SERVICE}"), place.join(SERVICE)));
    for (source, unit) in of_users.into_iter().chain(of_system) {
        let text = fs::read_to_string(step::root().join("tools/rtpmidi").join(source))?;
        write(&unit, unit_for(&text, &folders.program).as_bytes())?;
        println!("  {}", unit.display());
    }
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

/// The service of the system.
const SERVICE: &str = "rtpmidi-bridge.service";

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
    /// Where GStreamer looks, if it looks anywhere.
    plugins: Option<PathBuf>,
    /// Where systemd looks for services of the system, if there is to be one.
    services: Option<PathBuf>,
    /// The program as services find it.
    program: PathBuf,
}

impl Folders {
    fn of_this_user() -> Result<Self> {
        let home = std::env::home_dir().context("no home folder")?;
        let named = |variable| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let cargo = named("CARGO_HOME").unwrap_or_else(|| home.join(".cargo"));
        let data = named("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
        let (plugins, programs) = (Some(data.join("gstreamer-1.0/plugins")), cargo.join("bin"));
        let program = programs.join("rtpmidi");
        Ok(Self { programs, data, plugins, services: None, program })
    }

    /// Below `root`, which is another folder than `/` for a package. GStreamer has no folder for all users there; the
    /// program needs none.
    fn of_all(root: &Path) -> Self {
        Self {
            programs: root.join("usr/local/bin"),
            data: root.join("usr/local/share"),
            plugins: None,
            services: Some(root.join("etc/systemd/system")),
            program: PathBuf::from("/usr/local/bin/rtpmidi"),
        }
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
    fn for_all_users_the_service_and_the_page_of_the_file_are_where_systemd_and_man_look() {
        use std::os::unix::fs::PermissionsExt;

        let folder = std::env::temp_dir().join(format!("rtpmidi-system-{}", std::process::id()));
        let (built, root) = (folder.join("built"), folder.join("root"));
        // What the program does here: pages into a folder, and words to stdout.
        let script = format!("#!/bin/sh\nif [ $1 = man ]; then : >$2/rtpmidi.1; : >$2/{FILE_PAGE}; fi\n");
        write(&built, script.as_bytes()).unwrap();
        fs::set_permissions(&built, fs::Permissions::from_mode(0o755)).unwrap();
        place(&built, &[], &Folders::of_all(&root)).unwrap();
        let there = |path: &str| root.join(path).exists();
        assert!(there("usr/local/bin/rtpmidi") && there("usr/local/share/man/man1/rtpmidi.1"));
        assert!(there("usr/local/share/man/man5/rtpmidi-bridge.toml.5"));
        assert!(there("usr/local/share/bash-completion/completions/rtpmidi"));
        for (unit, exec) in [
            ("etc/systemd/system/rtpmidi-bridge.service", "\nExecStart=\"/usr/local/bin/rtpmidi\" bridge"),
            ("usr/local/share/systemd/user/rtpmidi-bridge.service", "\nExecStart=\"/usr/local/bin/rtpmidi\" bridge"),
            ("usr/local/share/systemd/user/rtpmidi-patch.service", "\nExecStart=\"/usr/local/bin/rtpmidi\" patch"),
        ] {
            let text = fs::read_to_string(root.join(unit)).unwrap();
            assert!(text.contains(exec), "{unit}: {text}");
        }
        assert!(
            fs::read_to_string(root.join("etc/systemd/system/rtpmidi-bridge.service")).unwrap().contains("DynamicUser")
        );
        fs::remove_dir_all(folder).unwrap();
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
