//! The properties of `alsaseqsrc`.

use std::sync::LazyLock;

use alsa::Direction;
use gst::glib;
use gst::prelude::*;

use crate::names::Names;

/// Values of the properties.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) names: Names,
    pub(super) sysex_limit: usize,
}

/// Default of `sysex-limit`: that of the payload elements.
const SYSEX: u32 = 1 << 20;

impl Default for Settings {
    fn default() -> Self {
        Self { names: Names::new(Direction::Capture), sysex_limit: SYSEX as usize }
    }
}

impl Settings {
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        const TYPED: &str = "GObject checks type and range of a value before it sets a property";
        if !self.names.set(name, value, Direction::Capture) && name == "sysex-limit" {
            self.sysex_limit = value.get::<u32>().expect(TYPED) as usize;
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        match name {
            "sysex-limit" => Some((self.sysex_limit as u32).to_value()),
            name => self.names.get(name),
        }
    }
}

pub(super) fn properties() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let mut properties = Names::properties(Direction::Capture);
        properties.extend([
            glib::ParamSpecUInt::builder("sysex-limit")
                .nick("System Exclusive limit")
                .blurb("Most data octets of a System Exclusive; a longer one is dropped")
                .minimum(1)
                .default_value(SYSEX)
                .mutable_ready()
                .build(),
            glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb(
                    "received: messages; overruns: how often events were lost because more came than were taken; \
                     dropped: pieces of System Exclusives without use (all uint64)",
                )
                .read_only()
                .build(),
        ]);
        properties
    });
    &PROPERTIES
}
