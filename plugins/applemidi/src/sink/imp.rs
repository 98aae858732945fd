//! The flow of `applemidisink`: the base class waits for the time of each message, and the session sends it with it.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use applemidi_io::End;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use rtp_midi::midi::{Command, Found, Intake, Segment, Sounding, System};

use super::CAT;
use super::entrance::{Entrance, Passage};
use crate::lock::lock;
use crate::message::{encoded, whole};
use crate::session::Membership;
use crate::setup::{self, Setup};
use crate::stats;

/// The private part of [`super::AppleMidiSink`].
#[derive(Default)]
pub struct AppleMidiSink {
    setup: Mutex<Setup>,
    wait: Mutex<Wait>,
    membership: Mutex<Option<Membership>>,
    state: Mutex<State>,
    entrance: Entrance,
}

/// How long the first message waits for somebody to play to, where somebody is called.
struct Wait(gst::ClockTime);

/// What is played.
struct State {
    end: Option<Arc<End>>,
    intake: Intake,
    /// What this element has left sounding at the others.
    sounding: Sounding,
    stray: u64,
}

/// Data octets of the longest System Exclusive that comes in several buffers.
const LONGEST: usize = 1 << 20;

/// How late a message can be and still say when it should have been heard.
const LATE: i64 = 1_000_000_000;

/// Enough for who must be looked for by multicast DNS, and answers the third invitation.
const WAIT: gst::ClockTime = gst::ClockTime::from_seconds(10);

impl Default for Wait {
    fn default() -> Self {
        Self(WAIT)
    }
}

impl Default for State {
    fn default() -> Self {
        Self { end: None, intake: Intake::new(LONGEST), sounding: Sounding::default(), stray: 0 }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for AppleMidiSink {
    const NAME: &'static str = "GstAppleMidiSink";
    type Type = super::AppleMidiSink;
    type ParentType = gst_base::BaseSink;
}

impl ObjectImpl for AppleMidiSink {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let wait = glib::ParamSpecUInt64::builder("wait")
                .nick("Wait")
                .blurb("How long the beginning waits until somebody takes part, where peers are called, in nanoseconds; 0 begins at once")
                .default_value(WAIT.nseconds())
                .mutable_ready()
                .build();
            setup::properties().into_iter().chain([wait]).collect()
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        match pspec.name() {
            "wait" => {
                let wait = value.get().expect("GObject checks type and range of a value before it sets a property");
                lock(&self.wait).0 = gst::ClockTime::from_nseconds(wait);
            }
            name => lock(&self.setup).set(name, value),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            "wait" => lock(&self.wait).0.nseconds().to_value(),
            name => lock(&self.setup).get(name).unwrap_or_else(|| pspec.default_value().clone()),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        // A message takes no time, and other sinks of the pipeline shall not wait for the first one.
        obj.set_processing_deadline(gst::ClockTime::ZERO);
        obj.set_async(false);
    }
}

impl GstObjectImpl for AppleMidiSink {}

impl ElementImpl for AppleMidiSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "AppleMIDI sink",
                "Sink/Network",
                "Plays to an AppleMIDI session (macOS, iOS, Windows and others)",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst::Caps::new_empty_simple("audio/x-midi-event");
            let sink = gst::PadTemplate::new("sink", gst::PadDirection::Sink, gst::PadPresence::Always, &caps);
            sink.into_iter().collect()
        });
        &TEMPLATES
    }

    fn change_state(&self, transition: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let prepared = match transition {
            gst::StateChange::NullToReady => self.join(),
            // Not when the base class starts, which is before all elements have joined.
            gst::StateChange::ReadyToPaused => self.open(),
            gst::StateChange::PausedToPlaying | gst::StateChange::PlayingToPaused => {
                self.settle();
                Ok(())
            }
            _ => Ok(()),
        };
        prepared.map_err(|error| {
            self.post_error_message(error);
            gst::StateChangeError
        })?;
        let result = self.parent_change_state(transition);
        match transition {
            // What sounds would sound on through the pause.
            gst::StateChange::PlayingToPaused => lock(&self.state).let_go(),
            gst::StateChange::PausedToReady => self.close(),
            gst::StateChange::ReadyToPaused if result.is_err() => self.close(),
            gst::StateChange::ReadyToNull => drop(lock(&self.membership).take()),
            _ => {}
        }
        result
    }
}

impl BaseSinkImpl for AppleMidiSink {
    fn prepare(&self, _buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.enter()
    }

    fn prepare_list(&self, _list: &gst::BufferList) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.enter()
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        self.entrance.unlock(true);
        self.parent_unlock()
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        self.entrance.unlock(false);
        self.parent_unlock_stop()
    }

    fn render(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.play(std::slice::from_ref(buffer))
    }

    fn render_list(&self, list: &gst::BufferList) -> Result<gst::FlowSuccess, gst::FlowError> {
        let buffers: Vec<gst::Buffer> = list.iter_owned().collect();
        for together in buffers.chunk_by(|one, other| one.pts() == other.pts()) {
            // The base class has waited for the first one only.
            if let Some(time) = self.running_time(&together[0]).filter(|_| self.obj().is_sync()) {
                self.obj().wait(time).0?;
            }
            self.play(together)?;
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::FlushStop(_) => {
                let mut state = lock(&self.state);
                state.let_go();
                state.intake.reset();
            }
            // The beginning of what is played may be silence.
            gst::EventView::Gap(_) if self.enter().is_err() => return false,
            _ => {}
        }
        let is_end = event.type_() == gst::EventType::Eos;
        // It comes back when it is time.
        let is_taken = self.parent_event(event);
        if is_end {
            lock(&self.state).let_go();
        }
        is_taken
    }
}

impl AppleMidiSink {
    fn join(&self) -> Result<(), gst::ErrorMessage> {
        let joined = Membership::join(&lock(&self.setup), &*self.obj(), None)?;
        *lock(&self.membership) = Some(joined);
        Ok(())
    }

    fn open(&self) -> Result<(), gst::ErrorMessage> {
        let end = lock(&self.membership).as_ref().map(Membership::open).transpose()?;
        *lock(&self.state) = State { end, ..State::default() };
        let wait = lock(&self.wait).0;
        if !wait.is_zero() && !lock(&self.setup).peers().is_empty() && self.can_wait() {
            self.entrance.close(wait.into());
            // The pipeline waits with us: its time does not begin before.
            self.obj().set_async(true);
        }
        Ok(())
    }

    /// Pauses that come later wait for no message.
    fn settle(&self) {
        if self.entrance.has_opened() {
            self.obj().set_async(false);
        }
    }

    /// Waits until somebody takes part, where the beginning is to.
    fn enter(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        let end = lock(&self.state).end.clone();
        let is_heard = || end.as_ref().is_none_or(|end| end.stats().iter().any(|stats| stats.is_listening));
        match self.entrance.pass(is_heard) {
            Passage::Open => {}
            Passage::Unlocked => return Err(gst::FlowError::Flushing),
            Passage::InVain => {
                let wait = Duration::from(lock(&self.wait).0).as_secs_f64();
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::NotFound,
                    ("Nobody has taken part within {wait} s: what is played now is heard by nobody. wait= says how long the \
                      beginning waits")
                );
            }
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// Whether the pipeline does not play yet, and would wait. With a live source it goes on without those that do, and they
    /// might wait for each other; of sources that are no `GstBaseSrc` nobody knows.
    fn can_wait(&self) -> bool {
        let above = |object: &gst::Object| object.parent();
        let top = std::iter::successors(self.obj().parent(), above).last();
        let Some(pipeline) = top.and_then(|top| top.downcast::<gst::Bin>().ok()) else { return false };
        let waits = |element: gst::Element| {
            !element.element_flags().contains(gst::ElementFlags::SOURCE)
                || element.downcast::<gst_base::BaseSrc>().is_ok_and(|source| !source.is_live())
        };
        pipeline.current_state() < gst::State::Paused && pipeline.iterate_recurse().into_iter().flatten().all(waits)
    }

    fn close(&self) {
        self.entrance.open();
        self.settle();
        let mut state = lock(&self.state);
        state.let_go();
        state.end = None;
        drop(state);
        if let Some(membership) = &*lock(&self.membership) {
            membership.close();
        }
    }

    /// Plays the messages of buffers that have the same time.
    fn play(&self, together: &[gst::Buffer]) -> Result<gst::FlowSuccess, gst::FlowError> {
        let at = together.first().map_or_else(Instant::now, |first| self.moment(first));
        let mut state = lock(&self.state);
        let mut messages = Vec::new();
        for buffer in together {
            let octets = buffer.map_readable().map_err(|_| {
                gst::element_imp_error!(self, gst::ResourceError::Read, ("A buffer cannot be read"));
                gst::FlowError::Error
            })?;
            gst::trace!(CAT, imp = self, "{:02X?}", &*octets);
            state.take(&octets, &mut messages);
        }
        if let Some(end) = state.end.as_ref().filter(|_| !messages.is_empty()) {
            end.play_at(&messages, at);
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// When a message should be heard: the time that has been waited for, and not that at which the system woke us.
    fn moment(&self, buffer: &gst::Buffer) -> Instant {
        let (obj, now) = (self.obj(), Instant::now());
        let times = self.running_time(buffer).zip(obj.current_running_time()).filter(|_| obj.is_sync());
        let late = times.map_or(0, |(due, running)| {
            let shift = obj.ts_offset() + obj.latency().nseconds() as i64 - obj.render_delay().nseconds() as i64;
            running.nseconds() as i64 - (due.nseconds() as i64).saturating_add(shift)
        });
        now.checked_sub(Duration::from_nanos(late.clamp(0, LATE) as u64)).unwrap_or(now)
    }

    fn running_time(&self, buffer: &gst::Buffer) -> Option<gst::ClockTime> {
        self.obj().segment().downcast::<gst::ClockTime>().ok()?.to_running_time(buffer.pts()?)
    }

    fn stats(&self) -> gst::Structure {
        let mut structure = stats::of(lock(&self.membership).as_ref());
        structure.set("stray", lock(&self.state).stray);
        structure
    }
}

impl State {
    /// Appends the message of a buffer to what is played.
    fn take(&mut self, octets: &[u8], messages: &mut Vec<u8>) {
        let Self { intake, sounding, stray, .. } = self;
        let found = intake.take(octets, |command| {
            let octets = match command {
                // No peer knows what they mean, and some read on at the wrong place.
                Command::System(System::F4(_) | System::F5(_) | System::F9 | System::FD) => return,
                Command::System(System::SysEx(Segment { data, .. })) => whole(data),
                command => encoded(&command),
            };
            sounding.observe(&octets);
            messages.extend(octets);
        });
        *stray += u64::from(found == Found::Stray);
    }

    /// Ends what sounds.
    fn let_go(&mut self) {
        let release = std::mem::take(&mut self.sounding).release();
        if let Some(end) = self.end.as_ref().filter(|_| !release.is_empty()) {
            end.play(&release.concat());
        }
    }
}
