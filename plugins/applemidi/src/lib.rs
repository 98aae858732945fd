//! GStreamer plugin `applemidi`: AppleMIDI sessions, as macOS, iOS, Windows and much hardware have them.
//!
//! ```text
//!  applemidisrc  ◀── inbox ◀──┐
//!                             ├── session ── End (crates/applemidi-io) ── network
//!  applemidisink ─────────────┘      │
//!                             surroundings (multicast DNS) ── device provider
//! ```
//!
//! Elements that name the same session share one end of it.

mod audience;
mod device;
mod inbox;
mod lock;
mod message;
mod registry;
mod session;
mod setup;
pub mod sink;
pub mod source;
mod stats;
mod surroundings;
mod wishes;

pub use audience::PARTICIPANT;
pub use plugin::plugin_register_static;
pub use setup::escape_peer;

mod plugin {
    #![allow(missing_docs, reason = "plugin_define! writes items without docs")]

    use gst::glib;

    fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        crate::source::register(plugin)?;
        crate::sink::register(plugin)?;
        crate::device::register(plugin)?;
        Ok(())
    }

    gst::plugin_define!(
        applemidi,
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
