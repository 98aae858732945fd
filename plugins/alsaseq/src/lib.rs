//! GStreamer plugin `alsaseq`: MIDI from and to the ALSA sequencer of Linux, and the ports that there are.
//!
//! ```text
//! source/ ── what comes to a port of ours ─┐
//! sink/ ──── what goes out of one ─────────┼─ client ── queue ── message
//! connections ── keeps ports connected ────┤  a client   its     events and
//! devices/ ── lists the ports of others ───┤  of ALSA    time    MIDI octets
//! ports ───── many ports, no pipeline ─────┘
//! ```

mod address;
mod announcements;
mod client;
mod connections;
mod devices;
mod lock;
mod message;
mod names;
pub mod ports;
mod queue;
pub mod sink;
pub mod source;
mod wake;

pub use client::{Unavailable, check};
pub use plugin::plugin_register_static;

mod plugin {
    #![allow(missing_docs, reason = "plugin_define! writes items without docs")]

    use gst::glib;

    fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        crate::source::register(plugin)?;
        crate::sink::register(plugin)?;
        crate::devices::register(plugin)
    }

    gst::plugin_define!(
        alsaseq,
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
