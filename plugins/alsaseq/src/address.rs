//! Ports of the sequencer: which there are, and how one is named.

use std::fmt;

use alsa::seq::{Addr, ClientIter, PortCap, PortIter, PortType};
use alsa::{Direction, Seq};

/// A port that somebody can connect to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Port {
    pub(crate) address: Addr,
    pub(crate) client: String,
    pub(crate) name: String,
    pub(crate) is_hardware: bool,
    capability: u32,
}

impl Port {
    /// All there are that may be connected to, in order. What belongs to the system itself does not count.
    pub(crate) fn all(seq: &Seq) -> Vec<Self> {
        let mut ports = Vec::new();
        for client in ClientIter::new(seq).filter(|client| client.get_client() != Addr::system_announce().client) {
            let name = client.get_name().unwrap_or_default().to_owned();
            for port in PortIter::new(seq, client.get_client()) {
                let capability = port.get_capability();
                if !capability.contains(PortCap::NO_EXPORT) {
                    ports.push(Self {
                        address: port.addr(),
                        client: name.clone(),
                        name: port.get_name().unwrap_or_default().trim_end().to_owned(),
                        is_hardware: port.get_type().contains(PortType::HARDWARE),
                        capability: capability.bits(),
                    });
                }
            }
        }
        ports
    }

    /// Whether it is called as another one is.
    pub(crate) fn has_names_of(&self, other: &Self) -> bool {
        (&self.client, &self.name) == (&other.client, &other.name)
    }

    /// Whether one can read from it (capture), or write to it (playback), by a connection.
    pub(crate) const fn allows(&self, direction: Direction) -> bool {
        let wanted = match direction {
            Direction::Capture => PortCap::READ.union(PortCap::SUBS_READ),
            Direction::Playback => PortCap::WRITE.union(PortCap::SUBS_WRITE),
        };
        self.capability & wanted.bits() == wanted.bits()
    }
}

/// `client:port`, each by number or by name; without a port it is the first one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pattern {
    text: String,
    client: String,
    port: Option<String>,
}

impl Pattern {
    /// Reads a list with commas. A backslash takes its meaning from the comma, colon or backslash behind it.
    pub(crate) fn list(text: &str) -> Vec<Self> {
        let pieces = split(text, ',').into_iter().filter(|piece| !piece.trim().is_empty());
        pieces.map(|piece| Self::parse(piece.trim())).collect()
    }

    fn parse(text: &str) -> Self {
        // What stands behind the last colon is the port; names of clients have colons more often.
        let mut pieces = split(text, ':');
        let port = if pieces.len() > 1 { pieces.pop() } else { None };
        let port = port.map(|port| plain(port.trim())).filter(|port| !port.is_empty());
        Self { text: plain(text), client: plain(pieces.join(":").trim()), port }
    }

    /// The one of `ports` that is meant: the first of those that are called exactly so, or else of those whose names
    /// begin so.
    pub(crate) fn find<'a>(&self, ports: &'a [Port], direction: Direction) -> Option<&'a Port> {
        let fit = |port: &Port| {
            let client = fit(&self.client, port.address.client, &port.client)?;
            let port = self.port.as_ref().map_or(Some(Fit::Exact), |name| fit(name, port.address.port, &port.name))?;
            Some((client, port))
        };
        let candidates = ports.iter().filter(|port| port.allows(direction));
        candidates.filter_map(|port| Some((fit(port)?, port))).min_by_key(|(fit, _)| *fit).map(|(_, port)| port)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How well a name fits; the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fit {
    Exact,
    Beginning,
}

fn fit(wanted: &str, number: i32, name: &str) -> Option<Fit> {
    if wanted == name || wanted.parse() == Ok(number) {
        return Some(Fit::Exact);
    }
    let is_number = wanted.parse::<i32>().is_ok();
    (!is_number && name.starts_with(wanted)).then_some(Fit::Beginning)
}

/// The text as a list of one has it: with backslashes where they are needed.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if matches!(character, ',' | ':' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Cuts at each `separator` without a backslash before it; backslashes stay.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut pieces, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        if character == separator && !escaped {
            pieces.push(&text[start..at]);
            start = at + separator.len_utf8();
        }
        escaped = character == '\\' && !escaped;
    }
    pieces.push(&text[start..]);
    pieces
}

/// The text without the backslashes that took a meaning away.
fn plain(text: &str) -> String {
    let (mut out, mut characters) = (String::new(), text.chars().peekable());
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match next.filter(|next| character == '\\' && matches!(next, ',' | ':' | '\\')) {
            Some(next) => {
                out.push(next);
                characters.next();
            }
            None => out.push(character),
        }
    }
    out
}

#[cfg(test)]
impl Port {
    /// A port for tests that can be read: number and name of client and port.
    pub(crate) fn made_up(client: (i32, &str), port: (i32, &str)) -> Self {
        Self {
            address: Addr { client: client.0, port: port.0 },
            client: client.1.to_owned(),
            name: port.1.to_owned(),
            is_hardware: false,
            capability: (PortCap::READ | PortCap::SUBS_READ).bits(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn studio() -> Vec<Port> {
        let port = Port::made_up;
        vec![
            port((14, "Midi Through"), (0, "Midi Through Port-0")),
            port((20, "Piano, left"), (0, "in: A")),
            port((20, "Piano, left"), (1, "out")),
            port((24, "Pianola"), (0, "out")),
            port((128, "Piano"), (3, "out 2")),
            port((129, "20"), (0, "x")),
        ]
    }

    fn found(text: &str) -> Vec<Option<(i32, i32)>> {
        let ports = studio();
        let place = |pattern: &Pattern| {
            pattern.find(&ports, Direction::Capture).map(|port| (port.address.client, port.address.port))
        };
        Pattern::list(text).iter().map(place).collect()
    }

    #[test]
    fn a_port_is_named_by_numbers_or_names() {
        assert_eq!(found("20:1"), [Some((20, 1))]);
        assert_eq!(found("Pianola:out, 128:out 2"), [Some((24, 0)), Some((128, 3))]);
        assert_eq!(found("Midi Through"), [Some((14, 0))]);
        assert_eq!(found("20:7,21:0,nobody:0"), [None, None, None]);
        assert!(found(" , ").is_empty());
    }

    #[test]
    fn the_exact_name_goes_before_the_beginning_of_one() {
        assert_eq!(found("Piano:out"), [Some((128, 3))]);
        assert_eq!(found("Pian:out"), [Some((20, 1))]);
        // A number is never the beginning of a name.
        assert_eq!(found("2:0"), [None]);
    }

    #[test]
    fn commas_and_colons_of_names_have_a_backslash() {
        assert_eq!(found(r"Piano\, left:in\: A,24:0"), [Some((20, 0)), Some((24, 0))]);
        let written = format!("{}:{}", escaped("Piano, left"), escaped("in: A"));
        assert_eq!(found(&written), [Some((20, 0))]);
        assert_eq!(Pattern::list(&written)[0].to_string(), "Piano, left:in: A");
    }

    #[test]
    fn a_port_that_cannot_be_read_is_not_read() {
        let ports = studio();
        assert_eq!(Pattern::list("20:1")[0].find(&ports, Direction::Playback), None);
    }
}
