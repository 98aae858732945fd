//! The flow of `alsaseqsink`: when each buffer is due, and what happens at a stop, a pause and the end.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use super::CAT;
use super::playback::{Due, Failure, Interruption, Playback, Stats};
use super::settings::{self, Settings};
use crate::client::Unavailable;
use crate::connections::Trouble;
use crate::lock::lock;

/// The private part of [`super::AlsaSeqSink`].
#[derive(Debug, Default)]
pub struct AlsaSeqSink {
    settings: Mutex<Settings>,
    playback: Mutex<Option<Playback>>,
    interruption: Mutex<Option<Arc<Interruption>>>,
    address: Mutex<Option<alsa::seq::Addr>>,
    stats: Arc<Mutex<Stats>>,
}

/// How long a pause waits for what has been handed to the sequencer, beyond the latency.
const PATIENCE: Duration = Duration::from_millis(50);

#[glib::object_subclass]
impl ObjectSubclass for AlsaSeqSink {
    const NAME: &'static str = "GstAlsaSeqSink";
    type Type = super::AlsaSeqSink;
    type ParentType = gst_base::BaseSink;
}

impl ObjectImpl for AlsaSeqSink {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::properties()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
        if pspec.name() == "latency" {
            let latency = lock(&self.settings).latency;
            self.obj().set_render_delay(latency);
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => {
                let stats = *lock(&self.stats);
                gst::Structure::builder("application/x-alsaseqsink-stats")
                    .field("sent", stats.sent)
                    .field("dropped", stats.dropped)
                    .field("waits", stats.waits)
                    .field("left", stats.left().as_nanos() as u64)
                    .build()
                    .to_value()
            }
            "address" => {
                let address = *lock(&self.address);
                address.map(|address| format!("{}:{}", address.client, address.port)).to_value()
            }
            name => lock(&self.settings).get(name).unwrap_or_else(|| pspec.default_value().clone()),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        // The latency is all the time that is needed.
        self.obj().set_processing_deadline(gst::ClockTime::ZERO);
        self.obj().set_render_delay(Settings::default().latency);
    }
}

impl GstObjectImpl for AlsaSeqSink {}

impl ElementImpl for AlsaSeqSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "ALSA sequencer sink",
                "Sink/Audio",
                "Plays MIDI messages from a port of the ALSA sequencer, each at its time",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst::Caps::new_empty_simple("audio/x-midi-event");
            let template = gst::PadTemplate::new("sink", gst::PadDirection::Sink, gst::PadPresence::Always, &caps);
            template.into_iter().collect()
        });
        &TEMPLATES
    }

    fn change_state(&self, change: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let success = self.parent_change_state(change)?;
        if change == gst::StateChange::PlayingToPaused {
            self.hush();
        }
        Ok(success)
    }
}

impl BaseSinkImpl for AlsaSeqSink {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        let tell = Trouble::teller(&*self.obj());
        *lock(&self.stats) = Stats::default();
        let playback = Playback::open(&settings, self.stats.clone(), tell).map_err(|reason| refusal(&reason))?;
        let interruption = Interruption::new().map_err(|error| refusal(&Unavailable::Other(error.to_string())))?;
        *lock(&self.interruption) = Some(Arc::new(interruption));
        *lock(&self.address) = Some(playback.address);
        *lock(&self.playback) = Some(playback);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        self.cut();
        *lock(&self.playback) = None;
        *lock(&self.interruption) = None;
        *lock(&self.address) = None;
        Ok(())
    }

    fn render(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.play(buffer)
    }

    fn render_list(&self, list: &gst::BufferList) -> Result<gst::FlowSuccess, gst::FlowError> {
        list.iter_owned().try_for_each(|buffer| self.play(&buffer).map(drop))?;
        Ok(gst::FlowSuccess::Ok)
    }

    fn event(&self, event: gst::Event) -> bool {
        match event.type_() {
            gst::EventType::Eos => self.end(),
            gst::EventType::FlushStop => self.cut(),
            _ => {}
        }
        self.parent_event(event)
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        if let Some(interruption) = &*lock(&self.interruption) {
            interruption.begin();
        }
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        if let Some(interruption) = &*lock(&self.interruption) {
            interruption.end();
        }
        Ok(())
    }
}

impl AlsaSeqSink {
    fn play(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let Ok(octets) = buffer.map_readable() else { return Err(gst::FlowError::Error) };
        let Some(interruption) = lock(&self.interruption).clone() else { return Err(gst::FlowError::Flushing) };
        loop {
            // Anew behind a pause, which has moved all times.
            let clock = self.obj().clock();
            let due = match (&clock, self.due(buffer.pts())) {
                (Some(clock), Some(time)) => Due::At(clock, time),
                _ => Due::Now,
            };
            let played = match lock(&self.playback).as_mut() {
                Some(playback) => playback.play(&octets, due, &interruption),
                None => return Err(gst::FlowError::Flushing),
            };
            match played {
                Ok(()) => return Ok(gst::FlowSuccess::Ok),
                // A pause has cut a System Exclusive short, which then begins anew.
                Err(Failure::Interrupted) => drop(self.obj().wait_preroll()?),
                Err(Failure::Alsa(error)) => {
                    gst::element_imp_error!(
                        self,
                        gst::ResourceError::Write,
                        ("the ALSA sequencer takes no messages: {error}")
                    );
                    return Err(gst::FlowError::Error);
                }
            }
        }
    }

    /// The time on the clock at which a message is to be heard, if it has one.
    fn due(&self, pts: Option<gst::ClockTime>) -> Option<gst::ClockTime> {
        let sink = self.obj();
        if !sink.is_sync() {
            return None;
        }
        let segment = sink.segment().downcast::<gst::ClockTime>().ok()?;
        let time = sink.base_time()? + segment.to_running_time(pts?)? + sink.latency();
        let offset = sink.ts_offset();
        let shift = gst::ClockTime::from_nseconds(offset.unsigned_abs());
        Some(if offset < 0 { time.saturating_sub(shift) } else { time + shift })
    }

    /// Lets all go out, and lets go what sounds.
    fn end(&self) {
        self.with(|playback, interruption| {
            playback.drain(interruption)?;
            playback.cut()
        });
    }

    /// Lets go what sounds, as soon as what has been handed over has gone out. A long System Exclusive is cut short.
    fn hush(&self) {
        let limit = Duration::from(lock(&self.settings).latency) + PATIENCE;
        self.with(|playback, _| {
            std::thread::sleep(playback.left()?.min(limit));
            playback.cut()
        });
    }

    fn cut(&self) {
        self.with(|playback, _| playback.cut());
    }

    fn with(&self, act: impl FnOnce(&mut Playback, &Interruption) -> alsa::Result<()>) {
        let interruption = lock(&self.interruption).clone();
        if let (Some(playback), Some(interruption)) = (lock(&self.playback).as_mut(), interruption)
            && let Err(error) = act(playback, &interruption)
        {
            gst::warning!(CAT, imp = self, "what sounds cannot be let go: {error}");
        }
    }
}

fn refusal(reason: &Unavailable) -> gst::ErrorMessage {
    let hint = reason.hint().unwrap_or_default();
    gst::error_msg!(gst::ResourceError::OpenWrite, ("{reason}"), ["{hint}"])
}
