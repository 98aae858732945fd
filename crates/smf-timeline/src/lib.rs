//! Standard MIDI Files as events on an absolute timeline.
//!
//! [`Song::read`] takes the octets of a file and gives every event its time in nanoseconds.
#![forbid(unsafe_code)]

mod error;
mod file;
mod meta;
mod song;
mod stream;
mod tempo;
mod track;

pub use error::{At, Error, Found, Result};
pub use meta::{Meta, TextKind, TimeSignature};
pub use song::{Body, Event, Song};
pub use tempo::{Division, FrameRate, TempoMap};
