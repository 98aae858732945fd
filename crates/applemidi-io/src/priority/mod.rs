//! Real-time scheduling of a thread that music passes through, where the system allows it.
//!
//! ```no_run
//! use applemidi_io::priority::RealTime;
//! # let mut poll = mio::Poll::new()?;
//! # let mut events = mio::Events::with_capacity(8);
//!
//! let mut real_time = RealTime::ask();
//! loop {
//!     real_time.wait(|| poll.poll(&mut events, None))?;
//!     for event in &events {
//!         // What is to be done about it.
//!         real_time.go_on();
//!     }
//! }
//! # #[allow(unreachable_code)]
//! # std::io::Result::Ok(())
//! ```

mod cpu_latency;
mod pace;

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use rustix::process::getpriority_process;
use thread_priority::{
    NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue,
    ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

pub use cpu_latency::CpuLatency;
use pace::{Class, Pace};

/// The scheduling of the thread that has asked: in real time (`SCHED_RR`, at the lowest priority), as long as it leaves a
/// quarter of its core's time to others. While it does not, it waits for its turn as they do.
#[derive(Debug)]
pub struct RealTime {
    /// None where it is not allowed.
    pace: Option<Pace>,
    /// What the thread has beside all others that do without real time.
    nice: ThreadPriority,
    /// When it was looked at what the thread does.
    looked: Instant,
    /// How long it had worked by then.
    worked: Duration,
    /// It is that of one thread.
    of_thread: PhantomData<*const ()>,
}

/// How often it is looked at what the thread does: asking the system for it takes time.
const LOOK: Duration = Duration::from_millis(1);

const REAL_TIME: ThreadSchedulePolicy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
const ORDINARY: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);

impl RealTime {
    /// Asks for it for this thread, which goes on as it is where the system does not allow it.
    ///
    /// Threads that this one starts inherit it, unless they [`leave`].
    pub fn ask() -> Self {
        let nice = niceness();
        let asked = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, REAL_TIME);
        if let Err(error) = &asked {
            tracing::debug!(%error, "no real-time scheduling");
        }
        let pace = asked.is_ok().then(Pace::default);
        Self { pace, nice, looked: Instant::now(), worked: working_time(), of_thread: PhantomData }
    }

    /// Whether the system allows it.
    pub const fn is_allowed(&self) -> bool {
        self.pace.is_some()
    }

    /// Runs what waits for something to do.
    pub fn wait<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        self.go_on();
        let result = wait();
        // In real time what has come goes first, and then it is looked at what there was.
        if self.pace.as_ref().is_some_and(Pace::is_tired) {
            self.go_on();
        }
        result
    }

    /// Something has been done, and more is to be done before the next wait.
    pub fn go_on(&mut self) {
        let elapsed = self.looked.elapsed();
        if self.pace.is_none() || elapsed < LOOK {
            return;
        }
        let before = std::mem::replace(&mut self.worked, working_time());
        let worked = self.worked.saturating_sub(before);
        self.looked += elapsed;
        self.keep(|pace| pace.pass(worked, elapsed.saturating_sub(worked)));
    }

    /// Becomes what the pace says.
    fn keep(&mut self, pace: impl FnOnce(&mut Pace) -> Option<Class>) {
        let changed = match self.pace.as_mut().and_then(pace) {
            None => return,
            Some(Class::RealTime) => set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, REAL_TIME),
            Some(Class::Ordinary) => set_thread_priority_and_policy(thread_native_id(), self.nice, ORDINARY),
        };
        if let Err(error) = changed {
            tracing::debug!(%error, "the scheduling of a thread cannot be changed any more");
            self.pace = None;
        }
    }
}

/// How long this thread has had a core for itself.
fn working_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// This thread is an ordinary one, whatever the thread that has started it was.
pub fn leave() {
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), niceness(), ORDINARY) {
        tracing::debug!(%error, "the scheduling of a thread cannot be changed");
    }
}

/// The niceness of this thread, which goes with ordinary scheduling.
fn niceness() -> ThreadPriority {
    scaled(getpriority_process(None).unwrap_or(0))
}

/// A niceness from -20 to 19 on the scale of `thread_priority`, from 99 to 0: the middle of what means the same.
fn scaled(nice: i32) -> ThreadPriority {
    let value = (99 * (18 - nice) + 49) / 39;
    let value = ThreadPriorityValue::try_from(value.clamp(0, 99) as u8);
    value.map_or(ThreadPriority::Min, ThreadPriority::Crossplatform)
}

#[cfg(test)]
mod tests {
    use super::*;
    use thread_priority::thread_schedule_policy;

    #[test]
    fn every_niceness_comes_back() {
        for nice in -20..20 {
            assert_eq!(scaled(nice).to_posix(ORDINARY), Ok(nice));
        }
    }

    #[test]
    fn a_thread_is_in_real_time_where_that_is_allowed_and_those_that_it_starts_can_leave() {
        let thread = || {
            let before = niceness();
            let is_allowed = RealTime::ask().is_allowed();
            let expected = if is_allowed { REAL_TIME } else { ORDINARY };
            assert_eq!((thread_schedule_policy(), niceness()), (Ok(expected), before));
            let started = std::thread::spawn(move || {
                assert_eq!(thread_schedule_policy(), Ok(expected));
                leave();
                assert_eq!((thread_schedule_policy(), niceness()), (Ok(ORDINARY), before));
            });
            started.join().unwrap();
        };
        std::thread::spawn(thread).join().unwrap();
    }

    #[test]
    fn a_thread_that_never_rests_gives_it_up_and_has_it_back_behind_a_wait() {
        let thread = || {
            let (before, mut real_time) = (niceness(), RealTime::ask());
            if !real_time.is_allowed() {
                eprintln!("skipped: real-time scheduling is not allowed here");
                return;
            }
            // So much work, without the time that it takes.
            real_time.keep(|pace| pace.pass(Duration::from_secs(1), Duration::ZERO));
            assert_eq!((thread_schedule_policy(), niceness()), (Ok(ORDINARY), before));
            real_time.wait(|| std::thread::sleep(Duration::from_millis(50)));
            assert_eq!((thread_schedule_policy(), niceness()), (Ok(REAL_TIME), before));
        };
        std::thread::spawn(thread).join().unwrap();
    }
}
