//! The peer's clock, as far as comparisons tell.
//!
//! ```text
//!  asks     t0 ──CK0──┐                  ┌──▶ t2 ──CK2──┐
//!                     ▼                  │              ▼
//!  answers            t1 ──────CK1───────┘
//!
//!  round trip = t2 - t0      offset = t1 - (t0 + t2) / 2, wrong by half the round trip at most
//! ```
//!
//! The shortest round trips tell best. What is wrong by more than they allow for is no error of measurement: then the
//! peer's clock has been set, and all that was known of it is void. Where that seems to happen again and again, the peer
//! does not count the time as we do, and nothing is known of its clock.

use std::time::Duration;

use crate::timers::TICK;

/// A comparison of the two clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Round {
    /// Local time, half way between `t0` and `t2`, or at `t1`.
    pub at: Duration,
    /// The peer's time less the local time, in nanoseconds.
    pub offset: i128,
    /// The round trip.
    pub trip: Duration,
}

impl Round {
    /// What whoever asked learns, at local times `t0` and `t2`.
    pub fn asked(t0: Duration, t1: u64, t2: Duration) -> Self {
        let trip = t2.saturating_sub(t0);
        let at = t0 + trip / 2;
        Self { at, offset: nanoseconds(t1) - at.as_nanos() as i128, trip }
    }

    /// What whoever answered at the local time `t1` learns.
    pub fn answered(t0: u64, t1: Duration, t2: u64) -> Self {
        let trip = TICK.saturating_mul(t2.wrapping_sub(t0).min(LONGEST) as u32);
        Self { at: t1, offset: nanoseconds(t0) - t1.as_nanos() as i128 + (trip.as_nanos() / 2) as i128, trip }
    }

    /// How wrong the offset may be.
    fn error(self) -> i128 {
        (self.trip / 2 + TICK).as_nanos() as i128
    }
}

/// What is known of the peer's clock.
#[derive(Clone, Debug, Default)]
pub struct Estimate {
    /// The latest ones, oldest first.
    rounds: Vec<Round>,
    /// Parts per thousand million that the peer's clock is faster.
    drift: i128,
    latency: Average,
    steps: u32,
    /// How many of them have come one after the other, so that nothing was known for long.
    row: u32,
}

/// A mean and the mean distance from it, in nanoseconds, in which the latest sixteen values or so count.
#[derive(Clone, Copy, Debug, Default)]
struct Average {
    mean: f64,
    deviation: f64,
    values: u32,
}

/// Rounds that are remembered: more than two minutes of them.
const ROUNDS: usize = 16;

/// What clocks differ by at most, in parts per thousand million: quartz is ten times better.
const DRIFT: i128 = 500_000;

/// How much of a measured drift may be error, in parts per thousand million.
const DOUBT: i128 = 100_000;

/// Times that a clock may be set in a row, without rounds that agree for a while between them.
const ROW: u32 = 2;

/// For how long rounds agree where a clock has been set.
const AGREEMENT: Duration = Duration::from_secs(1);

/// Ticks of a round trip that counts: a minute.
const LONGEST: u64 = 600_000;

impl Estimate {
    /// Takes note of a round. True when the peer's clock turns out to have been set, so that what it was before counts
    /// no more; not where that happens all the time.
    pub fn observe(&mut self, round: Round) -> bool {
        if round.trip >= TICK * LONGEST as u32 {
            return false;
        }
        let is_step = self.best().is_some_and(|best| {
            let age = round.at.abs_diff(best.at).as_nanos() as i128;
            (round.offset - self.offset(round.at)).abs() > round.error() + best.error() + age * DRIFT / BILLION
        });
        if is_step {
            let (steps, row) = (self.steps + 1, self.row.saturating_add(1));
            *self = Self { steps, row, latency: self.latency, ..Self::default() };
        } else if self.rounds.first().is_some_and(|first| round.at.saturating_sub(first.at) >= AGREEMENT) {
            self.row = 0;
        }
        self.latency.observe((round.trip / 2).as_nanos() as f64);
        if self.rounds.len() == ROUNDS {
            self.rounds.remove(0);
        }
        self.rounds.push(round);
        self.drift = self.fit().clamp(-DRIFT, DRIFT);
        is_step && self.is_steady()
    }

    /// Whether the peer counts the time as we do. Some count in other units.
    fn is_steady(&self) -> bool {
        self.row <= ROW
    }

    /// Whether anything is known.
    pub fn is_known(&self) -> bool {
        !self.rounds.is_empty()
    }

    /// Time from one end to the other, as a mean: half the round trips.
    pub fn latency(&self) -> Option<Duration> {
        self.is_known().then(|| Duration::from_nanos(self.latency.mean as u64))
    }

    /// How far the latency is from its mean, as a mean.
    pub fn jitter(&self) -> Option<Duration> {
        self.is_known().then(|| Duration::from_nanos(self.latency.deviation as u64))
    }

    /// By how many parts in a million the peer's clock is faster.
    pub fn drift(&self) -> f64 {
        self.drift as f64 / 1000.0
    }

    /// How often the peer's clock was found set.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// The peer's time at the local time `at`, in ticks, if it is known.
    pub fn peer_ticks(&self, at: Duration) -> Option<u64> {
        let time = at.as_nanos() as i128 + self.offset(at);
        (self.is_known() && self.is_steady()).then(|| (time.max(0) / TICK_NANOSECONDS) as u64)
    }

    /// The local time that the peer's RTP timestamp means, which is the lower half of its time in ticks: the one
    /// nearest to `around`. `None` before the first round, when the peer does not count the time as we do, or when it
    /// lies before local time began.
    pub fn local(&self, timestamp: u32, around: Duration) -> Option<Duration> {
        let now = self.peer_ticks(around)?;
        let distance = i128::from(timestamp.wrapping_sub(now as u32).cast_signed());
        let time = (i128::from(now) + distance) * TICK_NANOSECONDS - self.offset(around);
        u64::try_from(time).ok().map(Duration::from_nanos)
    }

    /// The peer's time less the local time at `at`; 0 when nothing is known.
    fn offset(&self, at: Duration) -> i128 {
        let Some(best) = self.best() else { return 0 };
        best.offset + self.drift * (at.as_nanos() as i128 - best.at.as_nanos() as i128) / BILLION
    }

    /// The round that tells most: a short one, and not too long ago, since drift is known badly.
    fn best(&self) -> Option<Round> {
        let last = self.rounds.last()?.at;
        self.rounds.iter().copied().min_by_key(|round| {
            let age = last.abs_diff(round.at).as_nanos() as i128;
            round.error() + age * UNSURE / BILLION
        })
    }

    /// The drift along which the shortest rounds lie (least squares), in parts per thousand million.
    fn fit(&self) -> i128 {
        let shortest = self.rounds.iter().map(|round| round.trip).min().unwrap_or_default();
        let bound = shortest + shortest / 2 + 5 * TICK;
        let short: Vec<&Round> = self.rounds.iter().filter(|round| round.trip <= bound).collect();
        let (Some(first), Some(last)) = (short.first(), short.last()) else { return 0 };
        // So much drift may be nothing but errors of measurement.
        let span = (last.at.abs_diff(first.at).as_nanos() as i128).max(1);
        let doubt = 2 * first.error().max(last.error()) * BILLION / span;
        if doubt > DOUBT {
            return 0;
        }
        let point = |round: &&Round| {
            let time = round.at.as_secs_f64() - first.at.as_secs_f64();
            (time, (round.offset - first.offset) as f64)
        };
        let count = short.len() as f64;
        let (x, y) = short.iter().map(point).fold((0.0, 0.0), |(x, y), (a, b)| (x + a / count, y + b / count));
        let (slope, weight) = short
            .iter()
            .map(point)
            .fold((0.0, 0.0), |(slope, weight), (a, b)| (slope + (a - x) * (b - y), weight + (a - x) * (a - x)));
        // Nanoseconds in a second are parts in a thousand million. Time that does not pass tells nothing.
        if weight > 0.0 { (slope / weight) as i128 } else { 0 }
    }
}

const BILLION: i128 = 1_000_000_000;
const TICK_NANOSECONDS: i128 = TICK.as_nanos() as i128;

/// How wrong a known drift may be, in parts per thousand million.
const UNSURE: i128 = 20_000;

impl Average {
    fn observe(&mut self, value: f64) {
        self.values = (self.values + 1).min(16);
        let weight = f64::from(self.values).recip();
        if self.values == 1 {
            self.mean = value;
        }
        self.deviation += ((value - self.mean).abs() - self.deviation) * weight;
        self.mean += (value - self.mean) * weight;
    }
}

fn nanoseconds(ticks: u64) -> i128 {
    i128::from(ticks) * TICK_NANOSECONDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A peer whose clock shows `start` ticks at local time 0, and runs `drift` parts per thousand million fast.
    #[derive(Clone, Copy)]
    struct Peer {
        start: u64,
        drift: i128,
    }

    impl Peer {
        fn ticks(self, at: Duration) -> u64 {
            let local = at.as_nanos() as i128;
            ((nanoseconds(self.start) + local + local * self.drift / BILLION) / TICK_NANOSECONDS) as u64
        }

        /// We ask at `at`; the packets take these times.
        fn asked(self, at: Duration, there: Duration, back: Duration) -> Round {
            Round::asked(at, self.ticks(at + there), at + there + back)
        }
    }

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn both_ends_of_a_comparison_learn_the_same() {
        // A comparison between two Macs, in ticks of the one who asked.
        let (t0, t1, t2) = (0x0124_9411, 0x001D_1E5F, 0x0124_9427);
        let local = |ticks: u64| TICK * u32::try_from(ticks).unwrap();
        let asked = Round::asked(local(t0), t1, local(t2));
        assert_eq!((asked.trip, asked.at), (TICK * 22, local(t0) + TICK * 11));
        let answered = Round::answered(t0, local(t1), t2);
        assert_eq!((answered.trip, answered.offset), (asked.trip, -asked.offset));
    }

    #[test]
    fn the_shortest_round_trip_counts() {
        let (peer, mut estimate) = (Peer { start: 7_000_000, drift: 0 }, Estimate::default());
        estimate.observe(peer.asked(SECOND, 90 * MS, MS));
        estimate.observe(peer.asked(2 * SECOND, MS, MS));
        estimate.observe(peer.asked(3 * SECOND, MS, 200 * MS));
        let ticks = estimate.peer_ticks(4 * SECOND).unwrap();
        assert!(ticks.abs_diff(peer.ticks(4 * SECOND)) <= 1, "{ticks}");
        assert!(estimate.latency().unwrap() > 30 * MS && estimate.jitter().unwrap() > 10 * MS);
    }

    #[test]
    fn drift_is_learnt_in_a_minute() {
        let (peer, mut estimate) = (Peer { start: 0, drift: 200_000 }, Estimate::default());
        for round in 0..7 {
            estimate.observe(peer.asked(SECOND * 10 * round, MS, MS));
        }
        assert!((estimate.drift() - 200.0).abs() < 5.0, "{}", estimate.drift());
        let later = 70 * SECOND;
        assert!(estimate.peer_ticks(later).unwrap().abs_diff(peer.ticks(later)) <= 3);
    }

    #[test]
    fn a_clock_that_is_set_is_followed_at_once() {
        let mut estimate = Estimate::default();
        let before = Peer { start: 50_000_000, drift: 0 };
        for round in 0..5 {
            assert!(!estimate.observe(before.asked(SECOND * 10 * round, MS, 3 * MS)));
        }
        for start in [60_000_000, 59_999_000] {
            let after = Peer { start, drift: 0 };
            assert!(estimate.observe(after.asked(60 * SECOND, MS, 3 * MS)));
            assert!(estimate.peer_ticks(61 * SECOND).unwrap().abs_diff(after.ticks(61 * SECOND)) <= 10);
        }
        assert_eq!(estimate.steps(), 2);
    }

    #[test]
    fn timestamps_wrap_and_lie_on_both_sides_of_now() {
        let (peer, mut estimate) = (Peer { start: 0x2_FFFF_FFF0, drift: 0 }, Estimate::default());
        assert_eq!(estimate.local(0, SECOND), None);
        estimate.observe(peer.asked(SECOND, MS, MS));
        for at in [SECOND, 2 * SECOND, 100 * SECOND] {
            for sent in [at, at.saturating_sub(50 * MS), at + 50 * MS] {
                let local = estimate.local(peer.ticks(sent) as u32, at).unwrap();
                assert!(local.abs_diff(sent) <= 2 * TICK, "{local:?} {sent:?}");
            }
        }
        assert_eq!(estimate.local(peer.ticks(SECOND).wrapping_sub(30_000) as u32, SECOND), None);
    }

    #[test]
    fn a_clock_that_counts_in_other_units_tells_nothing_and_that_it_has_been_set_is_not_told_for_ever() {
        // Ten times too fast, and compared once a second and more often.
        let (peer, mut estimate) = (Peer { start: 0, drift: 9 * BILLION }, Estimate::default());
        let rounds: Vec<_> = (0..20).flat_map(|round| [0, 1, 50].map(|later| SECOND * round + MS * later)).collect();
        let told = rounds.iter().filter(|at| estimate.observe(peer.asked(**at, MS, MS))).count();
        assert_eq!(told, ROW as usize);
        assert_eq!((estimate.peer_ticks(20 * SECOND), estimate.local(0, 20 * SECOND)), (None, None));
        // It has learnt better.
        let better = Peer { start: 0, drift: 0 };
        assert!(!estimate.observe(better.asked(30 * SECOND, MS, MS)));
        assert!(!estimate.observe(better.asked(40 * SECOND, MS, MS)));
        assert_eq!(estimate.peer_ticks(50 * SECOND), Some(better.ticks(50 * SECOND)));
    }

    proptest! {
        #[test]
        fn the_estimate_is_as_good_as_its_shortest_trip(
            start in 0_u64..1 << 50,
            drift in -100_000_i128..100_000,
            trips in proptest::collection::vec((0_u64..200, 0_u64..200), 1..40),
        ) {
            let (peer, mut estimate) = (Peer { start, drift }, Estimate::default());
            let mut now = SECOND;
            for (there, back) in &trips {
                prop_assert!(!estimate.observe(peer.asked(now, MS * *there as u32, MS * *back as u32)), "no step");
                now += 10 * SECOND;
            }
            let recent = trips.iter().rev().take(ROUNDS).map(|(there, back)| there + back).min().unwrap();
            // Half the trip, and what drift may do to a round of some minutes ago.
            let bound = 10 * recent / 2 + 10 * 20;
            let error = estimate.peer_ticks(now).unwrap().abs_diff(peer.ticks(now));
            prop_assert!(error <= bound + 5, "{error} of {bound}");
        }

        #[test]
        fn no_times_are_too_strange(times in proptest::collection::vec(any::<(u64, u64, u64, u64, bool)>(), 1..20)) {
            let mut estimate = Estimate::default();
            for (t0, t1, t2, at, asked) in times {
                let local = Duration::from_nanos;
                estimate.observe(if asked { Round::asked(local(t0), t1, local(t2)) }
                    else { Round::answered(t0, local(t1), t2) });
                let _ = (estimate.local(t1 as u32, local(at)), estimate.peer_ticks(local(at)));
            }
        }
    }
}
