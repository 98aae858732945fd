//! The test programs of the workspace, several at a time: most of them wait for the time of music to pass.

use std::collections::{BTreeSet, VecDeque};
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::step;
use crate::test_program::{Ended, TestProgram};

/// How many tests passed and failed.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Total {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    /// The programs that failed beside others and passed by themselves.
    pub(crate) second_time: Vec<String>,
    /// What tests left out, and why.
    pub(crate) skipped: BTreeSet<String>,
}

impl Total {
    /// Counts lines like `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
    ///
    /// A test that leaves something out says `skipped: ` and why.
    pub(crate) fn add(&mut self, output: &str) {
        self.skipped.extend(output.lines().filter_map(|line| line.strip_prefix("skipped: ")).map(str::to_owned));
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

/// Builds all test programs and runs them, then the examples in the documentation. Each one's words come in one piece
/// when it has ended; one that fails keeps none of the others from running, and is run once more when it has the machine
/// to itself: several programs that each keep time share two cores here.
pub(crate) fn run(environment: &[(&str, &str)], total: &mut Total) -> Result<()> {
    let programs = step::timed("cargo test --workspace --no-run", build)?;
    let at_once = thread::available_parallelism().map_or(2, usize::from) + 1;
    let failed = step::timed(&format!("{} test programs, {at_once} at a time", programs.len()), || {
        several(programs, at_once, environment, total)
    })?;
    if !failed.is_empty() {
        step::timed("once more, one at a time, what failed", || one_by_one(failed, environment, total))?;
    }
    step::timed("cargo test --workspace --doc", || {
        let output = step::cargo(&["test", "--workspace", "--doc"]).stderr(Stdio::inherit()).output()?;
        stdout().write_all(&output.stdout)?;
        total.add(&String::from_utf8_lossy(&output.stdout));
        ensure!(output.status.success(), "cargo test --doc ended with {}", output.status);
        Ok(())
    })
}

/// Runs them all, and returns those that failed.
fn several(
    programs: VecDeque<TestProgram>,
    at_once: usize,
    environment: &[(&str, &str)],
    total: &mut Total,
) -> Result<Vec<TestProgram>> {
    let waiting = Mutex::new(programs);
    let (ended, results) = mpsc::channel();
    let mut failed = Vec::new();
    thread::scope(|scope| {
        for slot in 0..at_once {
            let (waiting, ended) = (&waiting, ended.clone());
            scope.spawn(move || {
                let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                while let Some(program) = next() {
                    eprintln!("     Started {}", program.name);
                    let end = program.run(environment, slot);
                    let _nobody_listens = ended.send((program, end));
                }
            });
        }
        drop(ended);
        let report = |(program, end): (TestProgram, Result<Ended>)| {
            let end = end?;
            tell(&program, &end)?;
            if end.passed {
                total.add(&end.words);
            } else {
                failed.push(program);
            }
            anyhow::Ok(())
        };
        // Where nobody reads, say, no more are begun.
        results.into_iter().try_for_each(report).inspect_err(|_| {
            waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
        })
    })?;
    Ok(failed)
}

/// Runs again what failed; whoever fails then as well has failed.
fn one_by_one(programs: Vec<TestProgram>, environment: &[(&str, &str)], total: &mut Total) -> Result<()> {
    let mut failed = Vec::new();
    for program in programs {
        let end = program.run(environment, 0)?;
        tell(&program, &end)?;
        total.add(&end.words);
        let names = if end.passed { &mut total.second_time } else { &mut failed };
        names.push(program.name);
    }
    ensure!(failed.is_empty(), "tests failed twice in {}", failed.join(", "));
    Ok(())
}

/// Prints what it said; of one that passed, no more than which tests.
fn tell(program: &TestProgram, end: &Ended) -> Result<()> {
    writeln!(stdout(), "\n     Ended {} ({:.1} s)", program.name, end.took.as_secs_f64())?;
    let is_told = |line: &&str| !end.passed || line.starts_with("test ");
    end.words.lines().filter(is_told).try_for_each(|line| writeln!(stdout(), "{line}"))?;
    Ok(())
}

fn build() -> Result<VecDeque<TestProgram>> {
    let arguments = ["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"];
    let child = step::cargo(&arguments).stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "cargo test --no-run ended with {}", output.status);
    find(&String::from_utf8_lossy(&output.stdout))
}

/// Reads cargo's messages, one JSON object per line. What is built last comes first: it drives the whole program, and
/// takes the longest.
fn find(messages: &str) -> Result<VecDeque<TestProgram>> {
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
            programs.push_front(TestProgram { file: file.into(), name, folder });
        }
    }
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_all_test_programs_are_added() {
        let mut total = Total::default();
        total.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.25s\nskipped: no harp\ntest midi::tests::it_parses ... ok");
        total.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s");
        let skipped = ["no harp".to_owned()].into();
        assert_eq!(total, Total { passed: 15, failed: 2, skipped, ..Total::default() });
    }

    #[test]
    fn test_programs_are_found_among_the_messages_and_what_was_built_last_comes_first() {
        let messages = r#"{"reason":"compiler-artifact","manifest_path":"/p/a/Cargo.toml","target":{"src_path":"/p/a/src/lib.rs"},"profile":{"test":true},"executable":"/t/a"}
{"reason":"compiler-artifact","manifest_path":"/p/b/Cargo.toml","target":{"src_path":"/p/b/src/main.rs"},"profile":{"test":false},"executable":"/t/b"}
{"reason":"compiler-artifact","manifest_path":"/p/c/Cargo.toml","target":{"src_path":"/p/c/tests/c.rs"},"profile":{"test":true},"executable":"/t/c"}
{"reason":"build-finished","success":true}"#;
        let program = |name: &str, source: &str| TestProgram {
            file: format!("/t/{name}").into(),
            name: source.to_owned(),
            folder: format!("/p/{name}").into(),
        };
        assert_eq!(find(messages).unwrap(), [program("c", "/p/c/tests/c.rs"), program("a", "/p/a/src/lib.rs")]);
    }
}
