//! `cargo xtask demo`: music over UDP with a fifth of the packets dropped on purpose.
//!
//! | File | What |
//! |---|---|
//! | `run` | the order of things: packages, build, score, two processes, proof |
//! | `report` | the progress line, the summary and what to try next |
//! | `proof` | that the recording is music: the WAV and the MIDI file are read again |

mod proof;
mod report;
mod run;

pub(crate) use run::{Options, run};
