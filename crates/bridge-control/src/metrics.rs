//! The status in the text format of Prometheus, version 0.0.4: one family of samples after the other.
//!
//! Names come from the network: they stand in labels, whose text is escaped, and never in the names of metrics. Where two
//! things have the same labels, the first one counts, since a text with two samples of one series is refused as a whole.

use std::collections::HashSet;
use std::fmt::Write;

use crate::status::{ConnectionStatus, PeerState, PeerStatus, PortState, PortStatus, Status};

/// What the text is called in HTTP.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What stands before each name.
const PREFIX: &str = "rtpmidi_bridge_";

/// A family of samples.
struct Family<T> {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    /// The value of a thing, if it has one.
    value: fn(&T) -> Option<f64>,
}

/// How values of a family go on.
#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    /// It only grows, until what it counts begins anew.
    Counter,
}

type Labels = Vec<(&'static str, String)>;

/// The status as a text of metrics.
pub fn print(status: &Status) -> String {
    let mut text = String::new();
    let whole = std::slice::from_ref(status);
    families(&mut text, whole, |_| Vec::new(), OF_ALL);
    let name = |status: &Status| vec![("name", status.name.clone())];
    families(&mut text, whole, name, OF_NAME);
    let labels = |port: &PortStatus| vec![("port", port.name.clone()), ("transport", word(&port.transport))];
    families(&mut text, &status.ports, labels, OF_PORTS);
    let labels = |it: &ConnectionStatus| vec![("from", it.from.clone()), ("to", it.to.clone())];
    families(&mut text, &status.connections, labels, OF_CONNECTIONS);
    let labels = |peer: &PeerStatus| vec![("peer", peer.name.clone())];
    families(&mut text, &status.peers, labels, OF_PEERS);
    text
}

const OF_ALL: &[Family<Status>] = &[
    gauge("uptime_seconds", "Seconds since the bridge was started.", |it| Some(it.uptime_s)),
    gauge("warnings", "What a person should know: as many lines as rtpmidi bridge status shows.", |it| {
        Some(it.warnings.len() as f64)
    }),
];

const OF_NAME: &[Family<Status>] = &[gauge("info", "What the bridge calls itself.", |_| Some(1.0))];

const OF_PORTS: &[Family<PortStatus>] = &[
    gauge("port_up", "Whether anybody is behind a port.", |it| truth(it.state == PortState::There)),
    counter("port_received_messages_total", "Messages that have come out of a port.", |it| count(it.messages_in)),
    counter("port_sent_messages_total", "Messages that have been played to a port.", |it| count(it.messages_out)),
    counter(
        "port_dropped_messages_total",
        "Messages that were lost at a port, since more came than could be passed on.",
        |it| count(it.dropped),
    ),
];

const OF_CONNECTIONS: &[Family<ConnectionStatus>] = &[
    counter("connection_messages_total", "Messages that have gone through a connection.", |it| count(it.messages)),
    gauge("connection_muted", "Whether somebody lets nothing through a connection.", |it| truth(it.muted)),
    gauge("connection_cut", "Whether a connection is cut, since what goes through it comes back.", |it| {
        truth(it.loop_ms.is_some())
    }),
];

const OF_PEERS: &[Family<PeerStatus>] = &[
    gauge("peer_up", "Whether a peer takes part.", |it| truth(it.state == PeerState::Open)),
    gauge("peer_latency_seconds", "Half a round trip to a peer, as a mean.", |it| seconds(it.latency_ms)),
    gauge("peer_latency_deviation_seconds", "How far latencies are from their mean, as a mean.", |it| {
        seconds(it.deviation_ms)
    }),
    gauge("peer_clock_drift_ratio", "How much faster the clock of a peer is, as a part of ours.", |it| {
        Some(it.drift_ppm / 1e6)
    }),
    counter("peer_lost_packets_total", "Packets of a peer that never came.", |it| count(it.lost)),
    counter("peer_repaired_messages_total", "Messages of a peer that the recovery journal gave back.", |it| {
        count(it.repairs)
    }),
    counter(
        "peer_repaired_notes_begun_total",
        "Notes of a peer that the journal began, and that would have been missing.",
        |it| count(it.notes_begun),
    ),
    counter(
        "peer_repaired_notes_ended_total",
        "Notes of a peer that the journal ended, and that would have hung.",
        |it| count(it.notes_ended),
    ),
    counter("peer_received_messages_total", "Messages that have come from a peer.", |it| count(it.messages_in)),
    counter("peer_sent_messages_total", "Messages that have been sent to a peer.", |it| count(it.messages_out)),
];

const fn gauge<T>(name: &'static str, help: &'static str, value: fn(&T) -> Option<f64>) -> Family<T> {
    Family { name, kind: Kind::Gauge, help, value }
}

const fn counter<T>(name: &'static str, help: &'static str, value: fn(&T) -> Option<f64>) -> Family<T> {
    Family { name, kind: Kind::Counter, help, value }
}

#[allow(clippy::unnecessary_wraps, reason = "a value that is always there is one of those that may be missing")]
fn truth(is_so: bool) -> Option<f64> {
    Some(f64::from(u8::from(is_so)))
}

#[allow(clippy::unnecessary_wraps, reason = "a value that is always there is one of those that may be missing")]
const fn count(number: u64) -> Option<f64> {
    Some(number as f64)
}

fn seconds(milliseconds: Option<f64>) -> Option<f64> {
    milliseconds.map(|milliseconds| milliseconds / 1e3)
}

/// A word as it stands in JSON.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Writes all families of a kind of thing.
fn families<T>(text: &mut String, things: &[T], labels: impl Fn(&T) -> Labels, families: &[Family<T>]) {
    let mut seen = HashSet::new();
    let labelled: Vec<(String, &T)> = things.iter().map(|thing| (braces(&labels(thing)), thing)).collect();
    let labelled: Vec<_> = labelled.iter().filter(|(labels, _)| seen.insert(labels)).collect();
    for Family { name, kind, help, value } in families {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        // Text takes whatever is written to it.
        let _ = write!(text, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n");
        for (labels, thing) in &labelled {
            if let Some(value) = value(thing).filter(|value| value.is_finite()) {
                let _ = writeln!(text, "{PREFIX}{name}{labels} {value}");
            }
        }
    }
}

/// Labels as they stand behind a name.
fn braces(labels: &Labels) -> String {
    let labels: Vec<String> = labels.iter().map(|(name, text)| format!("{name}=\"{}\"", escaped(text))).collect();
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Direction, Transport};

    #[test]
    fn a_port_is_a_sample_of_each_family_and_its_name_stands_in_quotes() {
        let port = PortStatus {
            name: "A \"B\"\\\nC".to_owned(),
            transport: Transport::Applemidi,
            direction: Direction::Both,
            address: None,
            state: PortState::Away,
            messages_in: 3,
            messages_out: 4,
            dropped: 5,
            pace: None,
            delay: None,
        };
        let text = print(&Status { ports: vec![port.clone(), port], uptime_s: 1.5, ..Status::default() });
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("_port_")).collect();
        let labels = r#"{port="A \"B\"\\\nC",transport="applemidi"}"#;
        assert_eq!(lines[0], "# HELP rtpmidi_bridge_port_up Whether anybody is behind a port.");
        assert_eq!(lines[1], "# TYPE rtpmidi_bridge_port_up gauge");
        assert_eq!(lines[2], format!("rtpmidi_bridge_port_up{labels} 0"));
        assert_eq!(lines[5], format!("rtpmidi_bridge_port_received_messages_total{labels} 3"));
        assert_eq!(lines.len(), 12, "the second one of the same name is left out: {text}");
        assert!(text.contains("\nrtpmidi_bridge_uptime_seconds 1.5\n"), "{text}");
    }
}
