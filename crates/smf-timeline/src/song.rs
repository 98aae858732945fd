//! A song: every event of a file on one timeline.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::file::Layout;
use crate::meta::Meta;
use crate::tempo::{Division, TempoMap};
use crate::track::{self, Defects};

/// The events of a file in the order in which they happen: by tick, then by track, then as they stand in the file.
///
/// All events lie in one array and all their octets in another, 32 octets an event beside its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Song {
    format: u16,
    tracks: u16,
    sequences: u16,
    tempo: TempoMap,
    entries: Vec<Entry>,
    octets: Vec<u8>,
    duration: u64,
}

/// One event of a [`Song`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event<'a> {
    /// Ticks from the start of the song.
    pub tick: u64,
    /// Nanoseconds from the start of the song.
    pub time: u64,
    /// The track it stands in, counted from 0 in the order of the file.
    pub track: u16,
    /// What happens.
    pub body: Body<'a>,
}

/// What happens at an [`Event`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body<'a> {
    /// One whole MIDI message with its status octet; a System Exclusive from `F0` to `F7`.
    Message(&'a [u8]),
    /// Information that is no MIDI message.
    Meta(Meta<'a>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    tick: u64,
    time: u64,
    start: u32,
    length: u32,
    track: u16,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Message,
    Meta(u8),
}

impl Song {
    /// Reads a file; the first broken rule is an error.
    ///
    /// In a file of format 2 only the track `sequence`, counted from 0, is read; other formats have one sequence and
    /// ignore the number.
    pub fn read(file: &[u8], sequence: u16) -> Result<Self> {
        read(file, sequence, &mut Defects::Refuse)
    }

    /// Reads what can be read of a file and says what could not.
    ///
    /// Only a file without any track, header or time in it is an error here. A System Exclusive without end gets its
    /// `F7`, an event with the old status behind a meta event is taken as meant, a system message outside an escape
    /// is kept, a channel message with a wrong data octet is left out, and a track ends where nobody can tell where
    /// the next event begins.
    pub fn salvage(file: &[u8], sequence: u16) -> Result<(Self, Vec<Error>)> {
        let mut defects = Defects::List(Vec::new());
        let song = read(file, sequence, &mut defects)?;
        match defects {
            Defects::List(list) => Ok((song, list)),
            Defects::Refuse => Ok((song, Vec::new())),
        }
    }

    /// The format of the file: 0 one track, 1 tracks that play together, 2 independent sequences.
    pub fn format(&self) -> u16 {
        self.format
    }

    /// How many tracks the song is made of; 1 in format 2.
    pub fn tracks(&self) -> u16 {
        self.tracks
    }

    /// How many sequences there are to choose from: the tracks of format 2, otherwise 1.
    pub fn sequences(&self) -> u16 {
        self.sequences
    }

    /// Division and tempo changes.
    pub fn tempo_map(&self) -> &TempoMap {
        &self.tempo
    }

    /// Nanoseconds from the start to the last End of Track, or to the last event where that is later.
    pub fn duration(&self) -> u64 {
        self.duration
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no event at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The event at `index`, counted from 0.
    pub fn event(&self, index: usize) -> Option<Event<'_>> {
        self.entries.get(index).map(|entry| self.view(entry))
    }

    /// All events in order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = Event<'_>> + DoubleEndedIterator + Clone {
        self.entries.iter().map(|entry| self.view(entry))
    }

    /// The events of `range`, which is clipped to those there are.
    pub fn range(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = Event<'_>> + Clone {
        let end = range.end.min(self.entries.len());
        self.entries[range.start.min(end)..end]
            .iter()
            .map(|entry| self.view(entry))
    }

    /// The index of the first event at or behind `time` (nanoseconds); the number of events if there is none.
    pub fn index_at(&self, time: u64) -> usize {
        self.entries.partition_point(|entry| entry.time < time)
    }

    /// The tempo in force at `time` (nanoseconds), in microseconds per quarter note.
    pub fn tempo_at(&self, time: u64) -> u32 {
        self.tempo.tempo(time)
    }

    fn view(&self, entry: &Entry) -> Event<'_> {
        let octets = &self.octets[entry.start as usize..][..entry.length as usize];
        let body = match entry.kind {
            Kind::Message => Body::Message(octets),
            Kind::Meta(kind) => Body::Meta(Meta::decode(kind, octets)),
        };
        Event {
            tick: entry.tick,
            time: entry.time,
            track: entry.track,
            body,
        }
    }
}

fn read(file: &[u8], sequence: u16, defects: &mut Defects) -> Result<Song> {
    // An escape may need three octets in memory for two in the file; `u32` must still count them.
    if file.len() > (u32::MAX / 2) as usize {
        return Err(Error::TooLarge { octets: file.len() });
    }
    let layout = Layout::read(file)?;
    if let Some(offset) = layout.second_header {
        defects.report(Error::SecondHeader { offset })?;
    }
    let found = layout.tracks.len();
    if found == 0 || found != usize::from(layout.declared) || layout.format == 0 && found != 1 {
        let error = Error::TrackCount {
            declared: layout.declared,
            found,
        };
        if found == 0 {
            return Err(error);
        }
        defects.report(error)?;
    }
    let mut builder = Builder::default();
    let mut chunks = (0..).zip(&layout.tracks);
    let (tracks, sequences) = if layout.format == 2 {
        let missing = Error::NoSequence {
            sequence,
            sequences: found,
        };
        let (number, chunk) = chunks.nth(usize::from(sequence)).ok_or(missing)?;
        track::read(number, chunk, defects, &mut builder)?;
        (1, found as u16)
    } else {
        for (number, chunk) in chunks {
            track::read(number, chunk, defects, &mut builder)?;
        }
        (found as u16, 1)
    };
    let Builder {
        mut entries,
        octets,
    } = builder;
    entries.sort_by_key(|entry| entry.tick);
    let tempo = set_times(&mut entries, &octets, layout.division);
    let duration = entries.last().map_or(0, |entry| entry.time);
    Ok(Song {
        format: layout.format,
        tracks,
        sequences,
        tempo,
        entries,
        octets,
        duration,
    })
}

/// Gives the sorted `entries` their times; a tempo in any track counts for all.
fn set_times(entries: &mut [Entry], octets: &[u8], division: Division) -> TempoMap {
    let mut map = TempoMap::new(division);
    for entry in entries {
        entry.time = map.time(entry.tick);
        if let Kind::Meta(kind) = entry.kind
            && let Meta::Tempo(tempo @ 1..) = Meta::decode(
                kind,
                &octets[entry.start as usize..][..entry.length as usize],
            )
        {
            map.push(entry.tick, tempo);
        }
    }
    map
}

/// Takes the events of one track after the other.
#[derive(Default)]
pub(crate) struct Builder {
    entries: Vec<Entry>,
    octets: Vec<u8>,
}

impl Builder {
    /// Adds an event whose octets `write` appends to what it is given.
    pub(crate) fn push(
        &mut self,
        track: u16,
        tick: u64,
        kind: Kind,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.octets.len();
        write(&mut self.octets);
        let length = (self.octets.len() - start) as u32;
        self.entries.push(Entry {
            tick,
            time: 0,
            start: start as u32,
            length,
            track,
            kind,
        });
    }
}
