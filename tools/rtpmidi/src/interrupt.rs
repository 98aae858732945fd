//! Ctrl-C and SIGTERM: the first asks for a clean end, the second ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Failure, Result};

/// Becomes true when the user wants the program to end.
#[derive(Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

/// The exit code of a program that a signal ended, as shells have it for SIGINT.
const ENDED_BY_SIGNAL: i32 = 130;

impl Interrupt {
    /// Catches the signals from here on; once in a program.
    pub(crate) fn catch() -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let handler = {
            let asked = asked.clone();
            move || {
                if asked.swap(true, Ordering::Relaxed) {
                    std::process::exit(ENDED_BY_SIGNAL);
                }
            }
        };
        ctrlc::set_handler(handler).map_err(|error| Failure::new(format!("cannot catch Ctrl-C: {error}")))?;
        Ok(Self(asked))
    }

    /// Whether the end was asked for.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
