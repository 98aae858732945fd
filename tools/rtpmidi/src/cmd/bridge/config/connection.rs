//! `[[connection]]`: what is connected beside the rules, and what gets through.

use port_rules::{Parsed, Rule, Rules};
use serde::Deserialize;
use toml::Spanned;

use super::Connections;
use super::fault::Fault;
use crate::cmd::bridge::passage::{Channels, KindName, Passage};
use crate::description::place;

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connection {
    /// The ports that play, as rules call them.
    from: Spanned<String>,
    /// The ports that are played to.
    to: Spanned<String>,
    /// Kinds of messages that are kept back.
    #[serde(default)]
    without: Vec<KindName>,
    /// The channels that get through, and what becomes of them.
    #[serde(default)]
    channels: Vec<Channels>,
    /// Half tones that notes are moved up.
    #[serde(default)]
    transpose: i8,
}

/// Reads all of them, which stand in this text.
pub(super) fn read(all: Vec<Connection>, text: &str) -> Result<Connections, Fault> {
    let mut connections = Connections::default();
    for Connection { from, to, without, channels, transpose } in all {
        for port in [&from, &to] {
            // A tap has no connection of its own, and neither an arrow nor a comment is a port.
            let alone = Rules::parse(&format!("{} --> *", port.get_ref()));
            let is_whole = alone.rules.len() == 1 && alone.rules.to_string().trim_end().ends_with(" --> *");
            if !is_whole || port.get_ref().trim_start().starts_with('@') {
                return Err(fault(text, port, &alone));
            }
        }
        let rule = Rules::parse(&format!("{} --> {}", from.get_ref(), to.get_ref()));
        if rule.rules.len() != 1 {
            return Err(fault(text, &to, &rule));
        }
        let place = place(text, from.span().start);
        let line = place.split(':').nth(1).and_then(|line| line.parse().ok()).unwrap_or(0);
        let rule = rule.rules.iter().map(|rule| Rule { line, ..rule.clone() });
        connections.rules.extend(Rules::new(rule).expect("it has been checked"));
        connections.passages.push(Passage { without, channels, transpose });
    }
    Ok(connections)
}

fn fault(text: &str, port: &Spanned<String>, read: &Parsed) -> Fault {
    let (message, hint) = match read.errors.first() {
        Some(error) => (error.fault.to_string(), error.fault.hint().to_string()),
        None => ("these are no ports".to_owned(), "they are called as in rules: \"Piano\", organ*, .hw".to_owned()),
    };
    let message = format!("{:?}: {message}", port.get_ref());
    Fault { place: place(text, port.span().start), message, hint: Some(hint) }
}
