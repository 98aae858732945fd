//! What the program says while it works and when it is done: data to stdout, words to stderr.

mod progress;
mod summary;

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::description::printable;
use crate::failure::{Failure, Result};
use crate::journal;

pub(crate) use progress::{Coverage, Listening, Progress, bits_per_second};
pub(crate) use summary::{BroadcastSummary, ListenSummary, RelaySummary, Summary, bits, plural};

/// Shows progress and the summary in the form that fits who reads them.
pub(crate) struct Reporter {
    form: Form,
    shown: Option<Instant>,
    /// How many streams were shown last.
    streams: u64,
}

enum Form {
    /// One JSON object per line on stdout.
    Json,
    /// Bars on the terminal, one for each of several streams.
    Bars(MultiProgress, Vec<ProgressBar>),
    /// A line a second, all streams in turn, on stderr, which is no terminal.
    Lines,
}

/// Whether somebody still reads stdout. `rtpmidi … | head` leaves, which is no error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Audience {
    Listening,
    Gone,
}

impl Reporter {
    /// A reporter that writes JSON to stdout if `json`, and otherwise words to stderr.
    pub(crate) fn new(json: bool) -> Self {
        let form = if json {
            Form::Json
        } else if io::stderr().is_terminal() {
            Form::Bars(MultiProgress::new(), Vec::new())
        } else {
            Form::Lines
        };
        Self { form, shown: None, streams: 1 }
    }

    /// Whether it writes JSON.
    pub(crate) const fn is_json(&self) -> bool {
        matches!(self.form, Form::Json)
    }

    /// How often [`Self::show`] has something to show.
    const fn interval(&self) -> Duration {
        match self.form {
            Form::Json => Duration::from_secs(1),
            Form::Lines => Duration::from_secs(self.streams),
            Form::Bars(..) => Duration::from_millis(200),
        }
    }

    /// Shows the progress if enough time has passed since the last one; only then is it asked for.
    pub(crate) fn show(&mut self, now: Instant, progress: impl FnOnce() -> Progress) -> Result<Audience> {
        self.show_each(now, || vec![progress()])
    }

    /// The same for several streams, which are always the same ones.
    pub(crate) fn show_each(&mut self, now: Instant, progress: impl FnOnce() -> Vec<Progress>) -> Result<Audience> {
        match self.shown {
            Some(shown) if now.duration_since(shown) < self.interval() => return Ok(Audience::Listening),
            // The first one comes after an interval: at the start there is nothing to say.
            None => {
                self.shown = Some(now);
                return Ok(Audience::Listening);
            }
            Some(_) => self.shown = Some(now),
        }
        let progress = progress();
        self.streams = progress.len().max(1) as u64;
        for (place, progress) in progress.iter().enumerate() {
            match &mut self.form {
                Form::Json => match data(&progress.json().to_string())? {
                    Audience::Listening => {}
                    Audience::Gone => return Ok(Audience::Gone),
                },
                Form::Bars(all, bars) => {
                    while bars.len() <= place {
                        bars.push(all.add(bar()));
                    }
                    progress.draw(&bars[place]);
                }
                Form::Lines => eprintln!("{progress}"),
            }
        }
        Ok(Audience::Listening)
    }

    /// Says what goes on; who reads JSON does without.
    pub(crate) fn say(&self, words: &str) {
        if !matches!(self.form, Form::Json) {
            self.warn(words);
        }
    }

    /// Says what who reads JSON needs to know as well, and gets as an object.
    pub(crate) fn tell(&self, words: &str, object: &Value) -> Result<Audience> {
        match &self.form {
            Form::Json => data(&object.to_string()),
            Form::Lines => {
                journal::tell(&printable(words), object);
                Ok(Audience::Listening)
            }
            Form::Bars(..) => {
                self.warn(words);
                Ok(Audience::Listening)
            }
        }
    }

    /// Says what everybody should know, without disturbing the bar.
    pub(crate) fn warn(&self, words: &str) {
        // Titles come from the network.
        let words = printable(words);
        match &self.form {
            Form::Bars(all, _) => all.suspend(|| eprintln!("{words}")),
            Form::Json | Form::Lines => journal::print(&words),
        }
    }

    /// Ends with the summary.
    pub(crate) fn finish(self, summary: &impl Summary) -> Result<()> {
        self.finish_each(std::slice::from_ref(summary))
    }

    /// The same for several streams.
    pub(crate) fn finish_each(self, summaries: &[impl Summary]) -> Result<()> {
        if let Form::Bars(_, bars) = &self.form {
            bars.iter().for_each(ProgressBar::finish_and_clear);
        }
        for summary in summaries {
            match self.form {
                // Who reads no longer has read enough.
                Form::Json => drop(data(&summary.json().to_string())?),
                _ => eprint!("{}", summary.words()),
            }
        }
        Ok(())
    }
}

/// Writes a line of data to stdout.
pub(crate) fn data(line: &str) -> Result<Audience> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Audience::Listening),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Audience::Gone),
        Err(error) => Err(Failure::new(format!("cannot write to stdout: {error}"))),
    }
}

/// A bar of the length of the music; without colours, so that `NO_COLOR` has nothing to forbid.
fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// A number of seconds to the millisecond, as JSON readers like it.
pub(crate) fn seconds(value: f64) -> Value {
    serde_json::json!((value * 1000.0).round() / 1000.0)
}
