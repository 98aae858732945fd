//! `cargo xtask test`: everything that continuous integration runs, in its order.

use std::io::{BufRead, BufReader, Write, stdout};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{corpus, packages, step};

/// Run everything that continuous integration runs
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Take the system packages as they are
    #[arg(long)]
    no_install: bool,

    /// Test the example for browsers as well, with Janus and Chromium
    #[arg(long)]
    browser: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.no_install {
        let browser = if options.browser { packages::BROWSER } else { &[] };
        packages::install(&[packages::BUILD, packages::RUN, packages::TEST, browser])?;
    }
    for arguments in BEFORE {
        check(arguments, &mut step::cargo(arguments))?;
    }
    if !options.no_install {
        corpus::fetch()?;
    }
    let total = tests(options)?;
    check(DOCS, step::cargo(DOCS).env("RUSTDOCFLAGS", "-Dwarnings"))?;
    println!("\n{} passed, {} failed", total.passed, total.failed);
    Ok(())
}

const BEFORE: [&[&str]; 2] =
    [&["fmt", "--all", "--check"], &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]];
const TESTS: &[&str] = &["test", "--workspace"];
const DOCS: &[&str] = &["doc", "--workspace", "--no-deps"];

fn check(arguments: &[&str], command: &mut Command) -> Result<()> {
    let title = format!("cargo {}", arguments.join(" "));
    step::run(&title, command).with_context(|| format!("{title} failed"))
}

/// Runs the tests, passes their words on and adds up their results.
fn tests(options: &Options) -> Result<Total> {
    let title = format!("cargo {}", TESTS.join(" "));
    step::timed(&title, || {
        let mut cargo = step::cargo(TESTS);
        if options.browser {
            // The test is skipped otherwise where they are missing.
            cargo.env("RTPMIDI_BROWSER", "1");
        }
        let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
        let output = child.stdout.take().context("cargo without output")?;
        let mut total = Total::default();
        for line in BufReader::new(output).lines() {
            let line = line?;
            writeln!(stdout(), "{line}")?;
            total.add(&line);
        }
        let status = child.wait()?;
        if !status.success() {
            println!("\n{} passed, {} failed", total.passed, total.failed);
            bail!("{title} ended with {status}");
        }
        Ok(total)
    })
}

#[derive(Debug, Default, PartialEq)]
struct Total {
    passed: u32,
    failed: u32,
}

impl Total {
    /// Counts a line like `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some(results) = line.strip_prefix("test result: ") else {
            return;
        };
        for result in results.split([';', '.']) {
            match result.trim().split_once(' ') {
                Some((count, "passed")) => self.passed += count.parse().unwrap_or(0),
                Some((count, "failed")) => self.failed += count.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_all_test_programs_are_added() {
        let mut total = Total::default();
        total.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.25s");
        total.add("test midi::tests::it_parses ... ok");
        total.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s");
        assert_eq!(total, Total { passed: 15, failed: 2 });
    }
}
