//! What is to be played at ports: at once, or as fast as whoever is behind a port can take it.

use std::collections::BTreeMap;
use std::time::Duration;

use midi_routing::{Pacer, PortId};
use rtp_midi::midi::Command;

use crate::cmd::bridge::settings::PortSettings;
use crate::cmd::bridge::status::PaceStatus;

/// All of it, in its order.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    octets: Vec<u8>,
    /// Ports, and where what each gets ends.
    all: Vec<(PortId, usize)>,
    /// Ports that are slow.
    pacers: BTreeMap<PortId, Pacer>,
    /// What goes past them.
    hurried: Vec<(PortId, Vec<u8>)>,
}

impl Outlet {
    /// Takes what was said of a port.
    pub(super) fn set(&mut self, port: PortId, settings: &PortSettings) {
        if !settings.has_pace() {
            return;
        }
        let before = self.pacers.get(&port).map(Pacer::profile);
        match (settings.profile(before), self.pacers.get_mut(&port)) {
            (Some(profile), Some(pacer)) => pacer.set_profile(profile),
            (Some(profile), None) => drop(self.pacers.insert(port, Pacer::new(profile))),
            // What waits goes at once, in its order.
            (None, Some(pacer)) => {
                let all = std::iter::from_fn(|| pacer.due().and_then(|due| pacer.poll(due)));
                self.hurried.extend(all.map(|octets| (port, octets)));
                self.pacers.remove(&port);
            }
            (None, None) => {}
        }
    }

    /// A command is to be played at a port.
    pub(super) fn put(&mut self, port: PortId, command: &Command<'_>) {
        command.encode(&mut self.octets);
        self.all.push((port, self.octets.len()));
    }

    /// Gives `play` what ports can take by now.
    pub(super) fn drain(&mut self, at: Duration, mut play: impl FnMut(PortId, &Command<'_>)) {
        for (port, octets) in self.hurried.drain(..) {
            if let Ok((command, _)) = Command::decode(&octets) {
                play(port, &command);
            }
        }
        let mut start = 0;
        for (port, end) in self.all.drain(..) {
            if let Ok((command, _)) = Command::decode(&self.octets[start..end]) {
                match self.pacers.get_mut(&port) {
                    Some(pacer) => pacer.push(command),
                    None => play(port, &command),
                }
            }
            start = end;
        }
        self.octets.clear();
        for (port, pacer) in &mut self.pacers {
            while let Some(octets) = pacer.poll(at) {
                if let Ok((command, _)) = Command::decode(&octets) {
                    play(*port, &command);
                }
            }
        }
    }

    /// What waits is not played, but for the ends of notes, which go at once.
    pub(super) fn abandon(&mut self) {
        for (port, pacer) in &mut self.pacers {
            for octets in pacer.abandon() {
                self.hurried.push((*port, octets));
            }
        }
    }

    /// The same, and no port is waited for any more.
    pub(super) fn finish(&mut self) {
        self.abandon();
        self.pacers.clear();
    }

    /// When a port can take more.
    pub(super) fn due(&self) -> Option<Duration> {
        self.pacers.values().filter_map(Pacer::due).min()
    }

    /// A port is gone.
    pub(super) fn forget(&mut self, port: PortId) {
        self.pacers.remove(&port);
    }

    /// What a port could not take, and for which there was no room to wait.
    pub(super) fn refused(&self, port: PortId) -> u64 {
        self.pacers.get(&port).map_or(0, Pacer::refused)
    }

    /// How it stands with a slow port.
    pub(super) fn pace(&self, port: PortId) -> Option<PaceStatus> {
        let pacer = self.pacers.get(&port)?;
        let profile = pacer.profile();
        Some(PaceStatus {
            octets_per_second: profile.rate,
            segment: Some(profile.segment).filter(|segment| *segment < usize::MAX),
            gap_ms: profile.gap.as_secs_f64() * 1e3,
            waiting: pacer.waiting(),
        })
    }
}
