//! The flow of `ipmidisrc`: messages come out of the queue, with the times at which they came.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_src::CreateSuccess;
use gst_base::subclass::prelude::*;
use rtp_midi::midi::Downstream;

use super::CAT;
use super::ear::{Counts, Ear};
use super::queue::{Next, Queue};
use super::settings::{self, Settings};
use crate::lock::lock;
use crate::socket;

/// The private part of [`super::IpMidiSrc`].
#[derive(Default)]
pub struct IpMidiSrc {
    settings: Mutex<Settings>,
    ear: Mutex<Option<Ear>>,
    queue: Arc<Queue>,
    state: Mutex<State>,
}

/// The stream.
#[derive(Default)]
struct State {
    downstream: Downstream,
    has_begun: bool,
    /// Running time of the last message.
    last: gst::ClockTime,
    warned: Option<Instant>,
}

/// Least time between two warnings.
const PAUSE: Duration = Duration::from_secs(1);

#[glib::object_subclass]
impl ObjectSubclass for IpMidiSrc {
    const NAME: &'static str = "GstIpMidiSrc";
    type Type = super::IpMidiSrc;
    type ParentType = gst_base::PushSrc;
}

impl ObjectImpl for IpMidiSrc {
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
        let obj = self.obj();
        obj.set_live(true);
        obj.set_format(gst::Format::Time);
    }
}

impl GstObjectImpl for IpMidiSrc {}

impl ElementImpl for IpMidiSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Raw multicast MIDI source",
                "Source/Network",
                "Hears raw multicast MIDI (ipMIDI, QmidiNet, multimidicast)",
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
                self.queue.end();
                return true;
            }
            gst::EventView::FlushStop(_) => self.queue.silence(),
            _ => {}
        }
        self.parent_send_event(event)
    }

    fn change_state(&self, transition: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::PlayingToPaused => self.queue.play(false),
            gst::StateChange::PausedToReady => self.silence(),
            _ => {}
        }
        let result = self.parent_change_state(transition);
        if transition == gst::StateChange::PausedToPlaying {
            self.queue.play(true);
        }
        result
    }
}

impl BaseSrcImpl for IpMidiSrc {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        self.queue.clear();
        *lock(&self.state) = State::default();
        let settings = lock(&self.settings).clone();
        let partners = settings.setup.partners()?;
        let manners = settings.manners(&partners)?;
        let ear = Ear::open(socket::hear(&partners)?, manners, self.queue.clone());
        let ear = ear.map_err(|error| gst::error_msg!(gst::ResourceError::Failed, ("There is no thread: {error}")))?;
        *lock(&self.ear) = Some(ear);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let ear = lock(&self.ear).take();
        drop(ear);
        Ok(())
    }

    fn is_seekable(&self) -> bool {
        false
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        self.queue.interrupt(true);
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        self.queue.interrupt(false);
        Ok(())
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Latency(latency) = query.view_mut() {
            latency.set(true, gst::ClockTime::ZERO, gst::ClockTime::NONE);
            return true;
        }
        BaseSrcImplExt::parent_query(self, query)
    }
}

impl PushSrcImpl for IpMidiSrc {
    fn create(&self, _buffer: Option<&mut gst::BufferRef>) -> Result<CreateSuccess, gst::FlowError> {
        self.begin();
        // Whoever asks for the next message has passed on the last one.
        lock(&self.state).downstream.arrive();
        loop {
            if let Some(buffer) = self.released() {
                return Ok(CreateSuccess::NewBuffer(buffer));
            }
            match self.queue.next() {
                Next::Message(octets, came) => {
                    let now = self.obj().current_running_time().ok_or(gst::FlowError::Flushing)?;
                    let age = gst::ClockTime::try_from(came.elapsed()).unwrap_or_default();
                    gst::trace!(CAT, imp = self, "{octets:02X?}, {age} ago");
                    let mut state = lock(&self.state);
                    state.downstream.pass(&octets);
                    return Ok(CreateSuccess::NewBuffer(state.stamped(octets, now.saturating_sub(age))));
                }
                Next::Silence => lock(&self.state).downstream.let_go(),
                Next::Overrun => {
                    self.warn();
                    lock(&self.state).downstream.let_go();
                }
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

impl IpMidiSrc {
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

    /// The next message that ends what sounds, if it has to end.
    fn released(&self) -> Option<gst::Buffer> {
        let now = self.obj().current_running_time().unwrap_or_default();
        let mut state = lock(&self.state);
        let octets = state.downstream.next_release()?;
        Some(state.stamped(octets.to_vec(), now))
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

    fn warn(&self) {
        let mut state = lock(&self.state);
        let is_time = state.warned.is_none_or(|warned| warned.elapsed() >= PAUSE);
        if is_time {
            state.warned = Some(Instant::now());
        }
        drop(state);
        if is_time {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Read,
                ("messages came faster than they were taken, and some are lost: what sounded is let go")
            );
        }
    }

    fn stats(&self) -> gst::Structure {
        let counts = lock(&self.ear).as_ref().map_or_else(Counts::default, Ear::counts);
        gst::Structure::builder("application/x-ipmidisrc-stats")
            .field("datagrams", counts.statistics.datagrams)
            .field("messages", counts.statistics.messages)
            .field("stray", counts.statistics.stray)
            .field("dropped-sysex", counts.statistics.dropped)
            .field("senders", counts.senders)
            .field("forgotten", counts.statistics.forgotten)
            .field("lost", counts.statistics.lost)
            .field("refused", counts.refused)
            .field("own", counts.own)
            .field("dropped", self.queue.dropped())
            .build()
    }
}

impl State {
    /// A message that came at `time`, as a buffer.
    fn stamped(&mut self, octets: Vec<u8>, time: gst::ClockTime) -> gst::Buffer {
        self.last = self.last.max(time);
        let mut buffer = gst::Buffer::from_mut_slice(octets);
        let writable = buffer.make_mut();
        writable.set_pts(self.last);
        writable.set_dts(self.last);
        buffer
    }
}
