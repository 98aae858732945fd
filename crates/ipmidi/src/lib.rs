//! Raw multicast MIDI, as ipMIDI, multimidicast and QmidiNet speak it, without IO.
//!
//! ```text
//!  commands ──▶ datagrams() ──▶ socket ──▶ 225.0.0.37 or ff12::37, UDP 21928 + port - 1
//!  commands ◀── Receiver ◀───── socket ◀── whoever sends there
//! ```
//!
//! A datagram is MIDI and nothing else: no header, no time, no number, no word about who sends. What is lost is lost.
//! Senders put one complete message into each. Receivers here take all that is heard: running status, several
//! messages, System Exclusives over several datagrams, Real-Time messages inside them.
//!
//! # Send a message and hear it
//! ```
//! use ipmidi::{Destination, LIMIT, MTU, Receiver, datagrams};
//! use rtp_midi::midi::Command;
//!
//! let to = Destination::V4.address(2).unwrap();
//! assert_eq!(to, "225.0.0.37:21929".parse().unwrap());
//!
//! let note = [0x90, 60, 100];
//! let (command, _) = Command::decode(&note).unwrap();
//! let mut receiver = Receiver::new(LIMIT);
//! let mut heard = Vec::new();
//! datagrams(command, MTU, |datagram| {
//!     assert_eq!(datagram, note);
//!     receiver.receive(0, "192.0.2.1:40000".parse().unwrap(), datagram, |command| command.encode(&mut heard));
//! });
//! assert_eq!(heard, note);
//! ```

#![forbid(unsafe_code)]

mod destination;
mod guard;
mod output;
mod receiver;

pub use destination::{Destination, Error};
pub use guard::LoopGuard;
pub use output::{MTU, datagrams};
pub use receiver::{LIMIT, Receiver, SENDERS, Statistics};
