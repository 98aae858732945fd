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

mod calls;
mod endpoint;
mod host;
mod neighbourhood;
mod sockets;
mod stream;

pub use applemidi::{Admission, Change, Network, ParticipantId, Reason, Timers};
pub use calls::CallId;
pub use endpoint::{Config, Event, Stats};
pub use host::{End, Host};
pub use neighbourhood::{Announcement, Neighbourhood, NoNeighbourhood, Peer, Sighting, local_networks};
pub use rtp_midi::{Origin, ReceiverStats, SenderStats};
