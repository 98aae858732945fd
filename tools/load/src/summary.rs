//! What a run comes to, as it goes on and at the end.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::crowd::{Attendance, Crowd};
use crate::kernel::Drops;
use crate::listener::{Heard, Listener, Step};
use crate::options::Options;
use crate::process::Usage;
use crate::reception::Counts;
use crate::sample::Findings;

/// How it went while it was measured.
pub(crate) struct Course {
    pub(crate) measured: Duration,
    /// RTP packets of all listeners, headers included.
    pub(crate) octets: u64,
    /// The server's, with the time of each.
    pub(crate) usages: Vec<(Duration, Usage)>,
    /// Our own time on all cores.
    pub(crate) own: Duration,
    /// The time that all cores worked, and that they idled.
    pub(crate) machine: (Duration, Duration),
}

/// Everything.
pub(crate) struct Summary<'a> {
    pub(crate) options: &'a Options,
    pub(crate) crowd: &'a Crowd,
    /// When all had come.
    pub(crate) attendance: Attendance,
    /// Of each listener that heard something.
    pub(crate) counts: Vec<Counts>,
    pub(crate) course: Course,
    /// The server's, without listeners.
    pub(crate) before: Option<Usage>,
    pub(crate) after: Option<Usage>,
    pub(crate) drops: Drops,
}

/// What is told once a second.
pub(crate) struct Progress(Value);

impl Progress {
    pub(crate) fn coming(attendance: Attendance) -> Self {
        Self(json!({ "type": "coming", "hearing": attendance.hearing, "failed": attendance.failed }))
    }

    /// `usages` are the latest two of the server.
    pub(crate) fn measuring(
        crowd: &Crowd,
        at: Duration,
        usages: Option<((Duration, Usage), (Duration, Usage))>,
    ) -> Self {
        let attendance = crowd.attendance();
        let server = usages.map(|((from, before), (to, now))| {
            json!({ "cpu_percent": percent(now.cpu.saturating_sub(before.cpu), to.saturating_sub(from)), "resident": now.resident })
        });
        Self(json!({
            "type": "progress",
            "at_s": rounded(at.as_secs_f64()),
            "hearing": attendance.hearing,
            "failed": attendance.failed,
            "lateness_p99_ms": milliseconds(crowd.hall.streams.lateness().value_at_quantile(0.99)),
            "server": server,
        }))
    }

    pub(crate) fn print(&self, options: &Options) -> Result<()> {
        let Self(object) = self;
        if options.json {
            return Ok(writeln!(stdout(), "{object}")?);
        }
        let (hearing, failed) = (&object["hearing"], &object["failed"]);
        match object["at_s"].as_f64() {
            None => eprintln!("{hearing} listeners, {failed} failed"),
            Some(at) => {
                let late = &object["lateness_p99_ms"];
                let server = object["server"].as_object().map(|server| {
                    let megabytes = server["resident"].as_f64().unwrap_or_default() / 1e6;
                    format!(", the server takes {} % of a core and {megabytes:.1} MB", server["cpu_percent"])
                });
                eprintln!(
                    "{at:.0} s, {hearing} listeners, {failed} failed, 99 % late by {late} ms at most{}",
                    server.unwrap_or_default()
                );
            }
        }
        Ok(())
    }
}

impl Summary<'_> {
    /// Why listeners failed, with how many each time.
    pub(crate) fn failures(listeners: &[Listener]) -> Value {
        let mut reasons = BTreeMap::<&str, u64>::new();
        for listener in listeners {
            if let Step::Failed(reason) = listener.step() {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        json!(reasons)
    }

    /// As one object.
    pub(crate) fn json(&self) -> Value {
        let streams = &self.crowd.hall.streams;
        let listeners = &self.crowd.listeners;
        let mut heard = Heard::default();
        for listener in listeners {
            heard += listener.heard();
        }
        let seconds = self.course.measured.as_secs_f64();
        let packets = streams.lateness().len();
        let playing = self.attendance.hearing.max(1) as f64;
        json!({
            "type": "summary",
            "url": self.options.url.as_str(),
            "transport": if self.options.interleaved { "interleaved" } else { "udp" },
            "listeners": self.options.listeners,
            "hearing": self.attendance.hearing,
            "left": self.crowd.attendance().gone,
            "failures": Self::failures(listeners),
            "join_ms": self.joins(),
            "measured_s": rounded(seconds),
            "packets_per_listener_s": rounded(packets as f64 / seconds / playing),
            "octets_per_listener_s": rounded(self.course.octets as f64 / seconds / playing),
            "packets": self.packets(heard),
            "lateness_ms": percentiles(streams.lateness()),
            "floor_sank_ms": rounded(streams.sunk().as_secs_f64() * 1e3),
            "spread_ms": percentiles(streams.spread()),
            "sample": self.sample(),
            "rtcp": {
                "sender_reports": heard.sender_reports,
                "receiver_reports": heard.reports_sent,
                "goodbyes": heard.goodbyes,
            },
            "server": self.server(packets),
            "load_cpu_percent": percent(self.course.own, self.course.measured),
            "machine_busy_percent": percent(self.course.machine.0, self.course.machine.0 + self.course.machine.1),
            "kernel": {
                "receive_buffer": self.drops.receive_buffer,
                "send_buffer": self.drops.send_buffer,
                "backlog": self.drops.backlog,
            },
        })
    }

    /// From the connection to the first packet.
    fn joins(&self) -> Value {
        let mut joins: Vec<Duration> = self.crowd.listeners.iter().filter_map(Listener::joined).collect();
        joins.sort_unstable();
        let at = |quantile: f64| {
            let index = (joins.len() as f64 * quantile) as usize;
            joins.get(index.min(joins.len().saturating_sub(1))).map(|join| rounded(join.as_secs_f64() * 1e3))
        };
        json!({ "p50": at(0.5), "p99": at(0.99), "max": at(1.0) })
    }

    fn packets(&self, heard: Heard) -> Value {
        let sum = |of: fn(&Counts) -> u64| self.counts.iter().map(of).sum::<u64>();
        let lost = sum(|counts| counts.lost);
        json!({
            "expected": sum(|counts| counts.expected),
            "received": sum(|counts| counts.received),
            "lost": lost,
            "dropped_by_full_sockets": heard.dropped,
            "lost_otherwise": lost.saturating_sub(heard.dropped),
            "duplicates": sum(|counts| counts.duplicates),
            "reordered": sum(|counts| counts.reordered),
            "strange": heard.strange,
            "listeners_with_loss": self.counts.iter().filter(|counts| counts.lost > 0).count(),
            "most_lost_by_one": self.counts.iter().map(|counts| counts.lost).max(),
        })
    }

    fn sample(&self) -> Value {
        let found: Vec<Findings> = self.crowd.listeners.iter().filter_map(Listener::findings).collect();
        let mut all = Findings::default();
        for findings in &found {
            all += *findings;
        }
        json!({
            "listeners": found.len(),
            "compared": all.compared,
            "differences": all.differences,
            "malformed": all.malformed,
            "hanging_notes": all.hanging,
        })
    }

    fn server(&self, packets: u64) -> Option<Value> {
        let usages = &self.course.usages;
        let ((from, first), (to, last)) = usages.first().copied().zip(usages.last().copied())?;
        let cpu = last.cpu.saturating_sub(first.cpu);
        let residents = || usages.iter().map(|(_, usage)| usage.resident);
        let (before, after) = (self.before?.resident, self.after?.resident);
        let most = residents().max()?;
        Some(json!({
            "cpu_percent": percent(cpu, to.saturating_sub(from)),
            "cpu_us_per_packet": rounded(cpu.as_secs_f64() * 1e6 / packets.max(1) as f64),
            "resident_before": before,
            "resident_at_start": first.resident,
            "resident_at_end": last.resident,
            "resident_most": most,
            "resident_after": after,
            "resident_per_listener": first.resident.saturating_sub(before) / self.attendance.hearing.max(1) as u64,
            "threads": last.threads,
            "files": last.files,
            "files_after": self.after?.files,
        }))
    }
}

fn percentiles(histogram: &Histogram<u64>) -> Value {
    let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
    json!({ "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p99.9": at(0.999), "max": milliseconds(histogram.max()) })
}

fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e3
}

pub(crate) fn percent(part: Duration, of: Duration) -> f64 {
    (part.as_secs_f64() / of.as_secs_f64().max(f64::MIN_POSITIVE) * 1000.0).round() / 10.0
}

pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
