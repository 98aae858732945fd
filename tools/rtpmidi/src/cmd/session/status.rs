//! What is told of participants.

use std::time::Duration;

use applemidi_io::{Change, Reason, Stats};
use serde_json::json;

use crate::report::plural;

/// What has become of a participant, behind its name.
pub(super) const fn words(change: Change) -> Option<&'static str> {
    Some(match change {
        Change::Invited => "is invited",
        Change::Opened => "takes part",
        Change::Restarted => "has started anew",
        Change::Missed => "does not answer",
        Change::ClockSet => "has another time",
        Change::Closed(Reason::Unanswered) => "has not answered",
        Change::Closed(Reason::Refused) => "has refused",
        Change::Closed(Reason::Goodbye) => "has left",
        Change::Closed(Reason::Expired) => "is not heard any more",
        Change::Closed(Reason::Left) => "has been parted from",
        Change::Closed(Reason::Overtaken | Reason::Crossed | Reason::Rejected)
        | Change::Asks
        | Change::Listening
        | Change::Feedback(_)
        | Change::Limit(_) => return None,
    })
}

/// `Piano  latency 0.31 ms ± 0.05  120 messages in, 0 lost, 0 repaired  64 out`
pub(super) fn describe(stats: &Stats) -> String {
    let milliseconds =
        |time: Option<Duration>| time.map_or_else(|| "?".to_owned(), |time| format!("{:.2}", time.as_secs_f64() * 1e3));
    format!(
        "{}  latency {} ms ± {}  {} in, {} lost, {} repaired  {} out",
        stats.name,
        milliseconds(stats.latency),
        milliseconds(stats.jitter),
        plural(stats.received.commands, "message"),
        plural(stats.received.lost, "packet"),
        stats.received.repairs,
        stats.sent.commands
    )
}

/// The same for who reads JSON.
pub(super) fn object(stats: &Stats) -> serde_json::Value {
    json!({
        "type": "status",
        "name": stats.name,
        "control": stats.control.to_string(),
        "listening": stats.is_listening,
        "latency_ms": stats.latency.map(|time| time.as_secs_f64() * 1e3),
        "jitter_ms": stats.jitter.map(|time| time.as_secs_f64() * 1e3),
        "drift_ppm": stats.drift,
        "received": stats.received.commands,
        "lost_packets": stats.received.lost,
        "repaired": stats.received.repairs,
        "sent": stats.sent.commands,
    })
}
