//! A queue of the sequencer as a clock, and how it stands to the clock of the pipeline.

use std::time::Duration;

use alsa::Seq;
use alsa::seq::EventType;
use gst::prelude::*;

use crate::client::Unavailable;

/// A queue that runs.
#[derive(Debug)]
pub(crate) struct Queue {
    id: i32,
    /// Nanoseconds by which the queue is ahead of the clock, and when that was measured.
    ahead: Option<(i64, gst::ClockTime)>,
}

/// How long a measurement holds: two clocks of one machine part by less than 0.1 ms in that time.
const HOLDS: gst::ClockTime = gst::ClockTime::SECOND;

/// Readings of both clocks, of which the one counts that took the least time.
const READINGS: usize = 3;

impl Queue {
    /// Makes one and starts it at zero.
    pub(crate) fn start(seq: &Seq) -> Result<Self, Unavailable> {
        let id = seq.alloc_queue()?;
        seq.control_queue(id, EventType::Start, 0, None)?;
        seq.drain_output()?;
        Ok(Self { id, ahead: None })
    }

    pub(crate) const fn id(&self) -> i32 {
        self.id
    }

    /// The time of the queue now.
    pub(crate) fn now(&self, seq: &Seq) -> alsa::Result<Duration> {
        Ok(self.status(seq)?.0)
    }

    /// The same, and how many events are in it: those of later times, and those that are due, to which the sequencer comes
    /// within a millisecond, or later where the machine is busy.
    pub(crate) fn status(&self, seq: &Seq) -> alsa::Result<(Duration, usize)> {
        let status = seq.get_queue_status(self.id)?;
        Ok((status.get_real_time(), usize::try_from(status.get_events()).unwrap_or_default()))
    }

    /// The time of `clock` when the queue shows, or showed, `time`.
    pub(crate) fn on_clock(
        &mut self,
        seq: &Seq,
        clock: &gst::Clock,
        time: Duration,
    ) -> alsa::Result<Option<gst::ClockTime>> {
        let ahead = self.ahead(seq, clock)?;
        let time = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX).saturating_sub(ahead);
        Ok(u64::try_from(time).ok().map(gst::ClockTime::from_nseconds))
    }

    /// The time of the queue when `clock` shows `time`; its start if that was before.
    pub(crate) fn of_clock(&mut self, seq: &Seq, clock: &gst::Clock, time: gst::ClockTime) -> alsa::Result<Duration> {
        let ahead = self.ahead(seq, clock)?;
        let time = (time.nseconds() as i64).saturating_add(ahead);
        Ok(Duration::from_nanos(u64::try_from(time).unwrap_or_default()))
    }

    /// Forgets how it stands to the clock, which is to be another one.
    pub(crate) fn forget(&mut self) {
        self.ahead = None;
    }

    fn ahead(&mut self, seq: &Seq, clock: &gst::Clock) -> alsa::Result<i64> {
        let now = clock.time();
        if let Some((ahead, at)) = self.ahead
            && now >= at
            && now < at + HOLDS
        {
            return Ok(ahead);
        }
        let mut best: Option<(u64, i64)> = None;
        for _ in 0..READINGS {
            let before = clock.time().nseconds();
            let queue = self.now(seq)?.as_nanos() as i64;
            let took = clock.time().nseconds().saturating_sub(before);
            if best.is_none_or(|(least, _)| took < least) {
                best = Some((took, queue - (before + took / 2) as i64));
            }
        }
        let ahead = best.map_or(0, |(_, ahead)| ahead);
        self.ahead = Some((ahead, now));
        Ok(ahead)
    }
}
