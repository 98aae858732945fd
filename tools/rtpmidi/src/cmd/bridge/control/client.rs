//! The other end of the socket: one question, one answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::time::Duration;

use serde_json::Value;

use super::place::Place;
use crate::cmd::bridge::request::Request;
use crate::cmd::bridge::rpc;
use crate::failure::{Failure, Result};

/// How long a bridge may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Octets of an answer: the status of thousands of ports.
const LONGEST: u64 = 1 << 26;

/// Asks the bridge at a place for something, and returns the result.
pub(super) fn ask(place: &Place, request: &Request) -> Result<Value> {
    let failed = |error: std::io::Error| Failure::new(format!("the bridge does not answer: {error}"));
    let stream = place.connect()?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let line = rpc::ask(request) + "\n";
    (&stream).write_all(line.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    BufReader::new(&stream).take(LONGEST).read_until(b'\n', &mut answer).map_err(failed)?;
    if answer.is_empty() {
        return Err(Failure::new("the bridge has hung up: it has ended, or too many others ask"));
    }
    rpc::result(&answer).map_err(|why| Failure::new(format!("the bridge refuses: {why}")))
}
