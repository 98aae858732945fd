//! `applemidisrc`: what is played in an AppleMIDI session. See `docs/elements/applemidisrc.md`.
//!
//! ```text
//! End ──▶ inbox ──▶ timeline ──▶ base class ──▶ source pad
//!         waits     timestamps
//! ```

mod imp;
mod settings;
mod timeline;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("applemidisrc", gst::DebugColorFlags::empty(), Some("AppleMIDI source")));

glib::wrapper! {
    /// The source element.
    pub struct AppleMidiSrc(ObjectSubclass<imp::AppleMidiSrc>)
        @extends gst_base::PushSrc, gst_base::BaseSrc, gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "applemidisrc", gst::Rank::NONE, AppleMidiSrc::static_type())
}
