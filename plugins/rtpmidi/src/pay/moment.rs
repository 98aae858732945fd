//! Stream positions as RTP time, in step with what `GstRTPBasePayload` writes into the packets.

/// A position in the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Moment {
    /// The timestamp that a packet of this moment needs; without one the base class repeats the packet before.
    pub(super) pts: Option<gst::ClockTime>,
    /// RTP clock ticks since running time 0, without the random offset.
    pub(super) ticks: u64,
}

/// Turns timestamps into moments that never go back.
#[derive(Debug)]
pub(super) struct Moments {
    rate: u32,
    /// Whether RTP time follows the stream time instead of the running time (`scale-rtptime=false`).
    stream_time: bool,
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    last: Moment,
}

impl Moments {
    pub(super) fn new(rate: u32, stream_time: bool) -> Self {
        Self { rate, stream_time, segment: None, last: Moment::default() }
    }

    pub(super) fn set_rate(&mut self, rate: u32, stream_time: bool) {
        (self.rate, self.stream_time) = (rate, stream_time);
        self.last = self.at(self.last.pts).unwrap_or_default();
    }

    pub(super) fn set_segment(&mut self, segment: gst::FormattedSegment<gst::ClockTime>) {
        self.segment = Some(segment);
    }

    /// Forgets the segment and the last moment, as a flush does.
    pub(super) fn flush(&mut self) {
        self.segment = None;
        self.last = Moment::default();
    }

    /// The moment of a buffer. One before the last moment, or without time, is the last moment.
    pub(super) fn of(&mut self, pts: Option<gst::ClockTime>) -> Moment {
        let pts = pts.or(if self.last.pts.is_none() { self.start() } else { None });
        match self.at(pts) {
            Some(moment) if moment.ticks >= self.last.ticks => self.last = moment,
            // In a new segment the same ticks have another timestamp.
            _ => self.last.pts = self.pts_of(self.last.ticks).or(self.last.pts),
        }
        self.last
    }

    /// The moment of RTP time `ticks`, or the nearest that the segment has.
    pub(super) fn nearest(&self, ticks: u64) -> Moment {
        // A segment that begins later than the one before it ended has no timestamps for the time between.
        if let Some(first) = self.first().filter(|first| first.ticks > ticks) {
            return first;
        }
        self.pts_of(ticks).and_then(|pts| self.at(Some(pts))).unwrap_or(self.last)
    }

    /// Notes that a packet of `moment` was made.
    pub(super) fn reach(&mut self, moment: Moment) {
        if moment.ticks > self.last.ticks {
            self.last = moment;
        }
    }

    /// The moment where the segment starts.
    pub(super) fn first(&self) -> Option<Moment> {
        self.at(self.start())
    }

    /// RTP clock ticks of a time that counts from running time 0.
    pub(super) fn ticks(&self, time: gst::ClockTime) -> u64 {
        (u128::from(time.nseconds()) * u128::from(self.rate) / u128::from(gst::ClockTime::SECOND.nseconds())) as u64
    }

    /// The first nanosecond of a tick, so that [`Moments::ticks`] gives the tick back.
    pub(super) fn time(&self, ticks: u64) -> gst::ClockTime {
        let second = u128::from(gst::ClockTime::SECOND.nseconds());
        gst::ClockTime::from_nseconds((u128::from(ticks) * second).div_ceil(u128::from(self.rate)) as u64)
    }

    fn start(&self) -> Option<gst::ClockTime> {
        self.segment.as_ref().and_then(gst::FormattedSegment::start)
    }

    /// The moment of a timestamp, wherever the stream is; `None` without a timestamp or a segment.
    ///
    /// A timestamp outside the segment counts as the segment's edge: its message must not get lost.
    pub(super) fn at(&self, pts: Option<gst::ClockTime>) -> Option<Moment> {
        let segment = self.segment.as_ref()?;
        let start = segment.start().unwrap_or_default();
        let inside = pts?.min(segment.stop().map_or(gst::ClockTime::MAX, |stop| stop.saturating_sub(NANOSECOND)));
        let pts = inside.max(start);
        let time = if self.stream_time { segment.to_stream_time(pts) } else { segment.to_running_time(pts) };
        Some(Moment { pts: Some(pts), ticks: self.ticks(time?) })
    }

    fn pts_of(&self, ticks: u64) -> Option<gst::ClockTime> {
        let segment = self.segment.as_ref()?;
        let time = self.time(ticks);
        let found = if self.stream_time {
            segment.position_from_stream_time(time)
        } else {
            segment.position_from_running_time(time)
        };
        found.or_else(|| segment.stop())
    }
}

const NANOSECOND: gst::ClockTime = gst::ClockTime::NSECOND;

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 44_100;

    fn moments(start: u64, stop: Option<u64>) -> Moments {
        gst::init().unwrap();
        let mut segment = gst::FormattedSegment::new();
        segment.set_start(gst::ClockTime::from_seconds(start));
        segment.set_time(gst::ClockTime::ZERO);
        segment.set_stop(stop.map(gst::ClockTime::from_seconds));
        let mut moments = Moments::new(RATE, false);
        moments.set_segment(segment);
        moments
    }

    fn seconds(seconds: u64) -> gst::ClockTime {
        gst::ClockTime::from_seconds(seconds)
    }

    #[test]
    fn what_is_due_between_two_segments_counts_as_the_start_of_the_second() {
        let mut moments = moments(0, None);
        assert_eq!(moments.of(Some(seconds(7))).ticks, 7 * u64::from(RATE));
        let mut later = gst::FormattedSegment::new();
        later.set_start(gst::ClockTime::ZERO);
        later.set_base(seconds(10));
        moments.set_segment(later);
        let first = Moment { pts: Some(gst::ClockTime::ZERO), ticks: 10 * u64::from(RATE) };
        assert_eq!([8, 9, 10].map(|second| moments.nearest(second * u64::from(RATE))), [first; 3]);
    }

    #[test]
    fn ticks_and_time_agree_at_every_tick() {
        for rate in [1, 1000, 31_250, RATE, 90_000, 999_999_937] {
            let moments = Moments::new(rate, false);
            for ticks in (0..500).chain((0..500).map(|day| day * 86_400 * u64::from(rate) + day)) {
                assert_eq!(moments.ticks(moments.time(ticks)), ticks);
            }
        }
    }

    #[test]
    fn time_is_counted_from_the_start_of_the_segment_and_never_goes_back() {
        let mut moments = moments(10, None);
        assert_eq!(moments.of(Some(seconds(11))).ticks, u64::from(RATE));
        assert_eq!(moments.of(Some(seconds(10))), Moment { pts: Some(seconds(11)), ticks: u64::from(RATE) });
        assert_eq!(moments.of(None), Moment { pts: Some(seconds(11)), ticks: u64::from(RATE) });
        assert_eq!(moments.of(Some(seconds(12))).ticks, 2 * u64::from(RATE));
    }

    #[test]
    fn what_lies_outside_the_segment_moves_to_its_edge() {
        let mut moments = moments(10, Some(20));
        assert_eq!(moments.of(Some(seconds(3))), Moment { pts: Some(seconds(10)), ticks: 0 });
        let last = seconds(20) - NANOSECOND;
        assert_eq!(moments.of(Some(seconds(30))).pts, Some(last));
        assert_eq!(moments.nearest(1 << 40).pts, Some(last));
    }

    #[test]
    fn without_a_timestamp_the_first_moment_is_the_start() {
        assert_eq!(moments(10, None).of(None), Moment { pts: Some(seconds(10)), ticks: 0 });
        assert_eq!(Moments::new(RATE, false).of(None), Moment::default());
        assert_eq!(Moments::new(RATE, false).of(Some(seconds(5))), Moment::default());
    }
}
