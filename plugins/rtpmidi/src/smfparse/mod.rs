//! `smfparse`: a Standard MIDI File into MIDI messages with their times. See `docs/elements/smfparse.md`.
//!
//! ```text
//! octets ──▶ intake ──▶ Song ──▶ player ──▶ source pad
//!            whole file  times   what next
//! ```

mod imp;
mod intake;
mod player;
mod report;
mod settings;
mod tags;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("smfparse", gst::DebugColorFlags::empty(), Some("Standard MIDI File parser"))
});

glib::wrapper! {
    /// The parser element.
    pub struct SmfParse(ObjectSubclass<imp::SmfParse>) @extends gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "smfparse", gst::Rank::NONE, SmfParse::static_type())
}
