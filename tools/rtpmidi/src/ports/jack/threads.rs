//! The threads in which JACK's library calls us, and when a client can be closed.
//!
//! The library ends them by cancelling, wherever they are, by an unwinding that no frame of Rust may see. So a client is
//! closed only while all of them are asleep in the library, or gone.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::unistd::{Pid, gettid};

/// Those of one client.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    all: Mutex<Vec<Pid>>,
    /// How many of them are in our callbacks.
    inside: AtomicUsize,
}

/// A thread is in a callback of ours as long as this value is there.
pub(crate) struct Inside(Arc<Threads>);

/// How often they are looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Looks in a row that find them asleep: one alone may see a thread that waits for a lock on its way out.
const LOOKS: u32 = 3;

impl Threads {
    /// One of them begins.
    pub(crate) fn begin(&self) {
        if let Ok(mut all) = self.all.lock() {
            let own = gettid();
            if !all.contains(&own) {
                all.push(own);
            }
        }
    }

    /// One of them calls us. This neither waits nor allocates.
    pub(crate) fn enter(self: &Arc<Self>) -> Inside {
        self.inside.fetch_add(1, Ordering::SeqCst);
        Inside(self.clone())
    }

    /// Waits until all are asleep in the library or gone, but no longer than this; false if they are not.
    pub(crate) fn rest(&self, patience: Duration) -> bool {
        let (asked, mut looks) = (Instant::now(), 0);
        while looks < LOOKS {
            let all = self.all.lock().map(|all| all.clone()).unwrap_or_default();
            let do_rest = self.inside.load(Ordering::SeqCst) == 0 && all.iter().all(|thread| !is_awake(*thread));
            looks = if do_rest { looks + 1 } else { 0 };
            if asked.elapsed() >= patience {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }

    /// Waits until one of them is gone, but no longer than this.
    pub(crate) fn wait_for_an_end(&self, patience: Duration) {
        let asked = Instant::now();
        let all = self.all.lock().map(|all| all.clone()).unwrap_or_default();
        while all.iter().all(|thread| state(*thread).is_some()) && asked.elapsed() < patience {
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

fn is_awake(thread: Pid) -> bool {
    state(thread).is_some_and(|state| state != 'S')
}

/// The letter that the kernel has for what a thread does; none if it is gone.
fn state(thread: Pid) -> Option<char> {
    let line = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok()?;
    // Behind the name, which may have brackets.
    line.rsplit_once(") ")?.1.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::channel;

    const SOON: Duration = Duration::from_millis(100);
    const LATER: Duration = Duration::from_secs(10);

    #[test]
    fn threads_rest_when_they_sleep_outside_or_are_gone_and_not_while_they_work() {
        let (threads, works) = (Arc::<Threads>::default(), Arc::new(AtomicBool::new(true)));
        assert!(threads.rest(SOON), "there is none");
        let ((begun, has_begun), (go_on, goes_on)) = (channel(), channel());
        let thread = {
            let (threads, works) = (threads.clone(), works.clone());
            std::thread::spawn(move || {
                threads.begin();
                threads.begin();
                begun.send(()).unwrap();
                while works.load(Ordering::Relaxed) {}
                let inside = threads.enter();
                goes_on.recv().unwrap();
                drop(inside);
                goes_on.recv().unwrap();
            })
        };
        has_begun.recv().unwrap();
        assert!(!threads.rest(SOON), "it works");
        works.store(false, Ordering::Relaxed);
        assert!(!threads.rest(SOON), "it sleeps in a callback");
        go_on.send(()).unwrap();
        assert!(threads.rest(LATER), "it sleeps");
        go_on.send(()).unwrap();
        threads.wait_for_an_end(LATER);
        thread.join().unwrap();
        assert!(threads.rest(SOON), "it is gone");
    }
}
