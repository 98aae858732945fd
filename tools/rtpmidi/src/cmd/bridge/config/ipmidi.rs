//! `[[ipmidi]]`: groups of raw multicast MIDI, as ipMIDI and QmidiNet have them.

use std::net::IpAddr;

use ipmidi::Destination;
use serde::{Deserialize, Deserializer, de::Error};

/// A group, or some hosts.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Group {
    /// How many ports of it there are, from the first one on.
    #[serde(deserialize_with = "ports")]
    pub(crate) ports: u16,
    /// The group.
    #[serde(rename = "group", deserialize_with = "group")]
    pub(crate) address: IpAddr,
    /// The UDP port of its first MIDI port.
    #[serde(rename = "base-port")]
    pub(crate) base: u16,
    /// The network interface in whose network it is; where the route to it leads if none is named.
    pub(crate) interface: Option<String>,
    /// How many networks its datagrams may pass, and one more.
    pub(crate) ttl: u8,
    /// Whether other programs on this machine hear what is sent.
    #[serde(rename = "loop")]
    pub(crate) is_looped: bool,
    /// Hosts that are played to and heard instead of a group.
    pub(crate) peers: Vec<IpAddr>,
}

/// More ports than any program has.
pub(crate) const MOST: u16 = 128;

/// How many ports there can be.
pub(crate) fn check(ports: u16) -> Result<u16, String> {
    if (1..=MOST).contains(&ports) { Ok(ports) } else { Err(format!("a group has from 1 to {MOST} ports")) }
}

fn ports<'de, D: Deserializer<'de>>(value: D) -> Result<u16, D::Error> {
    check(u16::deserialize(value)?).map_err(D::Error::custom)
}

fn group<'de, D: Deserializer<'de>>(value: D) -> Result<IpAddr, D::Error> {
    let address = IpAddr::deserialize(value)?;
    if address.is_multicast() {
        Ok(address)
    } else {
        Err(D::Error::custom(format!("{address} is no multicast group; peers are single hosts")))
    }
}

impl Default for Group {
    fn default() -> Self {
        let Destination { address, base } = Destination::V4;
        Self { ports: 1, address, base, interface: None, ttl: 1, is_looped: true, peers: Vec::new() }
    }
}
