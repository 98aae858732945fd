//! What stands in the lists of the screen: a line for each peer, connection and port.

use std::collections::{HashMap, VecDeque};

use ratatui::symbols::bar::NINE_LEVELS;

use super::super::words;
use crate::cmd::bridge::status::{ConnectionStatus, PeerState, PeerStatus, PortState, PortStatus, Status};
use crate::description::printable;

/// A list of the screen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum List {
    Peers,
    Connections,
    Ports,
}

/// A line of a list.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    /// The thing it stands for; of a connection its two ports.
    pub(super) of: (String, String),
    pub(super) cells: Vec<String>,
    /// Messages a second, both ways.
    pub(super) rate: f64,
}

/// How many messages a thing has had, each way.
pub(super) type Counts = HashMap<(List, String, String), (u64, u64)>;

/// What has been seen of a peer's latency, in milliseconds; the latest stands last.
pub(super) type Latencies = HashMap<String, VecDeque<f64>>;

impl List {
    pub(super) const ALL: [Self; 3] = [Self::Peers, Self::Connections, Self::Ports];

    /// What each of its lines is.
    pub(super) const fn thing(self) -> &'static str {
        match self {
            Self::Peers => "session",
            Self::Connections => "connection",
            Self::Ports => "port",
        }
    }

    /// What stands above each column, and how wide it is; 0 has a part of what is left, or nothing where no line has
    /// anything there.
    pub(super) const fn columns(self) -> &'static [(&'static str, u16)] {
        match self {
            Self::Peers => &[
                ("peer", 0),
                ("state", 10),
                ("latency", 17),
                ("", LATENCIES as u16),
                ("lost", 7),
                ("saved", 7),
                ("in/s", 7),
                ("out/s", 7),
            ],
            Self::Connections => {
                &[("from", 0), ("to", 0), ("by", 8), ("state", 9), ("filter", 0), ("messages", 10), ("per s", 7)]
            }
            Self::Ports => &[
                ("port", 0),
                ("transport", 14),
                ("state", 6),
                ("pace, delay", 0),
                ("in/s", 7),
                ("out/s", 7),
                ("dropped", 8),
            ],
        }
    }
}

/// Latencies that are shown of a peer.
pub(super) const LATENCIES: usize = 16;

/// How many messages all things have had.
pub(super) fn counts(status: &Status) -> Counts {
    let peers = status
        .peers
        .iter()
        .map(|it| ((List::Peers, it.name.clone(), String::new()), (it.messages_in, it.messages_out)));
    let connections =
        status.connections.iter().map(|it| ((List::Connections, it.from.clone(), it.to.clone()), (it.messages, 0)));
    let ports = status
        .ports
        .iter()
        .map(|it| ((List::Ports, it.name.clone(), String::new()), (it.messages_in, it.messages_out)));
    peers.chain(connections).chain(ports).collect()
}

/// The lines of a list. `rates` says how many messages a second come and go.
pub(super) fn of(
    list: List,
    status: &Status,
    latencies: &Latencies,
    rates: impl Fn(&(List, String, String)) -> (f64, f64),
) -> Vec<Line> {
    let line = |of: (String, String), cells: &dyn Fn((f64, f64)) -> Vec<String>| {
        let rate = rates(&(list, of.0.clone(), of.1.clone()));
        Line { of, cells: cells(rate), rate: rate.0 + rate.1 }
    };
    match list {
        List::Peers => status
            .peers
            .iter()
            .map(|it| line((it.name.clone(), String::new()), &|rate| peer(it, latencies.get(&it.name), rate)))
            .collect(),
        List::Connections => status
            .connections
            .iter()
            .map(|it| line((it.from.clone(), it.to.clone()), &|rate| connection(it, rate)))
            .collect(),
        List::Ports => {
            status.ports.iter().map(|it| line((it.name.clone(), String::new()), &|rate| port(it, rate))).collect()
        }
    }
}

fn peer(peer: &PeerStatus, latencies: Option<&VecDeque<f64>>, (came, went): (f64, f64)) -> Vec<String> {
    let latency = peer.latency_ms.filter(|_| peer.state == PeerState::Open);
    let latency = latency.map(|mean| format!("{mean:.2} ± {:.2} ms", peer.deviation_ms.unwrap_or(0.0)));
    vec![
        printable(&peer.name),
        words::of_state(peer.state).to_owned(),
        latency.unwrap_or_default(),
        latencies.map(sparkline).unwrap_or_default(),
        peer.lost.to_string(),
        peer.repairs.to_string(),
        per_second(came),
        per_second(went),
    ]
}

fn connection(connection: &ConnectionStatus, (rate, _): (f64, f64)) -> Vec<String> {
    let state = match (connection.loop_ms, connection.muted) {
        (Some(_), _) => "cut: loop",
        (None, true) => "muted",
        (None, false) => "",
    };
    vec![
        printable(&connection.from),
        printable(&connection.to),
        words::by(&connection.origin).to_owned(),
        state.to_owned(),
        connection.filter.as_ref().map(ToString::to_string).unwrap_or_default(),
        connection.messages.to_string(),
        per_second(rate),
    ]
}

fn port(port: &PortStatus, (came, went): (f64, f64)) -> Vec<String> {
    let state = if port.state == PortState::Away { "away" } else { "" };
    vec![
        printable(&port.name),
        words::of_transport(port.transport).to_owned(),
        state.to_owned(),
        settings(port),
        per_second(came),
        per_second(went),
        port.dropped.to_string(),
    ]
}

/// How fast a port is played to, and how much later it is heard, where that is not as fast and as soon as may be.
fn settings(port: &PortStatus) -> String {
    let mut words = Vec::new();
    if let Some(pace) = &port.pace {
        let is_slow = pace.octets_per_second < u32::MAX;
        words.extend(is_slow.then(|| format!("{}/s", pace.octets_per_second)));
        words.extend(pace.segment.map(|segment| format!("{:.0} ms per {segment}", pace.gap_ms)));
        words.extend((pace.waiting > 0).then(|| format!("{} wait", pace.waiting)));
    }
    if let Some(delay) = &port.delay {
        words.push(format!("+{:.1} ms{}", delay.ms, if delay.auto { " auto" } else { "" }));
        words.extend((delay.late > 0).then(|| format!("{} late", delay.late)));
    }
    words.join(", ")
}

/// A bar for each value, as high as it is beside the highest one.
fn sparkline(values: &VecDeque<f64>) -> String {
    let highest = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let bars = [
        NINE_LEVELS.one_eighth,
        NINE_LEVELS.one_quarter,
        NINE_LEVELS.three_eighths,
        NINE_LEVELS.half,
        NINE_LEVELS.five_eighths,
        NINE_LEVELS.three_quarters,
        NINE_LEVELS.seven_eighths,
        NINE_LEVELS.full,
    ];
    let bar = |value: &f64| bars[((value / highest * 7.0).round() as usize).min(7)];
    values.iter().map(bar).collect()
}

/// Nothing where nothing goes on, so that what does is seen.
fn per_second(rate: f64) -> String {
    if rate < 0.05 {
        String::new()
    } else if rate < 10.0 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_latency_is_a_full_bar_and_there_may_be_none() {
        assert_eq!(sparkline(&VecDeque::from([0.0, 0.5, 1.0])), "▁▅█");
        assert_eq!(sparkline(&VecDeque::from([0.0])), "▁");
        assert_eq!(sparkline(&VecDeque::new()), "");
    }

    #[test]
    fn a_rate_is_as_exact_as_it_is_low() {
        assert_eq!([0.0, 0.04, 1.25, 99.6].map(per_second), ["", "", "1.2", "100"]);
    }
}
