//! The pad templates that `rtpmidipay` and `rtpmididepay` share.

use gst::PadDirection;

/// The element's two ALWAYS pads: `midi` is the direction of the one with messages, `rtp` of the one with packets.
pub(crate) fn pair(midi: PadDirection, rtp: PadDirection) -> Vec<gst::PadTemplate> {
    let messages = gst::Caps::new_empty_simple("audio/x-midi-event");
    let packets = [("RTP-MIDI", None), ("MPEG4-GENERIC", Some("rtp-midi"))]
        .into_iter()
        .map(|(encoding, mode)| {
            let mut caps = gst::Structure::builder("application/x-rtp")
                .field("media", "audio")
                .field("clock-rate", gst::IntRange::new(1, i32::MAX))
                .field("encoding-name", encoding);
            if rtp == PadDirection::Src {
                caps = caps.field("payload", gst::IntRange::new(96, 127));
            }
            caps.field_if_some("mode", mode).build()
        })
        .collect::<gst::Caps>();
    [(midi, messages), (rtp, packets)]
        .into_iter()
        .filter_map(|(direction, caps)| {
            let name = if direction == PadDirection::Src { "src" } else { "sink" };
            gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
        })
        .collect()
}
