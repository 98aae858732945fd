//! The limit that both payload elements put on System Exclusives.

use gst::glib;
use gst::prelude::*;

/// Default of `sysex-limit`: well above the largest sample dumps in use.
pub(crate) const SYSEX: u32 = 1 << 20;

/// The property `sysex-limit`.
pub(crate) fn sysex_property() -> glib::ParamSpec {
    glib::ParamSpecUInt::builder("sysex-limit")
        .nick("System Exclusive limit")
        .blurb("Most data octets of a System Exclusive that arrives in pieces; a longer one is dropped")
        .minimum(1)
        .default_value(SYSEX)
        .mutable_ready()
        .build()
}
