//! How all peers stand, for the status.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use applemidi_io::Stats;
use midi_routing::PortId;

use super::{Guest, Sessions};
use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::status::{PeerState, PeerStatus};

impl Sessions {
    /// How all peers stand.
    pub(crate) fn status(&self, bay: &Bay) -> Vec<PeerStatus> {
        let all: Vec<Vec<Stats>> = self.own.iter().map(|own| own.open.end.stats()).collect();
        let guest = |(port, guest): (&PortId, &Guest)| {
            let stats =
                all[guest.at].iter().find(|stats| guest.participant.is_some_and(|it| it.id == stats.participant));
            let addresses = match guest.participant {
                Some(participant) => vec![participant.control.to_string()],
                None => guest.announced.iter().map(SocketAddr::to_string).collect(),
            };
            peer(bay.name(*port).to_owned(), addresses, guest.state, guest.since, stats)
        };
        let exported = self.exports.values().flat_map(|export| {
            export.open.end.stats().into_iter().filter_map(|stats| {
                let since = export.participants.get(&stats.participant)?;
                let name = format!("{} at {}", crate::description::printable(&stats.name), export.name);
                Some(peer(name, vec![stats.control.to_string()], PeerState::Open, *since, Some(&stats)))
            })
        });
        self.guests.iter().map(guest).chain(exported).collect()
    }
}

fn peer(name: String, addresses: Vec<String>, state: PeerState, since: Instant, stats: Option<&Stats>) -> PeerStatus {
    let milliseconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1e3);
    PeerStatus {
        name,
        addresses,
        state,
        since_s: since.elapsed().as_secs_f64(),
        latency_ms: milliseconds(stats.and_then(|stats| stats.latency)),
        deviation_ms: milliseconds(stats.and_then(|stats| stats.jitter)),
        drift_ppm: stats.map_or(0.0, |stats| stats.drift),
        lost: stats.map_or(0, |stats| stats.received.lost),
        repairs: stats.map_or(0, |stats| stats.received.repairs),
        notes_begun: stats.map_or(0, |stats| stats.received.notes_begun),
        notes_ended: stats.map_or(0, |stats| stats.received.notes_ended),
        messages_in: stats.map_or(0, |stats| stats.received.commands),
        messages_out: stats.map_or(0, |stats| stats.sent.commands),
    }
}
