//! The properties of `rtpmididepay`.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use crate::{fmtp, limits};

/// Default of `late-notes`: a machine that is too slow for a moment still plays all, while what a stalled network
/// brings at once stays silent.
const LATE_NOTES: gst::ClockTime = gst::ClockTime::from_mseconds(500);
/// As good as for ever, and sums do not overflow.
const LONGEST: u64 = u64::MAX / 4;

/// Values of the properties that can be set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) timeout: Option<gst::ClockTime>,
    pub(super) late_notes: gst::ClockTime,
    pub(super) sysex_limit: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { timeout: None, late_notes: LATE_NOTES, sysex_limit: limits::SYSEX }
    }
}

impl Settings {
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) {
        const TYPED: &str = "GObject checks the type of a value before it sets a property";
        match name {
            "timeout" => {
                let timeout = value.get::<u64>().expect(TYPED);
                self.timeout = (timeout > 0).then_some(gst::ClockTime::from_nseconds(timeout));
            }
            "late-notes" => self.late_notes = gst::ClockTime::from_nseconds(value.get().expect(TYPED)),
            "sysex-limit" => self.sysex_limit = value.get().expect(TYPED),
            _ => {}
        }
    }

    /// The value of one of these properties; the element itself knows the others.
    pub(super) fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "timeout" => self.timeout.map_or(0, gst::ClockTime::nseconds).to_value(),
            "late-notes" => self.late_notes.nseconds().to_value(),
            "sysex-limit" => self.sysex_limit.to_value(),
            _ => return None,
        })
    }
}

pub(super) fn properties() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        vec![
            glib::ParamSpecUInt64::builder("timeout")
                .nick("Time-out")
                .blurb(
                    "End all notes and post rtpmidi-end when no packet has come for so many nanoseconds of clock time; \
                     0 = three times the guardtime of the caps when live, else for ever",
                )
                .maximum(LONGEST)
                .mutable_playing()
                .build(),
            glib::ParamSpecUInt64::builder("late-notes")
                .nick("Late notes")
                .blurb(
                    "When live, a NoteOn that comes more than so many nanoseconds behind the time at which it was to be \
                     heard is dropped; all else is sent however late",
                )
                .default_value(LATE_NOTES.nseconds())
                .maximum(LONGEST)
                .mutable_playing()
                .build(),
            limits::sysex_property(),
            fmtp::property(),
            glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb(
                    "Statistics of the depayloader: those of all RTP depayloaders, then packets, losses and commands",
                )
                .read_only()
                .build(),
        ]
    });
    &PROPERTIES
}
