//! Apple's session protocol for RTP MIDI, without IO: who takes part, how their clocks compare, what they have received.
//!
//! macOS and iOS have it as "network MIDI", Windows by a driver, and much hardware besides. RTP MIDI (RFC 6295) passes
//! through it as opaque octets. Apple has not documented it; what is here follows real packets.
//!
//! ```text
//!  control port  IN ──▶ ◀── OK                              RS ──▶ ◀── RS    BY ──▶
//!  data port              IN ──▶ ◀── OK  CK0 ──▶ ◀── CK1 CK2 ──▶   RTP ◀──▶ RTP
//! ```
//!
//! A [`Session`] is one end, with any number of participants. It is told what happens ([`Input`]) and says what is to be
//! done ([`Output`]); sockets, time and chance are its host's. Times are counted from any start.
//!
//! # Two ends that find each other
//! ```
//! use std::time::Duration;
//! use applemidi::{Change, Config, Input, Output, Session};
//!
//! let mut ends = [("192.0.2.1:5004", 1), ("192.0.2.2:5004", 2)].map(|(address, ssrc)| {
//!     let mut config = Config::new(address, ssrc);
//!     config.admission = applemidi::Admission::Everyone;
//!     let mut number = 100 * ssrc;
//!     let random = move || { number += 1; number };
//!     (address.parse::<std::net::SocketAddr>().unwrap(), Session::new(config, random))
//! });
//! let theirs = ends[1].0;
//! ends[0].1.handle(Duration::ZERO, Input::Invite(theirs));
//!
//! let mut opened = 0;
//! for turn in 0..20 {
//!     let (here, there) = (turn % 2, 1 - turn % 2);
//!     loop {
//!         match ends[here].1.poll() {
//!             Output::Send { port, octets, .. } => {
//!                 // The data port is the one above.
//!                 let mut from = ends[here].0;
//!                 from.set_port(from.port() + u16::from(port == applemidi::Port::Data));
//!                 ends[there].1.handle(Duration::ZERO, Input::Datagram { port, from, to: None, octets: &octets });
//!             }
//!             Output::Change(_, Change::Opened) => opened += 1,
//!             Output::Wait(_) => break,
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(opened, 2);
//! ```
//!
//! # What a peer may do wrong
//! Peers differ: some have another token or another SSRC on their data port, say goodbye with token 0, leave garbage
//! where nothing is said, or write feedback into the wrong half. All of it is taken. What changes a participant's state
//! must come from the address of that participant, or answer a number that was drawn for it. Nobody is sent more than it
//! has sent until it has shown that it is where it says.

#![forbid(unsafe_code)]

mod admission;
mod clock;
mod error;
mod packet;
mod participant;
mod session;
mod timers;
mod transition;

pub use admission::{Admission, Network, NoNetwork, Verdict};
pub use clock::{Estimate, Round};
pub use error::{Error, Result};
pub use packet::{Clock, Packet, Party, Received, Step};
pub use participant::{Comparisons, Participant, ParticipantId, Role};
pub use session::{Change, Config, Input, Output, Port, Reason, Session};
pub use timers::{TICK, Timers};
pub use transition::State;
