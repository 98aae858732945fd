//! What a channel is playing: the piece whose music is at the payloader now, and not those that wait behind it.
//!
//! ```text
//!  Feed ── queue(piece) ──▶ pieces in front of concat ── STREAM-START with the number ──▶ payloader: title()
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use gst::glib;
use gst::prelude::*;

use super::metadata::Libretto;
use super::piece::Piece;
use crate::lock::lock;

/// Knows what a channel is playing; all clones know the same.
#[derive(Clone, Default)]
pub(crate) struct NowPlaying(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Pieces that wait for their turn.
    queued: VecDeque<Entry>,
    /// The piece that has come to the payloader, before its segment has.
    arrived: Option<Entry>,
    /// Pieces that have begun or are about to, each from the running time at which its segment starts.
    begun: VecDeque<(Entry, gst::FormattedSegment<gst::ClockTime>)>,
    pay: glib::WeakRef<gst::Element>,
}

#[derive(Clone, Debug)]
struct Entry {
    index: u64,
    title: String,
    libretto: Arc<Libretto>,
    /// The running time at which it begins, as far as that is known before its segment.
    begin: gst::ClockTime,
}

/// A piece that is heard or comes next.
pub(crate) struct Scheduled {
    /// How many pieces came before it, rounds counted.
    pub(crate) index: u64,
    pub(crate) libretto: Arc<Libretto>,
    /// How its time becomes running time.
    pub(crate) segment: gst::FormattedSegment<gst::ClockTime>,
}

/// The field of a STREAM-START event that has the index of its piece.
const INDEX: &str = "rtpmidi-piece";

impl NowPlaying {
    /// Takes note of a piece that has this index and will come out of `pad` of its parser.
    pub(crate) fn queue(&self, index: u64, piece: &Piece, pad: &gst::Pad) {
        let (title, libretto) = (piece.title.clone(), piece.libretto.clone());
        let begin = gst::ClockTime::from_nseconds(pad.offset().max(0).cast_unsigned());
        let entry = Entry { index, title, libretto, begin };
        self.state().queued.push_back(entry);
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if let Some(event) = info.event_mut().filter(|event| event.type_() == gst::EventType::StreamStart) {
                event.make_mut().structure_mut().set(INDEX, index);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Watches the sink pad of the payloader.
    pub(crate) fn watch(&self, pad: &gst::Pad) {
        if let Some(pay) = pad.parent_element() {
            self.state().pay = pay.downgrade();
        }
        let now_playing = self.clone();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            match info.event().map(|event| event.view()) {
                Some(gst::EventView::StreamStart(start)) => {
                    let index = start.structure().and_then(|fields| fields.get(INDEX).ok());
                    now_playing.state().arrive(index);
                }
                Some(gst::EventView::Segment(segment)) => {
                    if let Some(segment) = segment.segment().downcast_ref() {
                        now_playing.state().begin(segment.clone());
                    }
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// What is heard now is called; nothing before the start.
    pub(crate) fn title(&self) -> Option<String> {
        let mut state = self.state();
        let now = state.pay.upgrade()?.current_running_time()?;
        state.turn(now);
        Some(state.begun.front()?.0.title.clone())
    }

    /// What is heard at the running time `now`, and then what comes next; nothing before the start.
    pub(crate) fn schedule(&self, now: gst::ClockTime) -> Vec<Scheduled> {
        let mut state = self.state();
        state.turn(now);
        let Some(rate) = state.begun.front().map(|(_, segment)| segment.rate()) else { return Vec::new() };
        let scheduled =
            |entry: &Entry, segment| Scheduled { index: entry.index, libretto: entry.libretto.clone(), segment };
        let begun = state.begun.iter().map(|(entry, segment)| scheduled(entry, segment.clone()));
        let waiting = state.arrived.iter().chain(&state.queued).map(|entry| {
            let mut segment = gst::FormattedSegment::new();
            segment.set_rate(rate);
            segment.set_start(gst::ClockTime::ZERO);
            segment.set_base(entry.begin);
            scheduled(entry, segment)
        });
        begun.chain(waiting).take(2).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    /// The music of the piece with this index comes next.
    fn arrive(&mut self, index: Option<u64>) {
        let place = self.queued.iter().position(|entry| Some(entry.index) == index);
        self.arrived = place.and_then(|place| self.queued.drain(..=place).next_back());
    }

    /// Forgets what is over at the running time `now`.
    fn turn(&mut self, now: gst::ClockTime) {
        let has_begun = |(_, segment): &(Entry, gst::FormattedSegment<gst::ClockTime>)| segment.base() <= Some(now);
        while self.begun.len() > 1 && self.begun.get(1).is_some_and(has_begun) {
            self.begun.pop_front();
        }
    }

    fn begin(&mut self, segment: gst::FormattedSegment<gst::ClockTime>) {
        match (self.arrived.take(), self.begun.back_mut()) {
            (Some(entry), _) => self.begun.push_back((entry, segment)),
            (None, Some((_, latest))) => *latest = segment,
            (None, None) => {}
        }
    }
}
