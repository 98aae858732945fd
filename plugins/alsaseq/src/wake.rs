//! Waiting for the sequencer, or for another thread to say that there is something else to do.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::Duration;

use alsa::poll::{Descriptors, Flags, pollfd};
use alsa::{Direction, Seq};
use nix::sys::eventfd::{EfdFlags, EventFd};

/// Ends the waits of another thread: the one that goes on, or the next one. All clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Wake(Arc<EventFd>);

impl Wake {
    pub(crate) fn new() -> std::io::Result<Self> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        Ok(Self(Arc::new(EventFd::from_value_and_flags(0, flags)?)))
    }

    /// Wakes whoever waits.
    pub(crate) fn wake(&self) {
        // It fails only when it has been woken 2^64 times already.
        let _ = self.0.write(1);
    }

    /// Waits until woken, or until the sequencer can be read or written, but no longer than `limit`.
    pub(crate) fn wait(&self, seq: Option<(&Seq, Direction)>, limit: Option<Duration>) -> alsa::Result<()> {
        let own = pollfd { fd: self.0.as_fd().as_raw_fd(), events: Flags::IN.bits(), revents: 0 };
        let mut descriptors = vec![own];
        if let Some((seq, direction)) = seq {
            descriptors.extend((seq, Some(direction)).get()?);
        }
        // Rounded up, so that nobody comes back too early again and again.
        let limit = limit.map_or(-1, |limit| limit.as_nanos().div_ceil(1_000_000).min(1_000_000) as i32);
        match alsa::poll::poll(&mut descriptors, limit) {
            Err(error) if error.errno() != nix::errno::Errno::EINTR as i32 => Err(error),
            _ => {
                // Nothing is there to be read if it was not woken.
                let _ = self.0.read();
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_wait_ends_when_woken_even_before_it_began() {
        let wake = Wake::new().unwrap();
        wake.wake();
        wake.wait(None, None).unwrap();
        let started = Instant::now();
        wake.wait(None, Some(Duration::from_millis(5))).unwrap();
        assert!(started.elapsed() >= Duration::from_millis(4), "it has forgotten that it was woken");
    }
}
