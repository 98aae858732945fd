//! SRTP (RFC 3711) with keys that both ends have beforehand (RFC 4568), by GStreamer's `srtpenc` and `srtpdec`.

mod file;
mod key;
mod opener;
mod sealer;
mod suite;
mod way;

pub(crate) use file::{make_key, read_key};
pub(crate) use key::Key;
pub(crate) use opener::Opener;
pub(crate) use sealer::{Sealer, encoder};
pub(crate) use suite::Suite;

/// A sequence number for a stream to begin with. A listener that comes late takes the roll-over counter for 0, since no
/// field of a description tells it (RFC 3711, 3.3.1; RFC 4568); so the stream begins low, and under another SSRC where
/// its numbers begin again.
pub(crate) fn first_sequence() -> i32 {
    gst::glib::random_int_range(0, 1 << 12)
}
