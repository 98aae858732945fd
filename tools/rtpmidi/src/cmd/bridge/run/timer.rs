//! Wakes the main loop at a time, which it could not wait for more exactly than to a millisecond.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// A timer that is readable when its time has come.
pub(super) struct Timer(TimerFd);

impl Timer {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self(TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?))
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }

    /// Its time comes so long from now, and no other.
    pub(super) fn set(&self, left: Duration) -> io::Result<()> {
        // None at all would be never.
        let left = left.max(Duration::from_nanos(1));
        Ok(self.0.set(Expiration::OneShot(TimeSpec::from_duration(left)), TimerSetTimeFlags::empty())?)
    }
}
