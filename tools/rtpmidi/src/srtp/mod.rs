//! SRTP (RFC 3711) with keys that both ends have beforehand (RFC 4568), or that RTSP brings (RFC 4567), by GStreamer's `srtpenc` and `srtpdec`.

mod file;
mod genuine;
mod key;
mod mikey;
mod opener;
mod quiet;
mod sealer;
#[cfg(test)]
mod speaker;
mod suite;
mod way;

pub(crate) use file::{make_key, read_key};
pub(crate) use genuine::forget_strangers;
pub(crate) use key::Key;
pub(crate) use mikey::Offered;
pub(crate) use opener::Opener;
pub(crate) use quiet::quiet;
pub(crate) use sealer::{Sealer, encoder, equip};
pub(crate) use suite::Suite;

/// Senders of a stream that sealed packets are opened of at a time: one takes another SSRC now and then.
pub(crate) const SENDERS: usize = 8;

/// The SSRC or another word in the header of a packet, `at` so many octets.
fn word(packet: &[u8], at: usize) -> Option<u32> {
    packet.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

/// A sequence number for a stream to begin with. A listener that comes late takes the roll-over counter for 0, since no
/// field of a description tells it (RFC 3711, 3.3.1; RFC 4568); so the stream begins low, and under another SSRC where
/// its numbers begin again.
pub(crate) fn first_sequence() -> i32 {
    gst::glib::random_int_range(0, 1 << 12)
}
