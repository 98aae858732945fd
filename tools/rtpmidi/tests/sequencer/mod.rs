//! The ALSA sequencer as its own tools see it: which ports there are, and programs that play to them and hear them.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::BufReader;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::kit::Program;
use crate::vm;

/// Longer than anything takes in a machine that is twenty times slower.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) fn until<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What `aconnect -l` lists of the port `name` of a process: its address, and the lines about its connections.
pub(crate) fn port(process: u32, name: &str) -> Option<(String, String)> {
    let output = Command::new("aconnect").arg("-l").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (mut client, mut found) = (None, None);
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("client ") {
            let is_its = line.contains(&format!("pid={process}]"));
            client = rest.split_once(':').filter(|_| is_its).map(|(number, _)| number);
        } else if let Some((number, title)) = line.split_once('\'').filter(|_| !line.starts_with('\t')) {
            let is_it = client.is_some() && title.trim_end_matches('\'').trim_end() == name;
            found =
                found.or(client.filter(|_| is_it).map(|client| (format!("{client}:{}", number.trim()), String::new())));
            client = client.filter(|_| !is_it);
        } else if let Some((_, connections)) = found.as_mut().filter(|_| client.is_none()) {
            connections.push_str(line);
        }
    }
    found
}

pub(crate) fn address(program: &Program, name: &str) -> String {
    until(name, || port(program.id(), name)).0
}

/// Waits until somebody hears what the program plays.
pub(crate) fn wait_for_hearer(program: &Program) {
    until("a connection", || {
        port(program.id(), "out").filter(|(_, connections)| connections.contains("Connecting To"))
    });
}

/// A tool of ALSA; it ends with this value.
pub(crate) struct Tool(pub(crate) Child);

impl Tool {
    /// A recording by `arecordmidi` which has begun, with so many ticks in half a second.
    pub(crate) fn recorder(program: &Program, ticks: u32, path: &Path) -> Self {
        let mut command = Command::new("arecordmidi");
        let recorder = command.args(["-t", &ticks.to_string(), "-p", &address(program, "out")]).arg(path);
        let recorder = Self(recorder.spawn().unwrap());
        wait_for_hearer(program);
        recorder
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as Ctrl-C does, when it has read what it was sent.
    pub(crate) fn stop(mut self) -> ExitStatus {
        vm::wait_until_all_is_read(self.id());
        assert!(Command::new("kill").args(["-INT", &self.0.id().to_string()]).status().unwrap().success());
        self.0.wait().unwrap()
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `aseqdump`, connected, and the lines it prints: headings first, but not before there is more.
pub(crate) fn dump(program: &Program) -> (Tool, BufReader<ChildStdout>) {
    let mut command = Command::new("aseqdump");
    let mut child = command.args(["-p", &address(program, "out")]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let dump = Tool(child);
    wait_for_hearer(program);
    (dump, lines)
}

/// Plays a file to the program with `aplaymidi`, to its end.
pub(crate) fn play(program: &Program, path: &Path) {
    assert!(Command::new("aplaymidi").args(["-p", &address(program, "in")]).arg(path).status().unwrap().success());
}
