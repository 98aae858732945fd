//! What the tests of the whole system share. Nothing here shares code with what it judges, except where it says so.
//!
//! | Module | What |
//! |---|---|
//! | `corpus` | music by others: where it is, and songs inside the files of games |
//! | `song` | random songs with everything that MIDI 1.0 has |
//! | `smf` | a plain reader of Standard MIDI Files |
//! | `sameness` | whether a song is still what it was |
//! | `synth` | what an instrument makes of commands |
//! | `pipeline` | pipelines of the real elements |
//! | `description` | texts that describe a stream |
//! | `listener` | what a listener hears, compared with what was sent |
//! | `launch` | other programs, `gst-launch-1.0` among them |
//! | `wav` | how loud a recording is over time |
//! | `packets` | files of RTP packets, and which of them get lost |
//! | `journal` | a plain reader of journals |
//! | `tshark` | another reader of them |
//! | `random` | numbers from a seed |

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

pub mod corpus;
pub mod description;
pub mod journal;
pub mod launch;
pub mod listener;
pub mod packets;
pub mod pipeline;
#[path = "../../crates/rtp-midi/tests/random/mod.rs"]
pub mod random;
pub mod sameness;
pub mod smf;
pub mod song;
#[allow(missing_docs, reason = "the fields are the names of MIDI 1.0")]
#[path = "../../crates/rtp-midi/tests/synth/mod.rs"]
pub mod synth;
pub mod tshark;
pub mod wav;
