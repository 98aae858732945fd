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
        self.entries[range.start.min(end)..end].iter().map(|entry| self.view(entry))
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
        Event { tick: entry.tick, time: entry.time, track: entry.track, body }
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
        let error = Error::TrackCount { declared: layout.declared, found };
        if found == 0 {
            return Err(error);
        }
        defects.report(error)?;
    }
    let mut builder = Builder::default();
    let mut chunks = (0..).zip(&layout.tracks);
    let (tracks, sequences) = if layout.format == 2 {
        let missing = Error::NoSequence { sequence, sequences: found };
        let (number, chunk) = chunks.nth(usize::from(sequence)).ok_or(missing)?;
        track::read(number, chunk, defects, &mut builder)?;
        (1, found as u16)
    } else {
        for (number, chunk) in chunks {
            track::read(number, chunk, defects, &mut builder)?;
        }
        (found as u16, 1)
    };
    let Builder { mut entries, octets } = builder;
    entries.sort_by_key(|entry| entry.tick);
    let tempo = set_times(&mut entries, &octets, layout.division);
    let duration = entries.last().map_or(0, |entry| entry.time);
    // A file of format 0 with many tracks is one of format 1 that says it wrongly.
    let format = if tracks > 1 { 1 } else { layout.format };
    Ok(Song { format, tracks, sequences, tempo, entries, octets, duration })
}

/// Gives the sorted `entries` their times; a tempo in any track counts for all.
fn set_times(entries: &mut [Entry], octets: &[u8], division: Division) -> TempoMap {
    let mut map = TempoMap::new(division);
    for entry in entries {
        entry.time = map.time(entry.tick);
        if let Kind::Meta(kind) = entry.kind
            && let Meta::Tempo(tempo @ 1..) =
                Meta::decode(kind, &octets[entry.start as usize..][..entry.length as usize])
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
    pub(crate) fn push(&mut self, track: u16, tick: u64, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.octets.len();
        write(&mut self.octets);
        let length = (self.octets.len() - start) as u32;
        self.entries.push(Entry { tick, time: 0, start: start as u32, length, track, kind });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::At;

    /// A file of `format` with these tracks, 480 ticks per quarter note.
    fn file(format: u8, tracks: &[&[u8]]) -> Vec<u8> {
        let mut file = [b"MThd\0\0\0\x06\0", &[format, 0, tracks.len() as u8, 0x01, 0xE0][..]].concat();
        for track in tracks {
            file.extend_from_slice(&[b"MTrk\0\0\0", &[track.len() as u8][..], track].concat());
        }
        file
    }

    fn messages(song: &Song) -> Vec<(u64, u16, Vec<u8>)> {
        song.events()
            .filter_map(|event| match event.body {
                Body::Message(octets) => Some((event.tick, event.track, octets.to_vec())),
                Body::Meta(_) => None,
            })
            .collect()
    }

    /// The first error of a file of one track, the messages saved, and how many defects there were.
    fn salvaged(track: &[u8]) -> (Error, Vec<Vec<u8>>, usize) {
        let file = file(0, &[track]);
        let error = Song::read(&file, 0).unwrap_err();
        let (song, defects) = Song::salvage(&file, 0).unwrap();
        assert_eq!(defects.first(), Some(&error));
        (error, messages(&song).into_iter().map(|(.., octets)| octets).collect(), defects.len())
    }

    const END: [u8; 4] = [0, 0xFF, 0x2F, 0];

    fn at(offset: usize) -> At {
        At { track: 0, offset: 22 + offset }
    }

    #[test]
    fn events_of_one_tick_keep_track_order_then_file_order() {
        let first: [u8; 13] = [9, 0x90, 1, 1, 0, 0xC0, 1, 0, 0xC0, 2, 0, 0xFF, 0x2F];
        let file = file(1, &[&[&first[..], &[0]].concat(), &[&[5, 0x91, 2, 2, 4, 2, 0][..], &END].concat()]);
        let song = Song::read(&file, 0).unwrap();
        let order: Vec<_> = messages(&song).into_iter().map(|(tick, track, octets)| (tick, track, octets[1])).collect();
        assert_eq!(order, [(5, 1, 2), (9, 0, 1), (9, 0, 1), (9, 0, 2), (9, 1, 2)]);
    }

    #[test]
    fn a_tempo_in_any_track_counts_for_all() {
        let file = file(
            1,
            &[&[0x83, 0x60, 0xF7, 1, 0xF8, 0, 0xFF, 0x2F, 0], &[&[0, 0xFF, 0x51, 3, 1, 0, 0][..], &END].concat()],
        );
        let song = Song::read(&file, 0).unwrap();
        assert_eq!((song.duration(), song.tempo_at(0)), (65_536_000, 65_536));
    }

    #[test]
    fn one_sequence_of_format_2_is_read() {
        let file = file(2, &[&[&[0, 0xC0, 1][..], &END].concat(), &[&[0, 0xC0, 2][..], &END].concat()]);
        for (sequence, program) in [(0, 1), (1, 2)] {
            let song = Song::read(&file, sequence).unwrap();
            assert_eq!(messages(&song), [(0, sequence, vec![0xC0, program])]);
            assert_eq!((song.sequences(), song.tracks()), (2, 1));
        }
        assert_eq!(Song::read(&file, 2), Err(Error::NoSequence { sequence: 2, sequences: 2 }));
    }

    #[test]
    fn split_system_exclusives_are_joined_and_escapes_opened() {
        let track =
            [&[0, 0xF0, 2, 1, 2, 5, 0xF7, 1, 3, 0, 0xF7, 2, 4, 0xF7, 1, 0xF7, 5, 0xF3, 1, 0xF2, 2, 3][..], &END];
        let song = Song::read(&file(0, &[&track.concat()]), 0).unwrap();
        assert_eq!(
            messages(&song),
            [(5, 0, vec![0xF0, 1, 2, 3, 4, 0xF7]), (6, 0, vec![0xF3, 1]), (6, 0, vec![0xF2, 2, 3])]
        );
    }

    #[test]
    fn meta_events_are_kept_whatever_their_length() {
        let track = [&[0, 0xFF, 0x59, 1, 2, 0, 0xFF, 0x03, 2, b'h', b'i', 0, 0xFF, 0x54, 5, 99, 99, 0, 0, 0][..], &END];
        let song = Song::read(&file(0, &[&track.concat()]), 0).unwrap();
        let metas: Vec<_> = song.events().map(|event| event.body).collect();
        assert_eq!(metas[0], Body::Meta(Meta::Other { kind: 0x59, data: &[2] }));
        assert_eq!(metas[2], Body::Meta(Meta::SmpteOffset([99, 99, 0, 0, 0])));
        assert_eq!(metas.len(), 4);
    }

    #[test]
    fn positions_are_found_by_time() {
        let track = [&[0, 0xC0, 1, 96, 1, 0, 2, 96, 3][..], &END].concat();
        let song = Song::read(&file(0, &[&track]), 0).unwrap();
        assert_eq!([0, 1, 100_000_000, 100_000_001, u64::MAX].map(|time| song.index_at(time)), [0, 1, 1, 3, 5]);
        assert_eq!(song.range(1..9).len(), 4);
    }

    #[test]
    fn a_data_octet_out_of_range_costs_one_event() {
        let (error, saved, defects) = salvaged(&[&[0, 0xB0, 0xA8, 1, 0, 0xB0, 7, 1][..], &END].concat());
        assert_eq!(error, Error::Data { at: at(0), octet: 0xA8 });
        assert_eq!((saved, defects), (vec![vec![0xB0, 7, 1]], 1));
    }

    #[test]
    fn a_system_message_outside_an_escape_is_saved() {
        let (error, saved, defects) = salvaged(&[&[0, 0xF8, 0, 0xF2, 1, 2, 0, 0xC0, 3][..], &END].concat());
        assert_eq!(error, Error::Status { at: at(0), status: 0xF8 });
        assert_eq!((saved, defects), (vec![vec![0xF8], vec![0xF2, 1, 2], vec![0xC0, 3]], 2));
    }

    #[test]
    fn running_status_across_a_meta_event_is_taken_as_meant() {
        let (error, saved, defects) = salvaged(&[&[0, 0xC0, 1, 0, 0xFF, 1, 0, 0, 2, 0, 3][..], &END].concat());
        assert_eq!(error, Error::NoStatus { at: at(7), octet: 2 });
        assert_eq!((saved, defects), (vec![vec![0xC0, 1], vec![0xC0, 2], vec![0xC0, 3]], 1));
    }

    #[test]
    fn a_system_exclusive_without_end_gets_one() {
        let (error, saved, defects) = salvaged(&[&[3, 0xF0, 2, 1, 2, 0, 0xC0, 1][..], &END].concat());
        assert_eq!(error, Error::Unterminated { at: at(0) });
        assert_eq!((saved, defects), (vec![vec![0xF0, 1, 2, 0xF7], vec![0xC0, 1]], 1));
    }

    #[test]
    fn a_system_exclusive_cut_off_by_the_end_stands_before_it() {
        let file = file(0, &[&[&[0, 0xF0, 1, 1][..], &END].concat()]);
        let (song, _) = Song::salvage(&file, 0).unwrap();
        let bodies: Vec<_> = song.events().map(|event| event.body).collect();
        assert_eq!(bodies, [Body::Message(&[0xF0, 1, 0xF7]), Body::Meta(Meta::EndOfTrack)]);
    }

    #[test]
    fn truncation_is_never_silent() {
        let whole = file(0, &[&[&[0, 0xC0, 1, 0, 0xF0, 3, 1, 2, 0xF7, 0, 0xFF, 3, 2, b'h', b'i'][..], &END].concat()]);
        for end in 0..whole.len() {
            assert!(Song::read(&whole[..end], 0).is_err(), "{end} octets");
        }
        let (song, defects) = Song::salvage(&whole[..30], 0).unwrap();
        assert_eq!(messages(&song), [(0, 0, vec![0xC0, 1])]);
        let truncated = Error::TruncatedTrack { at: at(0), expected: 19, actual: 8 };
        assert_eq!(defects, [truncated, Error::TruncatedEvent { at: at(3) }, Error::MissingEndOfTrack { at: at(8) }]);
    }

    #[test]
    fn octets_behind_the_end_of_a_track_and_tempo_zero_are_told() {
        assert_eq!(salvaged(&[0, 0xFF, 0x2F, 0, 0, 0]).0, Error::AfterEndOfTrack { at: at(4), octets: 2 });
        let track = [&[0, 0xFF, 0x51, 3, 0, 0, 0, 96, 0xC0, 1][..], &END].concat();
        assert_eq!(salvaged(&track).0, Error::Tempo { at: at(0), length: 3 });
        assert_eq!(Song::salvage(&file(0, &[&track]), 0).unwrap().0.duration(), 100_000_000);
    }

    #[test]
    fn format_0_with_two_tracks_is_saved_as_format_1() {
        let file = file(0, &[&END, &END]);
        let error = Error::TrackCount { declared: 2, found: 2 };
        assert_eq!(Song::read(&file, 0), Err(error));
        let (song, defects) = Song::salvage(&file, 0).unwrap();
        assert_eq!((song.format(), defects), (1, vec![error]));
    }

    #[test]
    fn noise_is_given_up() {
        let (_, _, defects) = salvaged(&[0xF6; 200]);
        assert!(defects <= 66);
    }
}
