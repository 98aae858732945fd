//! Standard MIDI Files as events on an absolute timeline.
//!
//! # Read a song
//! Every event has its time in nanoseconds, with all tempo changes heeded, and every message is whole, with its status
//! octet: running status, System Exclusives split over packets and `F7` escapes are resolved.
//! ```
//! use smf_timeline::{Body, Song};
//! # let file = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x0B\0\x90\x3C\x40\x60\x3C\0\0\xFF\x2F\0".as_slice();
//! let song = Song::read(file, 0)?;
//! for event in song.events() {
//!     match event.body {
//!         Body::Message(octets) => println!("{:>9} ns  {octets:02X?}", event.time),
//!         Body::Meta(meta) => println!("{:>9} ns  {meta:?}", event.time),
//!     }
//! }
//! assert_eq!(song.duration(), 500_000_000);
//! # Ok::<(), smf_timeline::Error>(())
//! ```
//!
//! # Read what is left of a damaged file
//! [`Song::read`] is strict: the first broken rule is an [`Error`] with its track and octet, for nothing is lost in
//! silence. [`Song::salvage`] steps over defects and lists them.
//!
//! # Play from the middle
//! [`Song::index_at`] finds the first event to play, [`Song::chase`] tells the state to restore before it.
//!
//! # Write
//! [`Track`] and [`encode_file`] write by the tick; [`Writer`] writes by the time and keeps the file valid while it
//! grows; [`Recorder`] does so for the buffers of a live stream.
//! ```
//! use smf_timeline::{Song, Writer};
//! let mut writer = Writer::new(Writer::RTP_DIVISION);
//! writer.message(0, &[0x90, 60, 100])?;
//! writer.message(1_000_000_000, &[0x80, 60, 64])?;
//! let mut file = Vec::new();
//! writer.checkpoint(2_000_000_000).apply(&mut file);
//! assert_eq!(Song::read(&file, 0).map(|song| song.duration()), Ok(2_000_000_000));
//! # Ok::<(), smf_timeline::WriteError>(())
//! ```
//!
//! # On midly
//! Events are read by [midly](https://docs.rs/midly)'s `EventIter`. The chunks around them are walked here, because
//! midly neither says where a chunk lies nor that it was cut short, and overflows on a division of `80xx`. Where it
//! would end a track in silence, or take less than a length promises, the octets are looked at again: that gives the
//! error its place and salvage its next event. midly's writer makes whole files only, so tracks are written here.
#![forbid(unsafe_code)]

mod chase;
mod error;
mod file;
mod meta;
mod record;
mod song;
mod stream;
mod tempo;
mod track;
mod write;

pub use chase::Chaser;
pub use error::{At, Error, Found, Result};
pub use meta::{Meta, TextKind, TimeSignature, decode_text};
pub use record::Recorder;
pub use song::{Body, Event, Song};
pub use tempo::{Division, FrameRate, TempoMap};
pub use write::{Checkpoint, Track, WriteError, Writer, encode_file};
