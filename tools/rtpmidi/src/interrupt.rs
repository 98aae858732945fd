//! Ctrl-C, SIGTERM and a terminal that is closed: the first asks for a clean end, the second ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Failure, Result};

/// Becomes true when the user wants the program to end.
#[derive(Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

/// The exit code of a program that a signal ended, as shells have it for SIGINT.
const ENDED_BY_SIGNAL: i32 = 130;

impl Interrupt {
    /// Catches the signals from here on; once in a program.
    pub(crate) fn catch() -> Result<Self> {
        Self::by(&[SIGINT, SIGTERM, SIGHUP])
    }

    /// The same for these signals alone.
    pub(crate) fn by(signals: &[i32]) -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in signals {
            // In this order: the first signal finds the flag down, and raises it.
            flag::register_conditional_shutdown(*signal, ENDED_BY_SIGNAL, asked.clone())
                .and_then(|_| flag::register(*signal, asked.clone()))
                .map_err(|error| Failure::new(format!("cannot catch signals: {error}")))?;
        }
        Ok(Self(asked))
    }

    /// Whether the end was asked for.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
