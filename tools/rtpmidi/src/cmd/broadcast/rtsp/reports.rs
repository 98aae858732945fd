//! RTCP of the sender that a relayed stream comes from, in place of what the server's session would say.
//!
//! ```text
//!            ┌────────────┐
//!  packets ─▶│ rtpsession │─ send_rtcp_src ─✗  ┌─▶ (encryption) ─▶ clients
//!            └────────────┘                    │
//!  RTCP of the sender ─────────────────────────┘
//! ```
//!
//! The session knows the packets only from when they came by. The sender alone knows the times that belong to their
//! timestamps, and whether it lives.

use std::sync::{Arc, Mutex, PoisonError};

use gst::glib;
use gst::prelude::*;

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
            pad.add_probe(kinds, |_, _| gst::PadProbeReturn::Drop);
            let mut pads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pads.retain(|pad| pad.upgrade().is_some());
            pads.push(pad.downgrade());
        }
    }

    /// Sends a compound packet.
    pub(super) fn send(&self, compound: &[u8]) {
        let pads: Vec<gst::Pad> = {
            let pads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pads.iter().filter_map(glib::WeakRef::upgrade).collect()
        };
        // The first report of the session, which comes soon, tells what is behind it about the packets to come.
        for next in pads.iter().filter(|pad| pad.has_current_caps()).filter_map(gst::Pad::peer) {
            // It is refused when the stream ends.
            let _ = next.chain(gst::Buffer::from_slice(compound.to_vec()));
        }
    }
}
