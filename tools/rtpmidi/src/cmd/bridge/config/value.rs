//! Values that several keys have.

use std::net::SocketAddr;

use port_rules::{Error, Rules, Text};
use serde::Deserialize;

use crate::cmd::bridge::EXPORT;
use crate::cmd::bridge::metrics::address;
use crate::cmd::bridge::options::whom;
use crate::cmd::session::Admit;
use crate::cpu_latency;
use crate::ports::rules::without_lines;

/// The control port of a session.
#[derive(Deserialize)]
#[serde(try_from = "u16")]
pub(super) struct Port(pub(super) u16);

/// How many may take part.
#[derive(Deserialize)]
#[serde(try_from = "u32")]
pub(super) struct Participants(pub(super) usize);

/// How long a core may take to wake.
#[derive(Deserialize)]
#[serde(try_from = "u32")]
pub(super) struct Microseconds(pub(super) u32);

/// Who may.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Whom(Admit);

/// All who may.
pub(super) fn names(all: Vec<Whom>) -> Vec<Admit> {
    all.into_iter().map(|Whom(admit)| admit).collect()
}

/// Where metrics are.
#[derive(Deserialize)]
#[serde(try_from = "Place")]
pub(super) struct Metrics(pub(super) SocketAddr);

/// A port alone, or an address with one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Place {
    Port(u16),
    Address(String),
}

/// A name in any form that it has in rules.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Pattern(pub(super) Text);

/// Ports that are exported, as rules.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Export(pub(super) Rules);

/// What sessions are called that are to be ports, or are not.
pub(in crate::cmd::bridge) fn pattern(text: &str) -> Result<Text, String> {
    text.parse().map_err(|error| words(text, &error))
}

/// The rule that exports ports, which are called as in rules.
pub(in crate::cmd::bridge) fn export(ports: &str) -> Result<Rules, String> {
    let parsed = Rules::parse(&format!("{ports} <-> \"{EXPORT}\""));
    match parsed.errors.first() {
        Some(error) => Err(words(ports, error)),
        None => Ok(without_lines(parsed).rules),
    }
}

/// What is wrong with a text, which is shorter than a line.
fn words(text: &str, error: &Error) -> String {
    format!("{text:?}, character {}: {} ({})", error.column, error.fault, error.fault.hint())
}

impl TryFrom<Place> for Metrics {
    type Error = String;

    fn try_from(place: Place) -> Result<Self, String> {
        let text = match place {
            Place::Port(port) => port.to_string(),
            Place::Address(text) => text,
        };
        address(&text).map(Self)
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        pattern(&text).map(Self)
    }
}

impl TryFrom<String> for Export {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        export(&text).map(Self)
    }
}

impl TryFrom<u16> for Port {
    type Error = String;

    fn try_from(port: u16) -> Result<Self, String> {
        if port < u16::MAX { Ok(Self(port)) } else { Err(format!("{port} has no port above it for the data")) }
    }
}

impl TryFrom<u32> for Participants {
    type Error = String;

    fn try_from(count: u32) -> Result<Self, String> {
        if (1..=10_000).contains(&count) {
            Ok(Self(count as usize))
        } else {
            Err("from 1 to 10000 may take part".to_owned())
        }
    }
}

impl TryFrom<u32> for Microseconds {
    type Error = String;

    fn try_from(most: u32) -> Result<Self, String> {
        if i64::from(most) <= cpu_latency::MOST {
            Ok(Self(most))
        } else {
            Err(format!("a core wakes within {} microseconds in any case", cpu_latency::MOST))
        }
    }
}

impl TryFrom<String> for Whom {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // The place is that of the whole list.
        whom(&text).map(Self).map_err(|why| format!("{text:?}: {why}"))
    }
}
