//! How long to wait before the next attempt.

use std::time::Duration;

/// Waits that double, so that a server that is down is not stormed by its listeners when it comes up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

impl Backoff {
    /// The next wait: around 1, 2, 4 … 30 seconds, by a fifth less or more.
    pub(super) fn next(&mut self) -> Duration {
        self.wait(fastrand::u32(..1000))
    }

    /// The next wait, for a random number below 1000.
    fn wait(&mut self, random: u32) -> Duration {
        let doubled = FIRST * 2_u32.pow(self.attempts.min(5));
        self.attempts += 1;
        doubled.min(LONGEST) * (800 + random * 2 / 5) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let mut backoff = Backoff::default();
        let seconds: Vec<u64> = (0..8).map(|_| backoff.wait(500).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn no_two_listeners_come_back_at_once() {
        let first = |random| Backoff::default().wait(random).as_millis();
        assert_eq!((first(0), first(999)), (800, 1199));
        let waits: Vec<Duration> = (0..20).map(|_| Backoff::default().next()).collect();
        assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    }
}
