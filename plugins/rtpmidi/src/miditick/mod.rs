//! `miditick`: lets a renderer that works only when a message arrives go on through silence. See
//! `docs/elements/miditick.md`.

mod imp;
mod settings;

pub(crate) use settings::properties;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("miditick", gst::DebugColorFlags::empty(), Some("MIDI ticks")));

glib::wrapper! {
    /// The element.
    pub struct MidiTick(ObjectSubclass<imp::MidiTick>) @extends gst_base::Aggregator, gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "miditick", gst::Rank::NONE, MidiTick::static_type())
}
