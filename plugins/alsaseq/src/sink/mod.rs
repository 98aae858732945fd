//! `alsaseqsink`: plays messages to ports of the ALSA sequencer. See `docs/elements/alsaseqsink.md`.
//!
//! ```text
//! buffer ──▶ imp ──▶ playback ──▶ pacer ──▶ queue of the sequencer ──▶ port
//!            due     events       room      exact time
//!                       └─▶ scheduled: what sounds, and what is still to come
//! ```

mod imp;
mod pacer;
mod playback;
mod scheduled;
mod settings;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("alsaseqsink", gst::DebugColorFlags::empty(), Some("ALSA sequencer sink"))
});

glib::wrapper! {
    /// The sink element.
    pub struct AlsaSeqSink(ObjectSubclass<imp::AlsaSeqSink>) @extends gst_base::BaseSink, gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "alsaseqsink", gst::Rank::NONE, AlsaSeqSink::static_type())
}
