//! `ipmidisrc`: hears raw multicast MIDI. See `docs/elements/ipmidisrc.md`.
//!
//! ```text
//! socket ──▶ ear ────────▶ queue ──▶ source pad
//!            a thread that
//!            tells the time
//! ```

mod ear;
mod imp;
mod queue;
mod settings;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("ipmidisrc", gst::DebugColorFlags::empty(), Some("Raw multicast MIDI source"))
});

glib::wrapper! {
    /// The source element.
    pub struct IpMidiSrc(ObjectSubclass<imp::IpMidiSrc>)
        @extends gst_base::PushSrc, gst_base::BaseSrc, gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "ipmidisrc", gst::Rank::NONE, IpMidiSrc::static_type())
}
