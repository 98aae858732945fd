//! The flow of `alsaseqsrc`: a task that waits for messages and pushes them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::CAT;
use super::capture::{Capture, Heard};
use super::settings::{self, Settings};
use crate::client::Unavailable;
use crate::connections::Trouble;
use crate::lock::lock;
use crate::wake::Wake;

/// The private part of [`super::AlsaSeqSrc`].
#[derive(Debug)]
pub struct AlsaSeqSrc {
    src: gst::Pad,
    settings: Mutex<Settings>,
    /// The task has it while it runs.
    flow: Mutex<Option<Flow>>,
    wake: Mutex<Option<Wake>>,
    address: Mutex<Option<alsa::seq::Addr>>,
    stats: Mutex<Stats>,
    /// The pipeline plays.
    plays: AtomicBool,
    /// When it began to, on the clock in nanoseconds, which is another number each time.
    since: AtomicU64,
    /// The stream is to end.
    ends: AtomicBool,
    /// The pad is being closed.
    stops: AtomicBool,
}

/// A stream from its start to its end.
#[derive(Debug)]
struct Flow {
    capture: Capture,
    wake: Wake,
    has_begun: bool,
    /// Since when it plays, if it has begun to.
    since: Option<gst::ClockTime>,
    /// Running time of the last message.
    now: gst::ClockTime,
    warned: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stats {
    received: u64,
    overruns: u64,
    dropped: u64,
}

/// Whether the task goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    GoOn,
    Rest,
}

/// Least time between two warnings of the same kind.
const PAUSE: Duration = Duration::from_secs(1);

#[glib::object_subclass]
impl ObjectSubclass for AlsaSeqSrc {
    const NAME: &'static str = "GstAlsaSeqSrc";
    type Type = super::AlsaSeqSrc;
    type ParentType = gst::Element;

    fn with_class(klass: &Self::Class) -> Self {
        let template = klass.pad_template("src").expect("pad_templates() lists this name");
        let src = gst::Pad::builder_from_template(&template)
            .activatemode_function(|pad, parent, mode, active| {
                let refused = || Err(gst::loggable_error!(CAT, "panic while the pad was switched"));
                Self::catch_panic_pad_function(parent, refused, |this| this.switch(pad, mode, active))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |this| this.query(pad, query))
            })
            .build();
        Self {
            src,
            settings: Mutex::default(),
            flow: Mutex::default(),
            wake: Mutex::default(),
            address: Mutex::default(),
            stats: Mutex::default(),
            plays: AtomicBool::default(),
            since: AtomicU64::default(),
            ends: AtomicBool::default(),
            stops: AtomicBool::default(),
        }
    }
}

impl ObjectImpl for AlsaSeqSrc {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::properties()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            "address" => {
                let address = *lock(&self.address);
                address.map(|address| format!("{}:{}", address.client, address.port)).to_value()
            }
            name => lock(&self.settings).get(name).unwrap_or_else(|| pspec.default_value().clone()),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_element_flags(gst::ElementFlags::SOURCE);
        self.obj().add_pad(&self.src).expect("a new element has no source pad");
    }
}

impl GstObjectImpl for AlsaSeqSrc {}

impl ElementImpl for AlsaSeqSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "ALSA sequencer source",
                "Source/Audio",
                "Receives MIDI messages at a port of the ALSA sequencer",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst::Caps::new_empty_simple("audio/x-midi-event");
            gst::PadTemplate::new("src", gst::PadDirection::Src, gst::PadPresence::Always, &caps).into_iter().collect()
        });
        &TEMPLATES
    }

    fn change_state(&self, change: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match change {
            gst::StateChange::ReadyToPaused => self.open().map_err(|reason| {
                self.refuse(&reason);
                gst::StateChangeError
            })?,
            gst::StateChange::PausedToPlaying => self.play(true),
            gst::StateChange::PlayingToPaused => self.play(false),
            _ => {}
        }
        let success = self.parent_change_state(change).inspect_err(|_| self.close())?;
        match change {
            gst::StateChange::ReadyToPaused | gst::StateChange::PlayingToPaused => {
                return Ok(gst::StateChangeSuccess::NoPreroll);
            }
            gst::StateChange::PausedToReady => self.close(),
            _ => {}
        }
        Ok(success)
    }

    /// EOS ends the stream behind what has come, and lets go what sounds.
    fn send_event(&self, event: gst::Event) -> bool {
        if event.type_() != gst::EventType::Eos {
            return self.parent_send_event(event);
        }
        self.ends.store(true, Ordering::Release);
        self.wake();
        true
    }
}

impl AlsaSeqSrc {
    fn open(&self) -> Result<(), Unavailable> {
        let settings = lock(&self.settings).clone();
        let wake = Wake::new().map_err(|error| Unavailable::Other(error.to_string()))?;
        let tell = Trouble::teller(&*self.obj());
        let capture = Capture::open(&settings, tell)?;
        *lock(&self.address) = Some(capture.address);
        *lock(&self.stats) = Stats::default();
        *lock(&self.wake) = Some(wake.clone());
        self.ends.store(false, Ordering::Release);
        *lock(&self.flow) =
            Some(Flow { capture, wake, has_begun: false, since: None, now: gst::ClockTime::ZERO, warned: None });
        Ok(())
    }

    fn close(&self) {
        *lock(&self.flow) = None;
        *lock(&self.wake) = None;
        *lock(&self.address) = None;
    }

    fn play(&self, plays: bool) {
        if let Some(clock) = self.obj().clock().filter(|_| plays) {
            self.since.store(clock.time().nseconds(), Ordering::Release);
        }
        self.plays.store(plays, Ordering::Release);
        self.wake();
    }

    fn since(&self) -> gst::ClockTime {
        gst::ClockTime::from_nseconds(self.since.load(Ordering::Acquire))
    }

    fn wake(&self) {
        if let Some(wake) = &*lock(&self.wake) {
            wake.wake();
        }
    }

    fn refuse(&self, reason: &Unavailable) {
        let hint = reason.hint().unwrap_or_default();
        gst::element_imp_error!(self, gst::ResourceError::OpenRead, ("{reason}"), ["{hint}"]);
    }

    fn switch(&self, pad: &gst::Pad, mode: gst::PadMode, active: bool) -> Result<(), gst::LoggableError> {
        if mode != gst::PadMode::Push {
            return Err(gst::loggable_error!(CAT, "messages are pushed, never pulled"));
        }
        self.stops.store(!active, Ordering::Release);
        let result = if active {
            let (element, own) = (self.obj().downgrade(), pad.clone());
            pad.start_task(move || {
                let turn = element.upgrade().map_or(Turn::Rest, |element| {
                    let this = element.imp();
                    this.catch_panic(|| Turn::Rest, Self::turn)
                });
                if turn == Turn::Rest {
                    // It is not running when it is being stopped.
                    let _ = own.pause_task();
                }
            })
        } else {
            self.wake();
            pad.stop_task()
        };
        result.map_err(|_| gst::loggable_error!(CAT, "the task cannot be started or stopped"))
    }

    fn query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Latency(latency) = query.view_mut() {
            latency.set(true, gst::ClockTime::ZERO, gst::ClockTime::NONE);
            return true;
        }
        gst::Pad::query_default(pad, Some(&*self.obj()), query)
    }

    /// Pushes what has come, or waits for it.
    fn turn(&self) -> Turn {
        let mut flow = lock(&self.flow);
        let Some(flow) = flow.as_mut().filter(|_| !self.stops.load(Ordering::Acquire)) else { return Turn::Rest };
        if !flow.has_begun {
            flow.has_begun = true;
            self.begin();
        }
        match self.heard(flow).map(|(heard, turn)| self.push(flow, heard, turn)) {
            Ok(Ok(turn)) => turn,
            Ok(Err(gst::FlowError::Flushing | gst::FlowError::Eos)) => Turn::Rest,
            Ok(Err(error)) => {
                gst::element_imp_error!(self, gst::StreamError::Failed, ("nobody takes the messages: {error}"));
                self.src.push_event(gst::event::Eos::new());
                Turn::Rest
            }
            Err(error) => {
                gst::element_imp_error!(self, gst::ResourceError::Read, ("the ALSA sequencer cannot be read: {error}"));
                self.src.push_event(gst::event::Eos::new());
                Turn::Rest
            }
        }
    }

    fn begin(&self) {
        let id = self.src.create_stream_id(&*self.obj(), None);
        self.src.push_event(gst::event::StreamStart::builder(&id).group_id(gst::GroupId::next()).build());
        self.src.push_event(gst::event::Caps::new(&gst::Caps::new_empty_simple("audio/x-midi-event")));
        self.src.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    }

    /// What is to be pushed now, and whether anything is to follow.
    fn heard(&self, flow: &mut Flow) -> alsa::Result<(Heard, Turn)> {
        let ends = self.ends.load(Ordering::Acquire);
        let clock = self.obj().clock().filter(|_| self.plays.load(Ordering::Acquire));
        let Some(clock) = clock else {
            if ends {
                return Ok((flow.capture.release(None), Turn::Rest));
            }
            flow.wake.wait(None, None)?;
            return Ok((Heard::default(), Turn::GoOn));
        };
        let since = self.since();
        if flow.since != Some(since) {
            flow.since = Some(since);
            // Whoever waits for the first message knows that none has come yet.
            let now = clock.time().saturating_sub(self.obj().base_time().unwrap_or_default());
            self.src.push_event(gst::event::Gap::builder(now).build());
            return Ok((flow.capture.begin(&clock, since)?, Turn::GoOn));
        }
        if ends {
            let mut heard = flow.capture.read(&clock, since)?;
            heard.messages.extend(flow.capture.release(Some(&clock)).messages);
            return Ok((heard, Turn::Rest));
        }
        flow.capture.wait(&flow.wake)?;
        // A pause may have begun, and even ended, in the meantime.
        if !self.plays.load(Ordering::Acquire) || self.since() != since {
            return Ok((Heard::default(), Turn::GoOn));
        }
        Ok((flow.capture.read(&clock, since)?, Turn::GoOn))
    }

    fn push(&self, flow: &mut Flow, heard: Heard, turn: Turn) -> Result<Turn, gst::FlowError> {
        {
            let mut stats = lock(&self.stats);
            stats.received += heard.messages.len() as u64;
            stats.overruns += u64::from(heard.is_overrun);
            stats.dropped = flow.capture.dropped();
        }
        if heard.is_overrun && flow.warned.is_none_or(|warned| warned.elapsed() >= PAUSE) {
            flow.warned = Some(Instant::now());
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Read,
                ("messages came faster than they were taken, and some are lost: what sounded is let go")
            );
        }
        let base = self.obj().base_time().unwrap_or_default();
        let buffer = |(time, octets): (Option<gst::ClockTime>, Vec<u8>)| {
            let mut buffer = gst::Buffer::from_mut_slice(octets);
            if let Some(buffer) = buffer.get_mut() {
                // What is late because somebody has left comes behind what is there already.
                flow.now = time.unwrap_or_default().saturating_sub(base).max(flow.now);
                buffer.set_pts(flow.now);
                buffer.set_dts(flow.now);
            }
            buffer
        };
        let mut buffers: Vec<gst::Buffer> = heard.messages.into_iter().map(buffer).collect();
        match buffers.len() {
            0 => {}
            1 => drop(self.src.push(buffers.remove(0))?),
            _ => drop(self.src.push_list(buffers.into_iter().collect())?),
        }
        if turn == Turn::Rest {
            self.src.push_event(gst::event::Eos::new());
        }
        Ok(turn)
    }

    fn stats(&self) -> gst::Structure {
        let stats = *lock(&self.stats);
        gst::Structure::builder("application/x-alsaseqsrc-stats")
            .field("received", stats.received)
            .field("overruns", stats.overruns)
            .field("dropped", stats.dropped)
            .build()
    }
}
