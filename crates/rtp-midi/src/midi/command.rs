//! MIDI commands as values (MIDI 1.0, RFC 6295 section 3.2).

use super::number::{Channel, U7, U14};
use super::sysex::{End, Part, Segment};
use crate::error::{Error, Result};

/// One MIDI command, or one segment of a System Exclusive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command<'a> {
    /// A command for one channel (status `0x80` to `0xEF`).
    Channel(Channel, Voice),
    /// A command for the whole system (status `0xF0` to `0xFF`).
    System(System<'a>),
}

/// What a channel command says; the channel stands beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are the data octets under their MIDI 1.0 names")]
pub enum Voice {
    /// `8n note velocity`.
    NoteOff { note: U7, velocity: U7 },
    /// `9n note velocity`; velocity 0 means NoteOff (see [`Voice::note_off`]).
    NoteOn { note: U7, velocity: U7 },
    /// `An note pressure`.
    PolyAftertouch { note: U7, pressure: U7 },
    /// `Bn controller value`.
    ControlChange { controller: U7, value: U7 },
    /// `Cn program`.
    ProgramChange { program: U7 },
    /// `Dn pressure`.
    ChannelAftertouch { pressure: U7 },
    /// `En lsb msb`, 8192 in the middle.
    PitchWheel { value: U14 },
}

/// A System Common, Real-Time or Exclusive command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System<'a> {
    /// `F0`: a whole System Exclusive or a segment of one.
    SysEx(Segment<'a>),
    /// `F1`: MIDI Time Code quarter frame.
    QuarterFrame(U7),
    /// `F2`: song position in sixteenth notes.
    SongPosition(U14),
    /// `F3`: song select.
    SongSelect(U7),
    /// `F4`: undefined System Common with its data octets.
    F4(&'a [u8]),
    /// `F5`: undefined System Common with its data octets.
    F5(&'a [u8]),
    /// `F6`: tune request.
    TuneRequest,
    /// `F8`: timing clock.
    Clock,
    /// `F9`: undefined System Real-Time.
    F9,
    /// `FA`: start.
    Start,
    /// `FB`: continue.
    Continue,
    /// `FC`: stop.
    Stop,
    /// `FD`: undefined System Real-Time.
    FD,
    /// `FE`: active sense.
    ActiveSense,
    /// `FF`: system reset.
    Reset,
}

impl Voice {
    /// The velocity of a NoteOn that starts a note.
    pub fn note_on(self) -> Option<(U7, U7)> {
        match self {
            Self::NoteOn { note, velocity } if velocity.get() > 0 => Some((note, velocity)),
            _ => None,
        }
    }

    /// Note and release velocity of a NoteOff; a NoteOn with velocity 0 is one with release velocity 64 (A.7).
    pub fn note_off(self) -> Option<(U7, U7)> {
        match self {
            Self::NoteOff { note, velocity } => Some((note, velocity)),
            Self::NoteOn { note, velocity } if velocity.get() == 0 => Some((note, U7::masked(64))),
            _ => None,
        }
    }

    /// The status nibble, `0x8` to `0xE`.
    pub const fn kind(self) -> u8 {
        match self {
            Self::NoteOff { .. } => 0x8,
            Self::NoteOn { .. } => 0x9,
            Self::PolyAftertouch { .. } => 0xA,
            Self::ControlChange { .. } => 0xB,
            Self::ProgramChange { .. } => 0xC,
            Self::ChannelAftertouch { .. } => 0xD,
            Self::PitchWheel { .. } => 0xE,
        }
    }

    /// The data octets; the second is `None` for the two commands that have one.
    pub const fn data(self) -> (U7, Option<U7>) {
        match self {
            Self::NoteOff { note, velocity } | Self::NoteOn { note, velocity } => (note, Some(velocity)),
            Self::PolyAftertouch { note, pressure } => (note, Some(pressure)),
            Self::ControlChange { controller, value } => (controller, Some(value)),
            Self::ProgramChange { program } => (program, None),
            Self::ChannelAftertouch { pressure } => (pressure, None),
            Self::PitchWheel { value } => (value.lsb(), Some(value.msb())),
        }
    }

    /// The command of a status nibble `0x8` to `0xE` with its data octets, of which one may be unused.
    pub(crate) const fn from_octets(kind: u8, first: U7, second: U7) -> Self {
        match kind {
            0x8 => Self::NoteOff { note: first, velocity: second },
            0x9 => Self::NoteOn { note: first, velocity: second },
            0xA => Self::PolyAftertouch { note: first, pressure: second },
            0xB => Self::ControlChange { controller: first, value: second },
            0xC => Self::ProgramChange { program: first },
            0xD => Self::ChannelAftertouch { pressure: first },
            _ => Self::PitchWheel { value: U14::join(first, second) },
        }
    }
}

impl<'a> Command<'a> {
    /// Reads the one command at the start of `octets`, which must begin with a status octet.
    ///
    /// System Exclusive is read in any of its forms: whole (`F0 … F7`), first (`F0 … F0`), middle (`F7 … F0`),
    /// last (`F7 … F7`), cancelled (`F7 F4`), and with a dropped `F7` (`… F5`).
    /// Returns the command and the octets behind it.
    pub fn decode(octets: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let (&status, rest) = octets.split_first().ok_or(Error::Truncated { needed: 1, found: 0 })?;
        match status {
            0x00..=0x7F => Err(Error::NoStatus { octet: status }),
            0x80..=0xEF => {
                let (voice, rest) = decode_voice(status >> 4, rest)?;
                Ok((Self::Channel(Channel::masked(status), voice), rest))
            }
            _ => {
                let (system, rest) = decode_system(status, rest)?;
                Ok((Self::System(system), rest))
            }
        }
    }

    /// Appends the command with its status octet, as [`Command::decode`] reads it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Channel(channel, voice) => {
                let (first, second) = voice.data();
                out.extend([voice.kind() << 4 | channel.get(), first.get()]);
                out.extend(second.map(U7::get));
            }
            Self::System(system) => encode_system(system, out),
        }
    }

    /// The channel and voice of a channel command.
    pub const fn voice(&self) -> Option<(Channel, Voice)> {
        match *self {
            Self::Channel(channel, voice) => Some((channel, voice)),
            Self::System(_) => None,
        }
    }

    /// Whether this is a NoteOn that starts a note: what must not be executed late, unlike all else.
    pub fn begins_note(&self) -> bool {
        self.voice().is_some_and(|(_, voice)| voice.note_on().is_some())
    }
}

impl System<'_> {
    /// Whether this is a System Real-Time command, which may stand between the segments of a System Exclusive.
    pub const fn is_real_time(&self) -> bool {
        matches!(
            self,
            Self::Clock
                | Self::F9
                | Self::Start
                | Self::Continue
                | Self::Stop
                | Self::FD
                | Self::ActiveSense
                | Self::Reset
        )
    }
}

/// Reads the data octets behind the status nibble `kind`.
#[inline]
pub(crate) fn decode_voice(kind: u8, octets: &[u8]) -> Result<(Voice, &[u8])> {
    let length = if kind == 0xC || kind == 0xD { 1 } else { 2 };
    let (data, rest) =
        octets.split_at_checked(length).ok_or(Error::Truncated { needed: length, found: octets.len() })?;
    let (first, second) = (data[0], data[length - 1]);
    if (first | second) & 0x80 != 0 {
        return Err(Error::StatusInData { octet: if first & 0x80 == 0 { second } else { first } });
    }
    Ok((Voice::from_octets(kind, U7::masked(first), U7::masked(second)), rest))
}

fn decode_system(status: u8, rest: &[u8]) -> Result<(System<'_>, &[u8])> {
    let one = || -> Result<U7> {
        let &octet = rest.first().ok_or(Error::Truncated { needed: 1, found: 0 })?;
        U7::new(octet).ok_or(Error::StatusInData { octet })
    };
    Ok(match status {
        0xF0 | 0xF7 => {
            let (segment, rest) = Segment::decode(status, rest)?;
            (System::SysEx(segment), rest)
        }
        0xF1 => (System::QuarterFrame(one()?), &rest[1..]),
        0xF2 => {
            let (Voice::PitchWheel { value }, rest) = decode_voice(0xE, rest)? else {
                return Err(Error::NoStatus { octet: status });
            };
            (System::SongPosition(value), rest)
        }
        0xF3 => (System::SongSelect(one()?), &rest[1..]),
        0xF4 | 0xF5 => {
            let end = rest.iter().position(|octet| octet & 0x80 != 0).ok_or(Error::Unterminated)?;
            if rest[end] != 0xF7 {
                return Err(Error::StatusInData { octet: rest[end] });
            }
            let (data, rest) = (&rest[..end], &rest[end + 1..]);
            (if status == 0xF4 { System::F4(data) } else { System::F5(data) }, rest)
        }
        0xF6 => (System::TuneRequest, rest),
        0xF8 => (System::Clock, rest),
        0xF9 => (System::F9, rest),
        0xFA => (System::Start, rest),
        0xFB => (System::Continue, rest),
        0xFC => (System::Stop, rest),
        0xFD => (System::FD, rest),
        0xFE => (System::ActiveSense, rest),
        _ => (System::Reset, rest),
    })
}

fn encode_system(system: System<'_>, out: &mut Vec<u8>) {
    match system {
        System::SysEx(segment) => segment.encode(out),
        System::QuarterFrame(value) => out.extend([0xF1, value.get()]),
        System::SongPosition(value) => out.extend([0xF2, value.lsb().get(), value.msb().get()]),
        System::SongSelect(song) => out.extend([0xF3, song.get()]),
        System::F4(data) | System::F5(data) => {
            out.push(if matches!(system, System::F4(_)) { 0xF4 } else { 0xF5 });
            out.extend(data.iter().map(|octet| octet & 0x7F));
            out.push(0xF7);
        }
        System::TuneRequest => out.push(0xF6),
        System::Clock => out.push(0xF8),
        System::F9 => out.push(0xF9),
        System::Start => out.push(0xFA),
        System::Continue => out.push(0xFB),
        System::Stop => out.push(0xFC),
        System::FD => out.push(0xFD),
        System::ActiveSense => out.push(0xFE),
        System::Reset => out.push(0xFF),
    }
}

impl<'a> From<Segment<'a>> for Command<'a> {
    fn from(segment: Segment<'a>) -> Self {
        Self::System(System::SysEx(segment))
    }
}

impl<'a> Command<'a> {
    /// A whole System Exclusive; `data` excludes `F0` and `F7`.
    pub const fn sysex(data: &'a [u8]) -> Self {
        Self::System(System::SysEx(Segment { part: Part::Whole(End::Eox), data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both_ways(octets: &[u8]) {
        let (command, rest) = Command::decode(octets).unwrap();
        assert!(rest.is_empty(), "{command:?} left {rest:02X?}");
        let mut out = Vec::new();
        command.encode(&mut out);
        assert_eq!(out, octets, "{command:?}");
    }

    #[test]
    fn every_status_octet_reads_and_writes() {
        for status in 0x80..=0xEF_u8 {
            let length = if matches!(status >> 4, 0xC | 0xD) { 2 } else { 3 };
            both_ways(&[status, 1, 2][..length]);
        }
        for octets in [&[0xF1, 0x35][..], &[0xF2, 1, 2], &[0xF3, 9], &[0xF4, 1, 2, 0xF7], &[0xF5, 0xF7], &[0xF6]] {
            both_ways(octets);
        }
        for status in 0xF8..=0xFF_u8 {
            both_ways(&[status]);
        }
    }

    #[test]
    fn a_damaged_command_says_how() {
        assert_eq!(Command::decode(&[]).unwrap_err(), Error::Truncated { needed: 1, found: 0 });
        assert_eq!(Command::decode(&[0x3C, 0x40]).unwrap_err(), Error::NoStatus { octet: 0x3C });
        assert_eq!(Command::decode(&[0x90, 0x3C]).unwrap_err(), Error::Truncated { needed: 2, found: 1 });
        assert_eq!(Command::decode(&[0x90, 0xF8, 0x40]).unwrap_err(), Error::StatusInData { octet: 0xF8 });
        assert_eq!(Command::decode(&[0xF4, 0x01]).unwrap_err(), Error::Unterminated);
        assert_eq!(Command::decode(&[0xF4, 0x01, 0x90]).unwrap_err(), Error::StatusInData { octet: 0x90 });
    }

    #[test]
    fn velocity_zero_is_a_note_off_with_release_velocity_64() {
        let voice = Voice::NoteOn { note: U7::masked(60), velocity: U7::default() };
        assert_eq!(voice.note_off(), Some((U7::masked(60), U7::masked(64))));
        assert_eq!(voice.note_on(), None);
    }
}
