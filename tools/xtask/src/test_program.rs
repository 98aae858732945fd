//! One test program: run with a limit to its time, and ended with all that it has started.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// No test program takes a third of it on two cores, beside two others.
const LIMIT: Duration = Duration::from_mins(8);

/// A test program as cargo built it.
#[derive(Debug, PartialEq)]
pub(crate) struct TestProgram {
    pub(crate) file: PathBuf,
    /// Its source, as a reader of the output looks for it.
    pub(crate) name: String,
    /// The folder of its package, in which cargo would run it.
    pub(crate) folder: PathBuf,
}

/// How a test program ended.
pub(crate) struct Ended {
    /// What it said, in the order in which it said it.
    pub(crate) words: String,
    pub(crate) passed: bool,
    pub(crate) took: Duration,
}

impl TestProgram {
    /// Runs it in the slot, which no other one has at the same time.
    pub(crate) fn run(&self, environment: &[(&str, &str)], slot: usize) -> Result<Ended> {
        // A file and no pipe: a process that it leaves behind would keep a pipe open, and us waiting.
        let mut words = tempfile::tempfile().context("no file for what a test says")?;
        let started = Instant::now();
        let mut child = Command::new(&self.file)
            .arg("--show-output")
            .current_dir(&self.folder)
            .envs(environment.iter().copied())
            .env("RTPMIDI_TEST_SLOT", slot.to_string())
            .stdin(Stdio::null())
            .stdout(words.try_clone()?)
            .stderr(words.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot start {}", self.file.display()))?;
        let end = wait(&mut child, LIMIT)?;
        let mut words = whole(&mut words)?;
        let mut say = |line: &str| {
            words.push_str(line);
            words.push('\n');
        };
        match &end {
            End::Status(status) if !status.success() => say(&format!("{} ended with {status}", self.name)),
            End::Status(_) => {}
            End::Killed(family) => {
                say(&format!("{} was ended after {} s, with what it had started:", self.name, LIMIT.as_secs()));
                for line in family {
                    say(line);
                }
            }
        }
        let passed = matches!(end, End::Status(status) if status.success());
        Ok(Ended { words, passed, took: started.elapsed() })
    }
}

enum End {
    Status(std::process::ExitStatus),
    /// The command lines of it and its descendants.
    Killed(Vec<String>),
}

/// Waits for its end, at most so long.
fn wait(child: &mut Child, limit: Duration) -> Result<End> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(End::Status(status));
        }
        if Instant::now() >= deadline {
            let family = family(child.id());
            let lines = family.iter().map(|process| command_line(*process)).collect();
            for id in family.into_iter().filter_map(|process| Pid::from_raw(process as i32)) {
                let _has_ended = kill_process(id, Signal::KILL);
            }
            child.wait()?;
            return Ok(End::Killed(lines));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A process and all its descendants, ancestors first.
fn family(process: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, parent(&entry.path())?)))
        .collect();
    let mut family = vec![process];
    let mut seen = 0;
    while let Some(&parent) = family.get(seen) {
        family.extend(parents.iter().filter(|(_, its_parent)| *its_parent == parent).map(|(child, _)| child));
        seen += 1;
    }
    family
}

/// The parent of a process: the second field behind its name, which may hold anything.
fn parent(folder: &Path) -> Option<u32> {
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// How it was started, after its number.
fn command_line(process: u32) -> String {
    let octets = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    format!("  {process} {}", String::from_utf8_lossy(&octets).replace('\0', " "))
}

fn whole(file: &mut File) -> Result<String> {
    let mut octets = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).stdin(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn one_that_takes_too_long_is_ended_with_what_it_has_started() {
        let mut child = shell("sleep 1000 & wait");
        let (sleeper, started) = loop {
            if let [_, sleeper] = family(child.id())[..] {
                break (sleeper, Instant::now());
            }
        };
        let End::Killed(lines) = wait(&mut child, Duration::from_millis(100)).unwrap() else { panic!("it ended") };
        assert!(started.elapsed() < Duration::from_mins(1));
        assert_eq!(lines.len(), 2, "{lines:?}");
        // Nobody of this process waits for the child's child.
        let gone = |stat: std::io::Result<String>| stat.map_or(true, |stat| stat.contains(") Z "));
        while !gone(std::fs::read_to_string(format!("/proc/{sleeper}/stat"))) {
            assert!(started.elapsed() < Duration::from_mins(1), "it lives on");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn what_one_leaves_behind_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("script");
        std::fs::write(&file, "#!/bin/sh\nsleep 1000 & echo $!").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let program = TestProgram { file, name: "script".to_owned(), folder: folder.path().to_owned() };
        let ended = program.run(&[], 0).unwrap();
        let left = ended.words.trim().parse().ok().and_then(Pid::from_raw).expect("the number of a process");
        kill_process(left, Signal::KILL).unwrap();
        assert!(ended.passed && ended.took < Duration::from_mins(1));
    }
}
