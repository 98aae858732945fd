//! `[[settings]]`: what is said of a port.

use std::collections::BTreeMap;

use serde::Deserialize;

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

/// By ports; of those that are named twice the last one counts.
pub(super) fn by_port(all: Vec<Settings>) -> BTreeMap<String, PortSettings> {
    let settings = |Settings { port, pace, segment, gap, delay }| (port, PortSettings { pace, segment, gap, delay });
    all.into_iter().map(settings).collect()
}
