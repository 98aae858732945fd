//! Threads that write to disks, which may hang: whoever ends the work waits for as long as he likes, and no longer.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A thread at work.
#[derive(Debug)]
pub(super) struct Errand {
    /// Nobody is at the other end any more when the work is done.
    over: Receiver<()>,
}

/// How long the end of the bridge waits for disks.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

impl Errand {
    /// Begins it.
    pub(super) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (going, over) = channel();
        let run = move || {
            // It goes when the work has ended, also by a panic.
            let _going = going;
            work();
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { over })
    }

    /// Whether it is done by then.
    pub(super) fn is_done_by(&self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        matches!(self.over.recv_timeout(left), Err(RecvTimeoutError::Disconnected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_ends_waits_for_work_that_is_done_and_not_for_work_that_hangs() {
        let (release, hanging) = channel::<()>();
        let errand = Errand::start("test", move || hanging.recv().unwrap_or_default()).unwrap();
        assert!(!errand.is_done_by(Instant::now() + Duration::from_millis(20)));
        drop(release);
        assert!(errand.is_done_by(Instant::now() + Duration::from_mins(1)));
        let panics = Errand::start("test", || panic!("as it should")).unwrap();
        assert!(panics.is_done_by(Instant::now() + Duration::from_mins(1)));
    }
}
