//! AppleMIDI peers by others, as processes: told what to play, and asked what they hear. `tests/peers` has their drivers.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::kit::{Objects, PATIENCE, networks_are_allowed};

/// A chord, which goes out in one packet.
pub(crate) const CHORD: [&[u8]; 3] = [&[0x90, 60, 100], &[0x90, 64, 100], &[0x90, 67, 100]];

/// A peer that runs.
pub(crate) struct Peer {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Peer {
    /// The npm package `rtpmidi`, with the arguments of its driver; `None`, with a message, where it is not installed.
    pub(crate) fn npm(arguments: &[&str]) -> Option<Self> {
        let modules = installed("npm")?.join("node_modules");
        let mut node = Command::new("node");
        Some(Self::start(node.arg(driver("npm.js")).args(arguments).env("NODE_PATH", modules)))
    }

    /// The Python package `pymidi`, on this port; `None` as above.
    pub(crate) fn pymidi(port: u16) -> Option<Self> {
        let packages = installed("pymidi")?;
        let mut python = Command::new("python3");
        python.arg(driver("pymidi_server.py")).arg(port.to_string());
        Some(Self::start(python.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1")))
    }

    /// The same of the crate `rtpmidi`.
    pub(crate) fn of_the_crate(arguments: &[&str]) -> Option<Self> {
        let program = installed("crate")?.join("crate-peer");
        Some(Self::start(Command::new(program).args(arguments)))
    }

    /// PipeWire on a machine of its own, whose session has this name; `None` as above.
    pub(crate) fn pipewire(name: &str) -> Option<Self> {
        let root = installed("pipewire")?;
        if !networks_are_allowed() {
            return None;
        }
        let mut unshare = Command::new("unshare");
        unshare.args(["-rnmp", "--fork", "--kill-child", "--mount-proc"]);
        let peer = Self::start(unshare.arg(driver("pipewire/run")).arg(root).arg(name));
        assert_eq!(peer.line(), "ready");
        Some(peer)
    }

    fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().unwrap();
        let stdin = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, stdin, lines }
    }

    /// Waits until it says that it has a session with us.
    #[track_caller]
    pub(crate) fn opens(&self) {
        assert_eq!(self.line(), "open");
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// It is told something that its driver knows.
    pub(crate) fn order(&mut self, words: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{words}").unwrap();
    }

    /// It plays these messages in one packet.
    pub(crate) fn play(&mut self, messages: &[&[u8]]) {
        let messages: Vec<String> = messages.iter().map(|message| hex(message)).collect();
        self.order(&messages.join(","));
    }

    /// The next thing that it hears is this.
    #[track_caller]
    pub(crate) fn hears(&self, octets: &[u8]) {
        assert_eq!(self.line(), format!("heard {}", hex(octets)));
    }

    /// The next things that it hears are these.
    #[track_caller]
    pub(crate) fn hears_all(&self, messages: &[&[u8]]) {
        for message in messages {
            self.hears(message);
        }
    }

    /// Whether what it says next, and soon, is that it hears this.
    pub(crate) fn hears_soon(&self, octets: &[u8]) -> bool {
        let line = self.lines.recv_timeout(Duration::from_secs(2)).ok();
        if let Some(line) = &line {
            assert_eq!(*line, format!("heard {}", hex(octets)));
        }
        line.is_some()
    }

    /// Whether it has heard this among other things.
    pub(crate) fn has_heard(&self, octets: &[u8]) -> bool {
        let wanted = format!("heard {}", hex(octets));
        self.lines.try_iter().any(|line| line == wanted)
    }

    /// The octets that it hears next.
    pub(crate) fn heard(&self) -> Vec<u8> {
        let line = self.line();
        let digits = line.strip_prefix("heard ").expect(&line);
        (0..digits.len()).step_by(2).map(|index| u8::from_str_radix(&digits[index..index + 2], 16).unwrap()).collect()
    }

    /// The next thing that it says is that we have left.
    #[track_caller]
    pub(crate) fn closes(&self) {
        assert_eq!(self.line(), "closed");
    }

    /// It leaves.
    pub(crate) fn leave(&mut self) {
        self.stdin = None;
    }

    fn line(&self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("the peer says nothing"),
            Err(RecvTimeoutError::Disconnected) => panic!("the peer has ended"),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next messages that we hear from `who` are these, and nothing else.
#[track_caller]
pub(crate) fn we_hear(lines: &Objects, who: &str, messages: &[&[u8]]) {
    let started = Instant::now();
    for message in messages {
        let left = PATIENCE.saturating_sub(started.elapsed());
        let event = lines.wait_for("nothing is heard", left, |object| object["type"] == "event");
        let octets = event["octets"].as_str().unwrap().replace(' ', "");
        assert_eq!((event["from"].as_str().unwrap(), octets), (who, hex(message)));
    }
}

/// A System Exclusive with so many octets between its ends.
pub(crate) fn sysex(octets: u32) -> Vec<u8> {
    let data = (0..octets).map(|index| (index % 127) as u8);
    [0xF0].into_iter().chain(data).chain([0xF7]).collect()
}

/// Octets as digits.
pub(crate) fn hex(octets: &[u8]) -> String {
    use std::fmt::Write;

    octets.iter().fold(String::new(), |mut text, octet| {
        write!(text, "{octet:02x}").unwrap();
        text
    })
}

/// The folder of a package, if it is there.
fn installed(name: &str) -> Option<PathBuf> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_rtpmidi"));
    let folder = program.ancestors().nth(2).unwrap().join("peers").join(name);
    if folder.exists() {
        return Some(folder);
    }
    eprintln!("skipped: no {name} in {}; cargo xtask interop gets it", folder.display());
    None
}

fn driver(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../tests/peers", name].iter().collect()
}
