//! The flow of `applemidisrc`: messages come out of the inbox, with the times at which they were played.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Instant;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_src::CreateSuccess;
use gst_base::subclass::prelude::*;
use rtp_midi::midi::Downstream;

use super::CAT;
use super::settings::{self, Settings};
use super::timeline::{Moment, Timeline};
use crate::inbox::{Inbox, Next};
use crate::lock::lock;
use crate::session::Membership;
use crate::setup::Setup;
use crate::stats;

/// The private part of [`super::AppleMidiSrc`].
#[derive(Default)]
pub struct AppleMidiSrc {
    setup: Mutex<Setup>,
    settings: Mutex<Settings>,
    membership: Mutex<Option<Membership>>,
    inbox: Arc<Inbox>,
    state: Mutex<State>,
}

/// The stream.
#[derive(Default)]
struct State {
    timeline: Timeline,
    downstream: Downstream,
    has_begun: bool,
    late_notes: u64,
}

#[glib::object_subclass]
impl ObjectSubclass for AppleMidiSrc {
    const NAME: &'static str = "GstAppleMidiSrc";
    type Type = super::AppleMidiSrc;
    type ParentType = gst_base::PushSrc;
}

impl ObjectImpl for AppleMidiSrc {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::properties()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.setup).set(pspec.name(), value);
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let name = pspec.name();
        if name == "stats" {
            return self.stats().to_value();
        }
        let value = lock(&self.setup).get(name).or_else(|| lock(&self.settings).get(name));
        value.unwrap_or_else(|| pspec.default_value().clone())
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        obj.set_live(true);
        obj.set_format(gst::Format::Time);
    }
}

impl GstObjectImpl for AppleMidiSrc {}

impl ElementImpl for AppleMidiSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "AppleMIDI source",
                "Source/Network",
                "Hears what is played in an AppleMIDI session (macOS, iOS, Windows and others)",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst::Caps::new_empty_simple("audio/x-midi-event");
            let src = gst::PadTemplate::new("src", gst::PadDirection::Src, gst::PadPresence::Always, &caps);
            src.into_iter().collect()
        });
        &TEMPLATES
    }

    fn send_event(&self, event: gst::Event) -> bool {
        match event.view() {
            // It comes behind what has been heard, and what ends the notes.
            gst::EventView::Eos(_) if self.obj().current_state() >= gst::State::Paused => {
                self.inbox.end();
                return true;
            }
            gst::EventView::FlushStop(_) => self.inbox.let_go(),
            _ => {}
        }
        self.parent_send_event(event)
    }

    fn change_state(&self, transition: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::NullToReady => {
                let joined = Membership::join(&lock(&self.setup), &*self.obj(), Some(self.inbox.clone()));
                let joined = joined.map_err(|error| {
                    self.post_error_message(error);
                    gst::StateChangeError
                })?;
                *lock(&self.membership) = Some(joined);
            }
            gst::StateChange::PlayingToPaused => self.inbox.hold(true),
            gst::StateChange::PausedToReady => self.silence(),
            _ => {}
        }
        let result = self.parent_change_state(transition);
        match transition {
            gst::StateChange::PausedToPlaying => self.inbox.hold(false),
            gst::StateChange::ReadyToNull => drop(lock(&self.membership).take()),
            _ => {}
        }
        result
    }
}

impl BaseSrcImpl for AppleMidiSrc {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        self.inbox.clear();
        self.inbox.hold(true);
        *lock(&self.state) = State::default();
        lock(&self.membership).as_ref().map(Membership::open).transpose().map(drop)
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        if let Some(membership) = &*lock(&self.membership) {
            membership.close();
        }
        Ok(())
    }

    fn is_seekable(&self) -> bool {
        false
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        self.inbox.interrupt(true);
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        self.inbox.interrupt(false);
        Ok(())
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Latency(latency) = query.view_mut() {
            latency.set(true, lock(&self.settings).latency(), gst::ClockTime::NONE);
            return true;
        }
        BaseSrcImplExt::parent_query(self, query)
    }
}

impl PushSrcImpl for AppleMidiSrc {
    fn create(&self, _buffer: Option<&mut gst::BufferRef>) -> Result<CreateSuccess, gst::FlowError> {
        self.begin();
        // Whoever asks for the next message has passed on the last one.
        lock(&self.state).downstream.arrive();
        loop {
            if let Some(buffer) = self.released() {
                return Ok(CreateSuccess::NewBuffer(buffer));
            }
            match self.inbox.next() {
                Next::Message(message) => {
                    let now = self.now().ok_or(gst::FlowError::Flushing)?;
                    let settings = *lock(&self.settings);
                    let mut state = lock(&self.state);
                    let Some(pts) = state.timeline.stamp(&message, now, &settings) else {
                        state.late_notes += 1;
                        gst::debug!(CAT, imp = self, "a note is too late");
                        continue;
                    };
                    state.downstream.pass(&message.octets);
                    gst::trace!(CAT, imp = self, "{:02X?} at {pts}", message.octets);
                    return Ok(CreateSuccess::NewBuffer(buffer(message.octets, pts)));
                }
                Next::Silence => lock(&self.state).downstream.let_go(),
                Next::Interrupted => return Err(gst::FlowError::Flushing),
                Next::End => {
                    let mut state = lock(&self.state);
                    state.downstream.let_go();
                    if !state.downstream.is_releasing() {
                        return Err(gst::FlowError::Eos);
                    }
                }
            }
        }
    }
}

impl AppleMidiSrc {
    /// Says that nothing has been played yet, so that nobody downstream waits for the first message.
    fn begin(&self) {
        if std::mem::replace(&mut lock(&self.state).has_begun, true) {
            return;
        }
        let obj = self.obj();
        let now = obj.current_running_time().unwrap_or_default();
        // The base class sends its segment with the first buffer only.
        obj.src_pad().push_event(gst::event::Segment::new(&obj.segment()));
        obj.src_pad().push_event(gst::event::Gap::builder(now).build());
    }

    fn now(&self) -> Option<Moment> {
        let running = self.obj().current_running_time()?;
        Some(Moment { instant: Instant::now(), running })
    }

    /// The next message that ends what sounds, if it has to end.
    fn released(&self) -> Option<gst::Buffer> {
        let now = self.obj().current_running_time().unwrap_or_default();
        let mut state = lock(&self.state);
        let octets = state.downstream.next_release()?;
        Some(buffer(octets.to_vec(), state.timeline.now(now)))
    }

    /// Ends what sounds, where this element alone is stopped.
    fn silence(&self) {
        let pad = self.obj().src_pad().clone();
        let next = pad.peer().and_then(|pad| pad.parent_element());
        if next.is_some_and(|next| next.current_state() == gst::State::Playing) {
            lock(&self.state).downstream.let_go();
            while let Some(buffer) = self.released() {
                if let Err(error) = pad.push(buffer) {
                    gst::debug!(CAT, imp = self, "silence not sent: {error}");
                }
            }
        }
    }

    fn stats(&self) -> gst::Structure {
        let mut structure = stats::of(lock(&self.membership).as_ref());
        let (waiting, dropped) = self.inbox.counts();
        structure.set("waiting", waiting);
        structure.set("dropped", dropped);
        structure.set("late-notes", lock(&self.state).late_notes);
        structure
    }
}

fn buffer(octets: Vec<u8>, pts: gst::ClockTime) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(octets);
    let writable = buffer.make_mut();
    writable.set_pts(pts);
    writable.set_dts(pts);
    buffer
}
