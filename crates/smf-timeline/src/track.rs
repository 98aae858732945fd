//! The events of one track, read by midly, with a watch on what midly passes over in silence.

use midly::live::LiveEvent;
use midly::{EventIter, TrackEvent, TrackEventKind};

use crate::error::{At, Error, Result};
use crate::file::Chunk;
use crate::song::{Builder, Kind};
use crate::stream::{Assembler, Piece, message_length};

/// What happens at a defect.
#[derive(Debug)]
pub(crate) enum Defects {
    /// The first one ends reading.
    Refuse,
    /// They are listed and stepped over.
    List(Vec<Error>),
}

impl Defects {
    pub(crate) fn report(&mut self, error: Error) -> Result<()> {
        match self {
            Self::Refuse => Err(error),
            Self::List(list) => {
                list.push(error);
                Ok(())
            }
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Refuse => 0,
            Self::List(list) => list.len(),
        }
    }
}

/// Reads the events of `chunk` into `song`.
pub(crate) fn read(track: u16, chunk: &Chunk<'_>, defects: &mut Defects, song: &mut Builder) -> Result<()> {
    let at = At { track, offset: chunk.start };
    let actual = chunk.octets.len();
    if actual < chunk.length as usize {
        defects.report(Error::TruncatedTrack { at, expected: chunk.length, actual })?;
    }
    let given_up = defects.count() + DEFECTS_PER_TRACK;
    let mut reader =
        Reader { track, chunk, tick: 0, assembler: Assembler::default(), begun: at, voice: None, defects, song };
    let mut events = EventIter::new(chunk.octets);
    let ended = loop {
        let rest = events.unread();
        if rest.is_empty() {
            break false;
        }
        let running = events.running_status();
        let at = reader.at(rest);
        let event = events.next().and_then(std::result::Result::ok);
        let octets = &rest[..rest.len() - events.unread().len()];
        let flow = match event.filter(|event| is_whole(octets, event)) {
            Some(event) => reader.take(at, &event, octets)?,
            None => reader.step_over(at, rest, running)?,
        };
        match flow {
            Flow::Next => reader.voice = events.running_status().or(reader.voice),
            Flow::End => break true,
            Flow::Lost => break false,
            Flow::Resume { step, running } => {
                events = EventIter::new(&rest[step..]);
                *events.running_status_mut() = running;
            }
        }
        if reader.defects.count() >= given_up {
            let at = reader.at(events.unread());
            return reader.defects.report(Error::GivenUp { at });
        }
    };
    let rest = events.unread();
    let at = reader.at(rest);
    reader.cut_off()?;
    match (ended, rest.len()) {
        (true, 0) => Ok(()),
        (true, octets) => reader.defects.report(Error::AfterEndOfTrack { at, octets }),
        (false, _) => reader.defects.report(Error::MissingEndOfTrack { at }),
    }
}

/// Beyond this many a track is noise.
const DEFECTS_PER_TRACK: usize = 64;

/// How reading goes on behind an event.
enum Flow {
    /// With the next one.
    Next,
    /// Not at all: this was the End of Track.
    End,
    /// Not at all: nobody can tell where the next event begins.
    Lost,
    /// `step` octets behind the start of the last event.
    Resume { step: usize, running: Option<u8> },
}

struct Reader<'a> {
    track: u16,
    chunk: &'a Chunk<'a>,
    tick: u64,
    assembler: Assembler,
    /// Where the message in the assembler began.
    begun: At,
    /// The last channel status, which outlives meta events and System Exclusives in files that are lax about it.
    voice: Option<u8>,
    defects: &'a mut Defects,
    song: &'a mut Builder,
}

impl Reader<'_> {
    fn at(&self, rest: &[u8]) -> At {
        At { track: self.track, offset: self.chunk.start + self.chunk.octets.len() - rest.len() }
    }

    /// An event that midly read, and the octets it came from, delta time first.
    fn take(&mut self, at: At, event: &TrackEvent<'_>, octets: &[u8]) -> Result<Flow> {
        self.tick += u64::from(event.delta.as_int());
        match event.kind {
            TrackEventKind::Midi { channel, message } => {
                self.cut_off()?;
                self.song.push(self.track, self.tick, Kind::Message, |out| {
                    let written = LiveEvent::Midi { channel, message }.write(out);
                    debug_assert!(written.is_ok(), "a vector takes everything");
                });
                Ok(Flow::Next)
            }
            TrackEventKind::SysEx(data) => {
                self.cut_off()?;
                self.begun = at;
                self.packet(at, &[0xF0], data)?;
                Ok(Flow::Next)
            }
            TrackEventKind::Escape(data) => {
                if !self.assembler.in_sysex() {
                    self.begun = at;
                }
                self.packet(at, &[], data)?;
                Ok(Flow::Next)
            }
            TrackEventKind::Meta(_) => match varlen(octets).and_then(|(_, event)| meta_parts(event)) {
                Some((kind, data, _)) => self.meta(at, kind, data),
                None => Ok(Flow::Lost),
            },
        }
    }

    /// Meta events are taken from the octets, because midly's own types drop what is too long.
    fn meta(&mut self, at: At, kind: u8, data: &[u8]) -> Result<Flow> {
        let (track, tick) = (self.track, self.tick);
        if kind == END_OF_TRACK {
            self.cut_off()?;
            self.song.push(track, tick, Kind::Meta(kind), |_| {});
            return Ok(Flow::End);
        }
        if kind == TEMPO && (data.len() != 3 || data == [0; 3]) {
            self.defects.report(Error::Tempo { at, length: data.len() })?;
            return Ok(Flow::Next);
        }
        self.song.push(track, tick, Kind::Meta(kind), |out| {
            out.extend_from_slice(data);
        });
        Ok(Flow::Next)
    }

    /// The data of an `F0` or `F7` event.
    fn packet(&mut self, at: At, status: &[u8], data: &[u8]) -> Result<()> {
        let mut assembler = std::mem::take(&mut self.assembler);
        let mut result = Ok(());
        let mut take = |piece: Piece<'_>| {
            if result.is_ok() {
                result = self.piece(at, piece);
            }
        };
        status.iter().chain(data).for_each(|&octet| assembler.push(octet, &mut take));
        assembler.end_packet(&mut take);
        self.assembler = assembler;
        result
    }

    /// Ends a System Exclusive that nothing continues.
    fn cut_off(&mut self) -> Result<()> {
        let mut assembler = std::mem::take(&mut self.assembler);
        let mut result = Ok(());
        assembler.abandon(&mut |piece| result = self.piece(self.begun, piece));
        self.assembler = assembler;
        result
    }

    fn piece(&mut self, at: At, piece: Piece<'_>) -> Result<()> {
        let (track, tick) = (self.track, self.tick);
        match piece {
            Piece::Message(octets) => {
                self.song.push(track, tick, Kind::Message, |out| {
                    out.extend_from_slice(octets);
                });
                Ok(())
            }
            Piece::Unterminated(octets) => {
                self.defects.report(Error::Unterminated { at: self.begun })?;
                if octets.first() == Some(&0xF0) {
                    self.song.push(track, tick, Kind::Message, |out| {
                        out.extend_from_slice(octets);
                        out.push(0xF7);
                    });
                }
                Ok(())
            }
            Piece::Stray(octet) => self.defects.report(Error::Stray { at, octet }),
        }
    }

    /// Says what is wrong with the event at the start of `rest`, saves what can be saved, and finds the next.
    fn step_over(&mut self, at: At, rest: &[u8], running: Option<u8>) -> Result<Flow> {
        let Some((ticks, event)) = varlen(rest) else {
            let long = rest.len() >= 4;
            self.defects.report(if long { Error::DeltaTime { at } } else { Error::TruncatedEvent { at } })?;
            return Ok(Flow::Lost);
        };
        let (&first, data) = match (event.split_first(), running) {
            (Some((octet @ ..0x80, _)), None) => {
                return self.no_status(at, *octet, rest.len() - event.len() + 1);
            }
            (Some((..0x80, _)), Some(status)) => (&{ status }, event),
            (Some(split), _) => split,
            (None, _) => (&0, event),
        };
        let behind = match first {
            0xF1..=0xF6 | 0xF8..=0xFE => {
                self.defects.report(Error::Status { at, status: first })?;
                self.tick += u64::from(ticks);
                let wanted = data.iter().take(message_length(first) - 1);
                let count = wanted.take_while(|&&octet| octet < 0x80).count();
                self.packet(at, &[first], &data[..count])?;
                &data[count..]
            }
            0x80..=0xEF => {
                let (data, behind) = data.split_at_checked(message_length(first) - 1).unwrap_or((&[], &[]));
                let Some(&octet) = data.iter().find(|&&octet| octet >= 0x80) else {
                    return self.truncated(at);
                };
                self.defects.report(Error::Data { at, octet })?;
                self.tick += u64::from(ticks);
                behind
            }
            0xFF => {
                // Perhaps whole, but midly wants more data, as in a key signature of one octet.
                let Some((kind, data, behind)) = meta_parts(event) else {
                    return self.truncated(at);
                };
                self.tick += u64::from(ticks);
                self.meta(at, kind, data)?;
                behind
            }
            _ => return self.truncated(at),
        };
        let running = if first < 0xF0 { Some(first) } else { running.filter(|_| first != 0xFF) };
        Ok(Flow::Resume { step: rest.len() - behind.len(), running })
    }

    /// A data octet without a running status; lax files go on with the status from before a meta event or SysEx.
    fn no_status(&mut self, at: At, octet: u8, step: usize) -> Result<Flow> {
        self.defects.report(Error::NoStatus { at, octet })?;
        let step = if self.voice.is_some() { 0 } else { step };
        Ok(Flow::Resume { step, running: self.voice })
    }

    fn truncated(&mut self, at: At) -> Result<Flow> {
        self.defects.report(Error::TruncatedEvent { at })?;
        Ok(Flow::Lost)
    }
}

/// Whether midly read an event to its end: it takes what is there when a length or a delta time promises more.
fn is_whole(octets: &[u8], event: &TrackEvent<'_>) -> bool {
    let Some((_, body)) = varlen(octets) else {
        return false;
    };
    match event.kind {
        TrackEventKind::Midi { .. } => true,
        TrackEventKind::SysEx(_) | TrackEventKind::Escape(_) => body.get(1..).and_then(sized).is_some(),
        TrackEventKind::Meta(_) => meta_parts(body).is_some(),
    }
}

/// The type and data of a meta event and what is behind it, if it is whole.
fn meta_parts(event: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, behind) = event.get(1..)?.split_first()?;
    let (data, behind) = sized(behind)?;
    Some((kind, data, behind))
}

/// The octets that a variable-length count announces, if all are there, and those behind.
fn sized(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, behind) = varlen(octets)?;
    behind.split_at_checked(count as usize)
}

/// A variable-length quantity of 1 to 4 octets, and what is behind it.
fn varlen(octets: &[u8]) -> Option<(u32, &[u8])> {
    let last = octets.iter().take(4).position(|&octet| octet < 0x80)?;
    let (quantity, behind) = octets.split_at(last + 1);
    Some((quantity.iter().fold(0, |value, octet| value << 7 | u32::from(octet & 0x7F)), behind))
}

const END_OF_TRACK: u8 = 0x2F;
const TEMPO: u8 = 0x51;
