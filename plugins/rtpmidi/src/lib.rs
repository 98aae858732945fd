//! GStreamer plugin `rtpmidi`: MIDI over RTP (RFC 6295) and Standard MIDI Files.

mod alarm;
mod base_stats;
pub mod depay;
mod downstream;
mod fmtp;
mod limits;
mod lock;
pub mod midirender;
pub mod miditick;
pub mod pay;
mod rtpsession;
pub mod smf_meta;
pub mod smfmux;
pub mod smfparse;
mod sparse;
mod templates;

pub use plugin::plugin_register_static;

mod plugin {
    #![allow(missing_docs, reason = "plugin_define! writes items without docs")]

    use gst::glib;

    fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        crate::pay::register(plugin)?;
        crate::depay::register(plugin)?;
        crate::smfparse::register(plugin)?;
        crate::smfmux::register(plugin)?;
        crate::miditick::register(plugin)?;
        crate::midirender::register(plugin)?;
        Ok(())
    }

    gst::plugin_define!(
        rtpmidi,
        env!("CARGO_PKG_DESCRIPTION"),
        plugin_init,
        concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
        "MIT/X11",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_REPOSITORY"),
        env!("BUILD_REL_DATE")
    );
}
