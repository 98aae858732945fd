//! The flow of `miditick`: messages as they come, ticks where the next one is due first.

use std::sync::{LazyLock, Mutex};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use super::CAT;
use super::settings::{self, Settings};
use crate::lock::lock;

/// The private part of [`super::MidiTick`].
#[derive(Debug)]
pub struct MidiTick {
    sink: gst_base::AggregatorPad,
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    segment: gst::FormattedSegment<gst::ClockTime>,
    /// Running time of the next tick; `None` until the stream has begun.
    next: Option<gst::ClockTime>,
    /// Running time at which the ticks after the end of the stream end.
    end: Option<gst::ClockTime>,
}

#[glib::object_subclass]
impl ObjectSubclass for MidiTick {
    const NAME: &'static str = "GstMidiTick";
    type Type = super::MidiTick;
    type ParentType = gst_base::Aggregator;

    fn with_class(klass: &Self::Class) -> Self {
        let template = klass.pad_template("sink").expect("pad_templates() lists this name");
        let sink = gst::PadBuilder::<gst_base::AggregatorPad>::from_template(&template).build();
        Self { sink, settings: Mutex::default(), state: Mutex::default() }
    }
}

impl ObjectImpl for MidiTick {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::cached()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        lock(&self.settings).get(pspec.name()).unwrap_or_else(|| pspec.default_value().clone())
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj().add_pad(&self.sink).expect("a new element has no sink pad");
    }
}

impl GstObjectImpl for MidiTick {}

impl ElementImpl for MidiTick {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "MIDI ticks",
                "Filter/Audio",
                "Puts a tick (F9) into MIDI messages at regular times, so that fluiddec renders live streams smoothly",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst::Caps::new_empty_simple("audio/x-midi-event");
            [
                ("sink", gst::PadDirection::Sink, gst_base::AggregatorPad::static_type()),
                ("src", gst::PadDirection::Src, gst_base::AggregatorPad::static_type()),
            ]
            .into_iter()
            .filter_map(|(name, direction, gtype)| {
                gst::PadTemplate::with_gtype(name, direction, gst::PadPresence::Always, &caps, gtype).ok()
            })
            .collect()
        });
        &TEMPLATES
    }
}

impl AggregatorImpl for MidiTick {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = State::default();
        Ok(())
    }

    fn flush(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        *lock(&self.state) = State::default();
        self.parent_flush()
    }

    fn sink_event(&self, pad: &gst_base::AggregatorPad, event: gst::Event) -> bool {
        if let gst::EventView::Segment(segment) = event.view() {
            match segment.segment().downcast_ref::<gst::ClockTime>() {
                Some(segment) => {
                    // Times pass unchanged, so the segment does as well.
                    self.obj().update_segment(segment);
                    lock(&self.state).segment = segment.clone();
                }
                None => gst::element_imp_error!(self, gst::StreamError::Format, ("the stream is not in time")),
            }
        }
        self.parent_sink_event(pad, event)
    }

    fn src_query(&self, query: &mut gst::QueryRef) -> bool {
        if query.type_() == gst::QueryType::Seeking {
            // An aggregator takes none of its streams to be one that can be wound; this one has one stream.
            return self.sink.peer_query(query);
        }
        let answered = self.parent_src_query(query);
        if let gst::QueryViewMut::Latency(query) = query.view_mut()
            && answered
            && query.result().0
        {
            // Messages pass at once, but what is rendered from one tick to the next comes out with the next.
            let (live, min, max) = query.result();
            let interval = lock(&self.settings).interval;
            query.set(live, min + interval, max.map(|max| max + interval));
        }
        answered
    }

    fn next_time(&self) -> Option<gst::ClockTime> {
        lock(&self.state).next.or_else(|| self.obj().simple_get_next_time())
    }

    /// Pushes one buffer: the queued message, or a tick that is due before it.
    fn aggregate(&self, timeout: bool) -> Result<gst::FlowSuccess, gst::FlowError> {
        let message = self.sink.peek_buffer();
        let ended = message.is_none() && self.sink.is_eos();
        let (interval, tail) = {
            let settings = lock(&self.settings);
            (settings.interval, settings.tail)
        };
        let mut state = lock(&self.state);
        let silent = message.as_ref().is_some_and(|buffer| buffer.flags().contains(gst::BufferFlags::GAP));
        let at = message.as_ref().and_then(|buffer| {
            let silence = buffer.duration().filter(|_| silent).unwrap_or(gst::ClockTime::ZERO);
            state.segment.to_running_time(buffer.pts()? + silence)
        });
        let next = match state.next {
            Some(next) => next,
            None => first_tick(at.or_else(|| self.obj().current_running_time()), interval),
        };
        if ended && *state.end.get_or_insert(next + tail) < next {
            return Err(gst::FlowError::Eos);
        }
        let tick_first = match at {
            Some(at) => next < at || silent && next == at,
            None => message.is_none() && (timeout || ended),
        };
        if tick_first {
            state.next = Some(next + interval);
            let pts = state.segment.position_from_running_time(next);
            drop(state);
            gst::trace!(CAT, imp = self, "tick at {next}");
            return self.obj().finish_buffer(tick(pts));
        }
        state.next = Some(next);
        drop(state);
        match self.sink.pop_buffer() {
            // A gap, which the aggregator turned into a buffer; the ticks say the same.
            Some(buffer) if buffer.size() == 0 => Ok(gst::FlowSuccess::Ok),
            Some(buffer) => self.obj().finish_buffer(buffer),
            None => Err(gst_base::AGGREGATOR_FLOW_NEED_DATA),
        }
    }
}

/// The first multiple of `interval` at or behind the start of the stream.
fn first_tick(start: Option<gst::ClockTime>, interval: gst::ClockTime) -> gst::ClockTime {
    let intervals = start.map_or(0, |start| start.nseconds().div_ceil(interval.nseconds()));
    gst::ClockTime::from_nseconds(intervals.saturating_mul(interval.nseconds()))
}

fn tick(pts: Option<gst::ClockTime>) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice([0xF9]);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(pts);
        buffer.set_dts(pts);
    }
    buffer
}
