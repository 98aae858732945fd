//! RTP payload format for MIDI (RFC 6295), without IO.
//!
//! * A [`Sender`] turns timed MIDI commands into RTP payloads: MIDI command section and recovery journal.
//! * A [`Receiver`] turns payloads, of which any may be lost, late or doubled, into commands, and repairs what the lost
//!   ones would have done: after the first packet that arrives behind a loss nothing hangs and every program,
//!   controller and parameter is right.
//!
//! * A [`Playout`] is a receiver with a buffer in front, which smooths jitter, puts packets in order, and executes
//!   commands at their times.
//! * A [`Source`] samples a time-of-arrival source such as a MIDI cable, whose octets have no times of their own.
//!
//! None opens a socket, reads a clock or draws a random number. Times are RTP timestamps, counts of
//! [`Config::clock_rate`] that wrap at 2^32; sequence numbers are those of the RTP header.
//!
//! ```
//! use rtp_midi::midi::Command;
//! use rtp_midi::{Config, Received, Receiver, Sender};
//!
//! let mut sender = Sender::new(Config::new(44_100), 1);
//! let mut receiver = Receiver::new(Config::new(44_100));
//! let (note_on, _) = Command::decode(&[0x90, 60, 100])?;
//! let (note_off, _) = Command::decode(&[0x80, 60, 64])?;
//!
//! let mut payloads = Vec::new();
//! for (time, command) in [(0, Some(note_on)), (22_050, Some(note_off)), (26_460, None)] {
//!     if let Some(command) = command {
//!         sender.queue(time, command).expect("a packet holds one command");
//!     }
//!     let mut payload = Vec::new();
//!     let sent = sender.packet(time, &mut payload);
//!     payloads.push((sent, payload));
//! }
//!
//! // The second packet is lost: the journal of the third one ends the note.
//! let mut heard = Vec::new();
//! for (sent, payload) in [&payloads[0], &payloads[2]] {
//!     let packet = Received { sequence: sent.sequence, timestamp: sent.timestamp, payload };
//!     receiver.receive(packet, |event| heard.push(event.command.voice().unwrap().1));
//! }
//! assert_eq!(heard.len(), 2);
//! assert!(heard[1].note_off().is_some());
//! # Ok::<(), rtp_midi::Error>(())
//! ```

#![forbid(unsafe_code)]

mod config;
mod error;
mod guard;
pub mod inspect;
mod journal;
pub mod midi;
pub mod payload;
mod playout;
mod receiver;
mod repertoire;
mod sender;
mod sequence;
mod source;
mod struck;
mod subset;
mod timing;

pub use config::{
    Chapters, Class, Commands, Config, Format, Inclusion, Journal, Letters, Numbers, OPEN_LOOP_PACKETS, Policy,
    Selection, StatusOctets, Usage,
};
pub use error::{Error, Result};
pub use journal::{Event, Origin};
pub use playout::{ArrivalClock, Arrived, Cue, Latency, Playout, PlayoutStats};
pub use receiver::{Outcome, Received, Receiver, ReceiverStats};
pub use repertoire::Repertoire;
pub use sender::{Packet, Refusal, Sender, SenderStats};
pub use source::Source;
pub use timing::{LineRate, Moment, Octet, Timing};
