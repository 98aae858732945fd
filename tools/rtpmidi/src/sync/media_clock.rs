//! RTP timestamps that follow a clock tick by tick (`a=mediaclk:direct`, RFC 7273, 5.2).

/// A clock of timestamps: the time of a reference clock, in ticks, and an offset, modulo 2^32.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MediaClock {
    /// Ticks a second; not 0.
    rate: u32,
    /// The timestamp at the epoch of the reference clock.
    offset: u32,
}

const SECOND: u128 = 1_000_000_000;

impl MediaClock {
    pub(crate) fn new(rate: u32, offset: u32) -> Self {
        Self { rate: rate.max(1), offset }
    }

    /// The clock by which the timestamp is this one at this time, in nanoseconds of the reference clock.
    pub(crate) fn through(rate: u32, time: u64, timestamp: u32) -> Self {
        let at_epoch = Self::new(rate, 0);
        Self { offset: timestamp.wrapping_sub(at_epoch.timestamp(time)), ..at_epoch }
    }

    /// The timestamp at the epoch.
    pub(crate) const fn offset(self) -> u32 {
        self.offset
    }

    /// The timestamp at this time: that of the last tick.
    pub(crate) fn timestamp(self, time: u64) -> u32 {
        self.offset.wrapping_add(self.ticks(time) as u32)
    }

    /// When the timestamp is this one: the first such time since the epoch, of those that are nearest to `near`.
    /// Timestamps come again, at 44100 Hz each 27 hours.
    pub(crate) fn time(self, timestamp: u32, near: u64) -> u64 {
        let ticks = self.ticks(near);
        let ahead = timestamp.wrapping_sub(self.timestamp(near)) as i32;
        let ticks = i128::from(ticks) + i128::from(ahead);
        // In front of the epoch there is no time.
        let ticks = u128::try_from(ticks).unwrap_or_default();
        (ticks * SECOND).div_ceil(self.rate.into()) as u64
    }

    /// The first time from `time` on at which a tick begins to the nanosecond. A stream that starts then has the
    /// timestamps of this clock exactly, whoever rounds what.
    pub(crate) fn whole_tick(self, time: u64) -> u64 {
        let span = SECOND as u64 / gcd(SECOND as u64, self.rate.into());
        time.next_multiple_of(span)
    }

    fn ticks(self, time: u64) -> u64 {
        (u128::from(time) * u128::from(self.rate) / SECOND) as u64
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Times of clocks that count since 1900 or 1970, and some that are near the epoch or the wrap of the timestamp.
    fn times() -> impl Strategy<Value = u64> {
        let second = SECOND as u64;
        prop_oneof![
            0..10 * second,
            1_700_000_000 * second..1_900_000_000 * second,
            3_900_000_000 * second..4_200_000_000 * second
        ]
    }

    fn rates() -> impl Strategy<Value = u32> {
        prop_oneof![prop::sample::select(vec![1000, 10_000, 22_050, 44_100, 48_000, 96_000, 90_000]), 1000_u32..192_000]
    }

    #[test]
    fn at_the_epoch_the_timestamp_is_the_offset() {
        let clock = MediaClock::new(44_100, 963_214_424);
        assert_eq!(clock.timestamp(0), 963_214_424);
        assert_eq!(clock.timestamp(SECOND as u64), 963_258_524);
        // The last nanosecond before a tick, and the tick: 1/44100 s is 22675.7… ns.
        assert_eq!((clock.timestamp(22_675), clock.timestamp(22_676)), (963_214_424, 963_214_425));
        assert_eq!(clock.time(963_214_425, 0), 22_676);
    }

    #[test]
    fn timestamps_wrap() {
        let clock = MediaClock::new(48_000, u32::MAX);
        assert_eq!((clock.timestamp(0), clock.timestamp(SECOND as u64)), (u32::MAX, 47_999));
        assert_eq!(clock.time(47_999, 0), SECOND as u64);
        assert_eq!(clock.time(u32::MAX, SECOND as u64), 0);
    }

    proptest! {
        #[test]
        fn a_timestamp_leads_back_to_its_time(
            rate in rates(), offset: u32, time in times(), away in -3_600_000_000_000_i64..3_600_000_000_000,
        ) {
            let clock = MediaClock::new(rate, offset);
            let timestamp = clock.timestamp(time);
            // Who asks knows the time to an hour: half a round of timestamps is longer.
            let found = clock.time(timestamp, time.saturating_add_signed(away));
            prop_assert_eq!(clock.timestamp(found), timestamp);
            let tick = SECOND as u64 / u64::from(rate) + 1;
            prop_assert!(found <= time && time - found <= tick, "{found} for {time}");
        }

        #[test]
        fn one_moment_defines_the_clock(rate in rates(), time in times(), timestamp: u32, later in 0_u64..1 << 45) {
            let clock = MediaClock::through(rate, time, timestamp);
            prop_assert_eq!(clock.timestamp(time), timestamp);
            prop_assert_eq!(MediaClock::through(rate, time + later, clock.timestamp(time + later)), clock);
        }

        /// A payloader adds the ticks since its start to the timestamp of its start.
        #[test]
        fn who_starts_with_a_tick_has_the_timestamps_of_the_clock(
            rate in rates(), offset: u32, time in times(), running in 0_u64..1 << 45,
        ) {
            let clock = MediaClock::new(rate, offset);
            let start = clock.whole_tick(time);
            prop_assert!(start >= time && start - time < SECOND as u64);
            let since = MediaClock::new(rate, clock.timestamp(start));
            prop_assert_eq!(since.timestamp(running), clock.timestamp(start + running));
        }
    }
}
