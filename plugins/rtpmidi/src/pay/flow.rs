//! Packets on their way: from the clock to the packer, and from the packer to the base class.

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_rtp::prelude::*;
use gst_rtp::subclass::prelude::*;
use rtp_midi_sdp::Parameters;

use super::CAT;
use super::imp::RtpMidiPay;
use super::outbox::Outbox;
use super::packer::{Pace, Packer};
use crate::alarm::Alarm;
use crate::lock::lock;

impl RtpMidiPay {
    /// How long a packet waits for more messages: `rtp_ptime` of the caps, else the longer of `min-ptime` and `ptime`;
    /// no longer than `rtp_maxptime` and `maxptime` allow.
    pub(super) fn hold(&self) -> gst::ClockTime {
        let least = nonnegative(self.obj().min_ptime()).unwrap_or_default();
        let state = lock(&self.state);
        let most = state.max_ptime.unwrap_or(gst::ClockTime::MAX);
        let Some(packer) = &state.packer else { return least.max(state.ptime).min(most) };
        let (config, time) = (&packer.stream().config, |ticks: u32| packer.moments.time(ticks.into()));
        let hold = config.ptime.map_or(least.max(state.ptime), time).min(most);
        config.max_ptime.map_or(hold, |most| hold.min(time(most)))
    }

    /// Lets the pipeline ask for the latency anew.
    pub(super) fn latency_changed(&self) {
        let obj = self.obj();
        // Without a bus nobody waits for the pipeline's latency either.
        let _ = obj.post_message(gst::message::Latency::builder().src(&*obj).build());
    }

    /// When packets end. Upstream is asked once whether it is live; without a clock nothing is.
    pub(super) fn pace(&self) -> Pace {
        if let Some(pace) = lock(&self.state).pace {
            return pace;
        }
        let obj = self.obj();
        let mut query = gst::query::Latency::new();
        let live = obj.sink_pad().peer_query(&mut query) && query.result().0 && obj.clock().is_some();
        let most = lock(&self.state).max_ptime;
        let multiple = nonnegative(obj.ptime_multiple()).unwrap_or_default();
        let pace = Pace { live, hold: self.hold(), span: nonnegative(obj.max_ptime()), most, multiple };
        gst::debug!(CAT, imp = self, "pace {pace:?}");
        if live {
            self.start_alarm();
        }
        lock(&self.state).pace = Some(pace);
        pace
    }

    fn start_alarm(&self) {
        let mut alarm = lock(&self.alarm);
        if alarm.is_some() {
            return;
        }
        let pay = self.downgrade();
        let ring = move || {
            if let Some(pay) = pay.upgrade() {
                pay.ring();
            }
        };
        match Alarm::start("rtpmidipay", ring) {
            Ok(started) => {
                started.play(&*self.obj());
                *alarm = Some(started);
            }
            Err(error) => gst::warning!(CAT, imp = self, "no guard packets: no thread: {error}"),
        }
    }

    /// The alarm's time has come: sends what is due, in turn with the streaming thread.
    fn ring(&self) {
        let obj = self.obj();
        let _turn = obj.sink_pad().stream_lock();
        if let Some(now) = obj.current_running_time() {
            self.work_or_log(|packer, outbox| packer.ring(now, outbox));
        }
    }

    pub(super) fn work_or_log(&self, work: impl FnOnce(&mut Packer, &mut Outbox)) {
        if let Err(error) = self.work(work) {
            gst::debug!(CAT, imp = self, "not sent: {error}");
        }
    }

    /// Lets the packer work, pushes its packets and sets the alarm. The caller has the sink pad's stream lock, so that
    /// packets leave in the order of their sequence numbers.
    pub(super) fn work(&self, work: impl FnOnce(&mut Packer, &mut Outbox)) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        let Some(packer) = &mut state.packer else { return Ok(gst::FlowSuccess::Ok) };
        let mut outbox = std::mem::take(&mut state.outbox);
        work(packer, &mut outbox);
        if packer.pace.live
            && let Some(now) = self.obj().current_running_time()
        {
            let at = packer.wake(now);
            self.with_alarm(|alarm| alarm.set(at));
        }
        let too_long = !state.told_of_length && packer.is_too_long();
        state.told_of_length |= too_long;
        drop(guard);
        if too_long {
            self.tell_of_length();
        }
        let result = self.push(&outbox);
        outbox.clear();
        lock(&self.state).outbox = outbox;
        result
    }

    /// Ends the stream where its source has commands that it does not carry, if that is what they are to do.
    pub(super) fn judge_unused(
        &self,
        result: Result<gst::FlowSuccess, gst::FlowError>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        if self.filters() {
            return result;
        }
        let Some((count, parameters)) =
            self.with_packer(|packer| (packer.unused(), packer.stream().parameters.clone()))
        else {
            return result;
        };
        if count == std::mem::replace(&mut lock(&self.state).unused, count) {
            return result;
        }
        let excludes = |name: &str| name.to_ascii_lowercase().starts_with("cm_");
        let why: Parameters = parameters.iter().filter(|parameter| excludes(&parameter.name)).cloned().collect();
        gst::element_imp_error!(
            self,
            gst::StreamError::Encode,
            ("The source has a command that the stream does not carry: {why}"),
            ["unused-commands=filter keeps such commands out instead"]
        );
        Err(gst::FlowError::Error)
    }

    fn tell_of_length(&self) {
        gst::element_imp_warning!(
            self,
            gst::StreamError::Encode,
            ("The recovery journal outgrows the packets, and no receiver reports that could shorten it"),
            ["packets beyond the mtu go out, or LENGTH leaves something out; ch_never or cm_unused in fmtp, or \
              journal=closed-loop with receivers that report, make it shorter (statistics: oversized, journal-cuts)"]
        );
    }

    /// Pushes all packets even when one is refused: each has its sequence number.
    fn push(&self, outbox: &Outbox) -> Result<gst::FlowSuccess, gst::FlowError> {
        let obj = self.obj();
        let mut result = Ok(gst::FlowSuccess::Ok);
        for packet in outbox.iter() {
            let mut buffer = if obj.is_source_info_enabled() {
                self.with_sources(packet.payload)?
            } else {
                in_one_piece(packet.payload)?
            };
            {
                let buffer = buffer.make_mut();
                buffer.set_pts(packet.pts);
                let mut rtp = gst_rtp::RTPBuffer::from_buffer_writable(buffer).map_err(|_| gst::FlowError::Error)?;
                rtp.set_marker(packet.marker);
            }
            result = result.and(obj.push(buffer));
            if packet.sequence == u16::MAX && self.settings().ssrc_per_cycle {
                self.take_new_ssrc();
            }
        }
        result
    }

    /// Goes on as if somebody else had the SSRC: the base class draws another one.
    fn take_new_ssrc(&self) {
        let Some(ssrc) = self.with_packer(|packer| packer.stream().ssrc) else { return };
        let collision = gst::Structure::builder("GstRTPCollision").field("ssrc", ssrc).build();
        self.parent_src_event(gst::event::CustomUpstream::new(collision));
    }

    /// An RTP packet with the contributing sources of the input buffer.
    fn with_sources(&self, payload: &[u8]) -> Result<gst::Buffer, gst::FlowError> {
        let mut buffer = self.obj().allocate_output_buffer(payload.len() as u32, 0, 0);
        let mut rtp = gst_rtp::RTPBuffer::from_buffer_writable(buffer.make_mut()).map_err(|_| gst::FlowError::Error)?;
        rtp.payload_mut().map_err(|_| gst::FlowError::Error)?.copy_from_slice(payload);
        drop(rtp);
        Ok(buffer)
    }
}

/// An RTP packet in one piece of memory. The base class would allocate two, which is slower, and behind `rtpstreampay`
/// three: then `filesink` (to 1.22 at least) loses packets, because 1024 pieces, which it writes at a time, end inside one.
fn in_one_piece(payload: &[u8]) -> Result<gst::Buffer, gst::FlowError> {
    const HEADER: [u8; 12] = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut buffer = gst::Buffer::with_size(HEADER.len() + payload.len()).map_err(|_| gst::FlowError::Error)?;
    {
        let mut octets = buffer.make_mut().map_writable().map_err(|_| gst::FlowError::Error)?;
        octets[..HEADER.len()].copy_from_slice(&HEADER);
        octets[HEADER.len()..].copy_from_slice(payload);
    }
    Ok(buffer)
}

fn nonnegative(time: i64) -> Option<gst::ClockTime> {
    u64::try_from(time).ok().map(gst::ClockTime::from_nseconds)
}
