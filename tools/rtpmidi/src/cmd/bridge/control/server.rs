//! The bridge's end of the socket: a thread that waits for clients, and one for each of them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value;

use super::place::{Place, Seat};
use crate::cmd::bridge::crowd;
use crate::cmd::bridge::inbox::Inbox;
use crate::cmd::bridge::rpc::{self, Call, Fault};
use crate::failure::{Failure, Result};

/// Takes orders as long as it lives.
#[derive(Debug)]
pub(crate) struct Server {
    _seat: Seat,
}

/// Clients at a time. Whoever comes then is hung up on.
const CLIENTS: usize = 32;

/// Octets of a line that asks. The names of two ports have room many times over.
const LINE: u64 = 1 << 16;

/// How long the bridge may take for an answer, and a client to take it.
const PATIENCE: Duration = Duration::from_secs(10);

impl Server {
    /// Takes the place, and orders for `inbox` from then on.
    pub(crate) fn open(place: &Place, inbox: Inbox) -> Result<Self> {
        let (listener, seat) = place.take()?;
        let run = move || {
            crowd::serve("control client", CLIENTS, listener.incoming(), move |stream| {
                // One that goes away has no more questions.
                let _ = serve(stream, &inbox);
            });
        };
        let started = std::thread::Builder::new().name("control".to_owned()).spawn(run);
        started.map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        Ok(Self { _seat: seat })
    }
}

/// Answers the lines of a client, one after the other.
fn serve(stream: &UnixStream, inbox: &Inbox) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let (mut lines, mut writer, mut line) = (BufReader::new(stream), stream, Vec::new());
    loop {
        line.clear();
        if lines.by_ref().take(LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let is_whole = line.ends_with(b"\n") || (line.len() as u64) < LINE;
        let answer =
            if is_whole { answer(&line, inbox) } else { Some(rpc::refuse(&Value::Null, &Fault::too_long(LINE))) };
        if let Some(mut answer) = answer {
            answer.push('\n');
            writer.write_all(answer.as_bytes())?;
        }
        if !is_whole {
            // Nobody knows where the next line would begin.
            return Ok(());
        }
    }
}

/// The line that answers a line, if one is wanted.
fn answer(line: &[u8], inbox: &Inbox) -> Option<String> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    let Call { id, request } = match rpc::read(line) {
        Ok(call) => call,
        Err((id, fault)) => return Some(rpc::refuse(&id, &fault)),
    };
    let (sender, replies) = channel();
    let is_asked = inbox.ask(request, sender);
    let reply = if is_asked { replies.recv_timeout(PATIENCE).ok() } else { None };
    let id = id?;
    Some(reply.map_or_else(|| rpc::refuse(&id, &Fault::busy()), |reply| rpc::answer(&id, reply)))
}
