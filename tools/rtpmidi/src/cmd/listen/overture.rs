//! The Standard MIDI File that a description wants played from the start (RFC 6295, C.6.4.1):
//!
//! ```text
//! appsrc ─▶ smfparse ─▶ clocksync ─▶ funnel ─▶ renderer
//!                          stream ──────▲
//! ```

use gst::prelude::*;

use crate::elements::{self, make, with};
use crate::failure::{Failure, Result};

/// A file that plays into a funnel.
#[derive(Debug)]
pub(super) struct Overture {
    elements: [gst::Element; 3],
    pad: gst::Pad,
}

impl Overture {
    /// Puts the file in front of `funnel`. Its messages come as much later as those of the stream, by `delay`, so that
    /// of both none is behind its time.
    pub(super) fn put(
        pipeline: &gst::Pipeline,
        funnel: &gst::Element,
        file: Vec<u8>,
        delay: gst::ClockTime,
    ) -> Result<Self> {
        let source = make("appsrc")?.downcast::<gst_app::AppSrc>().map_err(|_| Failure::new("appsrc is none"))?;
        source.set_caps(Some(&gst::Caps::new_empty_simple("audio/midi")));
        let mut file = Some(file);
        let give = move |source: &gst_app::AppSrc, _| {
            if let Some(file) = file.take() {
                // Refused only when the pipeline stops.
                let _ = source.push_buffer(gst::Buffer::from_slice(file));
                let _ = source.end_of_stream();
            }
        };
        source.set_callbacks(gst_app::AppSrcCallbacks::builder().need_data(give).build());
        let parse = with("smfparse", &[("lenient", &true)])?;
        let sync = with("clocksync", &[("ts-offset", &(delay.nseconds() as i64))])?;
        let elements = [source.upcast(), parse, sync];
        elements::chain(pipeline, &elements.each_ref())?;
        let pad = elements::pad(funnel, "sink_%u")?;
        elements::link(&elements::pad(&elements[2], "src")?, &pad)?;
        Ok(Self { elements, pad })
    }

    /// Ends the file where it is, so that the end of the stream is the end of all.
    pub(super) fn end(&self) {
        for element in &self.elements {
            element.set_locked_state(true);
            // Stopping does not fail.
            let _ = element.set_state(gst::State::Null);
        }
        // Refused if the file has ended before.
        self.pad.send_event(gst::event::Eos::new());
    }
}
