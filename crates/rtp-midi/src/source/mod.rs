//! Sampling of a time-of-arrival source, such as a MIDI 1.0 DIN line: octets in, commands with their times out
//! (RFC 6295, C.3.2 and C.3.3).
//!
//! ```
//! use rtp_midi::{LineRate, Octet, Source, Timing};
//!
//! let timing = Timing::Async { octet: Some(Octet::First), line: LineRate::DIN };
//! let mut source = Source::new(timing, 44_100, 256);
//! let mut times = Vec::new();
//! // Two notes, the second in running status, read at once when the last octet had come.
//! source.push(1000, &[0x90, 60, 100, 62, 100], |timed, _| times.push(timed.time));
//! assert_eq!(times, [944, 986]);
//! ```

mod gate;
mod sampler;

pub use sampler::Source;
