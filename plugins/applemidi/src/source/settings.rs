//! The properties of `applemidisrc`.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use crate::setup;

/// Values of the properties that only a source has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) latency: gst::ClockTime,
    pub(super) late_notes: gst::ClockTime,
}

/// What the timestamps of messages are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstAppleMidiSrcMode")]
pub(crate) enum Mode {
    /// When the sender has played them.
    #[default]
    #[enum_value(name = "When the sender has played it, by its clock", nick = "timestamp")]
    Timestamp,
    /// When they came.
    #[enum_value(name = "When it came", nick = "arrival")]
    Arrival,
}

/// Enough for a local network with radio in it.
const LATENCY: gst::ClockTime = gst::ClockTime::from_mseconds(20);
/// As `rtpmididepay` has it.
const LATE_NOTES: gst::ClockTime = gst::ClockTime::from_mseconds(500);
/// What nobody waits for any more.
const LONGEST: gst::ClockTime = gst::ClockTime::from_seconds(10);

impl Default for Settings {
    fn default() -> Self {
        Self { mode: Mode::default(), latency: LATENCY, late_notes: LATE_NOTES }
    }
}

impl Settings {
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        const TYPED: &str = "GObject checks type and range of a value before it sets a property";
        let time = || gst::ClockTime::from_nseconds(value.get().expect(TYPED));
        match name {
            "mode" => self.mode = value.get().expect(TYPED),
            "latency" => self.latency = time(),
            "late-notes" => self.late_notes = time(),
            _ => {}
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "mode" => self.mode.to_value(),
            "latency" => self.latency.nseconds().to_value(),
            "late-notes" => self.late_notes.nseconds().to_value(),
            _ => return None,
        })
    }

    /// How much later than its timestamp a message may come out.
    pub(super) fn latency(&self) -> gst::ClockTime {
        match self.mode {
            Mode::Timestamp => self.latency,
            Mode::Arrival => gst::ClockTime::ZERO,
        }
    }
}

pub(super) fn properties() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let defaults = Settings::default();
        let mut properties = setup::properties();
        properties.extend([
            glib::ParamSpecEnum::builder_with_default("mode", Mode::default())
                .nick("Mode")
                .blurb("What the timestamp of a message is")
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt64::builder("latency")
                .nick("Latency")
                .blurb("With mode=timestamp, nanoseconds that the network may take without being heard")
                .maximum(LONGEST.nseconds())
                .default_value(defaults.latency.nseconds())
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt64::builder("late-notes")
                .nick("Late notes")
                .blurb(
                    "A NoteOn that comes more than so many nanoseconds behind the time at which it was to be heard is \
                     dropped; all else is sent however late",
                )
                .maximum(LONGEST.nseconds())
                .default_value(defaults.late_notes.nseconds())
                .mutable_playing()
                .build(),
        ]);
        properties
    });
    &PROPERTIES
}
