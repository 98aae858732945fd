//! What `stats` says of a session.

use std::time::Duration;

use applemidi_io::Stats;

use crate::audience::printable;
use crate::session::Membership;

/// The session and its participants; empty while it is closed.
pub(crate) fn of(membership: Option<&Membership>) -> gst::Structure {
    let mut structure = gst::Structure::new_empty("application/x-applemidi-stats");
    if let Some((membership, (port, participants))) = membership.and_then(|it| Some((it, it.stats()?))) {
        structure.set("session-name", printable(membership.name()));
        structure.set("port", u32::from(port));
        structure.set("participants", gst::Array::new(participants.iter().map(participant)));
    }
    structure
}

fn participant(stats: &Stats) -> gst::Structure {
    let nanoseconds = |time: Duration| time.as_nanos() as u64;
    gst::Structure::builder("participant")
        .field("name", printable(&stats.name))
        .field("control", stats.control.to_string())
        .field("listening", stats.is_listening)
        .field_if_some("latency", stats.latency.map(nanoseconds))
        .field_if_some("jitter", stats.jitter.map(nanoseconds))
        .field("drift", stats.drift)
        .field("received", stats.received.commands)
        .field("lost", stats.received.lost)
        .field("repaired", stats.received.repairs)
        .field("sent", stats.sent.commands)
        .build()
}
