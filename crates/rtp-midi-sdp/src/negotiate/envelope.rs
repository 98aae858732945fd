//! How far an answer may move the timing of packets: within what every party of a network performance can do
//! (RFC 6295, C.7.2).

use std::ops::RangeInclusive;
use std::time::Duration;

/// `rtp_ptime` and `rtp_maxptime` that every party can do.
pub const PACKET_TIME: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_millis(100);

/// `guardtime` that every party can do.
pub const GUARDTIME: RangeInclusive<Duration> = Duration::from_millis(5)..=Duration::from_secs(5);

/// Times in RTP clock ticks: those that lie within.
pub(super) fn ticks(times: &RangeInclusive<Duration>, clock_rate: u32) -> RangeInclusive<u32> {
    let scaled = |time: &Duration| time.as_nanos().saturating_mul(u128::from(clock_rate));
    let first = scaled(times.start()).div_ceil(SECOND);
    let last = (scaled(times.end()) / SECOND).max(first);
    let limited = |ticks: u128| u32::try_from(ticks).unwrap_or(u32::MAX);
    limited(first)..=limited(last)
}

/// The value next to an offered one that an end can do; `None` if it cannot come as near as an answer may.
pub(super) fn moved(
    offered: u32,
    able: &RangeInclusive<Duration>,
    envelope: &RangeInclusive<Duration>,
    clock_rate: u32,
) -> Option<u32> {
    let able = ticks(able, clock_rate);
    let value = offered.clamp(*able.start(), *able.end());
    (value == offered || ticks(envelope, clock_rate).contains(&value)).then_some(value)
}

const SECOND: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const fn milliseconds(from: u64, to: u64) -> RangeInclusive<Duration> {
        Duration::from_millis(from)..=Duration::from_millis(to)
    }

    #[test]
    fn times_are_whole_ticks_within_their_limits() {
        assert_eq!(ticks(&GUARDTIME, 44_100), 221..=220_500);
        assert_eq!(ticks(&PACKET_TIME, 44_100), 0..=4410);
        assert_eq!(ticks(&(Duration::ZERO..=Duration::MAX), 44_100), 0..=u32::MAX);
        assert_eq!(ticks(&milliseconds(1, 1), 300), 1..=1);
    }

    #[test]
    fn values_move_no_further_than_everybody_can_follow() {
        assert_eq!(moved(441, &PACKET_TIME, &PACKET_TIME, 44_100), Some(441));
        assert_eq!(moved(9000, &milliseconds(0, 50), &PACKET_TIME, 44_100), Some(2205));
        assert_eq!(moved(0, &milliseconds(20, 50), &PACKET_TIME, 44_100), Some(882));
        assert_eq!(moved(0, &milliseconds(200, 900), &PACKET_TIME, 44_100), None);
        assert_eq!(moved(9000, &milliseconds(200, 900), &PACKET_TIME, 44_100), Some(9000));
        assert_eq!(moved(u32::MAX, &(Duration::ZERO..=Duration::MAX), &GUARDTIME, 44_100), Some(u32::MAX));
    }
}
