//! `smfmux`: records MIDI messages as a Standard MIDI File. See `docs/elements/smfmux.md`.
//!
//! ```text
//! buffer ──▶ Recorder ──▶ checkpoint ──▶ output ──▶ source pad
//!            ticks        what is new    where it goes
//! ```

mod imp;
mod output;
mod settings;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

pub use settings::Start;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("smfmux", gst::DebugColorFlags::empty(), Some("Standard MIDI File muxer"))
});

glib::wrapper! {
    /// The muxer element.
    pub struct SmfMux(ObjectSubclass<imp::SmfMux>) @extends gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "smfmux", gst::Rank::NONE, SmfMux::static_type())
}
