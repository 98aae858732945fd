//! The flow of `ipmidisink`: the base class waits for the time of each message, which then is sent at once.

use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use super::CAT;
use super::player::{Player, Stats};
use super::settings::{self, Settings};
use crate::lock::lock;

/// The private part of [`super::IpMidiSink`].
#[derive(Default)]
pub struct IpMidiSink {
    settings: Mutex<Settings>,
    player: Mutex<Option<Player>>,
    /// Nobody shall wait between two datagrams now.
    is_unlocked: Mutex<bool>,
    unlocked: Condvar,
}

#[glib::object_subclass]
impl ObjectSubclass for IpMidiSink {
    const NAME: &'static str = "GstIpMidiSink";
    type Type = super::IpMidiSink;
    type ParentType = gst_base::BaseSink;
}

impl ObjectImpl for IpMidiSink {
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
        // A message takes no time, and other sinks of the pipeline shall not wait for the first one.
        obj.set_processing_deadline(gst::ClockTime::ZERO);
        obj.set_async(false);
    }
}

impl GstObjectImpl for IpMidiSink {}

impl ElementImpl for IpMidiSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Raw multicast MIDI sink",
                "Sink/Network",
                "Plays raw multicast MIDI (ipMIDI, QmidiNet, multimidicast)",
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
        let result = self.parent_change_state(transition);
        // What sounds would sound on through the pause.
        if transition == gst::StateChange::PlayingToPaused {
            self.let_go();
        }
        result
    }
}

impl BaseSinkImpl for IpMidiSink {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let player = Player::open(&lock(&self.settings))?;
        *lock(&self.player) = Some(player);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        self.let_go();
        *lock(&self.player) = None;
        Ok(())
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.is_unlocked) = true;
        self.unlocked.notify_all();
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.is_unlocked) = false;
        Ok(())
    }

    fn render(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let octets = buffer.map_readable().map_err(|_| {
            gst::element_imp_error!(self, gst::ResourceError::Read, ("A buffer cannot be read"));
            gst::FlowError::Error
        })?;
        gst::trace!(CAT, imp = self, "{:02X?}", &*octets);
        let datagrams = lock(&self.player).as_mut().map(|player| player.take(&octets));
        for (datagram, pause) in datagrams.unwrap_or_default() {
            self.send(&datagram);
            if !pause.is_zero() && self.wait(pause) {
                // The rest would come too late: it is cut short, with the end that says so least wrongly.
                self.send(&[0xF7]);
                self.obj().wait_preroll()?;
                break;
            }
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn render_list(&self, list: &gst::BufferList) -> Result<gst::FlowSuccess, gst::FlowError> {
        for buffer in list.iter_owned() {
            // The base class has waited for the first one only.
            if let Some(time) = self.running_time(&buffer).filter(|_| self.obj().is_sync()) {
                self.obj().wait(time).0?;
            }
            self.render(&buffer)?;
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn event(&self, event: gst::Event) -> bool {
        if event.type_() == gst::EventType::FlushStop {
            self.let_go();
        }
        let is_end = event.type_() == gst::EventType::Eos;
        // It comes back when it is time.
        let is_taken = self.parent_event(event);
        if is_end {
            self.let_go();
        }
        is_taken
    }
}

impl IpMidiSink {
    fn send(&self, datagram: &[u8]) {
        let trouble = lock(&self.player).as_mut().and_then(|player| player.send(datagram));
        if let Some(words) = trouble {
            gst::element_imp_warning!(self, gst::ResourceError::Write, ("{words}"));
        }
    }

    fn let_go(&self) {
        if let Some(player) = &mut *lock(&self.player) {
            player.let_go();
        }
    }

    /// Waits; true if that was broken off.
    fn wait(&self, pause: Duration) -> bool {
        let unlocked = lock(&self.is_unlocked);
        let waited = self.unlocked.wait_timeout_while(unlocked, pause, |is_unlocked| !*is_unlocked);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn running_time(&self, buffer: &gst::Buffer) -> Option<gst::ClockTime> {
        self.obj().segment().downcast::<gst::ClockTime>().ok()?.to_running_time(buffer.pts()?)
    }

    fn stats(&self) -> gst::Structure {
        let stats = lock(&self.player).as_ref().map_or_else(Stats::default, Player::stats);
        gst::Structure::builder("application/x-ipmidisink-stats")
            .field("messages", stats.messages)
            .field("datagrams", stats.datagrams)
            .field("stray", stats.stray)
            .field("failed", stats.failed)
            .build()
    }
}
