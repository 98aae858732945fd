//! Chapters N (NoteOn and NoteOff) and E (note extras), which share one history (RFC 6295, A.6 and A.7).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |B|     LEN     |  LOW  | HIGH  |S|   NOTENUM   |Y|  VELOCITY   |  N: LEN logs, then HIGH-LOW+1 octets OFFBITS
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|     LEN     |S|   NOTENUM   |V|  COUNT/VEL  |                  E: LEN+1 logs
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

mod history;
mod repair;
mod sounding;
mod wire;

pub(crate) use history::History;
#[cfg(test)]
pub(crate) use wire::Log;
pub(crate) use wire::{Chapter, Extras};
