//! A playout buffer without IO: packets in as they come, commands out at their times (RFC 6295, C.4.1; RFC 4696, 6).
//!
//! ```text
//! packet ──▶ shelf ────────────▶ Receiver ──▶ queue ──────────▶ cue
//!            in order, until     repairs      commands whose
//!            its time (clock)                 time is to come
//! ```
//!
//! A packet waits for its time, and so for those that it has overtaken: what is missing then is repaired. A NoteOn that
//! comes too late stays silent, while all else is executed however late. Without latency this is the receiver of a
//! network performance: what comes in order and in time is executed at once, and nothing is put back in order.
//!
//! Times are nanoseconds of the receiver's clock, counted from any start.
//!
//! ```
//! use rtp_midi::{Config, Latency, Playout, Received};
//!
//! let ms = |milliseconds: u64| milliseconds * 1_000_000;
//! let mut playout = Playout::new(Config::new(1000), Latency::Fixed(ms(40)));
//! let packet = |sequence, timestamp, payload| Received { sequence, timestamp, payload };
//! // The second packet overtakes the first one.
//! playout.receive(ms(500), 7, packet(1, 0, &[3, 0x90, 60, 100]));
//! playout.receive(ms(530), 7, packet(3, 20, &[3, 0x90, 64, 100]));
//! playout.receive(ms(535), 7, packet(2, 10, &[3, 0x80, 60, 64]));
//!
//! let mut heard = Vec::new();
//! while let Some(due) = playout.due() {
//!     // Here the host would wait until `due`.
//!     playout.play(due, |cue| heard.push((cue.at, cue.event.command.voice().unwrap().1.kind())));
//! }
//! assert_eq!(heard, [(ms(540), 0x9), (ms(550), 0x8), (ms(560), 0x9)]);
//! assert_eq!((playout.stats().reordered, playout.receiver().stats().lost), (1, 0));
//! ```

mod clock;
mod player;
mod queue;
mod shelf;

pub use clock::{Arrived, Clock as ArrivalClock, Latency};
pub use player::{Cue, Playout, PlayoutStats};
