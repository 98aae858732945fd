//! Ctrl-C, SIGTERM and a terminal that is closed: the first asks for a clean end, and one that comes later ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::exit;

use crate::failure::{Failure, Result};

/// Becomes true when the user wants the program to end.
#[derive(Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

/// The exit code of a program that a signal ended, as shells have it for SIGINT.
const ENDED_BY_SIGNAL: i32 = 130;

/// What comes within this time of the first one is no second wish: timeout(1) and systemd send two at a time.
const ONE_WISH: Duration = Duration::from_millis(300);

impl Interrupt {
    /// Catches the signals from here on; once in a program.
    pub(crate) fn catch() -> Result<Self> {
        Self::by(&[SIGINT, SIGTERM, SIGHUP])
    }

    /// The same for these signals alone, with a thread that ends with the program.
    pub(crate) fn by(signals: &[i32]) -> Result<Self> {
        let failed = |error: std::io::Error| Failure::new(format!("cannot catch signals: {error}"));
        let asked = Arc::new(AtomicBool::new(false));
        for signal in signals {
            flag::register(*signal, asked.clone()).map_err(failed)?;
        }
        let mut signals = Signals::new(signals).map_err(failed)?;
        let run = move || {
            let mut first = None;
            for _signal in signals.forever() {
                if first.get_or_insert_with(Instant::now).elapsed() >= ONE_WISH {
                    exit(ENDED_BY_SIGNAL);
                }
            }
        };
        std::thread::Builder::new().name("interrupt".to_owned()).spawn(run).map_err(failed)?;
        Ok(Self(asked))
    }

    /// Whether the end was asked for.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
