//! What is played to the session: stdin.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::SyncSender;

use super::{Form, Heard};
use crate::failure::{Failure, Result};

/// Octets that are read at a time.
const CHUNK: usize = 4096;

/// Reads stdin in a thread of its own, which lasts as long as stdin does.
pub(super) fn start(form: Form, sender: SyncSender<Heard>) -> Result<()> {
    let read = move || {
        let play = |octets: Vec<u8>| sender.send(Heard::Play(octets)).is_ok();
        let end = match form {
            Form::Raw => raw(io::stdin().lock(), play),
            Form::Hex => hex(io::stdin().lock(), play),
        };
        // Nobody is left to be told when the session has ended before.
        let _ = sender.send(Heard::End(end.err()));
    };
    let thread = std::thread::Builder::new().name("stdin".to_owned()).spawn(read);
    thread.map(drop).map_err(|error| Failure::new(format!("cannot start a thread: {error}")))
}

/// Passes octets on as they come, until `play` wants no more.
fn raw(mut stdin: impl Read, mut play: impl FnMut(Vec<u8>) -> bool) -> Result<()> {
    let mut octets = [0; CHUNK];
    loop {
        match stdin.read(&mut octets) {
            Ok(0) => return Ok(()),
            Ok(length) if play(octets[..length].to_vec()) => {}
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::new(format!("cannot read stdin: {error}"))),
        }
    }
}

/// Passes on what lines of hexadecimal octets say; blanks between them do not matter.
fn hex(stdin: impl BufRead, mut play: impl FnMut(Vec<u8>) -> bool) -> Result<()> {
    for (line, number) in stdin.lines().zip(1..) {
        let line = line.map_err(|error| Failure::new(format!("cannot read stdin: {error}")))?;
        let octets = octets(&line).ok_or_else(|| {
            Failure::new(format!("stdin, line {number}: {} are no octets", line.trim()))
                .hint("lines are like 90 3c 64; --stdin raw takes octets as they are")
        })?;
        if !play(octets) {
            break;
        }
    }
    Ok(())
}

fn octets(line: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = line.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let octet = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    // A sign would be taken for a digit.
    let is_whole = digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
    is_whole.then(|| digits.chunks(2).map(octet).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Vec<u8>>, Option<String>) {
        let mut played = Vec::new();
        let result = hex(text.as_bytes(), |octets| {
            played.push(octets);
            true
        });
        (played, result.err().map(|failure| failure.to_string()))
    }

    #[test]
    fn lines_of_numbers_are_octets() {
        assert_eq!(read("90 3c 64\n803C40\n\n"), (vec![vec![0x90, 60, 100], vec![0x80, 60, 64], vec![]], None));
    }

    #[test]
    fn what_is_none_is_told_with_its_line() {
        for wrong in ["90 3", "9x", "+1", "ü"] {
            let (played, words) = read(&format!("f8\n{wrong}\nf8\n"));
            assert_eq!(played, [[0xF8]]);
            assert!(
                words.unwrap().starts_with(&format!("error: stdin, line 2: {wrong} are no octets\nhint: ")),
                "{wrong}"
            );
        }
    }
}
