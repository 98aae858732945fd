//! What holds of whatever is said to a bridge, and of whatever it says. Fuzzing calls these, too.

#![allow(dead_code, reason = "each user takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a panic is how a law is broken")]

use std::collections::HashSet;

use bridge_control::http::{self, Asked};
use bridge_control::request::Reply;
use bridge_control::status::{
    ConnectionStatus, Direction, Origin, PeerState, PeerStatus, PortState, PortStatus, Status, Transport,
};
use bridge_control::{metrics, rpc};
use serde_json::Value;

/// A line is read and asked again alike, or refused by a line that is JSON-RPC; and no answer is too strange.
pub(crate) fn a_line_is_understood_or_refused(line: &[u8]) {
    let refusal = match rpc::read(line) {
        Ok(call) => {
            let again = rpc::read(rpc::ask(&call.request).as_bytes()).unwrap();
            assert_eq!(again.request, call.request);
            rpc::answer(&call.id.unwrap_or_default(), Reply::Refused(String::from_utf8_lossy(line).into_owned()))
        }
        Err((id, fault)) => rpc::refuse(&id, &fault),
    };
    assert!(!refusal.contains('\n'), "an answer is one line: {refusal}");
    let refusal: Value = serde_json::from_str(&refusal).unwrap();
    assert!(refusal["jsonrpc"] == "2.0" && refusal["error"]["code"].is_i64(), "{refusal}");
    let _ = rpc::result(line);
}

/// A request is understood whole whatever it came in pieces of, and every answer has the length that it says.
pub(crate) fn a_request_is_answered(octets: &[u8]) {
    let octets = &octets[..octets.len().min(http::LONGEST)];
    let asked = http::read(octets);
    assert!(asked.is_some() || octets.len() < http::LONGEST, "it would be waited for without end");
    if let Some(Asked::Metrics | Asked::Head) = asked {
        // Whoever has a part of it waits, and does not refuse.
        let earlier = (0..octets.len()).find_map(|length| http::read(&octets[..length]));
        assert!(earlier.is_none_or(|earlier| Some(earlier) == asked), "{earlier:?}");
    }
    if let Some(Asked::Other(refusal)) = asked {
        let answer = http::refuse(refusal);
        let (head, words) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", words.len())), "{answer}");
    }
}

/// Whatever things are called, their metrics are lines of the format, no two of them of the same series, and labels say
/// the names.
pub(crate) fn metrics_are_well_formed(names: &[String]) {
    let text = metrics::print(&status(names));
    assert!(text.ends_with('\n'));
    let (mut series, mut found) = (HashSet::new(), HashSet::new());
    for line in text.split_terminator('\n') {
        if let Some(comment) = line.strip_prefix("# ") {
            assert!(
                comment.starts_with("HELP rtpmidi_bridge_") || comment.starts_with("TYPE rtpmidi_bridge_"),
                "{line}"
            );
            continue;
        }
        let (name, labels, value) = sample(line);
        assert!(name.starts_with("rtpmidi_bridge_") && value.parse::<f64>().unwrap().is_finite(), "{line}");
        found.extend(labels.iter().map(|(_, text)| text.clone()));
        assert!(series.insert((name, labels)), "twice: {line}");
    }
    assert!(names.iter().all(|name| found.contains(name)), "{names:?} {text}");
}

/// Name, labels and value of a line, read as the format has it.
fn sample(line: &str) -> (String, Vec<(String, String)>, &str) {
    let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
    assert!(name.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_'), "{line}");
    let mut labels = Vec::new();
    let mut rest = rest;
    while let Some(inner) = rest.strip_prefix(['{', ',']) {
        let (label, value) = inner.split_once("=\"").unwrap();
        let (mut text, mut characters) = (String::new(), value.char_indices());
        let end = loop {
            match characters.next().unwrap() {
                (end, '"') => break end,
                (_, '\\') => text.push(match characters.next().unwrap().1 {
                    'n' => '\n',
                    escaped @ ('\\' | '"') => escaped,
                    other => panic!("\\{other} in {line}"),
                }),
                (_, character) => text.push(character),
            }
        };
        labels.push((label.to_owned(), text));
        rest = &value[end + 1..];
    }
    let value = rest.strip_prefix('}').unwrap_or(rest).strip_prefix(' ').unwrap();
    (name.to_owned(), labels, value)
}

/// A status in which all have these names.
fn status(names: &[String]) -> Status {
    let port = |name: &String| PortStatus {
        name: name.clone(),
        transport: Transport::Alsa,
        direction: Direction::Both,
        address: Some(name.clone()),
        state: PortState::There,
        messages_in: u64::MAX,
        messages_out: 0,
        dropped: 1,
        pace: None,
        delay: None,
    };
    let connection = |name: &String| ConnectionStatus {
        from: name.clone(),
        to: name.clone(),
        origin: Origin::Rule(name.clone()),
        filter: None,
        muted: true,
        loop_ms: Some(f64::MAX),
        messages: 7,
    };
    let peer = |name: &String| PeerStatus {
        name: name.clone(),
        addresses: vec![name.clone()],
        state: PeerState::Open,
        since_s: 0.0,
        latency_ms: Some(f64::NAN),
        deviation_ms: None,
        drift_ppm: f64::INFINITY,
        lost: 0,
        repairs: 1,
        notes_begun: 4,
        notes_ended: 5,
        messages_in: 2,
        messages_out: 3,
    };
    Status {
        name: names.first().cloned().unwrap_or_default(),
        port: Some(5004),
        uptime_s: 0.1,
        real_time: true,
        cpu_latency_us: Some(20),
        ports: names.iter().map(port).collect(),
        connections: names.iter().map(connection).collect(),
        peers: names.iter().map(peer).collect(),
        warnings: names.to_vec(),
    }
}
