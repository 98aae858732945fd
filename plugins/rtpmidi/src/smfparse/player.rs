//! What comes next on the source pad: messages, meta events, and gaps where there is silence.

use std::collections::VecDeque;
use std::ops::Range;

use smf_timeline::{Body, Meta, Song};

use super::tags;
use crate::smf_meta;

/// Plays a song through a segment.
#[derive(Debug)]
pub(super) struct Player {
    song: Song,
    segment: gst::FormattedSegment<gst::ClockTime>,
    /// The events of the song that have been played since the start of the segment, or since what sounded was ended.
    played: Range<usize>,
    /// The song up to which downstream has been told everything.
    position: gst::ClockTime,
    queue: VecDeque<Item>,
    /// Whether the segment has been closed.
    ended: bool,
    /// Whether the end was called before its time.
    stopped: bool,
    discont: bool,
}

/// What happened to the data downstream before the player goes elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Seek {
    /// It was thrown away.
    Flush,
    /// It is played to its end.
    Continue,
}

/// One thing to push, or the end.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Buffer(gst::Buffer),
    /// The end of a note, owed even when a seek comes in between.
    Release(gst::Buffer),
    Event(gst::Event),
    End,
}

impl Player {
    /// Begins `song` at the start of `segment`.
    pub(super) fn new(song: Song, segment: gst::FormattedSegment<gst::ClockTime>, seqnum: gst::Seqnum) -> Self {
        let mut player = Self {
            song,
            segment,
            played: 0..0,
            position: gst::ClockTime::ZERO,
            queue: VecDeque::new(),
            ended: false,
            stopped: false,
            discont: true,
        };
        let division = player.song.tempo_map().division();
        player.enter(seqnum);
        player.queue.push_back(Item::Event(gst::event::Tag::new(tags::of(&player.song))));
        player.queue.push_back(Item::Event(smf_meta::division(division)));
        if player.position > gst::ClockTime::ZERO {
            player.chase();
        }
        player
    }

    /// Goes to the start of `segment`: ends what sounds and restores the state that is in force there.
    pub(super) fn seek(&mut self, segment: gst::FormattedSegment<gst::ClockTime>, seqnum: gst::Seqnum, how: Seek) {
        let owed = std::mem::take(&mut self.queue).into_iter().filter_map(|item| match item {
            Item::Release(buffer) => buffer.map_readable().ok().map(|octets| octets.to_vec()),
            _ => None,
        });
        let mut ends: Vec<_> = owed.collect();
        ends.extend(self.sounding());
        if how == Seek::Flush {
            // Ends of notes may have been on their way downstream.
            let channels = self.song.channels();
            let used = (0..16).filter(|channel| channels >> channel & 1 == 1);
            ends.extend(used.map(|channel| vec![0xB0 | channel, ALL_NOTES_OFF, 0]));
        }
        self.segment = segment;
        self.enter(seqnum);
        self.queue_messages(ends, self.position, Item::Release);
        self.chase();
    }

    /// Ends here, with what sounds.
    pub(super) fn stop(&mut self) {
        if !std::mem::replace(&mut self.stopped, true) {
            self.segment.set_stop(self.position + gst::ClockTime::NSECOND);
        }
    }

    pub(super) fn segment(&self) -> &gst::FormattedSegment<gst::ClockTime> {
        &self.segment
    }

    pub(super) fn position(&self) -> gst::ClockTime {
        self.position
    }

    pub(super) fn duration(&self) -> gst::ClockTime {
        gst::ClockTime::from_nseconds(self.song.duration())
    }

    /// What to push now.
    pub(super) fn next(&mut self) -> Item {
        loop {
            if let Some(item) = self.queue.pop_front() {
                return item;
            }
            let stop = self.segment.stop();
            let event =
                self.song.event(self.played.end).filter(|event| stop.is_none_or(|stop| event.time < stop.nseconds()));
            let until = match event {
                Some(event) => gst::ClockTime::from_nseconds(event.time),
                None => stop.unwrap_or(gst::ClockTime::MAX).min(self.duration()),
            };
            let silence = until.saturating_sub(self.position);
            if silence >= GAP || event.is_none() && silence > gst::ClockTime::ZERO {
                return self.gap(silence.min(GAP));
            }
            let Some(event) = event else {
                if self.ended {
                    return Item::End;
                }
                self.ended = true;
                if self.played.end < self.song.len() {
                    // Cut off by the segment, whose stop itself lies outside of it.
                    let ends = self.sounding();
                    self.queue_messages(ends, self.position.saturating_sub(gst::ClockTime::NSECOND), Item::Release);
                    self.played.start = self.played.end;
                }
                continue;
            };
            self.played.end += 1;
            let item = match event.body {
                Body::Message(octets) => Item::Buffer(self.message(until, octets)),
                Body::Meta(Meta::EndOfTrack) => continue,
                Body::Meta(meta) => Item::Event(smf_meta::meta(until, event.track, &meta)),
            };
            self.advance(until);
            self.discont &= matches!(item, Item::Event(_));
            return item;
        }
    }

    fn enter(&mut self, seqnum: gst::Seqnum) {
        let start = self.segment.start().unwrap_or(gst::ClockTime::ZERO);
        let first = self.song.index_at(start.nseconds());
        self.played = first..first;
        self.advance(start);
        self.ended = false;
        self.stopped = false;
        self.discont = true;
        self.queue.push_back(Item::Event(gst::event::Segment::builder(&self.segment).seqnum(seqnum).build()));
    }

    fn advance(&mut self, position: gst::ClockTime) {
        self.position = position;
        self.segment.set_position(position);
    }

    fn chase(&mut self) {
        let mut messages = Vec::new();
        self.song.chase(self.position.nseconds(), |octets| messages.push(octets.to_vec()));
        self.queue_messages(messages, self.position, Item::Buffer);
    }

    /// The ends of the notes that sound downstream.
    fn sounding(&self) -> Vec<Vec<u8>> {
        let mut ends = Vec::new();
        self.song.release(self.played.clone(), |octets| ends.push(octets.to_vec()));
        ends
    }

    fn queue_messages(&mut self, messages: Vec<Vec<u8>>, at: gst::ClockTime, item: fn(gst::Buffer) -> Item) {
        for octets in messages {
            let buffer = self.message(at, &octets);
            self.discont = false;
            self.queue.push_back(item(buffer));
        }
    }

    fn gap(&mut self, duration: gst::ClockTime) -> Item {
        let gap = gst::event::Gap::builder(self.position).duration(duration).build();
        self.advance(self.position + duration);
        Item::Event(gap)
    }

    fn message(&self, time: gst::ClockTime, octets: &[u8]) -> gst::Buffer {
        let mut buffer = gst::Buffer::from_mut_slice(octets.to_vec());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(time);
            buffer.set_dts(time);
            if self.discont {
                buffer.set_flags(gst::BufferFlags::DISCONT);
            }
        }
        buffer
    }
}

/// The controller All Notes Off.
const ALL_NOTES_OFF: u8 = 123;

/// The silence after which downstream is told that time goes on.
const GAP: gst::ClockTime = gst::ClockTime::from_mseconds(250);

#[cfg(test)]
mod tests {
    use super::*;
    use smf_timeline::{Division, Track, encode_file};

    fn segment(start: u64) -> gst::FormattedSegment<gst::ClockTime> {
        let mut segment = gst::FormattedSegment::new();
        segment.set_start(gst::ClockTime::from_mseconds(start));
        segment
    }

    /// The messages up to the next silence.
    fn messages(player: &mut Player) -> Vec<Vec<u8>> {
        let items = std::iter::from_fn(|| match player.next() {
            Item::Event(event) if event.type_() == gst::EventType::Gap => None,
            Item::End => None,
            item => Some(item),
        });
        let octets = items.filter_map(|item| match item {
            Item::Buffer(buffer) | Item::Release(buffer) => Some(buffer.map_readable().unwrap().to_vec()),
            Item::Event(_) | Item::End => None,
        });
        octets.collect()
    }

    /// A note that sounds from the start on for a long time.
    fn song() -> Song {
        let mut track = Track::new();
        track.message(0, &[0x90, 60, 1]).unwrap();
        track.message(9000, &[0x80, 60, 2]).unwrap();
        Song::read(&encode_file(0, Division::Quarter(500), &[track]), 0).unwrap()
    }

    #[test]
    fn a_player_that_is_stopped_ends_what_sounds_and_comes_to_its_end() {
        gst::init().unwrap();
        let mut player = Player::new(song(), segment(0), gst::Seqnum::next());
        assert_eq!(messages(&mut player), [[0x90, 60, 1]]);
        player.stop();
        let silence = messages(&mut player);
        player.stop();
        assert_eq!((silence, messages(&mut player)), (vec![], vec![vec![0x80, 60, 64]]));
        assert!(matches!(player.next(), Item::End));
    }

    #[test]
    fn what_sounds_is_ended_even_when_seeks_follow_each_other_at_once() {
        gst::init().unwrap();
        let song = song();
        let seqnum = gst::Seqnum::next();
        for (how, expected) in [
            (Seek::Continue, vec![vec![0x80, 60, 64]]),
            (Seek::Flush, vec![vec![0x80, 60, 64], vec![0xB0, ALL_NOTES_OFF, 0], vec![0xB0, ALL_NOTES_OFF, 0]]),
        ] {
            let mut player = Player::new(song.clone(), segment(0), seqnum);
            assert_eq!(messages(&mut player), [[0x90, 60, 1]]);
            player.seek(segment(3000), seqnum, how);
            player.seek(segment(5000), seqnum, how);
            assert_eq!(messages(&mut player), expected);
            player.seek(segment(4000), seqnum, Seek::Continue);
            assert_eq!(messages(&mut player), [[0; 0]; 0], "it is ended once");
        }
    }
}
