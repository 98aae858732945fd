//! A packet through an element and out again at once, as through a function.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use crate::elements;
use crate::failure::Result;
use crate::lock::lock;

/// A way through an element that gives out at most one packet for each that it takes, before it takes the next.
#[derive(Debug)]
pub(super) struct Way {
    sink: gst::Pad,
    out: Arc<Mutex<Option<gst::Buffer>>>,
}

impl Way {
    /// The way from the pad `sink` to the pad `source` of an element.
    pub(super) fn through(element: &gst::Element, sink: &str, source: &str) -> Result<Self> {
        // The pad that packets leave by may come to be with the one that they enter by.
        let (sink, source) = (elements::pad(element, sink)?, elements::pad(element, source)?);
        let out = Arc::<Mutex<Option<gst::Buffer>>>::default();
        let place = out.clone();
        source.add_probe(gst::PadProbeType::DATA_DOWNSTREAM, move |_, info| {
            if let Some(buffer) = info.buffer() {
                *lock(&place) = Some(buffer.clone());
            }
            gst::PadProbeReturn::Handled
        });
        Ok(Self { sink, out })
    }

    /// Says what packets come. The element must run.
    pub(super) fn begin(&self, media_type: &str) {
        self.sink.send_event(gst::event::StreamStart::new(media_type));
        self.sink.send_event(gst::event::Caps::new(&gst::Caps::new_empty_simple(media_type)));
        self.sink.send_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    }

    /// What becomes of a packet; `None` where nothing comes out.
    pub(super) fn send(&self, packet: &[u8]) -> Option<Vec<u8>> {
        // What an element does not like it drops or refuses: in both cases nothing comes out.
        let _ = self.sink.chain(gst::Buffer::from_slice(packet.to_vec()));
        let out = lock(&self.out).take()?;
        out.map_readable().ok().map(|octets| octets.to_vec())
    }
}
