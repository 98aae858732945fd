//! The properties that both elements have: which session they belong to, and what they want of it.

use std::net::{IpAddr, SocketAddr};

use gst::glib;
use gst::prelude::*;

use crate::wishes::{Journal, MTU, PARTICIPANTS, Whom, Wishes};

/// What an element says of its session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// The session; the one with the name of this machine if there is none.
    pub(crate) name: Option<String>,
    pub(crate) wishes: Wishes,
    /// Whom the session calls on behalf of the element, as the property has it.
    peers: Option<String>,
}

impl Setup {
    pub(crate) fn set(&mut self, property: &str, value: &glib::Value) {
        const TYPED: &str = "GObject checks type and range of a value before it sets a property";
        let text = || value.get::<Option<String>>().expect(TYPED).filter(|text| !text.is_empty());
        let wishes = &mut self.wishes;
        match property {
            "session-name" => self.name = text(),
            "port" => wishes.port = Some(value.get().expect(TYPED)).filter(|port| *port > 0),
            "address" => wishes.address = text(),
            "interface" => wishes.interface = text(),
            "announce" => wishes.announce = Some(value.get().expect(TYPED)),
            "admission" => wishes.admission = Some(value.get().expect(TYPED)),
            "admitted" => wishes.admitted = text(),
            "participants" => wishes.participants = Some(value.get().expect(TYPED)),
            "journal" => wishes.journal = Some(value.get().expect(TYPED)),
            "mtu" => wishes.mtu = Some(value.get().expect(TYPED)),
            "running-status" => wishes.running_status = Some(value.get().expect(TYPED)),
            "peers" => self.peers = text(),
            _ => {}
        }
    }

    /// The value of one of these properties; the element itself knows the others.
    pub(crate) fn get(&self, property: &str) -> Option<glib::Value> {
        let wishes = &self.wishes;
        Some(match property {
            "session-name" => self.name.to_value(),
            "port" => wishes.port().to_value(),
            "address" => wishes.address.to_value(),
            "interface" => wishes.interface.to_value(),
            "announce" => wishes.is_announced().to_value(),
            "admission" => wishes.admission().to_value(),
            "admitted" => wishes.admitted.to_value(),
            "participants" => wishes.participants().to_value(),
            "journal" => wishes.journal().to_value(),
            "mtu" => wishes.mtu().to_value(),
            "running-status" => wishes.has_running_status().to_value(),
            "peers" => self.peers.to_value(),
            _ => return None,
        })
    }

    /// The name of the session.
    pub(crate) fn session(&self) -> String {
        self.name.clone().unwrap_or_else(machine)
    }

    /// Whom the session calls on behalf of the element.
    pub(crate) fn peers(&self) -> Vec<String> {
        self.peers.as_deref().map(split).unwrap_or_default()
    }
}

/// The properties.
pub(crate) fn properties() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecString::builder("session-name")
            .nick("Session name")
            .blurb("The session, as others see it; elements of one process with the same name share it [default: the name of this machine]")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("port")
            .nick("Control port")
            .blurb("The control port, with the data port above it; 0 takes any two")
            .maximum(65_534)
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("address")
            .nick("Address")
            .blurb("The address of this machine that the session is on [default: all of them]")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("interface")
            .nick("Network interface")
            .blurb("Where the session is announced and others are looked for by multicast DNS [default: all but loopback]")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("announce")
            .nick("Announce")
            .blurb("Announce the session by multicast DNS, so that others see it in their lists")
            .default_value(true)
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default("admission", Whom::default())
            .nick("Admission")
            .blurb("Whose invitations are accepted")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("admitted")
            .nick("Admitted")
            .blurb("Addresses and networks such as 192.0.2.0/24 that admission means, separated by commas")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("participants")
            .nick("Participants")
            .blurb("How many may take part")
            .minimum(1)
            .maximum(10_000)
            .default_value(PARTICIPANTS)
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default("journal", Journal::default())
            .nick("Recovery journal")
            .blurb("What packets repeat of earlier ones; some peers cannot read packets that have a journal")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("mtu")
            .nick("MTU")
            .blurb("Maximum size of one packet; System Exclusives that do not fit go out in segments")
            .minimum(200)
            .maximum(65_507)
            .default_value(MTU)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("running-status")
            .nick("Running status")
            .blurb("Leave out status octets that are that of the message before; some peers cannot read that")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("peers")
            .nick("Peers")
            .blurb(
                "Whom to invite, and to invite again whenever they are gone: HOST[:PORT], or names under which sessions \
                 are announced; separated by commas, a comma in a name is \\,",
            )
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("What the session has come to")
            .read_only()
            .build(),
    ]
}

/// Whether a peer is a number and not a name that must be looked for.
pub(crate) fn is_address(peer: &str) -> bool {
    peer.parse::<IpAddr>().is_ok() || peer.parse::<SocketAddr>().is_ok()
}

/// The name of this machine.
pub(crate) fn machine() -> String {
    glib::host_name().to_string()
}

/// The name of a peer, as the property `peers` has it among others.
pub fn escape_peer(name: &str) -> String {
    name.replace('\\', "\\\\").replace(',', "\\,")
}

/// The parts between commas that are not escaped.
pub(crate) fn split(text: &str) -> Vec<String> {
    let (mut parts, mut characters) = (vec![String::new()], text.chars());
    while let Some(character) = characters.next() {
        match (character, parts.last_mut()) {
            (',', _) => parts.push(String::new()),
            ('\\', Some(part)) => part.extend(characters.next()),
            (other, Some(part)) => part.push(other),
            (_, None) => {}
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_come_back_whole() {
        let names = ["192.0.2.7:5006", "Mike's Mac, old", "a\\b"];
        assert_eq!(split(&names.map(escape_peer).join(", ")), names);
        assert_eq!(split(" , ,x,"), ["x"]);
    }
}
