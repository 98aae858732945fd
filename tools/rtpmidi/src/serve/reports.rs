//! RTCP of the sender that a relayed stream comes from, in place of what the server's session would say.
//!
//! ```text
//!            ┌────────────┐
//!  packets ─▶│ rtpsession │─ send_rtcp_src ─✗  ┌─▶ clients
//!            └────────────┘                    │
//!  RTCP of the sender ─────────────────────────┘
//! ```
//!
//! The session knows the packets only from when they came by. The sender alone knows the times that belong to their
//! timestamps, and whether it lives.

use std::sync::{Arc, Mutex};

use gst::glib;
use gst::prelude::*;

use crate::lock::lock;

/// The ways to the clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Reports(Arc<Mutex<Vec<glib::WeakRef<gst::Pad>>>>);

impl Reports {
    /// Lets the clients of the stream whose session is in `rtpbin` hear what is [sent](Self::send), and nothing else.
    pub(super) fn replace(&self, rtpbin: &gst::Element) {
        let Some(rtpbin) = rtpbin.downcast_ref::<gst::Bin>() else { return };
        let reports = self.clone();
        rtpbin.connect_element_added(move |_, element| {
            let is_session = element.factory().is_some_and(|factory| factory.name() == "rtpsession");
            if is_session {
                let reports = reports.clone();
                element.connect_pad_added(move |_, pad| reports.take_over(pad));
            }
        });
    }

    fn take_over(&self, pad: &gst::Pad) {
        if pad.name() == "send_rtcp_src" {
            let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
            pad.add_probe(kinds, |_, _| gst::PadProbeReturn::Handled);
            // What is behind the pad is told of the packets to come before the session's own first report, which may be
            // seconds away.
            for event in beginning() {
                pad.push_event(event);
            }
            let mut pads = lock(&self.0);
            pads.retain(|pad| pad.upgrade().is_some());
            pads.push(pad.downgrade());
        }
    }

    /// Sends a compound packet.
    pub(super) fn send(&self, compound: &[u8]) {
        let pads: Vec<gst::Pad> = {
            let pads = lock(&self.0);
            pads.iter().filter_map(glib::WeakRef::upgrade).collect()
        };
        for next in pads.iter().filter_map(gst::Pad::peer) {
            // What seals packets is linked later than the rest, and has not been told.
            if next.sticky_event::<gst::event::StreamStart>(0).is_none() {
                for event in beginning() {
                    next.send_event(event);
                }
            }
            // It is refused when the stream ends.
            let _ = next.chain(gst::Buffer::from_slice(compound.to_vec()));
        }
    }
}

/// What stands in front of RTCP in a pipeline.
fn beginning() -> [gst::Event; 3] {
    let caps = gst::Caps::new_empty_simple("application/x-rtcp");
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    [gst::event::StreamStart::new("reports"), gst::event::Caps::new(&caps), gst::event::Segment::new(&segment)]
}
