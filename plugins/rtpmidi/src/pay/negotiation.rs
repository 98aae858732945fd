//! The stream as it is agreed on with downstream: at first, and whenever downstream wants another.

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_rtp::prelude::*;

use super::CAT;
use super::demands::{self, Refused};
use super::imp::RtpMidiPay;
use super::moment::Moments;
use super::packer::Packer;
use super::stream::Stream;
use crate::lock::lock;

impl RtpMidiPay {
    /// Agrees with downstream on a stream, or says on the bus why there is none.
    pub(super) fn negotiate(&self) -> Result<(), gst::LoggableError> {
        let obj = self.obj();
        let settings = self.settings().towards(obj.src_pad());
        let chosen = demands::choose(obj.src_pad(), &settings).map_err(|refused| self.refuse(&refused))?;
        obj.set_options("audio", true, chosen.encoding, chosen.clock_rate);
        obj.set_outcaps(Some(&chosen.fields)).map_err(|error| gst::loggable_error!(CAT, "{error}"))
    }

    /// Downstream wants something else from the next buffer on. The base class would hold on to the parameters that it
    /// has been told, and end without a word where downstream does not take them any more.
    pub(super) fn negotiate_anew(&self) {
        let pay = self.downgrade();
        let next = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        self.obj().sink_pad().add_probe(next, move |sink, info| {
            if let Some(pay) = pay.upgrade()
                && sink.has_current_caps()
                && pay.obj().src_pad().needs_reconfigure()
                && let Err(refused) = pay.negotiate()
            {
                refused.log_with_imp(&*pay);
                info.flow_res = Err(gst::FlowError::NotNegotiated);
                return gst::PadProbeReturn::Handled;
            }
            gst::PadProbeReturn::Remove
        });
    }

    /// Takes note of the caps that the base class has chosen.
    pub(super) fn negotiated(&self, caps: &gst::CapsRef) {
        let obj = self.obj();
        let settings = self.settings().towards(obj.src_pad());
        let stream = match Stream::from_caps(caps, &settings, obj.mtu()) {
            Some(Ok(stream)) => stream,
            Some(Err(error)) => {
                self.refuse(&Refused::Demanded(error));
                return;
            }
            None => return,
        };
        let stream_time = obj.is_onvif_no_rate_control() || !obj.is_scale_rtptime();
        let before = self.hold();
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        state.ptime = milliseconds(caps, "ptime").unwrap_or_default();
        state.max_ptime = milliseconds(caps, "maxptime");
        state.pace = None;
        if let Some(packer) = &mut state.packer {
            packer.renegotiate(stream, stream_time);
        } else {
            let mut moments = Moments::new(stream.config.clock_rate, stream_time);
            if let Some(segment) = &state.segment {
                moments.set_segment(segment.clone());
            }
            state.packer = Some(Packer::new(stream, moments, settings.sysex_limit as usize));
        }
        drop(guard);
        if self.hold() != before {
            self.latency_changed();
        }
    }

    fn refuse(&self, refused: &Refused) -> gst::LoggableError {
        gst::element_imp_error!(self, gst::CoreError::Negotiation, ("{refused}"));
        gst::loggable_error!(CAT, "{refused}")
    }
}

/// A time in caps, where GStreamer has milliseconds.
fn milliseconds(caps: &gst::CapsRef, name: &str) -> Option<gst::ClockTime> {
    let caps = caps.structure(0)?;
    let signed = || caps.get::<i32>(name).ok().and_then(|time| u32::try_from(time).ok());
    let time = caps.get::<u32>(name).ok().or_else(signed)?;
    Some(gst::ClockTime::from_mseconds(time.into()))
}
