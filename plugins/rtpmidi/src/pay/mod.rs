//! `rtpmidipay`: MIDI messages into RTP packets (RFC 6295). See `docs/elements/rtpmidipay.md`.
//!
//! ```text
//! buffer ──▶ intake ──▶ packer ──▶ Sender ──▶ outbox ──▶ base class ──▶ source pad
//!            message    when?      journal    payloads   header
//!
//! caps, fmtp ──▶ demands ──▶ negotiation ──▶ stream
//!                what is wanted              what it is
//! ```
//!
//! A stream with half of MIDI, at a clock rate of the receiver's choice:
//! ```text
//! gst-launch-1.0 filesrc location=song.mid ! smfparse ! rtpmidipay fmtp="cm_unused=AX; j_update=anchor" \
//!     ! application/x-rtp,clock-rate=48000 ! udpsink host=127.0.0.1 port=5004
//! ```

mod demands;
mod feedback;
mod flow;
mod imp;
mod moment;
mod negotiation;
mod outbox;
mod packer;
mod settings;
mod stats;
mod stream;
mod waiting;

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

pub use settings::{JournalMode, RtcpFeedback, UnusedCommands};

/// Name of the upstream event that carries a receiver report; its fields are `ssrc`, `reporter`, `exthighestseq`.
pub const ACK: &str = "GstRtpMidiAck";
/// Name of the upstream event of a receiver that leaves; its fields are `ssrc` and `reporter`.
pub const LEFT: &str = "GstRtpMidiReporterLeft";

static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("rtpmidipay", gst::DebugColorFlags::empty(), Some("RTP MIDI payloader")));

glib::wrapper! {
    /// The payloader element.
    pub struct RtpMidiPay(ObjectSubclass<imp::RtpMidiPay>)
        @extends gst_rtp::RTPBasePayload, gst::Element, gst::Object;
}

/// Registers the element with `plugin`.
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "rtpmidipay", gst::Rank::SECONDARY, RtpMidiPay::static_type())
}
