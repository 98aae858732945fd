//! A line that says how far a long work is: renewed in place on a terminal, now and
//! then a line of its own when piped.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

/// The line; it is wiped when dropped.
pub(crate) struct StatusLine {
    terminal: bool,
    pause: Duration,
    shown: Option<Instant>,
}

impl StatusLine {
    /// `pause` is the least time between two lines when piped.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { terminal: stdout().is_terminal(), pause, shown: None }
    }

    /// Shows `text`; when piped only if the last one is `pause` ago.
    pub(crate) fn show(&mut self, text: &str) {
        let due = self.shown.is_none_or(|shown| shown.elapsed() >= self.pause);
        if self.terminal {
            let fitting: String = text.chars().take(WIDTH).collect();
            print!("{WIPE}{fitting}");
            let _unseen = stdout().flush();
        } else if due {
            println!("{text}");
        } else {
            return;
        }
        self.shown = Some(Instant::now());
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if self.terminal && self.shown.is_some() {
            print!("{WIPE}");
            let _unseen = stdout().flush();
        }
    }
}

/// To the left edge, and delete what stands there.
const WIPE: &str = "\r\x1b[K";
/// What surely fits into one line of a terminal.
const WIDTH: usize = 79;
