//! The status of a bridge for people.

use std::fmt::Write;

use crate::cmd::bridge::status::{
    ConnectionStatus, DelayStatus, Direction, Origin, PaceStatus, PeerState, PeerStatus, PortState, PortStatus, Status,
    Transport,
};
use crate::description::printable;
use crate::report::plural;
use crate::time::minutes;

/// All of it, some lines for each kind of thing.
pub(super) fn of(status: &Status) -> String {
    let port = status.port.map_or_else(|| "no session".to_owned(), |port| format!("ports {port} and {}", port + 1));
    let real_time = if status.real_time { "  in real time" } else { "" };
    let awake = status.cpu_latency_us.map(|most| format!("  cores wake within {most} µs"));
    let up = minutes(status.uptime_s);
    let mut text = format!("{}  {port}  up {up}{real_time}{}", status.name, awake.unwrap_or_default());
    section(&mut text, "ports", status.ports.iter().map(of_port));
    section(&mut text, "connections", status.connections.iter().map(connection));
    section(&mut text, "peers", status.peers.iter().map(peer));
    section(&mut text, "warnings", status.warnings.iter().cloned());
    // Names come from the network.
    printable(&text)
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        text.push('\n');
        text.push_str(title);
    }
    for line in lines {
        // Text takes whatever is written to it.
        let _ = write!(text, "\n  {}", line.replace('\n', " "));
    }
}

/// Whose port it is.
pub(super) const fn of_transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Alsa => "ALSA",
        Transport::Applemidi => "AppleMIDI",
        Transport::Ipmidi => "raw multicast",
        Transport::Jack => "JACK",
        Transport::Rtp => "RTP",
        Transport::Rawmidi => "raw device",
        Transport::File => "recording",
    }
}

/// How a peer stands.
pub(super) const fn of_state(state: PeerState) -> &'static str {
    match state {
        PeerState::Away => "away",
        PeerState::Announced => "announced",
        PeerState::Called => "called",
        PeerState::Open => "takes part",
    }
}

/// Who has made a connection; nobody where the bridge has done it of itself.
pub(super) const fn by(origin: &Origin) -> &'static str {
    match origin {
        Origin::Own => "",
        Origin::Rule(_) => "a rule",
        Origin::Hand => "hand",
    }
}

fn of_port(port: &PortStatus) -> String {
    let transport = of_transport(port.transport);
    let direction = match port.direction {
        Direction::In => "plays",
        Direction::Out => "is played to",
        Direction::Both => "both ways",
    };
    let state = match port.state {
        PortState::There => "",
        PortState::Away => "  away",
    };
    let address = port.address.as_ref().map(|address| format!("  at {address}")).unwrap_or_default();
    let dropped = if port.dropped == 0 { String::new() } else { format!(", {} dropped", port.dropped) };
    let (came, went) = (plural(port.messages_in, "message"), port.messages_out);
    let [pace, delay] = [port.pace.as_ref().map(pace), port.delay.as_ref().map(delay)].map(Option::unwrap_or_default);
    format!("{}  {transport}  {direction}{state}{address}  {came} in, {went} out{dropped}{pace}{delay}", port.name)
}

fn pace(pace: &PaceStatus) -> String {
    let mut words = Vec::new();
    if pace.octets_per_second < u32::MAX {
        words.push(format!("{} octets a second", pace.octets_per_second));
    }
    if let Some(segment) = pace.segment {
        words.push(format!("{:.0} ms of rest behind {segment} octets", pace.gap_ms));
    }
    format!("  paced: {}; {} waiting", words.join(", "), pace.waiting)
}

fn delay(delay: &DelayStatus) -> String {
    let auto = if delay.auto { " (auto)" } else { "" };
    format!("  heard {:.1} ms later{auto}; {} waiting, {} late", delay.ms, delay.waiting, delay.late)
}

fn connection(connection: &ConnectionStatus) -> String {
    let origin = match &connection.origin {
        Origin::Own => String::new(),
        Origin::Rule(rule) => format!("  by the rule {rule}"),
        Origin::Hand => "  by hand".to_owned(),
    };
    let filter = connection.filter.as_ref().map(|filter| format!("  {filter}")).unwrap_or_default();
    let muted = if connection.muted { "  muted" } else { "" };
    let cut = connection.loop_ms.map(|trip| format!("  cut: what goes through it comes back within {trip:.1} ms"));
    let messages = plural(connection.messages, "message");
    format!("{} --> {}{origin}{filter}{muted}{}  {messages}", connection.from, connection.to, cut.unwrap_or_default())
}

fn peer(peer: &PeerStatus) -> String {
    let state = of_state(peer.state);
    let since = minutes(peer.since_s);
    let latency =
        peer.latency_ms.map(|mean| format!("  latency {mean:.2} ms ± {:.2}", peer.deviation_ms.unwrap_or(0.0)));
    let at = if peer.addresses.is_empty() { String::new() } else { format!("  at {}", peer.addresses.join(" ")) };
    let (lost, repairs) = (plural(peer.lost, "packet"), peer.repairs);
    let saved = match peer.notes_begun + peer.notes_ended {
        0 => String::new(),
        notes => format!(", {} saved", plural(notes, "note")),
    };
    let (came, went) = (plural(peer.messages_in, "message"), peer.messages_out);
    format!(
        "{}  {state} since {since}{at}{}  {lost} lost, {repairs} repaired{saved}  {came} in, {went} out",
        peer.name,
        latency.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::bridge::passage::Passage;

    #[test]
    fn what_is_there_is_listed_and_names_steer_no_terminal() {
        let port = PortStatus {
            name: "Piano\u{1b}[2J".to_owned(),
            transport: Transport::Applemidi,
            direction: Direction::Both,
            address: Some("192.0.2.7:5004".to_owned()),
            state: PortState::Away,
            messages_in: 1,
            messages_out: 2,
            dropped: 3,
            pace: Some(PaceStatus { octets_per_second: 3125, segment: Some(64), gap_ms: 20.0, waiting: 4 }),
            delay: Some(DelayStatus { ms: 10.0, auto: true, waiting: 5, late: 6 }),
        };
        let connection = ConnectionStatus {
            from: "Piano".to_owned(),
            to: "Organ".to_owned(),
            origin: Origin::Hand,
            filter: Some(Passage { transpose: -12, ..Passage::default() }),
            muted: true,
            loop_ms: Some(1.25),
            messages: 7,
        };
        let status = Status {
            name: "Studio".to_owned(),
            port: Some(5004),
            uptime_s: 83.0,
            real_time: true,
            cpu_latency_us: Some(20),
            ports: vec![port],
            connections: vec![connection],
            ..Status::default()
        };
        assert_eq!(
            of(&status),
            "Studio  ports 5004 and 5005  up 1:23  in real time  cores wake within 20 µs\n\
             ports\n  Piano\u{FFFD}[2J  AppleMIDI  both ways  away  at 192.0.2.7:5004  1 message in, 2 out, 3 dropped  \
             paced: 3125 octets a second, 20 ms of rest behind 64 octets; 4 waiting  \
             heard 10.0 ms later (auto); 5 waiting, 6 late\n\
             connections\n  Piano --> Organ  by hand  -12 half tones  muted  cut: what goes through it comes back within 1.2 ms  7 messages"
        );
    }
}
