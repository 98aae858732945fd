//! The recovery journal (RFC 6295 sections 4 and 5, appendices A and B).
//!
//! Both ends observe commands into the same kind of [`History`]. The sender's journal is a view of its history through
//! a window of packets; the receiver compares a journal with its own history and executes the difference.
//!
//! | chapter | commands | file |
//! |---|---|---|
//! | P | Program Change, bank select | `channel/program.rs` |
//! | C | Control Change | `channel/control/` |
//! | M | RPN and NRPN | `channel/parameter/` |
//! | W | Pitch Wheel | `channel/pitch_wheel.rs` |
//! | N, E | NoteOn, NoteOff, release velocities, overlaps | `channel/note/` |
//! | T | Channel Aftertouch | `channel/channel_aftertouch.rs` |
//! | A | Poly Aftertouch | `channel/poly_aftertouch.rs` |
//! | D | Reset, Tune Request, Song Select, undefined commands | `system/simple.rs` |
//! | V | Active Sense | `system/active_sense.rs` |
//! | Q | Clock, Start, Stop, Continue, Song Position | `system/sequencer.rs` |
//! | F | MIDI Time Code | `system/time_code.rs` |
//! | X | System Exclusive | `system/sysex/` |

#[cfg(test)]
mod captured;
mod channel;
mod history;
#[cfg(test)]
mod law;
mod octets;
mod policy;
mod recency;
mod section;
mod sizes;
#[cfg(test)]
mod step_law;
mod system;
#[cfg(test)]
mod testing;
mod window;

pub(crate) use channel::Journal as ChannelJournal;
#[cfg(test)]
pub(crate) use channel::parameter;
pub(crate) use history::{History, Written};
pub(crate) use octets::{LENGTH_MAX, length as ten_bit_length};
pub(crate) use policy::Checkpoint;
pub(crate) use section::Section;
pub(crate) use sizes::{Room, Sizes, growth, voice_growth};
pub(crate) use system::{Journal as SystemJournal, is_reset_state};
pub use window::{Event, Origin};
pub(crate) use window::{Loss, Seq, Stamp, View};
