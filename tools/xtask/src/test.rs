//! `cargo xtask test`: everything that continuous integration runs, in its order.

use std::process::Command;

use anyhow::{Context, Result};

use crate::suite::{self, Total};
use crate::{corpus, interop, packages, step};

/// Run everything that continuous integration runs
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Take the system packages as they are
    #[arg(long)]
    no_install: bool,

    /// Leave out the tests that need an ALSA sequencer, which run in a virtual machine
    #[arg(long)]
    no_vm: bool,

    /// Test the example for browsers as well, with Janus and Chromium
    #[arg(long)]
    browser: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.no_install {
        let browser = if options.browser { packages::BROWSER } else { &[] };
        let vm = if options.no_vm { &[] } else { packages::VM };
        packages::install(&[packages::BUILD, packages::RUN, packages::TEST, vm, browser])?;
    }
    for arguments in BEFORE {
        check(arguments, &mut step::cargo(arguments))?;
    }
    if !options.no_install {
        corpus::fetch()?;
        interop::fetch()?;
    }
    if !options.no_vm {
        // It fetches a kernel once; said here, since nothing is seen of a test that takes long.
        let vm = step::root().join("tests/vm/run");
        step::run("tests/vm/run --setup", Command::new(vm).arg("--setup"))?;
    }
    let mut total = Total::default();
    let result = suite::run(&environment(options), &mut total)
        .and_then(|()| check(DOCS, step::cargo(DOCS).env("RUSTDOCFLAGS", "-Dwarnings")));
    if options.no_vm {
        println!("\nleft out: the tests that need an ALSA sequencer (--no-vm)");
    }
    for reason in &total.skipped {
        println!("\nskipped: {reason}");
    }
    for name in &total.second_time {
        println!("\n{name} failed beside others and passed by itself");
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    result
}

const BEFORE: [&[&str]; 2] =
    [&["fmt", "--all", "--check"], &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]];
const DOCS: &[&str] = &["doc", "--workspace", "--no-deps"];

/// What the tests are told of the options.
fn environment(options: &Options) -> Vec<(&'static str, &'static str)> {
    let told = [
        options.no_vm.then_some(("RTPMIDI_NO_VM", "1")),
        // The test is skipped otherwise where they are missing.
        options.browser.then_some(("RTPMIDI_BROWSER", "1")),
    ];
    told.into_iter().flatten().collect()
}

fn check(arguments: &[&str], command: &mut Command) -> Result<()> {
    let title = format!("cargo {}", arguments.join(" "));
    step::run(&title, command).with_context(|| format!("{title} failed"))
}
