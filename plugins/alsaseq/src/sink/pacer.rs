//! When each event goes out: System Exclusives no faster than a cable carries them, and nothing in the middle of one.

use std::time::Duration;

/// The times of one stream of events.
#[derive(Clone, Debug)]
pub(super) struct Pacer {
    /// Octets of System Exclusives per second; 0 is any number.
    rate: u32,
    /// The latest time at which anything was due: the clocks of pipeline and sequencer are compared now and then, and the
    /// order of the stream is kept whatever comes of it.
    due: Duration,
    /// When the last chunk goes out; what comes behind it in the stream goes out behind it.
    floor: Duration,
    /// When a cable would have carried all that has gone out.
    carried: Duration,
}

/// Octets that the buffers of drivers take at once.
const BURST: u32 = 1024;

impl Pacer {
    pub(super) const fn new(rate: u32) -> Self {
        Self { rate, due: Duration::ZERO, floor: Duration::ZERO, carried: Duration::ZERO }
    }

    /// When a message goes out that is due at `due`.
    pub(super) fn message(&mut self, due: Duration) -> Duration {
        self.real_time(due).max(self.floor)
    }

    /// The same for a real-time message, which may stand inside a System Exclusive, as on a cable.
    pub(super) fn real_time(&mut self, due: Duration) -> Duration {
        self.due = self.due.max(due);
        self.due
    }

    /// When a chunk of so many octets goes out that is due at `due`.
    pub(super) fn chunk(&mut self, due: Duration, octets: usize) -> Duration {
        let room = self.carried.saturating_sub(self.takes(BURST as usize));
        let at = self.message(due).max(room);
        self.floor = at;
        self.carried = self.carried.max(at) + self.takes(octets);
        at
    }

    /// How long a cable takes to carry so many octets.
    fn takes(&self, octets: usize) -> Duration {
        match self.rate {
            0 => Duration::ZERO,
            rate => Duration::from_nanos(octets as u64 * 1_000_000_000 / u64::from(rate)),
        }
    }

    /// Begins anew: nothing is on its way any more.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_long_system_exclusive_takes_as_long_as_on_a_cable() {
        let mut pacer = Pacer::new(3125);
        let times: Vec<Duration> = (0..100).map(|_| pacer.chunk(5 * MS, 256)).collect();
        assert!(times.is_sorted());
        // Four chunks fill a buffer, and the others follow as it empties.
        assert_eq!(times[..5], [5 * MS, 5 * MS, 5 * MS, 5 * MS, 5 * MS]);
        let expected = Duration::from_micros(256_000_000 / 3125) * 95 + 5 * MS;
        assert!(times[99].abs_diff(expected) < MS, "{:?} and {expected:?}", times[99]);
    }

    #[test]
    fn nothing_gets_in_front_of_a_chunk() {
        let mut pacer = Pacer::new(3125);
        let last = (0..10).map(|_| pacer.chunk(MS, 256)).last().unwrap();
        assert_eq!(pacer.message(2 * MS), last);
        assert_eq!(pacer.message(last + MS), last + MS);
        pacer.reset();
        assert_eq!(pacer.message(2 * MS), 2 * MS);
    }

    #[test]
    fn the_order_of_the_stream_is_kept() {
        let mut pacer = Pacer::new(3125);
        for (due, at) in [(5, 5), (4, 5), (7, 7)] {
            assert_eq!(pacer.message(due * MS), at * MS);
            assert_eq!(pacer.real_time((due - 1) * MS), at * MS);
        }
    }

    #[test]
    fn short_ones_are_not_held_up() {
        let mut pacer = Pacer::new(3125);
        for n in 0..100 {
            assert_eq!(pacer.chunk(n * 10 * MS, 20), n * 10 * MS);
        }
    }

    #[test]
    fn without_a_rate_all_go_at_once() {
        let mut pacer = Pacer::new(0);
        assert!((0..1000).all(|_| pacer.chunk(MS, 256) == MS));
    }
}
