//! The properties of `alsaseqsink`.

use std::sync::LazyLock;

use alsa::Direction;
use gst::glib;
use gst::prelude::*;

use crate::names::Names;

/// Values of the properties.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) names: Names,
    /// How long before its time a message is handed to the sequencer.
    pub(super) latency: gst::ClockTime,
    pub(super) sysex_rate: u32,
    pub(super) sysex_limit: usize,
}

/// Octets per second on a MIDI cable: 31,250 baud, ten bits for an octet.
const CABLE: u32 = 3125;

/// Default of `sysex-limit`: that of the payload elements.
const SYSEX: u32 = 1 << 20;

impl Default for Settings {
    fn default() -> Self {
        Self {
            names: Names::new(Direction::Playback),
            latency: gst::ClockTime::from_mseconds(5),
            sysex_rate: CABLE,
            sysex_limit: SYSEX as usize,
        }
    }
}

impl Settings {
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        const TYPED: &str = "GObject checks type and range of a value before it sets a property";
        if self.names.set(name, value, Direction::Playback) {
            return;
        }
        match name {
            "latency" => self.latency = gst::ClockTime::from_nseconds(value.get().expect(TYPED)),
            "sysex-rate" => self.sysex_rate = value.get().expect(TYPED),
            "sysex-limit" => self.sysex_limit = value.get::<u32>().expect(TYPED) as usize,
            _ => {}
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "latency" => self.latency.nseconds().to_value(),
            "sysex-rate" => self.sysex_rate.to_value(),
            "sysex-limit" => (self.sysex_limit as u32).to_value(),
            name => return self.names.get(name),
        })
    }
}

pub(super) fn properties() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let defaults = Settings::default();
        let mut properties = Names::properties(Direction::Playback);
        properties.extend([
            glib::ParamSpecUInt64::builder("latency")
                .nick("Latency")
                .blurb("Nanoseconds before its time that a message is handed to the sequencer, which then keeps the time")
                .maximum(gst::ClockTime::SECOND.nseconds())
                .default_value(defaults.latency.nseconds())
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("sysex-rate")
                .nick("System Exclusive rate")
                .blurb("Octets per second of a long System Exclusive; 3125 is that of a MIDI cable, 0 = as fast as it comes")
                .default_value(defaults.sysex_rate)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("sysex-limit")
                .nick("System Exclusive limit")
                .blurb("Most data octets of a System Exclusive that arrives in pieces; a longer one is dropped")
                .minimum(1)
                .default_value(SYSEX)
                .mutable_ready()
                .build(),
            glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb(
                    "sent: messages; dropped: what is no message, or one the sequencer does not know; \
                     waits: how often there was no room for a message at once (all uint64)",
                )
                .read_only()
                .build(),
        ]);
        properties
    });
    &PROPERTIES
}
