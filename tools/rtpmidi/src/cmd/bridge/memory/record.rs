//! The text of what is remembered: JSON with a version, read with all bounds, so that no file takes more than its room.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cmd::bridge::bay::{MOST_SAYINGS, Saying, Sayings};
use crate::cmd::bridge::passage::Passage;

/// All that is remembered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// Who has been away for longest stands first.
    pub(super) peers: Vec<KnownPeer>,
    connections: Vec<Cable>,
    #[serde(default)]
    ports: Vec<Said>,
}

/// Somebody who has a port.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct KnownPeer {
    /// What he calls himself.
    pub(crate) name: String,
    /// What his port is called.
    pub(crate) port: String,
}

/// A connection of which a person wants something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Cable {
    from: String,
    to: String,
    #[serde(flatten)]
    will: Will,
}

/// A port of which a person has said something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Said {
    port: String,
    #[serde(flatten)]
    saying: Saying,
}

/// What a person wants of a connection.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Will {
    /// He has made it; a rule has if not.
    #[serde(default = "is_so")]
    pub(super) made: bool,
    #[serde(default)]
    pub(super) muted: bool,
    /// What gets through, if he has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) filter: Option<Passage>,
}

/// What a person wants, by the names of two ports.
pub(super) type Wills = BTreeMap<(String, String), Will>;

const VERSION: u32 = 1;

/// Peers that are remembered.
const MOST_PEERS: usize = 1024;

/// Connections that are remembered.
pub(super) const MOST_CABLES: usize = 4096;

/// Octets of a name. Those of ports are shorter, and no peer has a name that is longer.
const LONGEST_NAME: usize = 1024;

impl Record {
    /// What there is, without what would have no room.
    pub(super) fn new(peers: Vec<KnownPeer>, wills: &Wills, sayings: &Sayings) -> Self {
        let cable = |((from, to), will): (&(String, String), &Will)| Cable {
            from: from.clone(),
            to: to.clone(),
            will: will.clone(),
        };
        let said = |(port, saying): (&String, &Saying)| Said { port: port.clone(), saying: saying.clone() };
        let (connections, ports) = (wills.iter().map(cable).collect(), sayings.iter().map(said).collect());
        Self { version: VERSION, peers, connections, ports }.bounded()
    }

    /// Reads the text of a file; or says what is wrong with it.
    pub(super) fn parse(octets: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(octets).map_err(|error| error.to_string())?;
        if record.version == VERSION {
            Ok(record.bounded())
        } else {
            Err(format!("it is of version {}, and this program knows {VERSION}", record.version))
        }
    }

    /// What a person wants of connections.
    pub(super) fn wills(&self) -> Wills {
        self.connections.iter().map(|it| ((it.from.clone(), it.to.clone()), it.will.clone())).collect()
    }

    /// What a person has said of ports.
    pub(super) fn sayings(&self) -> Sayings {
        self.ports.iter().map(|it| (it.port.clone(), it.saying.clone())).collect()
    }

    fn bounded(mut self) -> Self {
        let is_name = |name: &str| !name.is_empty() && name.len() <= LONGEST_NAME;
        self.peers.retain(|peer| is_name(&peer.name) && is_name(&peer.port));
        self.connections.retain(|cable| is_name(&cable.from) && is_name(&cable.to));
        self.peers.drain(..self.peers.len().saturating_sub(MOST_PEERS));
        self.connections.truncate(MOST_CABLES);
        self.ports.retain(|said| is_name(&said.port));
        self.ports.truncate(MOST_SAYINGS);
        self
    }
}

impl Default for Record {
    fn default() -> Self {
        Self { version: VERSION, peers: Vec::new(), connections: Vec::new(), ports: Vec::new() }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}

const fn is_so() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::bridge::settings::PortSettings;
    use proptest::prelude::*;

    #[test]
    fn what_is_of_another_version_or_no_record_is_refused_with_the_reason() {
        let refused = |text: &str| Record::parse(text.as_bytes()).unwrap_err();
        assert!(refused(r#"{"version":2,"peers":[],"connections":[]}"#).contains("version 2"));
        assert!(refused("").contains("EOF") && refused("[]").contains("invalid"));
    }

    #[test]
    fn a_file_of_a_person_may_leave_out_what_is_usual() {
        let text = r#"{"version":1,"peers":[],"connections":[{"from":"a","to":"b"}]}"#;
        let pair = ("a".to_owned(), "b".to_owned());
        let will = Will { made: true, ..Will::default() };
        assert_eq!(Record::parse(text.as_bytes()).unwrap().wills(), Wills::from([(pair, will)]));
    }

    #[test]
    fn those_who_were_here_last_are_remembered() {
        let peer = |number: usize| KnownPeer { name: number.to_string(), port: "x".to_owned() };
        let record = Record::new((0..=MOST_PEERS).map(peer).collect(), &Wills::new(), &Sayings::new());
        assert_eq!((record.peers.len(), &record.peers[0].name[..]), (MOST_PEERS, "1"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(names in proptest::collection::vec((".{1,20}", ".{1,20}", any::<bool>()), 0..8)) {
            let peers = names.iter().map(|(name, port, _)| KnownPeer { name: name.clone(), port: port.clone() }).collect();
            let will = |made: &bool| Will {
                made: *made,
                muted: !made,
                filter: made.then(|| Passage { transpose: 7, ..Passage::default() }),
            };
            let wills = names.iter().map(|(from, to, made)| ((from.clone(), to.clone()), will(made))).collect();
            let said = |port: &String, made: bool| Saying {
                settings: serde_json::from_str(r#"{"pace": 500, "delay": "auto"}"#).unwrap(),
                over: if made { serde_json::from_str(&format!("{{\"segment\": {}}}", port.len())).unwrap() } else { PortSettings::default() },
            };
            let sayings = names.iter().map(|(_, port, made)| (port.clone(), said(port, *made))).collect();
            let record = Record::new(peers, &wills, &sayings);
            prop_assert_eq!(record.sayings(), sayings);
            prop_assert_eq!(Record::parse(record.to_string().as_bytes()).unwrap(), record);
        }

        #[test]
        fn no_text_is_too_strange(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::parse(&octets);
        }
    }
}
