//! `rtpmididepay`: MIDI messages out of RTP packets (RFC 6295). See `docs/elements/rtpmididepay.md`.
//!
//! ```text
//! packet ──▶ unpacker ──▶ Receiver ──▶ timeline ──▶ messages ──▶ base class ──▶ source pad
//!            source?      repairs      timestamps   buffers      segment
//! ```
//!
//! Whatever a description says:
//! ```text
//! gst-launch-1.0 filesrc location=song.sdp ! sdpdemux latency=20 ! rtpmididepay ! fakesink silent=false
//! ```

mod imp;
mod losses;
mod messages;
mod preroll;
mod settings;
mod stats;
mod timeline;
mod unpacker;
mod upstream;
mod watch;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

/// Name of the element message about lost packets: `lost` packets, `repaired` commands, how many losses are `uncovered`
/// by journals, `seqnum` of the packet behind them, and `running-time`.
pub const LOSS: &str = "rtpmidi-loss";
/// Name of the element message about the end of a source: its `ssrc`, and the `reason` (`bye`, `timeout`, `restart` or
/// `ssrc-change`).
pub const END: &str = "rtpmidi-end";

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("rtpmididepay", gst::DebugColorFlags::empty(), Some("RTP MIDI depayloader"))
});

glib::wrapper! {
    /// The depayloader element.
    pub struct RtpMidiDepay(ObjectSubclass<imp::RtpMidiDepay>)
        @extends gst_rtp::RTPBaseDepayload, gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "rtpmididepay", gst::Rank::SECONDARY, RtpMidiDepay::static_type())
}
