//! Recordings: connections with ports that are files, which let through what others do.

use std::time::Duration;

use midi_routing::PortId;

use super::{Bay, Mirror};
use crate::cmd::bridge::status::Origin;

impl Bay {
    /// Connects a port with a recording: with all that comes from it, or as much as goes through its connection to another
    /// port. False if one of them is not there.
    pub(crate) fn record(&mut self, at: Duration, from: PortId, to: Option<PortId>, tape: PortId) -> bool {
        if !self.connect(from, tape, Origin::Hand) {
            return false;
        }
        if let Some(link) = self.pairs.get(&(from, tape)).and_then(|id| self.connections.get_mut(id)) {
            // What is written of connections is none of its business.
            link.is_set = true;
        }
        self.mirrors.extend(to.map(|to| Mirror { tape, of: (from, to) }));
        self.mirror(at);
        true
    }

    /// Has recordings let through what the connections do that they are of.
    pub(super) fn mirror(&mut self, at: Duration) {
        for Mirror { tape, of } in self.mirrors.clone() {
            let Some(id) = self.pairs.get(&(of.0, tape)).copied() else { continue };
            let original = self.pairs.get(&of).and_then(|id| self.router.connection(*id));
            let is_silent = original.is_none_or(|it| it.is_muted || it.in_loop.is_some());
            if let Some(filter) = original.map(|it| it.filter.clone()) {
                self.set_filter(at, id, filter);
            }
            if self.router.connection(id).is_some_and(|it| it.is_muted != is_silent) {
                self.router.set_muted(at, id, is_silent, super::hand(&mut self.ports, &mut self.cut, &mut self.outlet));
            }
        }
    }
}
