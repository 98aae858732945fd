//! GStreamer plugin `ipmidi`: raw multicast MIDI, as ipMIDI, multimidicast and QmidiNet speak it.
//!
//! ```text
//!  ipmidisrc  ◀── queue ◀── ear ◀── socket ◀── 225.0.0.37, ff12::37 or some hosts
//!                            └── guard: what the sinks of this process have sent
//!  ipmidisink ──▶ socket ──▶ 225.0.0.37, ff12::37 or some hosts
//! ```

mod guard;
mod lock;
mod setup;
pub mod sink;
mod socket;
pub mod source;

pub use plugin::plugin_register_static;
pub use setup::Interface;
pub use socket::{Reach, mouth};

mod plugin {
    #![allow(missing_docs, reason = "plugin_define! writes items without docs")]

    use gst::glib;

    fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
        crate::source::register(plugin)?;
        crate::sink::register(plugin)
    }

    gst::plugin_define!(
        ipmidi,
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
