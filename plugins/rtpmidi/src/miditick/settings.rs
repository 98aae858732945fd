//! The properties of `miditick`.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

/// Values of the properties.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) interval: gst::ClockTime,
    pub(super) tail: gst::ClockTime,
}

impl Default for Settings {
    fn default() -> Self {
        Self { interval: gst::ClockTime::from_mseconds(10), tail: gst::ClockTime::SECOND }
    }
}

impl Settings {
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        const TYPED: &str = "GObject checks type and range of a value before it sets a property";
        let time = || gst::ClockTime::from_nseconds(value.get().expect(TYPED));
        match name {
            "interval" => self.interval = time(),
            "tail" => self.tail = time(),
            _ => {}
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "interval" => self.interval.nseconds().to_value(),
            "tail" => self.tail.nseconds().to_value(),
            _ => return None,
        })
    }
}

/// `interval` and `tail`, which `midirender` has too.
pub(crate) fn properties() -> Vec<glib::ParamSpec> {
    let defaults = Settings::default();
    vec![
        glib::ParamSpecUInt64::builder("interval")
            .nick("Interval")
            .blurb("Nanoseconds between ticks: how late a renderer may be, and how long its buffers are")
            .minimum(gst::ClockTime::MSECOND.nseconds())
            .maximum(gst::ClockTime::SECOND.nseconds())
            .default_value(defaults.interval.nseconds())
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt64::builder("tail")
            .nick("Tail")
            .blurb("Nanoseconds of ticks after the end of the stream, in which the last notes ring out")
            .maximum(3600 * gst::ClockTime::SECOND.nseconds())
            .default_value(defaults.tail.nseconds())
            .mutable_ready()
            .build(),
    ]
}

pub(super) fn cached() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties);
    &PROPERTIES
}
