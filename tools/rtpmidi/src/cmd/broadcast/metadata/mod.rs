//! Titles, lyrics and markers of what is played, for listeners (`docs/metadata.md`).
//!
//! ```text
//!  Song ──▶ Libretto ──▶ Prompter ──▶ Report ──▶ RTCP of each session
//!           in file time  in RTP time
//! ```

mod libretto;
mod prompter;
mod rtcp;

pub(crate) use libretto::Libretto;
pub(crate) use prompter::Prompter;
