//! What comes next on the source pad: messages, meta events, and gaps where there is silence.

use std::collections::VecDeque;

use smf_timeline::{Body, Meta, Song};

use super::tags;
use crate::smf_meta;

/// Plays a song through a segment.
#[derive(Debug)]
pub(super) struct Player {
    song: Song,
    segment: gst::FormattedSegment<gst::ClockTime>,
    /// Index of the next event of the song.
    next: usize,
    /// The song up to which downstream has been told everything.
    position: gst::ClockTime,
    queue: VecDeque<Item>,
    /// Whether the segment has been closed.
    ended: bool,
    /// Whether closing it has ended the notes that sounded.
    released: bool,
    discont: bool,
}

/// One thing to push, or the end.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Buffer(gst::Buffer),
    Event(gst::Event),
    End,
}

impl Player {
    /// Begins `song` at the start of `segment`.
    pub(super) fn new(song: Song, segment: gst::FormattedSegment<gst::ClockTime>, seqnum: gst::Seqnum) -> Self {
        let mut player = Self {
            song,
            segment,
            next: 0,
            position: gst::ClockTime::ZERO,
            queue: VecDeque::new(),
            ended: false,
            released: false,
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
    pub(super) fn seek(&mut self, segment: gst::FormattedSegment<gst::ClockTime>, seqnum: gst::Seqnum) {
        let sounding = if self.released { 0 } else { self.next };
        self.segment = segment;
        self.queue.clear();
        self.enter(seqnum);
        self.release(sounding, self.position);
        self.chase();
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
            let event = self.song.event(self.next).filter(|event| stop.is_none_or(|stop| event.time < stop.nseconds()));
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
                if self.next < self.song.len() {
                    // Cut off by the segment, whose stop itself lies outside of it.
                    self.release(self.next, self.position.saturating_sub(gst::ClockTime::NSECOND));
                    self.released = true;
                }
                continue;
            };
            self.next += 1;
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
        self.next = self.song.index_at(start.nseconds());
        self.advance(start);
        (self.ended, self.released) = (false, false);
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
        self.queue_messages(messages, self.position);
    }

    /// Ends the notes that the events before `index` left sounding.
    fn release(&mut self, index: usize, at: gst::ClockTime) {
        let mut messages = Vec::new();
        self.song.release(index, |octets| messages.push(octets.to_vec()));
        self.queue_messages(messages, at);
    }

    fn queue_messages(&mut self, messages: Vec<Vec<u8>>, at: gst::ClockTime) {
        for octets in messages {
            let buffer = self.message(at, &octets);
            self.discont = false;
            self.queue.push_back(Item::Buffer(buffer));
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

/// The silence after which downstream is told that time goes on.
const GAP: gst::ClockTime = gst::ClockTime::from_mseconds(250);
