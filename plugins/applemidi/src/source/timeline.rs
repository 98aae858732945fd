//! When messages were played, as the pipeline counts time.

use std::time::{Duration, Instant};

use super::settings::{Mode, Settings};
use crate::inbox::Message;

/// A moment by both clocks: that of the system, and the running time of the pipeline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) instant: Instant,
    pub(super) running: gst::ClockTime,
}

/// The timestamps that have been given.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    last: gst::ClockTime,
}

/// How long before it comes a message can have been played. Who says more has no clock that can be trusted.
const BEHIND: Duration = Duration::from_secs(10);

/// How long behind its coming a message may be played: some senders send ahead, but nobody may stop the music for long.
const AHEAD: Duration = Duration::from_secs(1);

impl Timeline {
    /// The timestamp of a message that is passed on now; `None` if it is a note that is too late. Timestamps never go
    /// back.
    pub(super) fn stamp(&mut self, message: &Message, now: Moment, settings: &Settings) -> Option<gst::ClockTime> {
        let arrived = message.arrived;
        let played = message.played.filter(|played| {
            arrived.saturating_duration_since(*played) <= BEHIND && played.saturating_duration_since(arrived) <= AHEAD
        });
        let at = match settings.mode {
            Mode::Timestamp => played.unwrap_or(arrived),
            Mode::Arrival => arrived,
        };
        let age = time(now.instant.saturating_duration_since(at));
        let begins_note = matches!(message.octets[..], [0x90..=0x9F, _, velocity] if velocity > 0);
        if begins_note && age > settings.latency() + settings.late_notes {
            return None;
        }
        let running = now.running.saturating_sub(age) + time(at.saturating_duration_since(now.instant));
        self.last = self.last.max(running);
        Some(self.last)
    }

    /// The timestamp of what happens now.
    pub(super) fn now(&mut self, now: gst::ClockTime) -> gst::ClockTime {
        self.last = self.last.max(now);
        self.last
    }
}

fn time(duration: Duration) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(duration.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn now() -> Moment {
        Moment { instant: Instant::now() + 100_000 * MS, running: gst::ClockTime::from_seconds(60) }
    }

    /// What becomes of a message that was played so many milliseconds before it came, and came so many ago.
    fn stamp(
        timeline: &mut Timeline,
        (now, mode): (Moment, Mode),
        octets: &[u8],
        played: i64,
        ago: u32,
    ) -> Option<u64> {
        let settings = Settings { mode, ..Settings::default() };
        let arrived = now.instant.checked_sub(MS * ago).unwrap();
        let before = MS * played.unsigned_abs() as u32;
        let played = if played < 0 { arrived + before } else { arrived.checked_sub(before).unwrap() };
        let message = Message { octets: octets.to_vec(), arrived, played: Some(played) };
        timeline.stamp(&message, now, &settings).map(gst::ClockTime::mseconds)
    }

    #[test]
    fn the_senders_time_counts_or_that_of_arrival() {
        for (mode, stamped) in [(Mode::Timestamp, 60_000 - 17), (Mode::Arrival, 60_000 - 2)] {
            assert_eq!(stamp(&mut Timeline::default(), (now(), mode), &[0x90, 60, 1], 15, 2), Some(stamped));
        }
    }

    #[test]
    fn time_never_goes_back() {
        let (mut timeline, at) = (Timeline::default(), (now(), Mode::Timestamp));
        assert_eq!(stamp(&mut timeline, at, &[0x90, 60, 1], 5, 0), Some(59_995));
        assert_eq!(stamp(&mut timeline, at, &[0x90, 61, 1], 9, 0), Some(59_995));
        assert_eq!(timeline.now(gst::ClockTime::from_seconds(1)).mseconds(), 59_995);
    }

    #[test]
    fn only_notes_come_too_late() {
        let at = (now(), Mode::Timestamp);
        for (octets, is_passed) in [([0x90, 60, 1], false), ([0x90, 60, 0], true), ([0xB0, 7, 1], true)] {
            assert_eq!(stamp(&mut Timeline::default(), at, &octets, 500, 21).is_some(), is_passed, "{octets:?}");
        }
        assert!(stamp(&mut Timeline::default(), at, &[0x90, 60, 1], 500, 19).is_some());
    }

    #[test]
    fn a_clock_that_makes_no_sense_is_not_believed() {
        let at = (now(), Mode::Timestamp);
        assert_eq!(stamp(&mut Timeline::default(), at, &[0x90, 60, 1], 10_001, 3), Some(59_997));
        assert_eq!(stamp(&mut Timeline::default(), at, &[0x90, 60, 1], -1001, 3), Some(59_997));
        assert_eq!(stamp(&mut Timeline::default(), at, &[0x90, 60, 1], -50, 3), Some(60_047), "sent ahead");
    }
}
