//! One MIDI message after the other, each in a buffer of its own, as elements of GStreamer pass them on, read leniently.
//!
//! `midiparse` puts a garbage octet behind messages that had running status, and `F9` ticks between them;
//! `alsamidisrc` cuts long System Exclusives into several buffers, of which only the first begins with `F0`.

use super::{Command, End, Part, Segment, System};

/// Reads buffers, and joins a System Exclusive that comes in several.
#[derive(Debug)]
pub struct Intake {
    /// Data octets of a System Exclusive whose end has not come yet.
    open: Option<Vec<u8>>,
    /// Most data octets of a joined System Exclusive.
    limit: usize,
}

/// What was in a buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// A message, or a piece of a System Exclusive.
    Message,
    /// Nothing that can be sent: data octets without a status, or half a message.
    Stray,
}

impl Intake {
    /// A reader that joins at most `limit` data octets of a System Exclusive, and drops a longer one.
    pub const fn new(limit: usize) -> Self {
        Self { open: None, limit }
    }

    /// Forgets a System Exclusive that has not ended.
    pub fn reset(&mut self) {
        self.open = None;
    }

    /// Gives the message at the start of `octets` to `out`, with real-time commands that stand inside it before it.
    pub fn take(&mut self, octets: &[u8], mut out: impl FnMut(Command<'_>)) -> Found {
        match octets {
            [0xF0, data @ ..] => {
                self.open = Some(Vec::new());
                self.sysex(data, out)
            }
            // A Standard MIDI File continues a System Exclusive with F7, and midiparse leaves it there.
            [0xF7, data @ ..] if !data.is_empty() && self.open.is_some() => self.sysex(data, out),
            [0x00..=0x7F | 0xF7, ..] => self.sysex(octets, out),
            // Whatever length they have; the F7 that ends them on the network is none of theirs.
            [status @ (0xF4 | 0xF5), data @ ..] => {
                let end = data.iter().position(|octet| octet & 0x80 != 0).unwrap_or(data.len());
                let data = &data[..end];
                out(Command::System(if *status == 0xF4 { System::F4(data) } else { System::F5(data) }));
                Found::Message
            }
            _ => match Command::decode(octets) {
                Ok((command, _)) => {
                    out(command);
                    Found::Message
                }
                Err(_) => Found::Stray,
            },
        }
    }

    /// Takes more octets of the open System Exclusive, up to its end.
    fn sysex(&mut self, octets: &[u8], mut out: impl FnMut(Command<'_>)) -> Found {
        let Some(open) = &mut self.open else { return Found::Stray };
        for piece in octets.chunk_by(|&before, &octet| before < 0x80 && octet < 0x80) {
            let end = match piece[0] {
                0x00..=0x7F if open.len() + piece.len() <= self.limit => {
                    open.extend_from_slice(piece);
                    continue;
                }
                0x00..=0x7F => {
                    self.open = None;
                    return Found::Stray;
                }
                0xF8.. => {
                    if let Ok((command, _)) = Command::decode(piece) {
                        out(command);
                    }
                    continue;
                }
                0xF7 => End::Eox,
                _ => End::Dropped,
            };
            out(Segment { part: Part::Whole(end), data: open }.into());
            self.open = None;
            return Found::Message;
        }
        Found::Message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(intake: &mut Intake, octets: &[u8]) -> (Found, Vec<Vec<u8>>) {
        let mut messages = Vec::new();
        let found = intake.take(octets, |command| {
            let mut octets = Vec::new();
            command.encode(&mut octets);
            messages.push(octets);
        });
        (found, messages)
    }

    fn one(octets: &[u8]) -> (Found, Vec<Vec<u8>>) {
        take(&mut Intake::new(100), octets)
    }

    #[test]
    fn what_follows_the_message_is_ignored() {
        assert_eq!(one(&[0xB0, 0x64, 0x7F, 0x60]), (Found::Message, vec![vec![0xB0, 0x64, 0x7F]]));
        assert_eq!(one(&[0xF0, 1, 2, 0xF7, 0x90, 1, 2]), (Found::Message, vec![vec![0xF0, 1, 2, 0xF7]]));
        assert_eq!(one(&[0xC5, 7, 0x90, 1, 2]), (Found::Message, vec![vec![0xC5, 7]]));
    }

    #[test]
    fn undefined_common_commands_end_with_their_data() {
        for octets in [&[0xF4, 1, 2][..], &[0xF4, 1, 2, 0xF7], &[0xF4, 1, 2, 0x90, 60, 100]] {
            assert_eq!(one(octets), (Found::Message, vec![vec![0xF4, 1, 2, 0xF7]]));
        }
        assert_eq!(one(&[0xF5]), (Found::Message, vec![vec![0xF5, 0xF7]]));
    }

    #[test]
    fn data_without_status_and_half_messages_are_stray() {
        for octets in [&[][..], &[0x40, 0x41], &[0x90, 0x40], &[0xF7], &[0xF7, 1, 2], &[0xF2, 1], &[0x90, 0x40, 0x90]] {
            assert_eq!(one(octets), (Found::Stray, vec![]), "{octets:02X?}");
        }
    }

    #[test]
    fn a_system_exclusive_in_several_buffers_comes_out_whole() {
        for pieces in [
            [&[0xF0, 1, 2][..], &[3, 4], &[5, 0xF7]],
            [&[0xF0, 1, 2], &[0xF7, 3, 4, 5], &[0xF7]],
            [&[0xF0], &[1, 2, 3, 4, 5], &[0xF7]],
            [&[0xF0, 1, 2], &[3], &[0xF7, 4, 5, 0xF7]],
        ] {
            let mut intake = Intake::new(5);
            assert_eq!(take(&mut intake, pieces[0]), (Found::Message, vec![]));
            assert_eq!(take(&mut intake, &[0x90, 60, 100]), (Found::Message, vec![vec![0x90, 60, 100]]));
            assert_eq!(take(&mut intake, pieces[1]), (Found::Message, vec![]));
            assert_eq!(take(&mut intake, pieces[2]), (Found::Message, vec![vec![0xF0, 1, 2, 3, 4, 5, 0xF7]]));
            assert_eq!(take(&mut intake, &[6]).0, Found::Stray);
        }
    }

    #[test]
    fn real_time_inside_a_system_exclusive_comes_before_it() {
        let expected = vec![vec![0xF8], vec![0xFA], vec![0xF9], vec![0xF0, 1, 2, 3, 0xF7]];
        assert_eq!(one(&[0xF0, 1, 0xF8, 2, 0xFA, 0xF9, 3, 0xF7]), (Found::Message, expected));
    }

    #[test]
    fn a_status_octet_ends_a_system_exclusive_like_a_dropped_end() {
        assert_eq!(one(&[0xF0, 1, 2, 0x90, 60, 100]), (Found::Message, vec![vec![0xF0, 1, 2, 0xF5]]));
    }

    #[test]
    fn a_system_exclusive_over_the_limit_is_dropped() {
        let mut intake = Intake::new(3);
        assert_eq!(take(&mut intake, &[0xF0, 1, 2]).0, Found::Message);
        assert_eq!(take(&mut intake, &[3, 4]), (Found::Stray, vec![]));
        assert_eq!(take(&mut intake, &[5, 0xF7]), (Found::Stray, vec![]));
        assert_eq!(take(&mut intake, &[0xF0, 1, 2, 3, 0xF7]).1, [vec![0xF0, 1, 2, 3, 0xF7]]);
    }
}
