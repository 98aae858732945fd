//! A live source that plays in an AppleMIDI session: who is called, and what is told of it.

use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::elements;
use crate::failure::{Failure, Result};

/// A peer that is called until it comes, and whenever it is gone.
pub(super) struct Peer {
    source: gst::Element,
    name: String,
    /// Since when nobody has been heard of it; `None` when that has been told.
    called: Option<Instant>,
}

/// How long looking for a peer may take before it is told that nobody is found.
const PATIENCE: Duration = Duration::from_secs(10);

impl Peer {
    /// Calls a session by its name, or by its host and control port.
    pub(super) fn call(name: &str) -> Result<Self> {
        if name.is_empty() {
            return Err(Failure::new("applemidi: is followed by a session")
                .hint("applemidi:NAME or applemidi:HOST[:PORT]; rtpmidi devices lists the names"));
        }
        // A session for this peer alone, since another channel may play another one. Nobody else joins it.
        let session = format!("Broadcast of {name}");
        let source = elements::with(
            "applemidisrc",
            &[("session-name", &session), ("peers", &gstapplemidi::escape_peer(name)), ("announce", &false)],
        )?;
        source.set_property_from_str("admission", "list");
        Ok(Self { source, name: name.to_owned(), called: Some(Instant::now()) })
    }

    /// The element that the music comes out of.
    pub(super) const fn element(&self) -> &gst::Element {
        &self.source
    }

    /// What people should know of a message of the pipeline.
    pub(super) fn hear(&mut self, message: &gst::StructureRef) -> Option<String> {
        if message.name() != gstapplemidi::PARTICIPANT {
            return None;
        }
        self.called = None;
        let name = &self.name;
        Some(match message.get("change").ok()? {
            "joined" => format!("{name} takes part"),
            "silent" => format!("warning: {name} does not answer; what it left sounding has ended"),
            "left" => format!("warning: {name} has left; it is called until it is back"),
            "refused" => format!("warning: {name} has refused; it is called again"),
            "unanswered" => format!("warning: {name} has not answered; it is called again"),
            _ => return None,
        })
    }

    /// What people should know when nothing happens.
    pub(super) fn turn(&mut self) -> Option<String> {
        self.called.take_if(|called| called.elapsed() >= PATIENCE)?;
        Some(format!("warning: {} is not found; rtpmidi devices lists the sessions that are announced", self.name))
    }
}
