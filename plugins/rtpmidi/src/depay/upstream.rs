//! What time it is for those downstream: which notes come too late, and when silence is too long.

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_rtp::prelude::*;
use rtp_midi::Config;

use super::imp::RtpMidiDepay;
use crate::lock::lock;

/// What upstream answers to a latency query.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Upstream {
    pub(super) live: bool,
    /// How long packets may take from their arrival to here.
    pub(super) latency: gst::ClockTime,
}

impl Upstream {
    /// How long no packet may come until the source counts as gone. Only a live source is silent by itself.
    pub(super) fn patience(self, config: &Config) -> Option<gst::ClockTime> {
        let patience = config.patience().filter(|_| self.live)?;
        Some(gst::ClockTime::from_nseconds(patience) + self.latency)
    }
}

impl RtpMidiDepay {
    /// Takes note of what downstream says: the latency that the pipeline distributes, upon which upstream is asked anew, and
    /// seeks.
    pub(super) fn watch_downstream(&self) {
        let depay = self.downgrade();
        self.obj().src_pad().add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            match (depay.upgrade(), info.event().map(|event| event.view())) {
                (Some(depay), Some(gst::EventView::Latency(latency))) => {
                    let mut state = lock(&depay.state);
                    (state.latency, state.upstream) = (latency.latency(), None);
                }
                (Some(depay), Some(gst::EventView::Seek(seek))) => depay.note_seek(seek),
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// What upstream is; it is asked once.
    pub(super) fn upstream(&self) -> Upstream {
        if let Some(upstream) = lock(&self.state).upstream {
            return upstream;
        }
        let mut query = gst::query::Latency::new();
        let answered = self.obj().sink_pad().peer_query(&mut query);
        let (live, latency, _) = query.result();
        let upstream = if answered { Upstream { live, latency } } else { Upstream::default() };
        lock(&self.state).upstream = Some(upstream);
        upstream
    }

    /// The timestamp of a note that would be heard `tolerance` too late if it were sent now.
    pub(super) fn earliest(&self, upstream: Upstream, tolerance: gst::ClockTime) -> Option<gst::ClockTime> {
        if !upstream.live {
            return None;
        }
        let obj = self.obj();
        let now = obj.current_running_time()?;
        let latency = lock(&self.state).latency.max(upstream.latency);
        let heard = now.checked_sub(latency)?.checked_sub(tolerance)?;
        let segment = obj.sink_pad().sticky_event::<gst::event::Segment>(0)?;
        segment.segment().downcast_ref::<gst::ClockTime>()?.position_from_running_time(heard)
    }
}
