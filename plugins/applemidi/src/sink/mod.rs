//! `applemidisink`: plays to everybody in an AppleMIDI session. See `docs/elements/applemidisink.md`.

mod entrance;
mod imp;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("applemidisink", gst::DebugColorFlags::empty(), Some("AppleMIDI sink")));

glib::wrapper! {
    /// The sink element.
    pub struct AppleMidiSink(ObjectSubclass<imp::AppleMidiSink>)
        @extends gst_base::BaseSink, gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "applemidisink", gst::Rank::NONE, AppleMidiSink::static_type())
}
