//! One of two processes that play together: started, listened to, ended.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::step;

/// Who of the two speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Player {
    Broadcaster,
    /// One, or many in one process.
    Listener,
    Bridge,
    /// Of the bridge, in one process.
    Peers,
}

impl fmt::Display for Player {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Broadcaster => "broadcaster",
            Self::Listener => "listener",
            Self::Bridge => "bridge",
            Self::Peers => "load",
        })
    }
}

/// One line of a process's standard output, which it writes as JSON.
pub(crate) struct Said {
    pub(crate) player: Player,
    pub(crate) object: Value,
}

/// A running process; ended when dropped.
pub(crate) struct Process {
    player: Player,
    line: String,
    child: Child,
    words: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts `command` with `--json`; each object it prints goes to `said`.
    pub(crate) fn start(player: Player, command: &mut Command, said: Sender<Said>) -> Result<Self> {
        let line = command_line(command);
        let mut child = command
            .arg("--json")
            .current_dir(step::root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {line}"))?;
        let output = child.stdout.take().context("a process without output")?;
        let errors = child.stderr.take().context("a process without errors")?;
        std::thread::spawn(move || pass_on(output, player, &said));
        let words = std::thread::spawn(move || collect(errors));
        Ok(Self { player, line, child, words: Some(words) })
    }

    /// Its number in the system.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The command line that started it.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    /// It runs, or has ended well.
    pub(crate) fn has_not_failed(&mut self) -> Result<()> {
        if self.has_ended() {
            self.succeeded()?;
        }
        Ok(())
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits for its end; an exit code other than 0 is an error with its own words.
    pub(crate) fn succeeded(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        let words = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        if !status.success() {
            let words = words.trim().trim_start_matches("error: ");
            bail!("the {} failed ({status}): {words}", self.player);
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.has_ended() {
            let _over = self.child.kill();
            let _status = self.child.wait();
        }
    }
}

/// The command as one would type it; none of our arguments holds a space.
fn command_line(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let root = step::root().to_string_lossy().into_owned();
    let short = program.strip_prefix(&format!("{root}/")).unwrap_or(&program).to_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(short).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn pass_on(output: ChildStdout, player: Player, said: &Sender<Said>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if let Ok(object) = serde_json::from_str(&line) {
            let _nobody_listens = said.send(Said { player, object });
        }
    }
}

fn collect(mut errors: ChildStderr) -> String {
    let mut octets = Vec::new();
    let _cut_short = errors.read_to_end(&mut octets);
    String::from_utf8_lossy(&octets).into_owned()
}
