//! Descriptions of one of two ends, read for a negotiation.

use std::path::Path;

use rtp_midi_sdp::Session;

use crate::description;
use crate::failure::{Failure, Result};

/// The description in a file, whatever media it has.
pub(super) fn read(path: &Path) -> Result<Session> {
    let name = path.display();
    Session::parse(&description::read(path)?).map_err(|error| {
        Failure::new(format!("{name}: {error}")).hint(format!("rtpmidi sdp check {name} says what to do about it"))
    })
}
