//! When a datagram came, by the kernel's stamp on it.
//!
//! Stamps are of the time of day, which may be set at any moment, and by anybody. What counts is how old they are, as
//! long as nobody has set the clock between stamping and reading.

use std::time::Duration;

/// What is known of the time of day at one socket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamps {
    /// The time of day, and the time that only rises, when they were looked at last.
    seen: Option<(Duration, Duration)>,
    /// The time of day has been set since the socket had nothing more to read: stamps may be of before.
    is_set: bool,
}

/// Older ones have waited for a process that did not run.
const OLDEST: Duration = Duration::from_secs(1);

/// By how much the two may differ where nobody has set a clock.
const LEAP: Duration = Duration::from_millis(1);

/// The time of day is kept right by letting it run slower or faster by less than one part in so many.
const SLEW: u32 = 1000;

impl Stamps {
    /// How long ago a stamp was, when the time of day is `today` and the time that only rises is `now`. Zero when that
    /// cannot be told.
    pub(crate) fn age(&mut self, stamp: Option<Duration>, today: Duration, now: Duration) -> Duration {
        self.look(today, now);
        let age = stamp.and_then(|stamp| today.checked_sub(stamp));
        age.filter(|age| *age < OLDEST && !self.is_set).unwrap_or_default()
    }

    /// There is nothing more to read: what comes from now on has stamps of the time of day as it is.
    pub(crate) fn drained(&mut self, today: Duration, now: Duration) {
        self.look(today, now);
        self.is_set = false;
    }

    fn look(&mut self, today: Duration, now: Duration) {
        if let Some((before, at)) = self.seen.replace((today, now)) {
            let passed = now.saturating_sub(at);
            self.is_set |= (before + passed).abs_diff(today) > LEAP + passed / SLEW;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn stamps_tell_how_long_a_datagram_has_waited() {
        let (mut stamps, today) = (Stamps::default(), 1_000_000 * SECOND);
        assert_eq!(stamps.age(Some(today.saturating_sub(3 * MS)), today, SECOND), 3 * MS);
        assert_eq!(stamps.age(None, today, SECOND), Duration::ZERO);
        assert_eq!(stamps.age(Some(today.saturating_sub(5 * SECOND)), today, SECOND), Duration::ZERO);
        assert_eq!(stamps.age(Some(today + MS), today, SECOND), Duration::ZERO);
        // A clock that runs a bit faster has not been set.
        let later = today + 10 * SECOND + 4 * MS;
        assert_eq!(stamps.age(Some(later.saturating_sub(MS)), later, 11 * SECOND), MS);
    }

    #[test]
    fn a_clock_that_is_set_does_not_matter() {
        for (set, is_ahead) in [(300 * MS, true), (300 * MS, false), (9000 * SECOND, true), (9000 * SECOND, false)] {
            let (mut stamps, today) = (Stamps::default(), 1_000_000 * SECOND);
            let after = |today: Duration| if is_ahead { today + set } else { today.saturating_sub(set) };
            assert_eq!(stamps.age(Some(today.saturating_sub(MS)), today, SECOND), MS);
            // Two have come before it was set, one behind it, and all are read behind it.
            for stamp in [today + 10 * MS, today + 20 * MS, after(today + 30 * MS)] {
                let age = stamps.age(Some(stamp), after(today + 40 * MS), SECOND + 40 * MS);
                assert_eq!(age, Duration::ZERO, "{set:?} {is_ahead}");
            }
            stamps.drained(after(today + 50 * MS), SECOND + 50 * MS);
            let age = stamps.age(Some(after(today + 60 * MS)), after(today + 62 * MS), SECOND + 62 * MS);
            assert_eq!(age, 2 * MS, "{set:?} {is_ahead}");
        }
    }
}
