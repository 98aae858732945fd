//! The Session Announcement Protocol (RFC 2974) without IO: who multicasts, when and to which group, and who is heard.
//!
//! ```text
//!  description ──▶ Announcer ──▶ datagrams to group(address), port 9875 ──▶ Directory ──▶ descriptions
//!                  next, due                                                Event, due
//! ```
//!
//! Whoever owns the sockets and the clock asks an [`Announcer`] when its next announcement is due, and feeds a
//! [`Directory`] with what arrives. Time is in milliseconds from any start.
//!
//! # Announce a session, and hear it
//! ```
//! use session_announcement::{Announcer, Directory, Event, Pace};
//!
//! let (here, description) = ("192.0.2.1".parse().unwrap(), "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Radio\r\n");
//! let mut announcer = Announcer::new(here, description, Pace::default());
//! let mut directory = Directory::default();
//!
//! let datagram = announcer.announce(0, directory.len(), 0.5);
//! let event = directory.receive(0, here, &datagram);
//! assert!(matches!(event, Ok(Some(Event::New(session))) if session.description == description));
//! assert!(matches!(directory.receive(9, here, &announcer.delete()), Ok(Some(Event::Gone(_)))));
//! ```

#![forbid(unsafe_code)]

mod announcer;
mod directory;
mod error;
mod packet;
mod scope;

pub use announcer::{Announcer, Pace};
pub use directory::{Directory, Event, Session};
pub use error::{Error, Result};
pub use packet::{Kind, Packet};
pub use scope::group;

/// The UDP port of all announcements (section 3).
pub const PORT: u16 = 9875;

/// The time to live, or hop limit, that announcements should have (section 3).
pub const TTL: u8 = 255;
