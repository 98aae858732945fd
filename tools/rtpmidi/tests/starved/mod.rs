//! How long programs have waited for the machine to let them run: what a test may hold against nobody.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Watches a process, and this one, from its making on.
pub(crate) struct Starved {
    stop: Arc<AtomicBool>,
    /// Seconds of waiting in each round.
    rounds: Arc<Mutex<Vec<f64>>>,
    watch: Option<JoinHandle<()>>,
}

/// How often it looks.
const ROUND: Duration = Duration::from_millis(50);

/// Rounds that one piece of bad luck may last.
const WINDOW: usize = 20;

impl Starved {
    pub(crate) fn watch(process: u32) -> Self {
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (until, note) = (stop.clone(), rounds.clone());
        let watch = std::thread::spawn(move || {
            let processes = [process, std::process::id()];
            let mut known = processes.map(waits);
            while !until.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(ROUND);
                // A machine that stands still as a whole keeps nobody waiting for another.
                let stood = began.elapsed().saturating_sub(ROUND).as_secs_f64();
                let now = processes.map(waits);
                let waited: u64 = now.iter().zip(&known).map(|(now, known)| grown(now, known)).sum();
                known = now;
                note.lock().unwrap().push(stood + waited as f64 / 1e9);
            }
        });
        Self { stop, rounds, watch: Some(watch) }
    }

    /// Seconds of waiting in the worst second so far.
    pub(crate) fn most(&self) -> f64 {
        let rounds = self.rounds.lock().unwrap();
        let windows = (0..rounds.len()).map(|first| rounds[first..].iter().take(WINDOW).sum());
        windows.fold(0.0, f64::max)
    }
}

impl Drop for Starved {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.watch.take().map(JoinHandle::join);
    }
}

/// Nanoseconds that each thread of a process has been ready to run and has not run, as the kernel counts them.
fn waits(process: u32) -> HashMap<String, u64> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return HashMap::new() };
    let waited = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        Some((thread.file_name().into_string().ok()?, text.split(' ').nth(1)?.parse().ok()?))
    };
    threads.flatten().filter_map(waited).collect()
}

fn grown(now: &HashMap<String, u64>, known: &HashMap<String, u64>) -> u64 {
    now.iter().map(|(thread, waited)| waited.saturating_sub(known.get(thread).copied().unwrap_or(0))).sum()
}
