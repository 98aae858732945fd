//! A thread that waits on the pipeline clock for one running time and then calls back.
//!
//! Not `gst::SingleShotClockId::wait_async`: its callbacks share one thread of the process, and pushing a buffer may block.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use gst::prelude::*;

/// One alarm with its thread, which ends when this is dropped.
///
/// Drop it where the callback can finish: not under a lock that the callback takes.
#[derive(Debug)]
pub(crate) struct Alarm {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The pipeline clock and the base time; nothing rings without them.
    clock: Option<(gst::Clock, gst::ClockTime)>,
    at: Option<gst::ClockTime>,
    waiting: Option<gst::SingleShotClockId>,
    quit: bool,
}

impl Alarm {
    /// Starts the thread `name`, which calls `ring` whenever the running time that [`Alarm::set`] asked for has come.
    pub(crate) fn start(name: &str, ring: impl Fn() + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name(name.into()).spawn({
            let shared = shared.clone();
            move || {
                while shared.wait() {
                    ring();
                }
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Lets the alarm follow the clock of `element`, which is going to PLAYING.
    pub(crate) fn play(&self, element: &impl IsA<gst::Element>) {
        let clock = element.clock().zip(element.base_time());
        self.shared.change(|state| state.clock = clock);
    }

    /// Stops the time: nothing rings until [`Alarm::play`].
    pub(crate) fn pause(&self) {
        self.shared.change(|state| state.clock = None);
    }

    /// Rings once at running time `at`, or at no time; this replaces what was set before.
    pub(crate) fn set(&self, at: Option<gst::ClockTime>) {
        let mut state = self.shared.lock();
        let before = std::mem::replace(&mut state.at, at);
        // A wait that ends too early is repeated, so only an earlier time has to disturb the thread.
        if at.is_some_and(|at| before.is_none_or(|before| at < before)) {
            self.shared.wake(&state);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.shared.change(|state| state.quit = true);
        // The callback may have been the last to hold what owns this.
        let own = |thread: &JoinHandle<()>| thread.thread().id() == std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| !own(thread)) {
            // The thread panics when the callback does, which has then been reported on stderr.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        self.wake(&state);
    }

    fn wake(&self, state: &State) {
        if let Some(waiting) = &state.waiting {
            waiting.unschedule();
        }
        self.changed.notify_all();
    }

    /// Waits until it is time to ring; `false` means that the alarm was dropped.
    fn wait(&self) -> bool {
        let mut state = self.lock();
        loop {
            if state.quit {
                return false;
            }
            let (Some(at), Some((clock, base))) = (state.at, state.clock.as_ref()) else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let id = clock.new_single_shot_id(*base + at);
            state.waiting = Some(id.clone());
            drop(state);
            let (result, _) = id.wait();
            state = self.lock();
            state.waiting = None;
            if !state.quit && result != Err(gst::ClockError::Unscheduled) && state.at.is_some_and(|next| next <= at) {
                state.at = None;
                return true;
            }
        }
    }
}
