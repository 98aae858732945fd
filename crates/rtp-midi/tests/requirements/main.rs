//! The requirements of RFC 6295 seen from outside: what goes in and out of the public API, octet by octet.
//!
//! Journals are taken apart by a walker that shares no code with the crate, and compared with a model that reads
//! appendix A from the whole history of a stream instead of keeping state. `docs/coverage.md` says which test stands
//! for which requirement.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod channel_chapters;
mod channel_judge;
#[allow(dead_code, reason = "these sessions have no end")]
#[path = "../songs/composer.rs"]
mod composer;
mod enhanced;
mod journal;
mod kit;
mod long_sessions;
mod model;
mod notes;
mod oracle;
mod parameters;
mod payload;
mod policies;
#[path = "../random/mod.rs"]
mod random;
mod repairs;
mod system_chapters;
mod system_judge;
mod system_oracle;
mod system_walker;
mod time_code_model;
mod walker;
