//! A sender whose RTP timestamps follow a clock that its listeners share.

use gst::prelude::*;
use rtp_midi_sdp::Clocks;
use rtp_midi_sdp::clocks::MediaClockSource;

use super::{MediaClock, Reference, Sync};
use crate::description::CLOCK_RATE;
use crate::failure::Result;

/// The clock, and how timestamps follow it.
#[derive(Clone, Debug)]
pub(crate) struct Lockstep {
    reference: Reference,
    media: MediaClock,
}

impl Lockstep {
    /// Starts the clock.
    pub(crate) fn new(sync: &Sync) -> Result<Self> {
        // Timestamps start anywhere (RFC 3550, 5.1).
        Ok(Self { reference: Reference::start(sync)?, media: MediaClock::new(CLOCK_RATE, gst::glib::random_int()) })
    }

    /// What a description says of it.
    pub(crate) fn clocks(&self) -> Clocks {
        Clocks {
            references: vec![self.reference.signalled()],
            media: Some(MediaClockSource::from_direct_offset(self.media.offset())),
        }
    }

    /// Lets `pipeline` begin with the next tick, and its payloader with the timestamp of that tick.
    pub(crate) fn start(&self, pipeline: &gst::Pipeline, pay: &gst::Element) {
        let clock = self.reference.clock();
        let begin = self.media.whole_tick(clock.time().nseconds());
        pipeline.use_clock(Some(clock));
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_base_time(gst::ClockTime::from_nseconds(begin));
        pay.set_property("timestamp-offset", self.media.timestamp(begin));
    }
}
