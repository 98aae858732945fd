//! The MIDI list: commands with delta times (section 3, figure 3).

use super::delta;
use super::short::Short;
use crate::config::StatusOctets;
use crate::error::{Error, Result};
use crate::midi::{Channel, Command, Status, System, Voice, decode_voice};

/// A command with its RTP time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timed<'a> {
    /// RTP timestamp of the packet plus the delta times so far, mod 2^32.
    pub time: u32,
    /// The command.
    pub command: Command<'a>,
}

/// Reads a MIDI list; an iterator that ends after the first defect.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    octets: &'a [u8],
    time: u32,
    running: Option<u8>,
    delta_next: bool,
    clamped: u32,
}

impl<'a> Reader<'a> {
    /// Reads `octets`, whose first command has a delta time when `delta_zero` (the Z bit); `timestamp` is the packet's.
    pub fn new(octets: &'a [u8], timestamp: u32, delta_zero: bool) -> Self {
        Self { octets, time: timestamp, running: None, delta_next: delta_zero, clamped: 0 }
    }

    /// The time reached: once the list is read to its end, the end of the time it covers (section 3.1).
    pub const fn time(&self) -> u32 {
        self.time
    }

    /// Delta times of five octets met so far, which are read as 0.
    pub const fn clamped(&self) -> u32 {
        self.clamped
    }

    /// How many octets are still to be read.
    pub(crate) const fn remaining(&self) -> usize {
        self.octets.len()
    }

    #[inline]
    fn read(&mut self) -> Result<Option<Timed<'a>>> {
        if self.delta_next && !self.octets.is_empty() {
            let (delta, rest) = delta::decode(self.octets)?;
            self.octets = rest;
            self.time = self.time.wrapping_add(delta.ticks);
            self.clamped += u32::from(delta.clamped);
        }
        self.delta_next = true;
        let Some(&octet) = self.octets.first() else {
            return Ok(None);
        };
        let (command, rest) = match octet {
            0x80..=0xEF => {
                self.running = Some(octet);
                read_voice(octet, &self.octets[1..])?
            }
            0x00..=0x7F => {
                let status = self.running.ok_or(Error::NoStatus { octet })?;
                read_voice(status, self.octets)?
            }
            _ => {
                if octet < 0xF8 {
                    self.running = None;
                }
                Command::decode(self.octets)?
            }
        };
        self.octets = rest;
        Ok(Some(Timed { time: self.time, command }))
    }
}

#[inline]
fn read_voice(status: u8, octets: &[u8]) -> Result<(Command<'_>, &[u8])> {
    let (voice, rest) = decode_voice(status >> 4, octets)?;
    Ok((Command::Channel(Channel::masked(status), voice), rest))
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Timed<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.octets.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.octets = &[];
        }
        read.transpose()
    }
}

/// Builds a MIDI list; its first command is at the packet's RTP timestamp (Z = 0).
#[derive(Clone, Debug, Default)]
pub struct Writer {
    octets: Vec<u8>,
    start: u32,
    time: u32,
    running: Option<u8>,
    status_octets: StatusOctets,
    /// How the source gave the first channel command.
    first: Option<Status>,
}

impl Writer {
    /// Most octets a list can have: LEN has twelve bits.
    pub const MAX: usize = 4095;

    /// An empty list, whose channel commands will have these status octets.
    pub fn new(status_octets: StatusOctets) -> Self {
        Self { status_octets, ..Self::default() }
    }

    /// Appends a command unless the list would grow beyond `limit` octets; says whether it did.
    ///
    /// A time before that of the command ahead is taken as equal to it.
    pub fn push(&mut self, time: u32, command: Command<'_>, source: Status, limit: usize) -> bool {
        match command {
            Command::Channel(channel, voice) => self.push_voice(time, channel, voice, source, limit),
            Command::System(system) => self.push_system(time, system, limit),
        }
    }

    /// The same for a channel command.
    #[allow(clippy::inline_always, reason = "most commands of a sender come this way")]
    #[inline(always)]
    pub(crate) fn push_voice(
        &mut self,
        time: u32,
        channel: Channel,
        voice: Voice,
        source: Status,
        limit: usize,
    ) -> bool {
        let Some((mut short, time)) = self.begin(time) else { return false };
        let status = voice.kind() << 4 | channel.get();
        if self.running != Some(status) {
            short.push(status);
        }
        short.push_voice(voice);
        let fits = self.octets.len() + short.length() <= limit.min(Self::MAX);
        if fits {
            self.time = time;
            self.running = (self.status_octets == StatusOctets::Running).then_some(status);
            self.first.get_or_insert(source);
            short.append_to(&mut self.octets);
        }
        fits
    }

    fn push_system(&mut self, time: u32, system: System<'_>, limit: usize) -> bool {
        let before = self.octets.len();
        let Some((delta, time)) = self.begin(time) else { return false };
        delta.append_to(&mut self.octets);
        Command::System(system).encode(&mut self.octets);
        let fits = self.octets.len() <= limit.min(Self::MAX);
        if fits {
            self.time = time;
            self.running = self.running.filter(|_| system.is_real_time());
        } else {
            self.octets.truncate(before);
        }
        fits
    }

    /// The delta time in front of a command at `time`, and where it takes the time; `None` if it is too long.
    #[allow(clippy::inline_always, reason = "part of the above")]
    #[inline(always)]
    fn begin(&mut self, time: u32) -> Option<(Short, u32)> {
        let mut short = Short::default();
        if self.octets.is_empty() {
            self.start = time;
            return Some((short, time));
        }
        let delta = time.wrapping_sub(self.time);
        let delta = if delta > u32::MAX / 2 { 0 } else { delta };
        delta::encode(delta, &mut short);
        (delta <= delta::MAX).then_some((short, self.time.wrapping_add(delta)))
    }

    /// Appends a delta time without a command, by which the list covers the time up to `until` (section 3.1), unless it
    /// would grow beyond `limit` octets; says whether it did. Nothing may be pushed behind it.
    pub fn pad(&mut self, until: u32, limit: usize) -> bool {
        let delta = until.wrapping_sub(self.time);
        if self.octets.is_empty() || delta == 0 || delta > delta::MAX {
            return false;
        }
        let mut short = Short::default();
        delta::encode(delta, &mut short);
        let fits = self.octets.len() + short.length() <= limit.min(Self::MAX);
        if fits {
            self.time = until;
            short.append_to(&mut self.octets);
        }
        fits
    }

    /// The list as it stands.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Time of the first command, and of the last one or the end of the list behind it; meaningless while it is empty.
    pub const fn span(&self) -> (u32, u32) {
        (self.start, self.time)
    }

    /// Whether the source gave the first channel command without a status octet (the P bit).
    pub const fn phantom(&self) -> bool {
        matches!(self.first, Some(Status::Running))
    }

    /// Whether nothing has been pushed.
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Starts anew and keeps the memory.
    pub fn clear(&mut self) {
        self.octets.clear();
        (self.running, self.first) = (None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::midi::{End, Part, Segment, U7};
    use proptest::prelude::*;

    fn read(octets: &[u8], delta_zero: bool) -> Result<Vec<(u32, Vec<u8>)>> {
        Reader::new(octets, 0, delta_zero)
            .map(|timed| {
                let timed = timed?;
                let mut out = Vec::new();
                timed.command.encode(&mut out);
                Ok((timed.time, out))
            })
            .collect()
    }

    #[test]
    fn running_status_survives_real_time_and_not_system_common() {
        let list = [0x90, 0x3C, 0x40, 0x0A, 0xF8, 0x05, 0x3E, 0x40, 0x00];
        let commands = vec![(0, vec![0x90, 0x3C, 0x40]), (10, vec![0xF8]), (15, vec![0x90, 0x3E, 0x40])];
        assert_eq!(read(&list, false), Ok(commands));
        let list = [0x90, 0x3C, 0x40, 0x00, 0xF6, 0x00, 0x3E, 0x40, 0x00];
        assert_eq!(read(&list, false), Err(Error::NoStatus { octet: 0x3E }));
    }

    #[test]
    fn a_lone_delta_time_is_void_time() {
        let mut reader = Reader::new(&[0x81, 0x48], 100, true);
        assert_eq!(reader.next(), None);
        assert_eq!(reader.time(), 300);
    }

    #[test]
    fn segments_dropped_f7_and_void_time_read_as_in_figure_5() {
        let list = [0xF0, 0x01, 0xF0, 0x00, 0xF8, 0x01, 0xF7, 0x02, 0xF5, 0x00, 0xF6, 0x00];
        let commands = vec![(0, vec![0xF0, 1, 0xF0]), (0, vec![0xF8]), (1, vec![0xF7, 2, 0xF5]), (1, vec![0xF6])];
        assert_eq!(read(&list, false), Ok(commands));
    }

    #[test]
    fn what_came_before_a_defect_comes_out() {
        let mut reader = Reader::new(&[0x90, 0x3C, 0x40, 0x00, 0x3E], 0, false);
        assert!(reader.next().is_some_and(|timed| timed.is_ok()));
        assert_eq!(reader.next(), Some(Err(Error::Truncated { needed: 2, found: 1 })));
        assert_eq!(reader.next(), None);
    }

    #[test]
    fn a_five_octet_delta_is_zero_and_counted() {
        let list = [0x80, 0x53, 0x00, 0x11, 0x35, 0x00, 0x8F, 0xFF, 0xFF, 0xFF, 0x00, 0x90, 0x4F, 0x40];
        let mut reader = Reader::new(&list, 0, false);
        assert_eq!(reader.by_ref().map(|timed| timed.unwrap().time).collect::<Vec<_>>(), [0, 17, 17]);
        assert_eq!(reader.clamped(), 1);
    }

    #[test]
    fn a_command_over_the_limit_leaves_the_list_as_it_was() {
        let mut writer = Writer::default();
        let note = |note| {
            let note = U7::masked(note);
            Command::Channel(Channel::default(), Voice::NoteOn { note, velocity: U7::MAX })
        };
        assert!(writer.push(0, note(60), Status::Given, 6));
        assert!(writer.push(0, note(61), Status::Given, 6));
        assert!(!writer.push(0, note(62), Status::Given, 6));
        assert_eq!(writer.octets(), [0x90, 60, 127, 0, 61, 127]);
    }

    #[test]
    fn each_command_has_its_status_octet_where_receivers_need_it() {
        let mut writer = Writer::new(StatusOctets::All);
        for octets in [[0x90, 60, 100], [0x90, 64, 100], [0xB0, 7, 80]] {
            assert!(writer.push(0, Command::decode(&octets).unwrap().0, Status::Given, Writer::MAX));
        }
        assert_eq!(writer.octets(), [0x90, 60, 100, 0, 0x90, 64, 100, 0, 0xB0, 7, 80]);
    }

    fn any_command() -> impl Strategy<Value = (u32, Vec<u8>)> {
        let channel = (0x80..0xF0_u8, 0..0x80_u8, 0..0x80_u8)
            .prop_map(|(s, a, b)| if matches!(s >> 4, 0xC | 0xD) { vec![s, a] } else { vec![s, a, b] });
        let part = prop_oneof![
            Just(Part::Whole(End::Eox)),
            Just(Part::Whole(End::Dropped)),
            Just(Part::Last(End::Eox)),
            Just(Part::First),
            Just(Part::Middle)
        ];
        let sysex = (part, prop::collection::vec(0..0x80_u8, 1..30)).prop_map(|(part, data)| {
            let mut octets = Vec::new();
            Command::System(System::SysEx(Segment { part, data: &data })).encode(&mut octets);
            octets
        });
        let system = prop_oneof![
            (0..0x80_u8).prop_map(|v| vec![0xF1, v]),
            (0..0x80_u8).prop_map(|v| vec![0xF2, v, v]),
            (0..0x80_u8).prop_map(|v| vec![0xF4, v, 0xF7]),
            Just(vec![0xF6]),
            (0xF8..=0xFF_u8).prop_map(|s| vec![s]),
        ];
        (0..300_000_u32, prop_oneof![6 => channel, 1 => sysex, 2 => system])
    }

    proptest! {
        #[test]
        fn any_list_reads_as_written(start: u32, commands in prop::collection::vec(any_command(), 1..60)) {
            let (mut writer, mut expected, mut time) = (Writer::default(), Vec::new(), start);
            for (delta, octets) in &commands {
                time = time.wrapping_add(*delta);
                prop_assert!(writer.push(time, Command::decode(octets).unwrap().0, Status::Given, Writer::MAX));
                expected.push((time, octets.clone()));
            }
            let reader = Reader::new(writer.octets(), start.wrapping_add(commands[0].0), false);
            let read: Vec<_> = reader.map(|timed| {
                let timed = timed.unwrap();
                let mut octets = Vec::new();
                timed.command.encode(&mut octets);
                (timed.time, octets)
            }).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn any_octets_are_read_without_panic(octets in prop::collection::vec(any::<u8>(), 0..100), delta_zero: bool) {
            prop_assert!(Reader::new(&octets, 0, delta_zero).count() <= octets.len());
        }
    }
}
