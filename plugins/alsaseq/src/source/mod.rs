//! `alsaseqsrc`: what is played to a port of the ALSA sequencer. See `docs/elements/alsaseqsrc.md`.
//!
//! ```text
//! port ──▶ capture ──▶ senders ──▶ source pad
//!          time        messages
//! ```

mod capture;
mod imp;
pub(crate) mod senders;
mod settings;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("alsaseqsrc", gst::DebugColorFlags::empty(), Some("ALSA sequencer source"))
});

glib::wrapper! {
    /// The source element.
    pub struct AlsaSeqSrc(ObjectSubclass<imp::AlsaSeqSrc>) @extends gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "alsaseqsrc", gst::Rank::NONE, AlsaSeqSrc::static_type())
}
