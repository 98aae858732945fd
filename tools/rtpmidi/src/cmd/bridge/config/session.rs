//! `[[session]]`: sessions that are announced beside that of the bridge.

use serde::{Deserialize, Deserializer, de::Error};

use super::value::{Participants, Port, Whom, names};
use crate::cmd::session::Admit;

/// A session that others join.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// What it is announced as.
    #[serde(deserialize_with = "name")]
    pub(crate) name: String,
    /// Its control port; 0 takes any two.
    #[serde(default, deserialize_with = "port")]
    pub(crate) port: u16,
    /// Whose invitations are accepted; of those whom the bridge admits if nobody is named.
    #[serde(default, deserialize_with = "admit")]
    pub(crate) admit: Option<Vec<Admit>>,
    /// How many may take part; as many as in the session of the bridge if nothing is said.
    #[serde(default, deserialize_with = "participants")]
    pub(crate) participants: Option<usize>,
}

fn name<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    let name = String::deserialize(value)?;
    if name.trim().is_empty() { Err(D::Error::custom("a session has a name")) } else { Ok(name) }
}

fn port<'de, D: Deserializer<'de>>(value: D) -> Result<u16, D::Error> {
    Port::deserialize(value).map(|Port(port)| port)
}

fn admit<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Vec<Admit>>, D::Error> {
    Vec::<Whom>::deserialize(value).map(names).map(Some)
}

fn participants<'de, D: Deserializer<'de>>(value: D) -> Result<Option<usize>, D::Error> {
    Participants::deserialize(value).map(|Participants(count)| Some(count))
}
