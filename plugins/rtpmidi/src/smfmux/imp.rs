//! The flow of `smfmux`: buffers to the recorder, checkpoints to the output.

use std::sync::{LazyLock, Mutex};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use smf_timeline::{Division, Meta, Recorder};

use super::CAT;
use super::output::Output;
use super::settings::{self, Settings, Start};
use crate::lock::lock;
use crate::smf_meta::{self, Told};

/// The private part of [`super::SmfMux`].
#[derive(Debug)]
pub struct SmfMux {
    sink: gst::Pad,
    src: gst::Pad,
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    segment: gst::FormattedSegment<gst::ClockTime>,
    /// What the source of the stream said about its ticks.
    source: Option<Division>,
    /// Exists from the first event on.
    recording: Option<Recording>,
}

#[derive(Debug)]
struct Recording {
    recorder: Recorder,
    output: Output,
    live: bool,
    /// The running time that is the start of the file.
    origin: gst::ClockTime,
    /// The latest running time that anything was said about.
    now: gst::ClockTime,
    /// Running time of the last checkpoint.
    settled: Option<gst::ClockTime>,
}

#[glib::object_subclass]
impl ObjectSubclass for SmfMux {
    const NAME: &'static str = "GstSmfMux";
    type Type = super::SmfMux;
    type ParentType = gst::Element;

    fn with_class(klass: &Self::Class) -> Self {
        let template = |name| klass.pad_template(name).expect("pad_templates() lists this name");
        let sink = gst::Pad::builder_from_template(&template("sink"))
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(parent, || Err(gst::FlowError::Error), |this| this.chain(&buffer))
            })
            .chain_list_function(|_, parent, list| {
                Self::catch_panic_pad_function(parent, || Err(gst::FlowError::Error), |this| this.chain_list(&list))
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |this| this.sink_event(pad, event))
            })
            .build();
        let src = gst::Pad::builder_from_template(&template("src")).build();
        Self { sink, src, settings: Mutex::default(), state: Mutex::default() }
    }
}

impl ObjectImpl for SmfMux {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::properties()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            name => lock(&self.settings).get(name).unwrap_or_else(|| pspec.default_value().clone()),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        for pad in [&self.sink, &self.src] {
            self.obj().add_pad(pad).expect("a new element has no pads of these names");
        }
    }
}

impl GstObjectImpl for SmfMux {}

impl ElementImpl for SmfMux {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Standard MIDI File muxer",
                "Codec/Muxer/Audio",
                "Records MIDI messages as a Standard MIDI File that stays valid while it grows",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            [("sink", gst::PadDirection::Sink, "audio/x-midi-event"), ("src", gst::PadDirection::Src, "audio/midi")]
                .into_iter()
                .filter_map(|(name, direction, caps)| {
                    let caps = gst::Caps::new_empty_simple(caps);
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
                })
                .collect()
        });
        &TEMPLATES
    }

    fn change_state(&self, change: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if change == gst::StateChange::ReadyToPaused {
            *lock(&self.state) = State::default();
        }
        self.parent_change_state(change)
    }
}

impl SmfMux {
    fn chain(&self, buffer: &gst::BufferRef) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.record(buffer)?;
        self.checkpoint()
    }

    fn chain_list(&self, list: &gst::BufferList) -> Result<gst::FlowSuccess, gst::FlowError> {
        list.iter().try_for_each(|buffer| self.record(buffer))?;
        self.checkpoint()
    }

    fn record(&self, buffer: &gst::BufferRef) -> Result<(), gst::FlowError> {
        let octets = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
        let time = lock(&self.state).segment.to_running_time(buffer.pts());
        self.begin(time);
        if let Some(recording) = &mut lock(&self.state).recording {
            let time = recording.advance(time);
            recording.recorder.buffer(time, &octets);
        }
        Ok(())
    }

    /// Begins the file with the first thing to record, at `time`.
    fn begin(&self, time: Option<gst::ClockTime>) {
        if lock(&self.state).recording.is_some() {
            return;
        }
        let mut query = gst::query::Latency::new();
        let live = self.sink.peer_query(&mut query) && query.result().0;
        self.push_start();
        let output = Output::of(&self.src);
        let settings = *lock(&self.settings);
        let from_first = settings.start == Start::First || settings.start == Start::Auto && live;
        let origin = time.filter(|_| from_first).unwrap_or(gst::ClockTime::ZERO);
        let mut state = lock(&self.state);
        let division = settings.division(state.source);
        gst::info!(CAT, imp = self, "recording from {origin}, live {live}, {division:?}, {output:?}");
        let recorder = Recorder::new(division);
        state.recording = Some(Recording { recorder, output, live, origin, now: origin, settled: None });
    }

    fn push_start(&self) {
        let group = self.sink.sticky_event::<gst::event::StreamStart>(0).and_then(|event| event.group_id());
        let id = self.src.create_stream_id(&*self.obj(), Some("smf"));
        let start = gst::event::StreamStart::builder(&id).group_id(group.unwrap_or_else(gst::GroupId::next));
        self.src.push_event(start.build());
        self.src.push_event(gst::event::Caps::new(&gst::Caps::new_empty_simple("audio/midi")));
    }

    /// Lets the file hold what has been recorded: at once when live, otherwise once a second of stream time.
    fn checkpoint(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        let due = lock(&self.state).recording.as_mut().and_then(Recording::due);
        match due {
            Some((output, checkpoint)) => output.push(&self.src, checkpoint),
            None => Ok(gst::FlowSuccess::Ok),
        }
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        use gst::EventView;
        match event.view() {
            EventView::Segment(segment) => match segment.segment().downcast_ref::<gst::ClockTime>() {
                Some(segment) => {
                    lock(&self.state).segment = segment.clone();
                    true
                }
                None => {
                    gst::element_imp_error!(self, gst::StreamError::Format, ("the stream is not in time"));
                    false
                }
            },
            EventView::Gap(gap) => {
                let (start, duration) = gap.get();
                let mut state = lock(&self.state);
                let time = state.segment.to_running_time(start + duration.unwrap_or(gst::ClockTime::ZERO));
                if let Some(recording) = &mut state.recording {
                    recording.advance(time);
                }
                true
            }
            EventView::CustomDownstream(custom) => {
                match custom.structure().and_then(smf_meta::parse) {
                    Some(told) => self.note(told),
                    None => return gst::Pad::event_default(pad, Some(&*self.obj()), event),
                }
                true
            }
            EventView::FlushStop(_) => {
                // Downstream forgets the file, so another one begins.
                *lock(&self.state) = State::default();
                gst::Pad::event_default(pad, Some(&*self.obj()), event)
            }
            EventView::Eos(_) => {
                self.finish();
                gst::Pad::event_default(pad, Some(&*self.obj()), event)
            }
            // The source pad has its own.
            EventView::StreamStart(_) | EventView::Caps(_) => true,
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    fn note(&self, told: Told) {
        match told {
            Told::Division(division) => lock(&self.state).source = Some(division),
            Told::Meta { time, kind, data } => {
                let time = time.and_then(|time| lock(&self.state).segment.to_running_time(time));
                self.begin(time);
                if let Some(recording) = &mut lock(&self.state).recording {
                    let time = recording.advance(time);
                    recording.recorder.meta(time, &Meta::decode(kind, &data));
                }
            }
        }
    }

    /// Ends the file where the stream ends.
    fn finish(&self) {
        self.begin(None);
        let last = lock(&self.state).recording.as_mut().map(Recording::end);
        if let Some((output, checkpoint)) = last
            && let Err(flow) = output.push(&self.src, checkpoint)
        {
            gst::warning!(CAT, imp = self, "the end of the file is lost: {flow:?}");
        }
    }

    fn stats(&self) -> gst::Structure {
        let state = lock(&self.state);
        let recorder = state.recording.as_ref().map(|recording| &recording.recorder);
        gst::Structure::builder("application/x-smfmux-stats")
            .field("recorded", recorder.map_or(0, Recorder::recorded))
            .field("dropped", recorder.map_or(0, Recorder::dropped))
            .build()
    }
}

impl Recording {
    /// Takes note of a running time; what has none, or an earlier one, happens now. Returns it from the file's start.
    fn advance(&mut self, time: Option<gst::ClockTime>) -> u64 {
        self.now = time.map_or(self.now, |time| time.max(self.now));
        self.elapsed()
    }

    fn elapsed(&self) -> u64 {
        self.now.saturating_sub(self.origin).nseconds()
    }

    fn due(&mut self) -> Option<(Output, smf_timeline::Checkpoint)> {
        let due = match (self.output, self.settled) {
            (Output::AtEnd, _) => false,
            (Output::Patched, None) => true,
            (Output::Patched, Some(settled)) => self.live || self.now >= settled + INTERVAL,
        };
        due.then(|| {
            self.settled = Some(self.now);
            // Ends with the last event, so that the next checkpoint is never shorter than this one.
            (self.output, self.recorder.checkpoint(0))
        })
    }

    fn end(&mut self) -> (Output, smf_timeline::Checkpoint) {
        let end = self.elapsed();
        (self.output, self.recorder.checkpoint(end))
    }
}

/// Stream time between two checkpoints of a stream that is not live.
const INTERVAL: gst::ClockTime = gst::ClockTime::SECOND;
