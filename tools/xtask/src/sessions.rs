//! `cargo xtask sessions`: many AppleMIDI sessions on this machine, and one, as `docs/scale.md` tells of them.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::step;

/// Measure AppleMIDI sessions on this machine: a thousand, one, and a hundred in which nobody plays
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long each of the runs measures
    #[arg(long, default_value_t = 15.0, value_name = "SECONDS")]
    seconds: f64,
    /// Let no core sleep so deeply that it takes longer to wake; 0 lets none sleep [default: cores sleep as they like]
    #[arg(long, value_name = "MICROSECONDS")]
    cpu_latency: Option<u32>,
}

/// What is measured, and what must hold.
struct Run {
    title: &'static str,
    count: u32,
    /// Messages a second in each session.
    rate: u32,
    together: bool,
    /// Microseconds from one end to the other, beyond those of plain UDP, of half of the messages.
    half: Option<f64>,
    /// Microseconds of 99 of 100 messages.
    most: Option<f64>,
    /// Percent of a core.
    cpu: Option<f64>,
}

const RUNS: [Run; 4] = [
    Run {
        title: "1,000 sessions of two ends",
        count: 1000,
        rate: 50,
        together: false,
        half: None,
        most: Some(2000.0),
        cpu: None,
    },
    Run {
        title: "1,000 sessions at one end",
        count: 1000,
        rate: 50,
        together: true,
        half: None,
        most: Some(2000.0),
        cpu: None,
    },
    Run { title: "one session", count: 1, rate: 50, together: false, half: Some(100.0), most: Some(500.0), cpu: None },
    Run {
        title: "100 sessions in silence",
        count: 100,
        rate: 0,
        together: false,
        half: None,
        most: None,
        cpu: Some(2.0),
    },
];

pub(crate) fn run(options: &Options) -> Result<()> {
    let arguments = ["build", "--release", "--package", "rtpmidi-load"];
    step::run(&format!("cargo {}", arguments.join(" ")), &mut step::cargo(&arguments))?;
    let program = step::root().join("target/release/rtpmidi-load");
    let mut failures = Vec::new();
    for run in &RUNS {
        let summary = step::timed(run.title, || measure(&program, run, options))?;
        println!("{}", describe(&summary));
        failures.extend(judge(run, &summary).err().map(|error| format!("{}: {error}", run.title)));
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// Runs `rtpmidi-load sessions`, and returns what it came to.
fn measure(program: &Path, run: &Run, options: &Options) -> Result<Value> {
    let mut command = Command::new(program);
    command.args(["sessions", "--json", "--count", &run.count.to_string(), "--rate", &run.rate.to_string()]);
    command.args(["--seconds", &options.seconds.to_string()]).args(run.together.then_some("--together"));
    // Silence is judged by what it costs, with cores that sleep.
    if let Some(most) = options.cpu_latency.filter(|_| run.rate > 0) {
        command.args(["--cpu-latency", &most.to_string()]);
    }
    let output = command.stderr(Stdio::inherit()).output().context("cannot start rtpmidi-load")?;
    ensure!(output.status.success(), "rtpmidi-load ended with {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().context("rtpmidi-load tells nothing")?;
    serde_json::from_str(last).context("what rtpmidi-load tells")
}

/// The summary in words.
fn describe(summary: &Value) -> String {
    let percentiles =
        |of: &Value| ["p50", "p90", "p99", "p99.9", "max"].map(|name| format!("{name} {} µs", of[name])).join(", ");
    [
        format!("messages:  {} played, {} heard", summary["played"], summary["heard"]),
        format!("latency:   {}", percentiles(&summary["latency_us"])),
        format!("playing:   {}", percentiles(&summary["playing_us"])),
        format!("plain UDP: {}", percentiles(&summary["plain_udp_us"])),
        format!(
            "process:   {} % of a core, {} octets for an end; the machine is {} % busy",
            summary["cpu_percent"], summary["resident_per_end"], summary["machine_busy_percent"]
        ),
    ]
    .join("\n")
}

/// What must hold.
fn judge(run: &Run, summary: &Value) -> Result<()> {
    let number = |value: &Value| value.as_f64().context("a number is missing in the summary");
    ensure!(summary["heard"] == summary["played"], "messages were lost");
    if let Some(bound) = run.half {
        let half = number(&summary["latency_us"]["p50"])? - number(&summary["plain_udp_us"]["p50"])?;
        ensure!(half < bound, "half of the messages take {half} µs or more beyond plain UDP, and {bound} may be");
    }
    if let Some(bound) = run.most {
        let most = number(&summary["latency_us"]["p99"])?;
        ensure!(most < bound, "one message in a hundred takes {most} µs or more, and {bound} may be");
    }
    if let Some(bound) = run.cpu {
        let cpu = number(&summary["cpu_percent"])?;
        ensure!(cpu < bound, "{cpu} % of a core, and {bound} may be");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_promised_is_judged() {
        let run = Run { half: Some(100.0), most: Some(500.0), cpu: Some(2.0), ..RUNS[2] };
        let summary = json!({
            "played": 10, "heard": 10, "cpu_percent": 1.9,
            "latency_us": { "p50": 129, "p99": 499 }, "plain_udp_us": { "p50": 30 },
        });
        judge(&run, &summary).unwrap();
        for (place, why) in [
            ("/heard", "were lost"),
            ("/latency_us/p50", "beyond plain UDP"),
            ("/latency_us/p99", "one message in a hundred"),
            ("/cpu_percent", "% of a core"),
        ] {
            let mut summary = summary.clone();
            *summary.pointer_mut(place).unwrap() = json!(2000);
            assert!(judge(&run, &summary).unwrap_err().to_string().contains(why), "{place}");
        }
    }
}
