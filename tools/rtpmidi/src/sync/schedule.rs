//! When the packets of a stream are to be heard: at their time by a clock that others have too, and a delay that is the
//! same for all, whenever they come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use rtcp_types::{Compound, Packet};
use rtp_midi_sdp::Clocks;

use super::{MediaClock, Reference, Sync};
use crate::failure::Result;
use crate::rtp::Header;

/// The schedule of a stream, and of those that come in its place.
#[derive(Debug)]
pub(crate) struct Schedule {
    reference: Reference,
    delay: gst::ClockTime,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Ticks a second.
    rate: u32,
    /// What timestamps mean, as the description has it.
    described: Option<MediaClock>,
    /// Otherwise, what the latest report says of the timestamps of a source.
    reported: Option<(u32, MediaClock)>,
    /// The source that is heard.
    heard: Option<u32>,
    /// What is wrong, until it has been told; and what has been told.
    trouble: Option<String>,
    told: [bool; 2],
}

/// Timestamps that lead so far away are none of the clock.
const FAR: gst::ClockTime = gst::ClockTime::from_seconds(10);

impl Schedule {
    /// Starts the clock.
    pub(crate) fn start(sync: &Sync, delay: gst::ClockTime) -> Result<Self> {
        Ok(Self { reference: Reference::start(sync)?, delay, state: Mutex::default() })
    }

    /// Whose time it is.
    pub(crate) const fn sync(&self) -> &Sync {
        self.reference.sync()
    }

    /// A stream begins: its timestamps have `rate` ticks a second, and its description says this of them.
    pub(crate) fn follow(&self, clocks: &Clocks, rate: u32) {
        let described = clocks.offset().map(|offset| MediaClock::new(rate, offset));
        let mut state = self.state();
        *state = State { rate, described, told: state.told, ..State::default() };
    }

    /// Lets `pipeline` play by the clock.
    pub(crate) fn rule(&self, pipeline: &gst::Pipeline) {
        pipeline.use_clock(Some(self.reference.clock()));
        pipeline.set_latency(self.delay);
    }

    /// Lets `rtpbin` give its packets the times of the schedule.
    pub(crate) fn time_packets(self: &Arc<Self>, rtpbin: &gst::Element) {
        let schedule = self.clone();
        rtpbin.connect("new-jitterbuffer", false, move |values| {
            let buffer = values.get(1).and_then(|value| value.get::<gst::Element>().ok())?;
            // In front of it, so that it knows until when to wait for what is missing; and behind it, because it
            // changes times only by and by.
            for pad in ["sink", "src"].iter().filter_map(|name| buffer.static_pad(name)) {
                let schedule = schedule.clone();
                pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                    if let Some(packet) = info.buffer_mut() {
                        schedule.time(pad, packet.make_mut());
                    }
                    gst::PadProbeReturn::Ok
                });
            }
            None
        });
    }

    /// Gives a packet its time.
    fn time(&self, pad: &gst::Pad, packet: &mut gst::BufferRef) {
        let Some(base_time) = pad.parent_element().and_then(|element| element.base_time()) else { return };
        let Some(header) = packet.map_readable().ok().and_then(|octets| Header::parse(&octets)) else { return };
        let now = self.reference.clock().time();
        let mut state = self.state();
        if let Some(at) = state.at(header, now) {
            // What was sent before this listener began is heard when it begins, and what waits is not late.
            if at > base_time && pad.direction() == gst::PadDirection::Sink {
                state.judge(at, now, self.delay);
            }
            let time = at.saturating_sub(base_time);
            packet.set_pts(time);
            packet.set_dts(time);
        }
    }

    /// Takes what a compound RTCP packet of the sender says of its timestamps.
    pub(crate) fn learn(&self, compound: &[u8]) {
        let Ok(packets) = Compound::parse(compound) else { return };
        let mut state = self.state();
        for packet in packets.map_while(Result::ok) {
            if let Packet::Sr(report) = packet
                && state.heard.is_none_or(|ssrc| ssrc == report.ssrc())
            {
                let time = nanoseconds(report.ntp_timestamp());
                state.reported = Some((report.ssrc(), MediaClock::through(state.rate, time, report.rtp_timestamp())));
            }
        }
    }

    /// When a message is played, in seconds: since 1970 of the time of day, or of international atomic time by PTP. Its
    /// running time is that of a pipeline with this `base_time`.
    pub(crate) fn played_at(&self, base_time: gst::ClockTime, running_time: gst::ClockTime) -> f64 {
        (base_time + running_time + self.delay).saturating_sub(self.reference.unix_epoch()).seconds_f64()
    }

    /// What the user should know, once.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.state().trouble.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The time of a packet that comes at the time `now`, if it has one.
    fn at(&mut self, header: Header, now: gst::ClockTime) -> Option<gst::ClockTime> {
        self.heard = Some(header.ssrc);
        // Another source counts from elsewhere, and says so in its next report.
        let reported = self.reported.filter(|(of, _)| *of == header.ssrc).map(|(_, media)| media);
        let media = self.described.or(reported)?;
        let at = gst::ClockTime::from_nseconds(media.time(header.timestamp, now.nseconds()));
        let apart = gst::ClockTime::from_nseconds(at.nseconds().abs_diff(now.nseconds()));
        if apart > FAR {
            let apart = apart.seconds();
            self.tell(0, || {
                format!("warning: the clocks are {apart} s apart: playing not in step, but as packets come")
            });
            return None;
        }
        Some(at)
    }

    /// Says it if a packet that comes now should have been played.
    fn judge(&mut self, at: gst::ClockTime, now: gst::ClockTime, delay: gst::ClockTime) {
        if now > at + delay {
            let needed = ((now - at).mseconds() + 1).next_multiple_of(50);
            self.tell(1, || {
                format!("warning: packets come too late to play in step: --delay {needed} may do, for all")
            });
        }
    }

    fn tell(&mut self, what: usize, words: impl FnOnce() -> String) {
        if !std::mem::replace(&mut self.told[what], true) {
            self.trouble = Some(words());
        }
    }
}

/// The time of an NTP timestamp, since the epoch of its clock.
fn nanoseconds(ntp: u64) -> u64 {
    ((u128::from(ntp) * 1_000_000_000) >> 32) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: gst::ClockTime = gst::ClockTime::from_mseconds(200);

    fn state() -> State {
        State { described: Some(MediaClock::new(1000, 7)), ..State::default() }
    }

    fn header(ssrc: u32, timestamp: u32) -> Header {
        Header { payload_type: 96, timestamp, ssrc }
    }

    fn seconds(seconds: u64) -> gst::ClockTime {
        gst::ClockTime::from_seconds(seconds)
    }

    #[test]
    fn packets_have_their_time_whenever_they_come() {
        let mut state = state();
        for (come, trouble) in [(60_000, None), (60_200, None), (60_250, Some("--delay 300 ")), (60_300, None)] {
            let now = gst::ClockTime::from_mseconds(come);
            let at = state.at(header(1, 60_007), now).unwrap();
            state.judge(at, now, DELAY);
            let told = state.trouble.take();
            assert_eq!((at, told.is_some()), (seconds(60), trouble.is_some()));
            assert!(trouble.is_none_or(|trouble| told.unwrap().contains(trouble)));
        }
    }

    #[test]
    fn another_clock_is_not_followed_and_told_of() {
        let mut state = state();
        for come in [49, 71] {
            assert_eq!(state.at(header(1, 60_007), seconds(come)), None);
        }
        assert!(state.trouble.unwrap().contains("the clocks are 11 s apart"));
    }

    #[test]
    fn without_a_described_offset_reports_tell_the_time() {
        gst::init().unwrap();
        let schedule = Schedule::start(&Sync::NtpLocal, DELAY).unwrap();
        schedule.follow(&Clocks::default(), 1000);
        assert_eq!(schedule.state().at(header(7, 60_000), seconds(60)), None);
        let report = |ssrc: u32| {
            let report = rtcp_types::SenderReport::builder(ssrc).ntp_timestamp(60 << 32 | 1 << 31).rtp_timestamp(500);
            let mut octets = [0; 64];
            let length = rtcp_types::RtcpPacketWriterExt::write_into(&report, &mut octets).unwrap();
            octets[..length].to_vec()
        };
        schedule.learn(&report(8));
        assert_eq!(schedule.state().at(header(7, 0), seconds(60)), None, "it is of another source");
        schedule.learn(&report(7));
        assert_eq!(schedule.state().at(header(7, 0), seconds(60)), Some(seconds(60)));
        assert_eq!(schedule.state().at(header(8, 0), seconds(60)), None, "a new source has not said it");
        schedule.learn(b"garbage");
    }
}
