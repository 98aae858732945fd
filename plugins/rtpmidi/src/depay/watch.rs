//! When the source counts as gone: BYE, silence, another source, a sender that begins anew.

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_rtp::prelude::*;
use rtp_midi::Outcome;

use super::imp::RtpMidiDepay;
use super::unpacker::{Taken, Unpacker};
use super::{CAT, END};
use crate::alarm::Alarm;
use crate::lock::lock;
use crate::rtpsession;

/// How long packets may still come behind a BYE, besides the latency upstream: RTCP has its own way through the network.
const AFTER_BYE: gst::ClockTime = gst::ClockTime::from_mseconds(200);

impl RtpMidiDepay {
    /// Listens for the BYE of the source in the RTP sessions upstream.
    pub(super) fn find_sessions(&self) {
        lock(&self.connections).update(self.obj().sink_pad(), |session| {
            vec![rtpsession::on_source(session, "on-bye-ssrc", self, Self::bye)]
        });
    }

    /// The source `ssrc` leaves the session.
    fn bye(&self, ssrc: u32) {
        let patience = AFTER_BYE + self.upstream().latency;
        let mut state = lock(&self.state);
        if state.unpacker.as_ref().and_then(Unpacker::ssrc) == Some(ssrc) {
            state.bye = Some(patience);
            state.until = self.obj().current_running_time().map(|now| now + patience);
            let until = state.until;
            drop(state);
            self.ring_at(until);
        }
    }

    /// Sets the alarm, and starts it where it is the first.
    pub(super) fn ring_at(&self, at: Option<gst::ClockTime>) {
        let mut alarm = lock(&self.alarm);
        if alarm.is_none() {
            let depay = self.downgrade();
            let ring = move || {
                if let Some(depay) = depay.upgrade() {
                    depay.ring();
                }
            };
            match Alarm::start("rtpmididepay", ring) {
                Ok(started) => {
                    started.play(&*self.obj());
                    *alarm = Some(started);
                }
                Err(error) => gst::warning!(CAT, imp = self, "no time-out: no thread: {error}"),
            }
        }
        if let Some(alarm) = &*alarm {
            alarm.set(at);
        }
    }

    /// The alarm's time has come: the source is gone, unless a packet came at the same moment.
    fn ring(&self) {
        let obj = self.obj();
        let _turn = obj.sink_pad().stream_lock();
        let Some(now) = obj.current_running_time() else { return };
        let end = {
            let mut state = lock(&self.state);
            if state.until.take_if(|until| *until <= now).is_none() {
                return;
            }
            let reason = if state.bye.is_some() { "bye" } else { "timeout" };
            if let Some(unpacker) = state.unpacker.as_mut().filter(|_| reason == "timeout") {
                unpacker.counts.timeouts += 1;
            }
            end_message(state.unpacker.as_ref().and_then(Unpacker::ssrc).unwrap_or_default(), reason)
        };
        let segment = obj.sink_pad().sticky_event::<gst::event::Segment>(0);
        let pts =
            segment.and_then(|event| event.segment().downcast_ref::<gst::ClockTime>()?.position_from_running_time(now));
        if let (Some(pts), Some(unpacker)) = (pts, &mut lock(&self.state).unpacker) {
            unpacker.pass(pts);
        }
        self.silence();
        self.post(Some(end));
    }

    /// Posts a message where a packet of `ssrc` has told that what went before has ended.
    pub(super) fn tell_of_end(&self, taken: &Taken, ssrc: u32) {
        let end = match (taken.other, taken.outcome) {
            (Some(before), _) => (before, "ssrc-change"),
            (None, Outcome::Restarted { .. }) => (ssrc, "restart"),
            _ => return,
        };
        self.post(Some(end_message(end.0, end.1)));
    }
}

fn end_message(ssrc: u32, reason: &str) -> gst::Structure {
    gst::Structure::builder(END).field("ssrc", ssrc).field("reason", reason).build()
}
