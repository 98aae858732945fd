//! What is said to the bridge at its control socket (docs/control.md).

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::socket::{getsockopt, sockopt};
use serde_json::{Value, json};

/// A bridge that is spoken to.
pub(super) struct Control {
    lines: BufReader<UnixStream>,
    asked: u64,
}

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Control {
    pub(super) fn open(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).with_context(|| format!("no bridge at {}", socket.display()))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { lines: BufReader::new(stream), asked: 0 })
    }

    /// The bridge's process.
    pub(super) fn process(&self) -> Result<u32> {
        let who = getsockopt(self.lines.get_ref(), sockopt::PeerCredentials).context("whose socket it is")?;
        Ok(who.pid().try_into()?)
    }

    /// How all stands.
    pub(super) fn status(&mut self) -> Result<Value> {
        self.ask("status", &json!({}))
    }

    /// Connects two ports.
    pub(super) fn connect(&mut self, from: &str, to: &str) -> Result<()> {
        self.ask("connect", &json!({ "from": from, "to": to })).map(drop)
    }

    /// Ends a connection.
    pub(super) fn disconnect(&mut self, from: &str, to: &str) -> Result<()> {
        self.ask("disconnect", &json!({ "from": from, "to": to })).map(drop)
    }

    fn ask(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.asked += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params });
        self.lines.get_ref().write_all(format!("{request}\n").as_bytes())?;
        let mut line = String::new();
        self.lines.read_line(&mut line).with_context(|| format!("no answer to {method}"))?;
        let mut answer: Value = serde_json::from_str(&line).with_context(|| format!("the answer to {method}"))?;
        if let Some(error) = answer.get("error") {
            bail!("{method} {params}: {error}");
        }
        Ok(answer["result"].take())
    }
}
