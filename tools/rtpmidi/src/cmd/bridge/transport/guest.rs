//! Who has a port of the bridge by a session, whether he is there or not, and how he is known again.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use applemidi_io::{CallId, ParticipantId, Peer};

use crate::cmd::bridge::status::PeerState;

/// Somebody who has a port of the bay: he takes part in a session of ours, is announced, or is to be called.
pub(super) struct Guest {
    /// What he calls himself, or how he is called where that is not known.
    pub(super) name: String,
    /// The number of the session in which he takes part.
    pub(super) at: usize,
    /// Where he says to be, by multicast DNS.
    pub(super) announced: Vec<SocketAddr>,
    /// Where he said to be last.
    pub(super) place: Vec<SocketAddr>,
    /// Whether he is called whatever happens.
    pub(super) is_fixed: bool,
    /// Whether somebody wants to play with him.
    pub(super) is_wanted: bool,
    /// Whether he has been here or was wanted at any time, so that his port is kept for him.
    pub(super) is_known: bool,
    pub(super) call: Option<CallId>,
    pub(super) participant: Option<Participant>,
    /// Where the bay knows him to be.
    pub(super) control: Option<SocketAddr>,
    pub(super) since: Instant,
    pub(super) state: PeerState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Participant {
    pub(super) id: ParticipantId,
    pub(super) control: SocketAddr,
}

impl Guest {
    /// Whether he is to be in session with us.
    pub(super) const fn is_bound(&self) -> bool {
        self.is_fixed || self.is_wanted
    }

    /// Whether he, whose name is a host's with or without a control port, is called in the session that is announced as
    /// this peer, or takes part in it.
    pub(super) fn is_called_as(&self, peer: &Peer) -> bool {
        let address = self.name.parse().or_else(|_| self.name.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, CONTROL)));
        let called = address.ok().or(self.participant.map(|it| it.control));
        let with_port = self.name.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = with_port.unwrap_or((&self.name, CONTROL));
        let is_there = |port| peer.addresses.iter().any(|address| address.port() == port);
        called.is_some_and(|address| peer.addresses.contains(&address))
            || host.trim_end_matches('.').eq_ignore_ascii_case(peer.host.trim_end_matches('.')) && is_there(port)
    }

    /// Whether somebody of another name at these addresses may be he: with the same ports, or as the same device of a host
    /// that calls itself otherwise, whose session may have another port each time.
    pub(super) fn could_be(&self, name: &str, addresses: &[SocketAddr]) -> bool {
        let device = |name: &str| name.split_once('/').map(|(_, device)| device.to_owned());
        match (device(&self.name), device(name)) {
            (None, None) => addresses.iter().any(|address| self.place.contains(address)),
            (before, now) => before == now && addresses.iter().any(|address| is_among(*address, &self.place)),
        }
    }
}

/// The control port of a host that is called without one.
const CONTROL: u16 = 5004;

/// Whether somebody is where he is announced; he may have the session at another port of that host.
pub(super) fn is_among(control: SocketAddr, announced: &[SocketAddr]) -> bool {
    announced.iter().any(|address| address.ip().to_canonical() == control.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(name: &str) -> Guest {
        Guest {
            name: name.to_owned(),
            at: 0,
            announced: Vec::new(),
            place: vec![([192, 0, 2, 7], 5004).into()],
            is_fixed: false,
            is_wanted: false,
            is_known: true,
            call: None,
            participant: None,
            control: None,
            since: Instant::now(),
            state: PeerState::Away,
        }
    }

    #[test]
    fn who_is_called_by_his_host_is_the_one_that_is_announced_there() {
        let addresses = vec![([192, 0, 2, 7], 5006).into(), ([192, 0, 2, 7], 5004).into()];
        let organ = Peer { name: "Organ".to_owned(), host: "organ.local.".to_owned(), addresses };
        for name in ["192.0.2.7", "192.0.2.7:5006", "organ.local", "Organ.local:5004"] {
            assert!(guest(name).is_called_as(&organ), "{name}");
        }
        for name in ["192.0.2.8", "192.0.2.7:5008", "organ.local:5008", "piano.local", "organ"] {
            assert!(!guest(name).is_called_as(&organ), "{name}");
        }
    }

    #[test]
    fn who_calls_himself_otherwise_is_known_by_his_place_and_a_device_by_its_host() {
        let at = |host: u8, port: u16| [SocketAddr::from(([192, 0, 2, host], port))];
        assert!(guest("Studio").could_be("Atelier", &at(7, 5004)));
        assert!(!guest("Studio").could_be("Atelier", &at(7, 5006)), "another session of that host");
        assert!(!guest("Studio").could_be("Atelier", &at(8, 5004)));
        assert!(guest("Studio/Piano").could_be("Atelier/Piano", &at(7, 61_000)));
        assert!(!guest("Studio/Piano").could_be("Atelier/Organ", &at(7, 5004)));
        assert!(!guest("Studio/Piano").could_be("Atelier", &at(7, 5004)));
    }
}
