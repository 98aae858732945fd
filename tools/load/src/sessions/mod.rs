//! Many AppleMIDI sessions, both ends of each in this one process, and how long messages take from one end to the other.
//!
//! ```text
//!  this thread ──play──▶ ends that call ──▶ loopback ──▶ ends that are called      two threads, a `Host` each
//!        └─────play──▶ ends that are called ──▶ loopback ──▶ ends that call
//! ```
//!
//! A message takes from when this thread begins to play it until the listener of the other end is told: the locks, the
//! sockets, the kernel and the waking of a thread are in it. What of that is not ours, plain UDP shows.

mod options;
mod pairs;
mod plain;

use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use applemidi_io::priority::CpuLatency;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::process::{self, Usage};
use crate::summary::{percent, rounded};
pub use options::SessionOptions;
use pairs::Pairs;

/// Files besides those of the ends, which have two sockets each.
const OWN_FILES: u64 = 64;

/// How long sessions may take to open.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Between the opening of the last session and the measurement: the clocks of a session are compared most at its start.
pub(crate) const REST: Duration = Duration::from_secs(3);

/// How long a message may be under way at the end.
pub(crate) const UNDER_WAY: Duration = Duration::from_millis(500);

/// How often progress is told.
pub(crate) const TURN: Duration = Duration::from_secs(1);

/// Opens the sessions, plays, and tells what it came to.
///
/// # Errors
/// When files or ports are lacking, sessions do not open, or cores cannot be kept awake.
pub fn run_sessions(options: &SessionOptions) -> Result<Value> {
    let limit = |most: u32| CpuLatency::limit(Duration::from_micros(most.into())).context("/dev/cpu_dma_latency");
    let _awake = options.cpu_latency.map(limit).transpose()?;
    let plain = plain::measure()?;
    let usage = || Usage::of(std::process::id());
    let before = usage()?;
    let (mut pairs, opened) = open(options)?;

    pairs.measure();
    let (began, first, machine) = (Instant::now(), usage()?, process::machine().unwrap_or_default());
    let mut told = began;
    while began.elapsed() < options.seconds {
        let next = (told + TURN).min(began + options.seconds);
        pairs.play_until(began, next);
        told = next;
        progress(options, told - began, &pairs)?;
    }
    let (measured, last, busy) = (began.elapsed(), usage()?, process::machine().unwrap_or_default());
    std::thread::sleep(UNDER_WAY);

    let ears = pairs.heard();
    let busy = (busy.0.saturating_sub(machine.0), busy.1.saturating_sub(machine.1));
    let ends = if options.together { options.count + 1 } else { 2 * options.count };
    Ok(json!({
        "type": "summary",
        "sessions": options.count,
        "together": options.together,
        "opened_s": rounded(opened.as_secs_f64()),
        "measured_s": rounded(measured.as_secs_f64()),
        "played": pairs.played(),
        "heard": ears.latency.len(),
        "repaired": ears.repaired,
        "messages_s": rounded(ears.latency.len() as f64 / measured.as_secs_f64()),
        "latency_us": percentiles(&ears.latency),
        "playing_us": percentiles(pairs.playing()),
        "plain_udp_us": percentiles(&plain),
        "cpu_percent": percent(last.cpu.saturating_sub(first.cpu), measured),
        "machine_busy_percent": percent(busy.0, busy.0 + busy.1),
        "resident_before": before.resident,
        "resident": last.resident,
        "resident_per_end": last.resident.saturating_sub(before.resident) / u64::from(ends),
        "threads": last.threads,
        "files": last.files,
    }))
}

/// How long messages take in such sessions, in microseconds.
pub(crate) fn latency(options: &SessionOptions) -> Result<Histogram<u64>> {
    let (mut pairs, _) = open(options)?;
    pairs.measure();
    let began = Instant::now();
    pairs.play_until(began, began + options.seconds);
    std::thread::sleep(UNDER_WAY);
    Ok(pairs.heard().latency)
}

/// Opens the sessions, and tells how long that took.
fn open(options: &SessionOptions) -> Result<(Pairs, Duration)> {
    allow_files(2 * options.count)?;
    let opening = Instant::now();
    let pairs = Pairs::open(options)?;
    let limit = opening + PATIENCE;
    while !pairs.are_open() {
        ensure!(Instant::now() < limit, "{} of {} ends listen", pairs.listening(), 2 * options.count);
        std::thread::sleep(Duration::from_millis(5));
    }
    let opened = opening.elapsed();
    std::thread::sleep(REST);
    Ok((pairs, opened))
}

/// Sees to it that this process may have so many ends.
pub(crate) fn allow_files(ends: u32) -> Result<()> {
    let files = OWN_FILES + 2 * u64::from(ends);
    let limit = rlimit::increase_nofile_limit(files).context("the limit of open files")?;
    ensure!(limit >= files, "{files} files are needed, {limit} may be open: raise it with ulimit -Hn {files}");
    Ok(())
}

fn progress(options: &SessionOptions, at: Duration, pairs: &Pairs) -> Result<()> {
    let (at, late) = (rounded(at.as_secs_f64()), pairs.heard().latency.value_at_quantile(0.99));
    if options.json {
        return Ok(writeln!(stdout(), "{}", json!({ "type": "progress", "at_s": at, "latency_p99_us": late }))?);
    }
    eprintln!("{at:.0} s, {} sessions, 99 % of the messages within {late} µs", options.count);
    Ok(())
}

/// A histogram of microseconds.
pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

pub(crate) fn percentiles(histogram: &Histogram<u64>) -> Value {
    let at = |quantile| histogram.value_at_quantile(quantile);
    json!({ "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p99.9": at(0.999), "max": histogram.max() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_played_is_heard() {
        for together in [false, true] {
            let seconds = Duration::from_millis(500);
            let options = SessionOptions { count: 3, rate: 100, seconds, together, cpu_latency: None, json: true };
            let summary = run_sessions(&options).unwrap();
            assert_eq!((&summary["played"], &summary["repaired"]), (&summary["heard"], &0.into()), "{summary}");
            assert!(summary["heard"].as_u64().unwrap() > 100, "{summary}");
            assert!(summary["latency_us"]["p50"].as_u64().unwrap() > 0, "{summary}");
        }
    }
}
