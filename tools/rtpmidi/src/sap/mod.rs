//! Sessions that are announced to a network (SAP, RFC 2974): ours to others, and those of others.

mod announce;
mod browse;

pub(crate) use announce::Announcements;
pub(crate) use browse::{Announced, Browser, Heard};
