//! Waiting for somebody to play to, so that the beginning of a file is heard.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::lock::lock;

/// Where the first message waits.
#[derive(Default)]
pub(super) struct Entrance {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Until when it waits; `None` when it is open.
    limit: Option<Instant>,
    /// Whether it has been closed, and nobody has been told that it is open again.
    was_closed: bool,
    is_unlocked: bool,
}

/// What has come of the wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Passage {
    /// There is nothing to wait for, or no longer.
    Open,
    /// It has waited in vain.
    InVain,
    /// It is to stop waiting.
    Unlocked,
}

/// How often it is looked whether somebody is there.
const LOOK: Duration = Duration::from_millis(10);

impl Entrance {
    /// From now on the first message waits for so long at most.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = lock(&self.state);
        (state.limit, state.was_closed) = (Some(Instant::now() + patience), true);
    }

    /// Nothing waits any more.
    pub(super) fn open(&self) {
        lock(&self.state).limit = None;
        self.changed.notify_all();
    }

    /// Whether it has opened since this was asked for.
    pub(super) fn has_opened(&self) -> bool {
        let mut state = lock(&self.state);
        state.limit.is_none() && std::mem::take(&mut state.was_closed)
    }

    /// Whoever waits comes back, and does so at once until this is taken back.
    pub(super) fn unlock(&self, is_unlocked: bool) {
        lock(&self.state).is_unlocked = is_unlocked;
        self.changed.notify_all();
    }

    /// Waits until `may_begin`.
    pub(super) fn pass(&self, may_begin: impl Fn() -> bool) -> Passage {
        let mut state = lock(&self.state);
        loop {
            let Some(limit) = state.limit else { return Passage::Open };
            if state.is_unlocked {
                return Passage::Unlocked;
            }
            let left = limit.saturating_duration_since(Instant::now());
            let passage = if may_begin() { Passage::Open } else { Passage::InVain };
            if passage == Passage::Open || left.is_zero() {
                state.limit = None;
                return passage;
            }
            let waited = self.changed.wait_timeout(state, left.min(LOOK));
            // What a panic has left behind is as good as what stood there before.
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(10);

    #[test]
    fn the_first_message_waits_once_and_not_for_ever() {
        let entrance = Entrance::default();
        assert_eq!(entrance.pass(|| false), Passage::Open);
        entrance.close(LONG);
        assert!(!entrance.has_opened());
        assert_eq!((entrance.pass(|| true), entrance.pass(|| false)), (Passage::Open, Passage::Open));
        assert!(entrance.has_opened() && !entrance.has_opened());
        entrance.close(Duration::ZERO);
        assert_eq!((entrance.pass(|| false), entrance.pass(|| false)), (Passage::InVain, Passage::Open));
    }

    #[test]
    fn whoever_waits_comes_back_when_the_element_stops_and_waits_again_later() {
        let entrance = Entrance::default();
        entrance.close(LONG);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| entrance.pass(|| false));
            entrance.unlock(true);
            assert_eq!(waiting.join().unwrap(), Passage::Unlocked);
            entrance.unlock(false);
            assert_eq!(entrance.pass(|| true), Passage::Open);
        });
    }
}
