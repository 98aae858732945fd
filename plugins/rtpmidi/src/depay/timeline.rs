//! The timestamps of messages, from those of packets and RTP time.

/// Most time that a message may lie behind its packet. Without an end to it, one wrong delta time would hold up
/// all that follows, since timestamps never go back.
const FURTHEST: gst::ClockTime = gst::ClockTime::from_seconds(10);

/// Where RTP time stands in stream time.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    rate: u32,
    anchor: Option<Anchor>,
    packet: gst::ClockTime,
    /// RTP timestamp of the packet.
    rtp: u32,
    last: gst::ClockTime,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    pts: gst::ClockTime,
    /// RTP time of the latest packet, counted from the anchor.
    ticks: u64,
}

impl Timeline {
    pub(super) fn new(rate: u32) -> Self {
        Self { rate, ..Self::default() }
    }

    /// Another RTP clock begins, at the same time in the stream.
    pub(super) fn restart(&mut self) {
        self.anchor = None;
    }

    /// A packet with RTP time `rtp` comes. Where it has no timestamp its time is the latest packet's that had one, or
    /// 0, and the RTP time since (behind `rtpstreamdepay`).
    pub(super) fn packet(&mut self, pts: Option<gst::ClockTime>, rtp: u32) {
        let passed = i64::from(rtp.wrapping_sub(self.rtp) as i32);
        let anchor = match (pts, self.anchor) {
            (Some(pts), _) => Anchor { pts, ticks: 0 },
            (None, Some(anchor)) if passed >= 0 => Anchor { ticks: anchor.ticks + passed as u64, ..anchor },
            // A packet that is late; one that lies further back belongs to a clock that was set anew.
            (None, Some(_)) if -passed < i64::from(self.rate) => return,
            (None, _) => Anchor { pts: self.now(), ticks: 0 },
        };
        self.rtp = rtp;
        self.anchor = Some(anchor);
        self.packet = anchor.pts + self.time(anchor.ticks);
    }

    /// RTP timestamp of the latest packet.
    pub(super) fn rtp(&self) -> u32 {
        self.rtp
    }

    /// The time that the stream has come to.
    pub(super) fn now(&self) -> gst::ClockTime {
        self.packet.max(self.last)
    }

    /// The time of a message in the latest packet; it is never before the one asked for before.
    pub(super) fn message(&mut self, rtp: u32) -> gst::ClockTime {
        let behind = u64::try_from(rtp.wrapping_sub(self.rtp) as i32).unwrap_or_default();
        let ticks = self.anchor.map_or(0, |anchor| anchor.ticks);
        let anchored = self.packet.saturating_sub(self.time(ticks)) + self.time(ticks + behind);
        self.last = self.last.max(anchored.min(self.packet + FURTHEST));
        self.last
    }

    /// Time has come to `pts` without a packet.
    pub(super) fn pass(&mut self, pts: gst::ClockTime) {
        self.last = self.last.max(pts);
    }

    fn time(&self, ticks: u64) -> gst::ClockTime {
        let nanoseconds = (u128::from(ticks) * u128::from(gst::ClockTime::SECOND.nseconds()))
            .checked_div(u128::from(self.rate))
            .unwrap_or_default();
        gst::ClockTime::from_nseconds(nanoseconds as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 1000;

    fn ms(milliseconds: u64) -> gst::ClockTime {
        gst::ClockTime::from_mseconds(milliseconds)
    }

    #[test]
    fn messages_lie_behind_their_packet_by_their_rtp_time() {
        let mut timeline = Timeline::new(RATE);
        timeline.packet(Some(ms(500)), u32::MAX);
        assert_eq!(timeline.message(u32::MAX), ms(500));
        assert_eq!(timeline.message(4), ms(505));
    }

    #[test]
    fn packets_without_timestamps_follow_rtp_time_from_the_last_that_had_one() {
        let mut timeline = Timeline::new(RATE);
        timeline.packet(Some(ms(40)), 0xFFFF_FFF0);
        timeline.packet(None, 0xFFFF_FFFA);
        assert_eq!(timeline.message(0xFFFF_FFFA), ms(50));
        timeline.packet(None, 0x10);
        assert_eq!(timeline.message(0x15), ms(77));
        timeline.packet(Some(ms(100)), 0x20);
        assert_eq!(timeline.message(0x20), ms(100));
    }

    #[test]
    fn without_any_timestamp_the_first_packet_is_time_zero() {
        let mut timeline = Timeline::new(44_100);
        timeline.packet(None, 77);
        assert_eq!(timeline.message(77), ms(0));
        timeline.packet(None, 77 + 44_100);
        assert_eq!(timeline.message(77 + 44_100), ms(1000));
    }

    #[test]
    fn rounding_does_not_add_up() {
        let mut timeline = Timeline::new(44_100);
        for tick in 0..100_000_u32 {
            timeline.packet(None, tick);
            let exact = u64::from(tick) * 1_000_000_000 / 44_100;
            assert!(timeline.message(tick).nseconds().abs_diff(exact) <= 1);
        }
    }

    #[test]
    fn time_never_goes_back_and_a_wrong_delta_time_does_not_stop_it() {
        let mut timeline = Timeline::new(RATE);
        timeline.packet(Some(ms(500)), 0);
        assert_eq!(timeline.message(1 << 30), ms(10_500));
        timeline.packet(Some(ms(20_000)), 100);
        assert_eq!(timeline.message(100), ms(20_000));
        timeline.packet(Some(ms(19_000)), 101);
        assert_eq!(timeline.message(101), ms(20_000));
    }

    #[test]
    fn a_late_packet_without_timestamp_does_not_count_time_twice() {
        let mut timeline = Timeline::new(RATE);
        for rtp in [100, 90, 120] {
            timeline.packet(None, rtp);
        }
        assert_eq!(timeline.message(120), ms(20));
        timeline.packet(None, 120_u32.wrapping_sub(5000));
        assert_eq!(timeline.message(120_u32.wrapping_sub(4999)), ms(21));
    }

    #[test]
    fn another_clock_goes_on_where_the_first_one_stopped() {
        let mut timeline = Timeline::new(RATE);
        timeline.packet(Some(ms(500)), 0);
        timeline.message(20);
        timeline.restart();
        timeline.packet(None, 1 << 31);
        assert_eq!(timeline.message(1 << 31), ms(520));
    }
}
