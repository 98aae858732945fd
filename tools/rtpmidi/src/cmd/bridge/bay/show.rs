//! How ports and connections stand.

use midi_routing::ConnectionId;

use super::{Bay, Link, Port};
use crate::cmd::bridge::passage::Passage;
use crate::cmd::bridge::status::{ConnectionStatus, PortStatus};

impl Bay {
    /// All ports, in the order of their coming.
    pub(crate) fn ports(&self) -> Vec<PortStatus> {
        let status = |(id, port): (&midi_routing::PortId, &Port)| PortStatus {
            name: port.name.clone(),
            transport: port.transport,
            direction: port.direction,
            address: port.address.clone(),
            state: port.state,
            messages_in: port.heard,
            messages_out: port.played,
            dropped: port.dropped + self.outlet.refused(*id),
            pace: self.outlet.pace(*id),
            delay: self.intake.delay(*id),
        };
        self.ports.iter().map(status).collect()
    }

    /// All connections.
    pub(crate) fn connections(&self) -> Vec<ConnectionStatus> {
        let status = |(id, link): (&ConnectionId, &Link)| {
            let connection = self.router.connection(*id)?;
            Some(ConnectionStatus {
                from: self.name(connection.from).to_owned(),
                to: self.name(connection.to).to_owned(),
                origin: link.origin.clone(),
                filter: Passage::of(&connection.filter),
                muted: connection.is_muted,
                loop_ms: connection.in_loop.map(|trip| trip.as_secs_f64() * 1e3),
                messages: connection.carried,
            })
        };
        self.connections.iter().filter_map(status).collect()
    }
}
