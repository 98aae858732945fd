//! Ports of the ALSA sequencer, if the program has been built with them.

use std::time::Duration;

use gst::glib::value::ToValue;
use gst::prelude::*;

use crate::elements;
use crate::failure::{Failure, Result};

/// What other programs see.
const CLIENT: &str = "rtpmidi";

/// A source of what is played to a port of ours, which is connected to `ports` if there are any.
pub(crate) fn source(ports: &str) -> Result<gst::Element> {
    check()?;
    elements::with("alsaseqsrc", &[("client-name", &CLIENT), ("ports", &ports)])
}

/// A sink that plays at a port of ours, which is connected to `ports` if there are any.
pub(crate) fn sink(ports: &str) -> Result<gst::Element> {
    check()?;
    let latency = gst::ClockTime::from_mseconds(LATENCY.into()).nseconds();
    let properties: [(&str, &dyn ToValue); 4] =
        [("client-name", &CLIENT), ("ports", &ports), ("async", &false), ("latency", &latency)];
    elements::with("alsaseqsink", &properties)
}

/// A sink, and the queue in front of it.
pub(crate) struct Outlet {
    pub(crate) queue: gst::Element,
    pub(crate) sink: gst::Element,
}

impl Outlet {
    /// How long it takes until instruments have all that has come; nothing if they have.
    pub(crate) fn left(&self) -> Option<Duration> {
        let waiting: u32 = self.queue.property("current-level-bytes");
        let rate: u32 = self.sink.property("sysex-rate");
        let left = self.sink.property::<gst::Structure>("stats").get("left").unwrap_or_default();
        let left = Duration::from_nanos(left) + Duration::from_secs(waiting.into()) / rate.max(1);
        (!left.is_zero()).then_some(left)
    }
}

/// Milliseconds that a sink wants a message before its time.
pub(crate) const LATENCY: u32 = 5;

/// Adds the elements to those that the program has.
#[cfg(feature = "alsa")]
pub(crate) fn register() -> Result<(), gst::glib::BoolError> {
    gstalsaseq::plugin_register_static()
}

#[cfg(not(feature = "alsa"))]
pub(crate) fn register() -> Result<(), gst::glib::BoolError> {
    Ok(())
}

/// Whether there is a sequencer; found out before anything is begun, since an element could say what is to be done about it
/// only among its debug messages.
#[cfg(feature = "alsa")]
pub(crate) fn check() -> Result<()> {
    gstalsaseq::check().map_err(|reason| {
        let failure = Failure::new(reason.to_string());
        reason.hint().into_iter().fold(failure, Failure::hint)
    })
}

#[cfg(not(feature = "alsa"))]
pub(crate) fn check() -> Result<()> {
    Err(Failure::new("this program was built without the ALSA sequencer")
        .hint("build it with the feature alsa, which is on by default and needs libasound2-dev"))
}
