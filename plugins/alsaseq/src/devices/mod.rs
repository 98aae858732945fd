//! The ports of the ALSA sequencer as devices: each is listed, and makes the element that is connected to it. See
//! `docs/elements/alsaseqsrc.md`.

mod device;
mod provider;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// A port, seen from one side.
    pub struct AlsaSeqDevice(ObjectSubclass<device::AlsaSeqDevice>) @extends gst::Device, gst::Object;
}

glib::wrapper! {
    /// Knows which ports there are.
    pub struct AlsaSeqDeviceProvider(ObjectSubclass<provider::AlsaSeqDeviceProvider>)
        @extends gst::DeviceProvider, gst::Object;
}

/// Registers the provider with `plugin`.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    let kind = AlsaSeqDeviceProvider::static_type();
    gst::DeviceProvider::register(Some(plugin), "alsaseqdeviceprovider", gst::Rank::PRIMARY, kind)
}
