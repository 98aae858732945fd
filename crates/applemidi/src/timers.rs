//! Every time and number that the session protocol runs on.

use std::time::Duration;

/// The unit of all times on the wire.
pub const TICK: Duration = Duration::from_micros(100);

/// When things are due, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// How long an invitation waits for its answer before it is sent again; one after the other, and then no more.
    pub invitation: &'static [Duration],
    /// How long somebody who has been accepted on one port may take to come to the other.
    pub half_open: Duration,
    /// How long an invitation may wait for somebody to decide about it.
    pub decision: Duration,
    /// When clocks are compared first, counted from when the session opened.
    pub clock_start: &'static [Duration],
    /// How often clocks are compared from then on.
    pub clock: Duration,
    /// When clocks are compared again after a comparison that stayed without an answer.
    pub clock_again: Duration,
    /// How long a peer may compare no clocks before it counts as gone.
    pub expiry: Duration,
    /// The least time between two feedbacks.
    pub feedback: Duration,
    /// Comparisons of clocks that a peer is answered in a second, and how many more at once.
    pub clock_answers: (u32, u32),
    /// Refusals to all peers in a second, and how many more at once.
    pub refusals: (u32, u32),
}

/// Macs invite twelve times. They compare clocks once, then in a burst after one and a half seconds, then every ten
/// seconds; some do not let music pass before the burst. Other peers compare as seldom as once a minute.
impl Default for Timers {
    fn default() -> Self {
        Self {
            invitation: &INVITATION,
            half_open: Duration::from_secs(30),
            decision: Duration::from_mins(1),
            clock_start: &CLOCK_START,
            clock: Duration::from_secs(10),
            clock_again: milliseconds(1500),
            expiry: Duration::from_secs(90),
            feedback: Duration::from_secs(1),
            clock_answers: (10, 20),
            refusals: (10, 10),
        }
    }
}

const INVITATION: [Duration; 12] = {
    let mut table = [milliseconds(1500); 12];
    (table[0], table[1]) = (milliseconds(500), milliseconds(1000));
    table
};

const CLOCK_START: [Duration; 6] = [
    Duration::ZERO,
    milliseconds(1500),
    milliseconds(1550),
    milliseconds(1600),
    milliseconds(1650),
    milliseconds(1700),
];

const fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// How often something may be done: so many a second, and some more at once.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    each: Duration,
    most: Duration,
    /// When all would be allowed again.
    full: Duration,
}

impl Allowance {
    pub(crate) fn new((rate, burst): (u32, u32)) -> Self {
        let each = Duration::from_secs(1) / rate.max(1);
        Self { each, most: each * burst.max(1), full: Duration::ZERO }
    }

    /// Whether it may be done now; then it is.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        let full = self.full.max(now) + self.each;
        let is_allowed = full <= now + self.most;
        if is_allowed {
            self.full = full;
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_comes_back_with_time() {
        let mut allowance = Allowance::new((10, 3));
        let taken =
            |allowance: &mut Allowance, at| (0..9).filter(|_| allowance.take(Duration::from_millis(at))).count();
        assert_eq!(taken(&mut allowance, 0), 3);
        assert_eq!(taken(&mut allowance, 99), 0);
        assert_eq!(taken(&mut allowance, 100), 1);
        assert_eq!(taken(&mut allowance, 60_000), 3);
    }
}
