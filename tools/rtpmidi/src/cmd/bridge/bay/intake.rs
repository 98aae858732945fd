//! What comes from ports whose music is heard in the time in which it was played.

use std::collections::BTreeMap;
use std::time::Duration;

use midi_routing::{Delay, DelayLine, PortId};
use rtp_midi::midi::Command;

use crate::cmd::bridge::settings::{PortSettings, Wait};
use crate::cmd::bridge::status::DelayStatus;

/// The ports that have a delay, and what waits there.
#[derive(Debug, Default)]
pub(super) struct Intake(BTreeMap<PortId, DelayLine>);

/// That of a port that had another one, until all that waits is heard.
const NONE: Delay = Delay::Fixed(Duration::ZERO);

impl Intake {
    /// Takes what was said of a port.
    pub(super) fn set(&mut self, port: PortId, settings: &PortSettings) {
        match settings.delay {
            None => {}
            Some(Wait::Off) => self.set_delay(port, None),
            Some(Wait::Auto) => self.set_delay(port, Some(Delay::Auto)),
            Some(Wait::Fixed(delay)) => self.set_delay(port, Some(Delay::Fixed(delay.into()))),
        }
    }

    fn set_delay(&mut self, port: PortId, delay: Option<Delay>) {
        match (self.0.get_mut(&port), delay) {
            (Some(line), Some(delay)) => line.set_delay(delay),
            (None, Some(delay)) => drop(self.0.insert(port, DelayLine::new(delay))),
            // It goes when nothing waits any more, so that all stays in its order.
            (Some(line), None) => line.set_delay(NONE),
            (None, None) => {}
        }
    }

    /// Takes a command that is to wait; false if it is not.
    pub(super) fn take(&mut self, at: Duration, port: PortId, played: Option<Duration>, command: Command<'_>) -> bool {
        let Some(line) = self.0.get_mut(&port) else { return false };
        if line.delay() == NONE && line.waiting() == 0 {
            self.0.remove(&port);
            return false;
        }
        line.push(at, played, command);
        true
    }

    /// The next command whose time has come, whose it is, and how long it has waited.
    pub(super) fn poll(&mut self, at: Duration) -> Option<(PortId, Duration, Vec<u8>)> {
        self.0.iter_mut().find_map(|(port, line)| line.poll(at).map(|(waited, octets)| (*port, waited, octets)))
    }

    /// When the next one has its time.
    pub(super) fn due(&self) -> Option<Duration> {
        self.0.values().filter_map(DelayLine::due).min()
    }

    /// Somebody is gone: what waits is not played any more.
    pub(super) fn clear(&mut self, port: PortId) {
        self.0.get_mut(&port).into_iter().for_each(DelayLine::clear);
    }

    /// Nothing that waits is played any more.
    pub(super) fn abandon(&mut self) {
        self.0.values_mut().for_each(DelayLine::clear);
    }

    /// A port is gone.
    pub(super) fn forget(&mut self, port: PortId) {
        self.0.remove(&port);
    }

    /// How it stands with the delay of a port.
    pub(super) fn delay(&self, port: PortId) -> Option<DelayStatus> {
        let line = self.0.get(&port).filter(|line| line.delay() != NONE)?;
        Some(DelayStatus {
            ms: line.length().as_secs_f64() * 1e3,
            auto: line.delay() == Delay::Auto,
            waiting: line.waiting(),
            late: line.late(),
        })
    }
}
