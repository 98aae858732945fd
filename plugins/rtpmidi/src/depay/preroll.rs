//! What a sink is given to begin with while upstream pauses: `rtspsrc` has no packets then, and a sink that waits for one
//! would keep the pipeline from playing, and `rtspsrc` from asking for more.

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_rtp::prelude::*;

use super::imp::RtpMidiDepay;
use super::unpacker::Unpacker;
use crate::lock::lock;

impl RtpMidiDepay {
    /// Tells downstream which place the stream has come to, in a thread of its own: whoever waits there for something to
    /// begin with holds it until the pipeline plays.
    pub(super) fn show_place(&self) {
        self.obj().call_async(|depay| depay.imp().push_place());
    }

    fn push_place(&self) {
        let obj = self.obj();
        let _turn = obj.sink_pad().stream_lock();
        // A packet may have come first, and have been held until now.
        if !lock(&self.state).paused || obj.src_pad().current_caps().is_none() {
            return;
        }
        let now = if self.has_segment() {
            lock(&self.state).unpacker.as_ref().map_or(gst::ClockTime::ZERO, Unpacker::now)
        } else {
            // The next packet brings the segment that it lies in.
            let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
            segment.set_time(lock(&self.state).wound_to);
            obj.src_pad().push_event(gst::event::Segment::new(&segment));
            gst::ClockTime::ZERO
        };
        obj.src_pad().push_event(gst::event::Gap::builder(now).build());
    }

    /// Takes note of where a seek goes.
    pub(super) fn note_seek(&self, seek: &gst::event::Seek) {
        let (_, _, kind, start, _, _) = seek.get();
        if let (gst::SeekType::Set, gst::GenericFormattedValue::Time(start)) = (kind, start) {
            lock(&self.state).wound_to = start;
        }
    }
}
