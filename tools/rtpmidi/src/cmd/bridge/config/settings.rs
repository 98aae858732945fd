//! `[[settings]]`: what is said of a port.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::rawmidi::RawDevice;
use crate::cmd::bridge::settings::{Pace, PortSettings, Segment, Span, Wait};

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// The port by its name in the status.
    port: String,
    /// How fast it may be played to.
    pace: Option<Pace>,
    /// Data octets of a System Exclusive behind which there is a rest.
    segment: Option<Segment>,
    /// How long that rest is.
    gap: Option<Span>,
    /// How much later than played it is heard.
    delay: Option<Wait>,
}

/// By ports; of those that are named twice the last one counts. It counts more than what stands with a device.
pub(super) fn by_port(all: Vec<Settings>, devices: &[RawDevice]) -> BTreeMap<String, PortSettings> {
    let settings = |Settings { port, pace, segment, gap, delay }| (port, PortSettings { pace, segment, gap, delay });
    let mut said: BTreeMap<String, PortSettings> = all.into_iter().map(settings).collect();
    for RawDevice { name, settings, .. } in devices.iter().filter(|device| device.settings.has_pace()) {
        let both = said.get(name).map_or_else(|| settings.clone(), |later| settings.and(later));
        said.insert(name.clone(), both);
    }
    said
}
