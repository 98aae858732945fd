//! Recording what a live stream brings: tolerant of what senders do to message boundaries.

use crate::meta::Meta;
use crate::stream::{Assembler, Piece, message_length};
use crate::tempo::Division;
use crate::write::{Checkpoint, WriteError, Writer};

/// A [`Writer`] for buffers that hold one message each, more or less.
///
/// - Of a buffer exactly one message is taken; what follows it is ignored (some parsers leave an octet behind it).
/// - A System Exclusive may come in pieces: buffers that go on with data octets, or with `F7` and data octets.
///   It is recorded at the time of its last piece.
/// - The undefined F4, F5, F9 and FD are left out (F9 is a renderer's tick), and so is Active Sense, which only says
///   that a cable is still there.
/// - What is no message is left out and counted.
#[derive(Clone, Debug)]
pub struct Recorder {
    writer: Writer,
    sysex: Assembler,
    recorded: u64,
    dropped: u64,
}

impl Recorder {
    /// The octets of a System Exclusive in pieces that are kept in memory; a longer one is dropped.
    pub const LONGEST_SYSEX: usize = 1 << 24;

    /// Begins a file with ticks of this `division`.
    pub fn new(division: Division) -> Self {
        Self { writer: Writer::new(division), sysex: Assembler::default(), recorded: 0, dropped: 0 }
    }

    /// Records the message at the start of `octets` at `time` (nanoseconds).
    pub fn buffer(&mut self, time: u64, octets: &[u8]) {
        let (status, data) = match octets {
            [0xF7, data @ ..] if self.sysex.in_sysex() && !data.is_empty() => {
                return self.piece(time, data);
            }
            [0x00..=0x7F | 0xF7, ..] if self.sysex.in_sysex() => return self.piece(time, octets),
            [0xF0, ..] => {
                self.cut_off();
                return self.piece(time, octets);
            }
            [status @ 0x80..=0xFF, data @ ..] => (*status, data),
            _ => return self.dropped += 1,
        };
        if status < 0xF8 {
            self.cut_off();
        }
        let message = data.get(..message_length(status) - 1).map(|_| &octets[..message_length(status)]);
        match (status, message) {
            (0xF4 | 0xF5 | 0xF9 | 0xFD | 0xFE, _) => {}
            (_, Some(message)) => {
                let written = self.writer.message(time, message);
                self.count(written);
            }
            (_, None) => self.dropped += 1,
        }
    }

    /// Records a meta event at `time` (nanoseconds).
    pub fn meta(&mut self, time: u64, meta: &Meta<'_>) {
        // Fails only for data that no file can hold.
        if self.writer.meta(time, meta).is_err() {
            self.dropped += 1;
        }
    }

    /// Messages recorded so far.
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    /// Buffers and pieces that were no message.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// See [`Writer::pending`].
    pub fn pending(&self) -> usize {
        self.writer.pending()
    }

    /// See [`Writer::checkpoint`].
    pub fn checkpoint(&mut self, end: u64) -> Checkpoint {
        self.writer.checkpoint(end)
    }

    /// Octets of a System Exclusive, up to its `F7`.
    fn piece(&mut self, time: u64, octets: &[u8]) {
        for &octet in octets {
            let mut whole = None;
            let mut lost = false;
            self.sysex.push(octet, &mut |piece| match piece {
                Piece::Message(message) if message.len() > 1 => {
                    whole = Some(self.writer.message(time, message));
                }
                Piece::Message(_) => {}
                Piece::Unterminated(_) | Piece::Stray(_) => lost = true,
            });
            if let Some(written) = whole {
                return self.count(written);
            }
            if lost || self.sysex.pending() > Self::LONGEST_SYSEX {
                return self.cut_off();
            }
        }
    }

    fn cut_off(&mut self) {
        let dropped = &mut self.dropped;
        self.sysex.abandon(&mut |_| *dropped += 1);
    }

    fn count(&mut self, written: Result<(), WriteError>) {
        match written {
            Ok(()) => self.recorded += 1,
            Err(_) => self.dropped += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::song::{Body, Song};

    /// The messages a file holds after these buffers, one millisecond apart, and how many were dropped.
    fn record(buffers: &[&[u8]]) -> (Vec<(u64, Vec<u8>)>, u64) {
        let mut recorder = Recorder::new(Writer::RTP_DIVISION);
        for (n, octets) in (0..).zip(buffers) {
            recorder.buffer(n * 1_000_000, octets);
        }
        let mut file = Vec::new();
        recorder.checkpoint(0).apply(&mut file);
        let song = Song::read(&file, 0).unwrap();
        let messages = song.events().filter_map(|event| match event.body {
            Body::Message(octets) => Some(((event.time + 500_000) / 1_000_000, octets.to_vec())),
            Body::Meta(_) => None,
        });
        (messages.collect(), recorder.dropped())
    }

    #[test]
    fn what_follows_a_message_is_ignored() {
        assert_eq!(
            record(&[&[0x90, 1, 2, 0x40], &[0xC0, 5, 0xC0, 6], &[0xF8, 0xFA]]),
            (vec![(0, vec![0x90, 1, 2]), (1, vec![0xC0, 5]), (2, vec![0xF8])], 0)
        );
    }

    #[test]
    fn a_sysex_in_pieces_is_joined_with_or_without_continuation_status() {
        let expected = (vec![(2, vec![0xF0, 1, 2, 3, 0xF7])], 0);
        assert_eq!(record(&[&[0xF0, 1], &[2], &[3, 0xF7]]), expected);
        assert_eq!(record(&[&[0xF0, 1], &[0xF7, 2], &[0xF7, 3, 0xF7]]), expected);
        assert_eq!(record(&[&[0xF0, 1, 2], &[3], &[0xF7]]), expected);
    }

    #[test]
    fn real_time_does_not_end_a_sysex_but_a_note_does() {
        let (messages, dropped) = record(&[&[0xF0, 1], &[0xF8], &[2, 0xF7], &[0xF0, 3], &[0x90, 4, 5], &[6, 0xF7]]);
        let octets: Vec<_> = messages.into_iter().map(|(_, octets)| octets).collect();
        assert_eq!(octets, [vec![0xF8], vec![0xF0, 1, 2, 0xF7], vec![0x90, 4, 5]]);
        assert_eq!(dropped, 2);
    }

    #[test]
    fn ticks_undefined_commands_and_active_sense_are_not_recorded() {
        assert_eq!(record(&[&[0xF9], &[0xFD], &[0xF4, 1], &[0xF5], &[0xFE]]), (vec![], 0));
    }

    #[test]
    fn garbage_is_counted() {
        assert_eq!(record(&[&[], &[1, 2, 3], &[0x90, 1], &[0x90, 0x90, 1], &[0xF7]]), (vec![], 5));
    }
}
