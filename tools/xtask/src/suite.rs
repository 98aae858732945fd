//! The test programs of the workspace, several at a time: most of them wait for the time of music to pass.

use std::collections::VecDeque;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::step;

/// How many tests passed and failed.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Total {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Total {
    /// Counts lines like `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
    pub(crate) fn add(&mut self, output: &str) {
        for results in output.lines().filter_map(|line| line.strip_prefix("test result: ")) {
            for result in results.split([';', '.']) {
                match result.trim().split_once(' ') {
                    Some((count, "passed")) => self.passed += count.parse().unwrap_or(0),
                    Some((count, "failed")) => self.failed += count.parse().unwrap_or(0),
                    _ => {}
                }
            }
        }
    }
}

/// A test program as cargo built it.
#[derive(Debug, PartialEq)]
struct Program {
    file: PathBuf,
    /// Its source, as a reader of the output looks for it.
    name: String,
    /// The folder of its package, in which cargo would run it.
    folder: PathBuf,
}

/// Builds all test programs and runs them, then the examples in the documentation. Each one's words come in one piece
/// when it has ended; one that fails keeps none of the others from running.
pub(crate) fn run(environment: &[(&str, &str)], total: &mut Total) -> Result<()> {
    let programs = step::timed("cargo test --workspace --no-run", build)?;
    let at_once = thread::available_parallelism().map_or(2, usize::from) + 1;
    step::timed(&format!("{} test programs, {at_once} at a time", programs.len()), || {
        let waiting = Mutex::new(programs);
        let (ended, results) = mpsc::channel();
        let mut failures = Vec::new();
        thread::scope(|scope| {
            for slot in 0..at_once {
                let (waiting, ended) = (&waiting, ended.clone());
                scope.spawn(move || {
                    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    while let Some(program) = next() {
                        // One that never ends says nothing else.
                        eprintln!("     Started {}", program.name);
                        let started = Instant::now();
                        let output = start(&program, environment, slot);
                        let _nobody_listens = ended.send((program, output, started.elapsed()));
                    }
                });
            }
            drop(ended);
            let report = |(program, output, took): (Program, Result<Output>, Duration)| {
                let output = output?;
                let words = String::from_utf8_lossy(&output.stdout);
                writeln!(stdout(), "\n     Ended {} ({:.1} s)", program.name, took.as_secs_f64())?;
                stdout().write_all(&output.stdout)?;
                stdout().write_all(&output.stderr)?;
                total.add(&words);
                if !output.status.success() {
                    failures.push(program.name);
                }
                anyhow::Ok(())
            };
            // Where nobody reads, say, no more are begun.
            results.into_iter().try_for_each(report).inspect_err(|_| {
                waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
            })
        })?;
        if !failures.is_empty() {
            bail!("tests failed in {}", failures.join(", "));
        }
        Ok(())
    })?;
    step::timed("cargo test --workspace --doc", || {
        let output = step::cargo(&["test", "--workspace", "--doc"]).stderr(Stdio::inherit()).output()?;
        stdout().write_all(&output.stdout)?;
        total.add(&String::from_utf8_lossy(&output.stdout));
        ensure!(output.status.success(), "cargo test --doc ended with {}", output.status);
        Ok(())
    })
}

fn build() -> Result<VecDeque<Program>> {
    let arguments = ["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"];
    let child = step::cargo(&arguments).stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "cargo test --no-run ended with {}", output.status);
    find(&String::from_utf8_lossy(&output.stdout))
}

/// Reads cargo's messages, one JSON object per line. What is built last comes first: it drives the whole program, and
/// takes the longest.
fn find(messages: &str) -> Result<VecDeque<Program>> {
    let mut programs = VecDeque::new();
    for message in messages.lines() {
        let message: Value = serde_json::from_str(message).context("cargo's messages")?;
        let texts =
            (message["executable"].as_str(), message["manifest_path"].as_str(), message["target"]["src_path"].as_str());
        if message["profile"]["test"] == true
            && let (Some(file), Some(manifest), Some(source)) = texts
        {
            let folder = PathBuf::from(manifest).parent().context("a manifest without a folder")?.to_path_buf();
            let name = source.strip_prefix(&format!("{}/", step::root().display())).unwrap_or(source).to_owned();
            programs.push_front(Program { file: file.into(), name, folder });
        }
    }
    Ok(programs)
}

/// Runs a program; no other one that runs at the same time has this slot.
fn start(program: &Program, environment: &[(&str, &str)], slot: usize) -> Result<Output> {
    Command::new(&program.file)
        .current_dir(&program.folder)
        .envs(environment.iter().copied())
        .env("RTPMIDI_TEST_SLOT", slot.to_string())
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", program.file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_all_test_programs_are_added() {
        let mut total = Total::default();
        total.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.25s\ntest midi::tests::it_parses ... ok");
        total.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s");
        assert_eq!(total, Total { passed: 15, failed: 2 });
    }

    #[test]
    fn test_programs_are_found_among_the_messages_and_what_was_built_last_comes_first() {
        let messages = r#"{"reason":"compiler-artifact","manifest_path":"/p/a/Cargo.toml","target":{"src_path":"/p/a/src/lib.rs"},"profile":{"test":true},"executable":"/t/a"}
{"reason":"compiler-artifact","manifest_path":"/p/b/Cargo.toml","target":{"src_path":"/p/b/src/main.rs"},"profile":{"test":false},"executable":"/t/b"}
{"reason":"compiler-artifact","manifest_path":"/p/c/Cargo.toml","target":{"src_path":"/p/c/tests/c.rs"},"profile":{"test":true},"executable":"/t/c"}
{"reason":"build-finished","success":true}"#;
        let program = |name: &str, source: &str| Program {
            file: format!("/t/{name}").into(),
            name: source.to_owned(),
            folder: format!("/p/{name}").into(),
        };
        assert_eq!(find(messages).unwrap(), [program("c", "/p/c/tests/c.rs"), program("a", "/p/a/src/lib.rs")]);
    }
}
