//! AppleMIDI sessions over UDP, with RTP MIDI (RFC 6295) and its recovery journal in them.
//!
//! ```text
//!  application ──play──▶ End ──▶ a stream for each participant ──▶ sockets ──▶ network
//!  application ◀─Event── End ◀── repaired by the journal       ◀── sockets ◀── network
//!                         └─ one thread of the Host runs all of them
//! ```
//!
//! ```no_run
//! use applemidi_io::{Config, Event, Host};
//!
//! let host = Host::start()?;
//! let end = host.open(&Config::new("Piano"), |event| {
//!     if let Event::Midi { octets, .. } = event {
//!         println!("{octets:02x?}");
//!     }
//! })?;
//! end.call("organ.local:5004");
//! end.play(&[0x90, 60, 100]);
//! # std::io::Result::Ok(())
//! ```

#![forbid(unsafe_code)]

mod arrival;
mod calls;
#[cfg(test)]
mod captured;
mod config;
mod endpoint;
mod event;
mod host;
mod lock;
mod neighbourhood;
pub mod priority;
mod sockets;
mod source;
mod stream;
mod turns;

pub use applemidi::{Admission, Change, Comparisons, Network, NoNetwork, ParticipantId, Reason, Timers, Verdict};
pub use calls::CallId;
pub use config::Config;
pub use event::{Event, Stats};
pub use host::{End, Host};
pub use neighbourhood::{Announcement, Neighbourhood, NoNeighbourhood, Peer, Sighting, local_networks, multicast_dns};
pub use rtp_midi::{Origin, ReceiverStats, SenderStats, StatusOctets};
