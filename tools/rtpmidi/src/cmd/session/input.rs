//! What is played to the session: stdin, or a file.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rtp_midi::midi::{Command, Parser, Part, Segment, System};
use smf_timeline::{Body, Song};

use super::heard::Heard;
use super::options::{Form, Options};
use crate::cmd::broadcast::piece::{Piece, Place, Reading};
use crate::failure::{Failure, Result};

/// Where music comes from that waits for somebody to hear it.
pub(super) enum Source {
    Stdin(Form),
    File(Song),
}

/// Octets that are read at a time.
const CHUNK: usize = 4096;

/// Data octets up to which a System Exclusive is played in one piece.
const LONGEST: usize = 1 << 20;

impl Source {
    /// What was asked for; a file is read at once, and `warn` is told what is wrong with it.
    pub(super) fn of(options: &Options, warn: impl Fn(&str)) -> Result<Option<Self>> {
        let file = options.play.clone().map(|path| {
            let read = Piece::read(path, Place::default(), None, Reading::Lenient, &mut |defect| warn(&defect));
            read.map(|(_, song)| Self::File(song))
        });
        Ok(file.transpose()?.or(options.stdin.map(Self::Stdin)))
    }

    /// Begins to play it. Who reads stdin wants to be told that what it has read is played.
    pub(super) fn start(self, sender: SyncSender<Heard>) -> Result<Option<SyncSender<()>>> {
        match self {
            Self::Stdin(form) => read(form, sender).map(Some),
            Self::File(song) => play(song, sender).map(|()| None),
        }
    }
}

/// Plays a song in a thread of its own, each message at its time.
fn play(song: Song, sender: SyncSender<Heard>) -> Result<()> {
    let play = move || {
        let began = Instant::now();
        let wait = |time| {
            let at = began + Duration::from_nanos(time);
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            at
        };
        for event in song.events() {
            let Body::Message(octets) = event.body else { continue };
            let due = Heard::Due { octets: octets.to_vec(), at: wait(event.time) };
            // The session has ended before.
            if sender.send(due).is_err() {
                return;
            }
        }
        wait(song.duration());
        let _ = sender.send(Heard::End(None));
    };
    spawn("file", play)
}

/// Reads stdin in a thread of its own, which lasts as long as stdin does. It reads on when it is told that what it has
/// read is played, so that a long file does not crowd out what comes from others.
fn read(form: Form, sender: SyncSender<Heard>) -> Result<SyncSender<()>> {
    let (played, is_played): (_, Receiver<()>) = sync_channel(1);
    let read = move || {
        let mut messages = Messages::default();
        let play = |octets: Vec<u8>| {
            let whole = messages.take(&octets);
            whole.is_empty() || sender.send(Heard::Read(whole)).is_ok() && is_played.recv().is_ok()
        };
        let end = match form {
            Form::Raw => raw(io::stdin().lock(), play),
            Form::Hex => hex(io::stdin().lock(), play),
        };
        // Nobody is left to be told when the session has ended before.
        let _ = sender.send(Heard::End(end.err()));
    };
    spawn("stdin", read).map(|()| played)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(drop).map_err(|error| Failure::new(format!("cannot start a thread: {error}")))
}

/// Cuts what is read into whole messages, each with its status octet: others are played between them.
struct Messages(Parser);

impl Default for Messages {
    fn default() -> Self {
        Self(Parser::new(LONGEST))
    }
}

impl Messages {
    /// The messages that these octets complete.
    fn take(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut whole = Vec::new();
        self.0.push(octets, |command, _| match command {
            Command::System(System::SysEx(segment)) => stretch(segment, &mut whole),
            command => command.encode(&mut whole),
        });
        whole
    }
}

/// The octets of a System Exclusive as a stream has them; one that another status octet has ended gets its end.
pub(crate) fn stretch(segment: Segment<'_>, out: &mut Vec<u8>) {
    if matches!(segment.part, Part::Whole(_) | Part::First) {
        out.push(0xF0);
    }
    out.extend(segment.data);
    if matches!(segment.part, Part::Whole(_) | Part::Last(_)) {
        out.push(0xF7);
    }
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
    fn whole_messages_are_played_wherever_what_is_read_was_cut() {
        let mut messages = Messages::default();
        let played = [&[0x90, 60, 100, 62][..], &[100, 0xF0, 1], &[2, 0xF8], &[3, 0xF7, 0xC0], &[5, 0xF0, 4], &[0xF6]]
            .map(|octets| messages.take(octets));
        let expected: [&[u8]; 6] =
            [&[0x90, 60, 100], &[0x90, 62, 100], &[0xF8], &[0xF0, 1, 2, 3, 0xF7], &[0xC0, 5], &[0xF0, 4, 0xF7, 0xF6]];
        assert_eq!(played, expected);
    }

    #[test]
    fn a_system_exclusive_beyond_all_measure_costs_no_memory_and_loses_nothing() {
        let (mut messages, mut played) = (Messages::default(), Vec::new());
        let dump = [&[0xF0][..], &vec![1; 3 * LONGEST], &[0xF7]].concat();
        for piece in dump.chunks(CHUNK) {
            let whole = messages.take(piece);
            assert!(whole.len() <= LONGEST + CHUNK, "{}", whole.len());
            played.extend(whole);
        }
        assert!(played == dump);
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
