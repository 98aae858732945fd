//! `midirender`: MIDI messages into sound: `miditick ! fluiddec` in a bin. See `docs/elements/midirender.md`.

mod imp;
mod settings;
mod soundfont;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

pub use soundfont::find_soundfont;

static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("midirender", gst::DebugColorFlags::empty(), Some("MIDI renderer")));

glib::wrapper! {
    /// The bin.
    pub struct MidiRender(ObjectSubclass<imp::MidiRender>) @extends gst::Bin, gst::Element, gst::Object;
}

/// Registers the bin with `plugin`, one rank above the `fluiddec` in it, which renders live streams in jerks.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "midirender", gst::Rank::SECONDARY + 1, MidiRender::static_type())
}
