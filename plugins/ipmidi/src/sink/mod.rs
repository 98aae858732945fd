//! `ipmidisink`: plays raw multicast MIDI. See `docs/elements/ipmidisink.md`.

mod imp;
mod player;
mod settings;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("ipmidisink", gst::DebugColorFlags::empty(), Some("Raw multicast MIDI sink"))
});

glib::wrapper! {
    /// The sink element.
    pub struct IpMidiSink(ObjectSubclass<imp::IpMidiSink>)
        @extends gst_base::BaseSink, gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "ipmidisink", gst::Rank::NONE, IpMidiSink::static_type())
}
