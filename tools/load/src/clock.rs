//! Time since the program began, and what the kernel's stamps are in it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Counts from its making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> Duration {
        self.0.elapsed()
    }

    /// When a packet came that the kernel has stamped so. Stamps are of the time of day, which may be set while we
    /// measure: only how old they are counts.
    pub(crate) fn of_stamp(&self, since_epoch: Duration) -> Duration {
        let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.now().saturating_sub(today.saturating_sub(since_epoch))
    }
}
