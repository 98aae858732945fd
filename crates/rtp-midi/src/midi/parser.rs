//! The MIDI 1.0 byte stream: octets in, commands out.

use super::command::{Command, System, Voice};
use super::number::{Channel, U7, U14};
use super::sysex::{End, Part, Segment};

/// Whether the source wrote a channel command with its status octet (the P bit of section 3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Status {
    /// The status octet was there, or the command is a system command.
    #[default]
    Given,
    /// The source used running status.
    Running,
}

/// Cuts a MIDI byte stream, in pieces of any size, into commands.
///
/// Running status, Real-Time octets inside other commands, and System Exclusives without their `F7` are understood.
/// A System Exclusive longer than the limit comes out in segments, so memory is bounded and nothing is lost.
/// Octets that belong to no command are dropped and counted.
#[derive(Clone, Debug)]
pub struct Parser {
    status: Option<u8>,
    pending: Option<Pending>,
    first: Option<U7>,
    data: Vec<u8>,
    limit: usize,
    stray: u64,
}

/// A command whose data octets are still coming.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pending {
    Channel(u8, Status),
    Common(u8),
    /// The opening part so far: whether a segment has gone out already.
    SysEx {
        begun: bool,
    },
    /// `F4` or `F5`, whose data octets run to the next status octet.
    Undefined(u8),
}

impl Parser {
    /// A parser that gathers at most `limit` data octets of a System Exclusive before it lets a segment go.
    pub fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        Self { status: None, pending: None, first: None, data: Vec::new(), limit, stray: 0 }
    }

    /// Takes octets and gives each complete command to `out`.
    pub fn push(&mut self, octets: &[u8], mut out: impl FnMut(Command<'_>, Status)) {
        for &octet in octets {
            match octet {
                0x00..=0x7F => self.take_data(U7::masked(octet), &mut out),
                0xF8..=0xFF => take_alone(octet, &mut out),
                _ => self.take_status(octet, &mut out),
            }
        }
    }

    /// Octets that belonged to no command.
    pub const fn stray(&self) -> u64 {
        self.stray
    }

    /// Whether a System Exclusive has begun and not ended.
    pub const fn in_sysex(&self) -> bool {
        matches!(self.pending, Some(Pending::SysEx { .. }))
    }

    /// Whether a command has begun and not ended.
    pub const fn in_command(&self) -> bool {
        self.pending.is_some()
    }

    /// Lets go of the data octets that have come of a System Exclusive, as a segment; gives nothing where there are none.
    pub fn cut(&mut self, mut out: impl FnMut(Command<'_>, Status)) {
        if let Some(Pending::SysEx { begun }) = self.pending
            && !self.data.is_empty()
        {
            let part = if begun { Part::Middle } else { Part::First };
            out(Segment { part, data: &self.data }.into(), Status::Given);
            self.data.clear();
            self.pending = Some(Pending::SysEx { begun: true });
        }
    }

    /// Forgets half a command and the running status, as after a break in the stream.
    ///
    /// Returns the cancel segment that calls off a System Exclusive of which segments have gone out.
    pub fn reset(&mut self) -> Option<Command<'static>> {
        let begun = self.pending == Some(Pending::SysEx { begun: true });
        (self.status, self.pending, self.first) = (None, None, None);
        self.data.clear();
        begun.then_some(Command::System(System::SysEx(Segment { part: Part::Cancel, data: &[] })))
    }

    fn take_data(&mut self, octet: U7, out: &mut impl FnMut(Command<'_>, Status)) {
        if self.pending.is_none() {
            self.pending = self.status.map(|status| Pending::Channel(status, Status::Running));
        }
        match self.pending {
            None => self.stray += 1,
            Some(Pending::SysEx { .. }) => {
                if self.data.len() == self.limit {
                    self.cut(out);
                }
                self.data.push(octet.get());
            }
            Some(Pending::Undefined(_)) if self.data.len() < self.limit => self.data.push(octet.get()),
            Some(Pending::Undefined(_)) => self.stray += 1,
            Some(Pending::Channel(status, source)) => {
                let two = !matches!(status >> 4, 0xC | 0xD);
                let first = if two { self.first.take() } else { Some(octet) };
                match first {
                    None => self.first = Some(octet),
                    Some(first) => {
                        self.pending = None;
                        let voice = Voice::from_octets(status >> 4, first, octet);
                        out(Command::Channel(Channel::masked(status), voice), source);
                    }
                }
            }
            Some(Pending::Common(status)) => {
                let command = match (status, self.first.take()) {
                    (0xF1, _) => System::QuarterFrame(octet),
                    (0xF3, _) => System::SongSelect(octet),
                    (_, Some(first)) => System::SongPosition(U14::join(first, octet)),
                    (_, None) => {
                        self.first = Some(octet);
                        return;
                    }
                };
                self.pending = None;
                out(Command::System(command), Status::Given);
            }
        }
    }

    /// Takes a status octet other than System Real-Time: it ends whatever was going on.
    fn take_status(&mut self, octet: u8, out: &mut impl FnMut(Command<'_>, Status)) {
        match self.pending.take() {
            Some(Pending::SysEx { begun }) => {
                let end = if octet == 0xF7 { End::Eox } else { End::Dropped };
                let part = if begun { Part::Last(end) } else { Part::Whole(end) };
                out(Segment { part, data: &self.data }.into(), Status::Given);
            }
            Some(Pending::Undefined(status)) => {
                let system = if status == 0xF4 { System::F4(&self.data) } else { System::F5(&self.data) };
                out(Command::System(system), Status::Given);
            }
            Some(_) => self.stray += 1 + u64::from(self.first.is_some()),
            None => {}
        }
        (self.status, self.first) = (None, None);
        self.data.clear();
        match octet {
            0x80..=0xEF => {
                self.status = Some(octet);
                self.pending = Some(Pending::Channel(octet, Status::Given));
            }
            0xF0 => self.pending = Some(Pending::SysEx { begun: false }),
            0xF1..=0xF3 => self.pending = Some(Pending::Common(octet)),
            0xF4 | 0xF5 => self.pending = Some(Pending::Undefined(octet)),
            0xF6 => take_alone(octet, out),
            _ => {} // An F7 that ended nothing (section 3.2).
        }
    }
}

/// A command that is its status octet and nothing else.
fn take_alone(octet: u8, out: &mut impl FnMut(Command<'_>, Status)) {
    if let Ok((command, _)) = Command::decode(&[octet]) {
        out(command, Status::Given);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(pieces: &[&[u8]], limit: usize) -> Vec<(Vec<u8>, Status)> {
        let mut parser = Parser::new(limit);
        let mut commands = Vec::new();
        for piece in pieces {
            parser.push(piece, |command, source| {
                let mut octets = Vec::new();
                command.encode(&mut octets);
                commands.push((octets, source));
            });
        }
        commands
    }

    #[test]
    fn running_status_gets_its_status_octet_back() {
        let commands = parse(&[&[0x90, 60, 64, 62], &[64]], 100);
        assert_eq!(commands, [(vec![0x90, 60, 64], Status::Given), (vec![0x90, 62, 64], Status::Running)]);
    }

    #[test]
    fn a_real_time_octet_inside_a_command_comes_first() {
        let commands = parse(&[&[0x90, 0xF8, 60, 64]], 100);
        assert_eq!(commands, [(vec![0xF8], Status::Given), (vec![0x90, 60, 64], Status::Given)]);
    }

    #[test]
    fn system_common_ends_running_status_and_real_time_does_not() {
        let octets: Vec<_> =
            parse(&[&[0x90, 60, 64, 0xF8, 60, 0, 0xF6, 60, 0]], 100).into_iter().map(|c| c.0).collect();
        assert_eq!(octets, [vec![0x90, 60, 64], vec![0xF8], vec![0x90, 60, 0], vec![0xF6]]);
    }

    #[test]
    fn a_sysex_ended_by_another_status_octet_has_dropped_its_f7() {
        let octets: Vec<_> = parse(&[&[0xF0, 1, 2, 0x90, 60, 64]], 100).into_iter().map(|c| c.0).collect();
        assert_eq!(octets, [vec![0xF0, 1, 2, 0xF5], vec![0x90, 60, 64]]);
    }

    #[test]
    fn a_long_sysex_comes_in_segments() {
        let octets: Vec<_> = parse(&[&[0xF0, 1, 2, 3], &[4, 5, 0xF7]], 2).into_iter().map(|c| c.0).collect();
        assert_eq!(octets, [vec![0xF0, 1, 2, 0xF0], vec![0xF7, 3, 4, 0xF0], vec![0xF7, 5, 0xF7]]);
    }

    #[test]
    fn what_has_come_of_a_sysex_can_be_let_go() {
        let (mut parser, mut segments) = (Parser::new(100), Vec::new());
        let mut out = |command: Command<'_>, _| {
            let mut octets = Vec::new();
            command.encode(&mut octets);
            segments.push(octets);
        };
        for octets in [&[0xF0][..], &[1, 2], &[3], &[], &[0xF7, 0x90, 60]] {
            parser.push(octets, &mut out);
            parser.cut(&mut out);
        }
        assert!(parser.in_command());
        assert_eq!(segments, [vec![0xF0, 1, 2, 0xF0], vec![0xF7, 3, 0xF0], vec![0xF7, 0xF7]]);
    }

    #[test]
    fn undefined_commons_lose_their_stray_f7s() {
        let octets: Vec<_> = parse(&[&[0xF4, 1, 0xF7, 0xF7, 0xF5, 0xF7, 0xF8]], 9).into_iter().map(|c| c.0).collect();
        assert_eq!(octets, [vec![0xF4, 1, 0xF7], vec![0xF5, 0xF7], vec![0xF8]]);
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same_commands(octets in prop::collection::vec(any::<u8>(), 0..200), cut in 1..20_usize) {
            let whole = parse(&[&octets], 16);
            let pieces: Vec<_> = octets.chunks(cut).collect();
            prop_assert_eq!(parse(&pieces, 16), whole.clone());
            for (octets, _) in &whole {
                let (_, rest) = Command::decode(octets).unwrap();
                prop_assert!(rest.is_empty());
            }
        }
    }
}
