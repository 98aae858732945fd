//! What is said of ports: what is written of them, and what a person has said while the bridge ran, which counts more
//! until something else is written.

use std::collections::BTreeMap;

use midi_routing::PortId;
use serde::{Deserialize, Serialize};

use super::Bay;
use crate::cmd::bridge::settings::PortSettings;
use crate::cmd::bridge::status::Transport;

/// All that is said, of ports that are there and others, by their names.
#[derive(Debug, Default)]
pub(super) struct Said {
    written: BTreeMap<String, PortSettings>,
    by_hand: Sayings,
}

/// What a person has said of ports.
pub(crate) type Sayings = BTreeMap<String, Saying>;

/// What a person has said of a port.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Saying {
    /// All of it together.
    pub(crate) settings: PortSettings,
    /// What was written of the port then. Where that is other by now, somebody means what he has written.
    #[serde(default)]
    pub(crate) over: PortSettings,
}

/// Ports of which something is remembered.
pub(crate) const MOST_SAYINGS: usize = 4096;

impl Said {
    /// A port has another name; what was said of somebody who has that name already stays.
    pub(super) fn rename(&mut self, before: &str, now: String) {
        if let Some(saying) = self.by_hand.remove(before) {
            self.by_hand.entry(now).or_insert(saying);
        }
    }

    fn written(&self, name: &str) -> PortSettings {
        self.written.get(name).cloned().unwrap_or_default()
    }

    /// How a port of this name is to be.
    fn wanted(&self, name: &str) -> PortSettings {
        let written = self.written(name);
        self.by_hand.get(name).map_or_else(|| written.clone(), |saying| written.and(&saying.settings))
    }
}

impl Bay {
    /// Takes what is written of ports now; what was said of one while the bridge ran stays, unless something else is
    /// written of it than before.
    pub(crate) fn set_written(&mut self, written: BTreeMap<String, PortSettings>) {
        let before: Vec<(PortId, PortSettings)> =
            self.named().map(|(port, name)| (port, self.said.wanted(name))).collect();
        self.said.written = written;
        let Said { written, by_hand } = &mut self.said;
        by_hand.retain(|name, saying| saying.over == written.get(name).cloned().unwrap_or_default());
        for (port, before) in before {
            if self.said.wanted(self.name(port)) != before {
                self.set(port, &PortSettings::none());
                self.obey(port);
            }
        }
    }

    /// Takes what a person has said of ports before, as far as nothing else is written of them by now.
    pub(crate) fn set_said(&mut self, sayings: Sayings) {
        let is_so = |(name, saying): &(String, Saying)| saying.over == self.said.written(name);
        let sayings = sayings.into_iter().filter(is_so).collect();
        self.said.by_hand = sayings;
    }

    /// What a person has said of ports.
    pub(crate) const fn said(&self) -> &Sayings {
        &self.said.by_hand
    }

    /// Does with a port what a person says of it. What he does not say stays.
    pub(crate) fn say(&mut self, port: PortId, settings: &PortSettings) {
        self.set(port, settings);
        let name = self.name(port).to_owned();
        let has_room = self.said.by_hand.len() < MOST_SAYINGS || self.said.by_hand.contains_key(&name);
        // A recording comes under its name once.
        if has_room && self.transport(port).is_some_and(|transport| transport != Transport::File) {
            let over = self.said.written(&name);
            let saying = self.said.by_hand.entry(name).or_default();
            *saying = Saying { settings: saying.settings.and(settings), over };
        }
    }

    /// Nobody is to come back to a port.
    pub(crate) fn forget_said(&mut self, name: &str) {
        self.said.by_hand.remove(name);
    }

    /// Does with a port what is written and has been said of it.
    pub(super) fn obey(&mut self, port: PortId) {
        let wanted = self.said.wanted(self.name(port));
        if wanted != PortSettings::default() {
            self.set(port, &wanted);
        }
    }

    fn set(&mut self, port: PortId, settings: &PortSettings) {
        self.outlet.set(port, settings);
        self.intake.set(port, settings);
    }
}
