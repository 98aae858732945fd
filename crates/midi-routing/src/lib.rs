//! Routes MIDI between ports, without IO.
//!
//! ```text
//!  keyboard ──┬──[notes]──────────▶ synthesizer      split, filter, map, transpose
//!             └──[channel 1 → 10]──▶ network ──┐
//!  network ◀───────────── somebody else ───────┘      what comes back again and again is cut
//!      └────────────────▶ synthesizer                 merge, without mixing System Exclusives
//! ```
//!
//! - A [`Router`] has ports and connections. Each connection has a [`Filter`].
//! - A source that is lost leaves nothing sounding: what it holds, and nobody else holds there, is let go.
//! - While one source is inside a System Exclusive what others play to the same port waits, Real-Time apart.
//! - A message that goes round and round through the world outside is found, and the connection that it goes through is
//!   cut ([`Event::Loop`]): within a second, where a round takes 50 ms or less; later if all that goes round are slow
//!   clocks.
//! - A [`Pacer`] gives a slow device as much as it can take.
//! - A [`DelayLine`] plays what comes over a network in the time in which it was played.
//!
//! # Connect a keyboard with a synthesizer
//! ```
//! use std::time::Duration;
//! use midi_routing::{Event, Filter, Router};
//! use rtp_midi::midi::Command;
//!
//! let mut router = Router::default();
//! let (keyboard, synthesizer) = (router.add_port(), router.add_port());
//! router.connect(keyboard, synthesizer, Filter::default().transpose(12)).unwrap();
//!
//! let mut heard = Vec::new();
//! let mut hear = |event: Event<'_>| match event {
//!     Event::Play { to, command } => {
//!         assert_eq!(to, synthesizer);
//!         command.encode(&mut heard);
//!     }
//!     event => panic!("{event:?}"),
//! };
//! router.play(Duration::ZERO, keyboard, Command::decode(&[0x90, 60, 100]).unwrap().0, &mut hear);
//! // The cable is pulled: nothing hangs.
//! router.remove_port(Duration::from_secs(1), keyboard, &mut hear);
//! assert_eq!(heard, [0x90, 72, 100, 0x80, 72, 64]);
//! ```

#![forbid(unsafe_code)]

mod delay;
mod echo;
mod filter;
mod pacer;
mod router;
mod trial;
mod turn;

pub use delay::{Delay, DelayLine};
pub use filter::{Filter, Kind};
pub use pacer::{Pacer, Profile};
pub use router::{Connection, ConnectionId, Event, PortId, Router};
