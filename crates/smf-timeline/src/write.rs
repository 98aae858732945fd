//! Writing: tracks by the tick, whole files, and files that grow while they are valid.

use std::fmt;

use crate::meta::Meta;
use crate::song::{Body, Song};
use crate::stream::message_length;
use crate::tempo::{Division, TempoMap};

/// A track being written, event by event.
#[derive(Clone, Default, Debug)]
pub struct Track {
    octets: Vec<u8>,
    tick: u64,
    running: Option<u8>,
    ended: bool,
}

/// An event that cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// The octets are not exactly one whole message with its status octet.
    NotOneMessage {
        /// How many there are.
        octets: usize,
    },
    /// A System Exclusive or meta event has more octets than its length can say (28 bits).
    TooLong {
        /// How many it has.
        octets: usize,
    },
    /// The track has its End of Track already.
    Ended,
}

impl Track {
    /// An empty track.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one whole MIDI message, as [`Body::Message`] holds it.
    ///
    /// System messages other than System Exclusive become `F7` escapes. A tick before the last event's counts as that.
    pub fn message(&mut self, tick: u64, octets: &[u8]) -> Result<(), WriteError> {
        if self.ended {
            return Err(WriteError::Ended);
        }
        let wrong = WriteError::NotOneMessage { octets: octets.len() };
        let (&status, data) = octets.split_first().filter(|&(&status, _)| status >= 0x80).ok_or(wrong)?;
        let clean = |data: &[u8]| data.iter().all(|&octet| octet < 0x80);
        match status {
            0xF0 => {
                let (&last, inside) = data.split_last().ok_or(wrong)?;
                if last != 0xF7 || !clean(inside) {
                    return Err(wrong);
                }
                self.sized(tick, &[0xF0], data)
            }
            0xF7 => Err(wrong),
            _ if octets.len() != message_length(status) || !clean(data) => Err(wrong),
            0x80..=0xEF => {
                self.delta(tick);
                if self.running != Some(status) {
                    self.octets.push(status);
                    self.running = Some(status);
                }
                self.octets.extend_from_slice(data);
                Ok(())
            }
            _ => self.sized(tick, &[0xF7], octets),
        }
    }

    /// Appends a meta event; [`Meta::EndOfTrack`] ends the track.
    pub fn meta(&mut self, tick: u64, meta: &Meta<'_>) -> Result<(), WriteError> {
        if self.ended {
            return Err(WriteError::Ended);
        }
        meta.with_data(|data| self.sized(tick, &[0xFF, meta.kind()], data))?;
        self.ended = *meta == Meta::EndOfTrack;
        Ok(())
    }

    /// The tick of the last event.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    fn sized(&mut self, tick: u64, head: &[u8], data: &[u8]) -> Result<(), WriteError> {
        let length = u32::try_from(data.len()).ok().filter(|&length| length <= LARGEST);
        let length = length.ok_or(WriteError::TooLong { octets: data.len() })?;
        self.delta(tick);
        self.octets.extend_from_slice(head);
        push_varlen(&mut self.octets, length);
        self.octets.extend_from_slice(data);
        self.running = None;
        Ok(())
    }

    /// Writes the delta time; a pause longer than one can be is bridged by empty text events.
    fn delta(&mut self, tick: u64) {
        let mut ticks = tick.saturating_sub(self.tick);
        while ticks > u64::from(LARGEST) {
            push_varlen(&mut self.octets, LARGEST);
            self.octets.extend_from_slice(&[0xFF, 0x01, 0x00]);
            self.running = None;
            ticks -= u64::from(LARGEST);
        }
        push_varlen(&mut self.octets, ticks as u32);
        self.tick = self.tick.max(tick);
    }
}

/// A whole file of `format` 0 or 1; tracks without an End of Track get one behind their last event.
pub fn encode_file(format: u16, division: Division, tracks: &[Track]) -> Vec<u8> {
    let mut file = encode_header(format, tracks.len() as u16, division).to_vec();
    for track in tracks {
        let end: &[u8] = if track.ended { &[] } else { &END_OF_TRACK };
        file.extend_from_slice(b"MTrk");
        file.extend_from_slice(&((track.octets.len() + end.len()) as u32).to_be_bytes());
        file.extend_from_slice(&track.octets);
        file.extend_from_slice(end);
    }
    file
}

impl Song {
    /// The song as a file: its tracks, ticks and division as they were, a sequence of format 2 as format 0.
    pub fn encode(&self) -> Vec<u8> {
        let format = self.format() % 2;
        let mut tracks = vec![Track::new(); usize::from(self.tracks())];
        for event in self.events() {
            let index = if self.format() == 2 { 0 } else { usize::from(event.track) };
            let Some(track) = tracks.get_mut(index) else {
                continue;
            };
            let written = match event.body {
                Body::Message(octets) => track.message(event.tick, octets),
                Body::Meta(meta) => track.meta(event.tick, &meta),
            };
            // Only what salvage joined from many packets can be longer than one packet can be.
            debug_assert!(written.is_ok(), "a song holds whole messages");
        }
        encode_file(format, self.tempo_map().division(), &tracks)
    }
}

/// Writes one track (format 0) by time, as events come, so that the file is valid whenever it is cut short.
///
/// It does no writing itself: [`checkpoint`](Self::checkpoint) says which octets belong where.
#[derive(Clone, Debug)]
pub struct Writer {
    track: Track,
    tempo: TempoMap,
    /// Octets of events that have been handed out.
    settled: u64,
}

/// What to write so that the file is valid and holds all events so far: first `octets`, then `header`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Where `octets` belong, counted from the start of the file.
    pub offset: u64,
    /// The events since the last checkpoint and the End of Track; whatever the file holds behind them is stale.
    pub octets: Vec<u8>,
    /// The first octets of the file, which say how long the track is now.
    pub header: [u8; 22],
}

impl Writer {
    /// One tick is 1/44100 s at the default tempo, the usual clock of RTP MIDI: its times fall exactly on ticks.
    pub const RTP_DIVISION: Division = Division::Quarter(22_050);

    /// A file with the default tempo until a [`Meta::Tempo`] is written.
    pub fn new(division: Division) -> Self {
        Self { track: Track::new(), tempo: TempoMap::new(division), settled: 0 }
    }

    /// Appends one whole message at the tick nearest to `time` (nanoseconds), but not before the last event.
    pub fn message(&mut self, time: u64, octets: &[u8]) -> Result<(), WriteError> {
        self.track.message(self.tempo.tick(time), octets)
    }

    /// Appends a meta event; [`Meta::EndOfTrack`] is left to [`checkpoint`](Self::checkpoint).
    pub fn meta(&mut self, time: u64, meta: &Meta<'_>) -> Result<(), WriteError> {
        if *meta == Meta::EndOfTrack {
            return Ok(());
        }
        self.track.meta(self.tempo.tick(time), meta)?;
        if let Meta::Tempo(tempo @ 1..) = *meta {
            self.tempo.push(self.track.tick, tempo);
        }
        Ok(())
    }

    /// Octets of events since the last checkpoint.
    pub fn pending(&self) -> usize {
        self.track.octets.len()
    }

    /// Ends the file at `end` (nanoseconds) or at the last event, whichever is later, for now.
    pub fn checkpoint(&mut self, end: u64) -> Checkpoint {
        let offset = 22 + self.settled;
        let mut closing = self.track.clone();
        self.settled += self.track.octets.len() as u64;
        self.track.octets.clear();
        let tick = self.tempo.tick(end);
        closing.delta(tick);
        closing.octets.extend_from_slice(&END_OF_TRACK[1..]);
        let octets = closing.octets;
        let mut header = [0; 22];
        header[..14].copy_from_slice(&encode_header(0, 1, self.tempo.division()));
        header[14..18].copy_from_slice(b"MTrk");
        let length = u32::try_from(offset - 22 + octets.len() as u64).unwrap_or(u32::MAX);
        header[18..].copy_from_slice(&length.to_be_bytes());
        Checkpoint { offset, octets, header }
    }
}

impl Checkpoint {
    /// Puts the octets where they belong in `file`.
    pub fn apply(&self, file: &mut Vec<u8>) {
        file.resize(usize::try_from(self.offset).unwrap_or(usize::MAX), 0);
        file.extend_from_slice(&self.octets);
        file[..22].copy_from_slice(&self.header);
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOneMessage { octets } => {
                write!(f, "{octets} octets that are not one whole MIDI message")
            }
            Self::Ended => f.write_str("an event behind the End of Track"),
            Self::TooLong { octets } => write!(f, "an event of {octets} octets is longer than a file can say"),
        }
    }
}

impl std::error::Error for WriteError {}

fn encode_header(format: u16, tracks: u16, division: Division) -> [u8; 14] {
    let mut header = *b"MThd\0\0\0\x06\0\0\0\0\0\0";
    header[8..10].copy_from_slice(&format.to_be_bytes());
    header[10..12].copy_from_slice(&tracks.to_be_bytes());
    header[12..].copy_from_slice(&division.encode());
    header
}

fn push_varlen(out: &mut Vec<u8>, value: u32) {
    for shift in [21, 14, 7] {
        if value >> shift > 0 {
            out.push((value >> shift) as u8 | 0x80);
        }
    }
    out.push(value as u8 & 0x7F);
}

/// The largest variable-length quantity.
const LARGEST: u32 = 0x0FFF_FFFF;

/// An End of Track at the tick of the event before it.
const END_OF_TRACK: [u8; 4] = [0x00, 0xFF, 0x2F, 0x00];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::TextKind;

    const SECOND: u64 = 1_000_000_000;

    fn recording(build: impl FnOnce(&mut Writer)) -> Song {
        let mut writer = Writer::new(Writer::RTP_DIVISION);
        build(&mut writer);
        let mut file = Vec::new();
        writer.checkpoint(0).apply(&mut file);
        Song::read(&file, 0).unwrap()
    }

    #[test]
    fn a_file_is_valid_at_every_checkpoint() {
        let mut writer = Writer::new(Writer::RTP_DIVISION);
        let mut file = Vec::new();
        for n in 0..100_u64 {
            writer.message(n * SECOND / 7, &[0x90, n as u8, 1]).unwrap();
            writer.checkpoint(n * SECOND / 7).apply(&mut file);
            let song = Song::read(&file, 0).unwrap();
            assert_eq!(song.len() as u64, n + 2);
        }
    }

    #[test]
    fn the_end_of_a_checkpoint_does_not_move_what_follows() {
        let mut writer = Writer::new(Writer::RTP_DIVISION);
        let mut file = Vec::new();
        writer.message(0, &[0xC0, 1]).unwrap();
        writer.checkpoint(9 * SECOND).apply(&mut file);
        assert_eq!(Song::read(&file, 0).unwrap().duration(), 9 * SECOND);
        writer.message(SECOND, &[0xC0, 2]).unwrap();
        writer.checkpoint(0).apply(&mut file);
        assert_eq!(Song::read(&file, 0).unwrap().duration(), SECOND);
    }

    #[test]
    fn moments_of_the_rtp_clock_are_kept_to_the_nanosecond() {
        let song = recording(|writer| {
            for n in 0..44_100_u64 {
                writer.message((n * SECOND + 22_050) / 44_100, &[0xF8]).unwrap();
            }
        });
        for (n, event) in (0..44_100_u64).zip(song.events()) {
            assert_eq!(event.time, (n * SECOND + 22_050) / 44_100);
        }
    }

    #[test]
    fn a_pause_of_a_day_is_bridged() {
        let song = recording(|writer| {
            writer.message(0, &[0x80, 1, 2]).unwrap();
            writer.message(86_400 * SECOND, &[0x80, 1, 2]).unwrap();
        });
        let last = song.events().rev().nth(1).unwrap();
        assert_eq!((last.time, last.body), (86_400 * SECOND, Body::Message(&[0x80, 1, 2])));
    }

    #[test]
    fn a_new_tempo_moves_the_ticks_but_not_the_times() {
        let song = recording(|writer| {
            writer.meta(SECOND, &Meta::Tempo(250_000)).unwrap();
            writer.message(2 * SECOND, &[0xFE]).unwrap();
        });
        let event = song.event(1).unwrap();
        assert_eq!((event.time, event.tick), (2 * SECOND, 44_100 + 88_200));
    }

    #[test]
    fn what_is_not_one_message_is_refused() {
        let mut track = Track::new();
        let cases: [&[u8]; 8] =
            [&[], &[1, 2], &[0x90, 1], &[0x90, 1, 2, 3], &[0x90, 0x80, 1], &[0xF0, 1], &[0xF0, 0x90, 0xF7], &[0xF7]];
        for octets in cases {
            assert_eq!(track.message(0, octets), Err(WriteError::NotOneMessage { octets: octets.len() }));
        }
        assert_eq!(encode_file(0, Division::Quarter(96), &[track])[14..], *b"MTrk\0\0\0\x04\0\xFF\x2F\0");
    }

    #[test]
    fn tracks_with_running_status_and_metas_are_written_octet_by_octet() {
        let mut track = Track::new();
        track.meta(0, &Meta::Text(TextKind::Lyric, b"la")).unwrap();
        track.message(0, &[0x90, 60, 64]).unwrap();
        track.message(200, &[0x90, 60, 0]).unwrap();
        track.message(200, &[0xF0, 1, 0xF7]).unwrap();
        track.message(201, &[0xF6]).unwrap();
        track.meta(202, &Meta::EndOfTrack).unwrap();
        let file = encode_file(0, Division::Quarter(96), &[track]);
        assert_eq!(
            file[22..],
            *b"\x00\xFF\x05\x02la\x00\x90\x3C\x40\x81\x48\x3C\x00\x00\xF0\x02\x01\xF7\x01\xF7\x01\xF6\x01\xFF\x2F\x00"
        );
    }
}
