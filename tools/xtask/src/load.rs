//! `cargo xtask load`: the RTSP server with many listeners on this machine, as `docs/scale.md` tells of it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{Player, Process, Said};
use crate::status_line::StatusLine;
use crate::{artifact, score, step};

/// Measure the RTSP server with many listeners on this machine
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many listeners
    #[arg(long, default_value_t = 100, value_name = "COUNT")]
    listeners: u32,
    /// How long to measure
    #[arg(long, default_value_t = 0.25, value_name = "MINUTES")]
    minutes: f64,
    /// How many listeners come in a second
    #[arg(long, default_value_t = 200, value_name = "COUNT")]
    rate: u32,
    /// Send the packets inside the RTSP connections, not by UDP
    #[arg(long)]
    interleaved: bool,
    /// Play each listener a file of its own, which lasts half a minute, not the live channel
    #[arg(long)]
    on_demand: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let built = artifact::build()?;
    let arguments = ["build", "--release", "--package", "rtpmidi-load"];
    step::run(&format!("cargo {}", arguments.join(" ")), &mut step::cargo(&arguments))?;
    let folder = step::root().join("target/load");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let music = folder.join("score.mid");
    fs::write(&music, score::midi_file()?).context("cannot write score.mid")?;

    let (said, heard) = mpsc::channel();
    let mut server = serve(&built.program, &music, options.listeners, said.clone())?;
    let live = wait_for(&heard, Player::Broadcaster, "serving", &mut [&mut server])?["urls"][0].clone();
    let live = live.as_str().context("the server has no URL")?;
    let url = if options.on_demand { live.replace("/live", "/files/score.mid") } else { live.to_owned() };
    let mut load = listen(&built.program.with_file_name("rtpmidi-load"), &url, server.id(), options, said)?;
    println!("{}\n{}", server.line(), load.line());
    let summary = wait_for(&heard, Player::Listener, "summary", &mut [&mut server, &mut load])?;
    load.succeeded()?;
    println!("{}", describe(&summary));
    judge(&summary)
}

/// Starts the server, with room for all.
fn serve(program: &Path, music: &Path, listeners: u32, said: mpsc::Sender<Said>) -> Result<Process> {
    let mut command = Command::new(program);
    command.arg("broadcast").arg(music).args(["--rtsp", "127.0.0.1:0", "--loop"]);
    for limit in ["--rtsp-clients", "--rtsp-clients-per-address"] {
        command.arg(limit).arg(listeners.to_string());
    }
    Process::start(Player::Broadcaster, &mut command, said)
}

/// Starts the listeners.
fn listen(program: &Path, url: &str, server: u32, options: &Options, said: mpsc::Sender<Said>) -> Result<Process> {
    let mut command = Command::new(program);
    command.arg(url);
    let seconds = (options.minutes * 60.0).to_string();
    for (name, value) in [
        ("--listeners", options.listeners.to_string()),
        ("--rate", options.rate.to_string()),
        ("--seconds", seconds),
        ("--pid", server.to_string()),
    ] {
        command.args([name, &value]);
    }
    if options.interleaved {
        command.arg("--interleaved");
    }
    Process::start(Player::Listener, &mut command, said)
}

/// Waits for an object of one of the two, and shows the progress of the listeners meanwhile.
fn wait_for(heard: &Receiver<Said>, whose: Player, kind: &str, running: &mut [&mut Process]) -> Result<Value> {
    let mut status = StatusLine::new(Duration::from_secs(10));
    loop {
        match heard.recv_timeout(PATIENCE) {
            Ok(Said { player, object }) if player == whose && object["type"] == kind => return Ok(object),
            Ok(Said { player: Player::Listener, object }) => {
                let (hearing, late) = (&object["hearing"], &object["lateness_p99_ms"]);
                status.show(&match object["at_s"].as_f64() {
                    Some(at) => format!("{at:.0} s, {hearing} listeners, 99 % late by {late} ms at most"),
                    None => format!("{hearing} listeners"),
                });
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => bail!("nothing heard for {} s", PATIENCE.as_secs()),
            Err(RecvTimeoutError::Disconnected) => bail!("both processes have ended"),
        }
        for process in &mut *running {
            process.has_not_failed()?;
        }
    }
}

/// The summary in words.
fn describe(summary: &Value) -> String {
    let (packets, server) = (&summary["packets"], &summary["server"]);
    let percentiles =
        |of: &Value| ["p50", "p90", "p99", "p99.9", "max"].map(|name| format!("{name} {} ms", of[name])).join(", ");
    let megabytes = |name: &str| server[name].as_f64().unwrap_or_default() / 1e6;
    [
        format!(
            "{} of {} listeners, {} s, {} packets and {} octets a second each",
            summary["hearing"],
            summary["listeners"],
            summary["measured_s"],
            summary["packets_per_listener_s"],
            summary["octets_per_listener_s"]
        ),
        format!(
            "packets:  {} expected, {} lost, of which {} by sockets that nobody read in time",
            packets["expected"], packets["lost"], packets["dropped_by_full_sockets"]
        ),
        format!("lateness: {}", percentiles(&summary["lateness_ms"])),
        format!("spread:   {}", percentiles(&summary["spread_ms"])),
        format!(
            "server:   {} % of a core, {} µs for a packet; {:.1} MB before, {:.1} at the start, {:.1} at the end",
            server["cpu_percent"],
            server["cpu_us_per_packet"],
            megabytes("resident_before"),
            megabytes("resident_at_start"),
            megabytes("resident_at_end")
        ),
        format!(
            "machine:  {} % busy, {} % of a core by the listeners",
            summary["machine_busy_percent"], summary["load_cpu_percent"]
        ),
    ]
    .join("\n")
}

/// What must hold: everybody hears everything, in time, and memory does not grow.
fn judge(summary: &Value) -> Result<()> {
    let number = |value: &Value| value.as_f64().context("a number is missing in the summary");
    ensure!(summary["hearing"] == summary["listeners"], "listeners failed: {}", summary["failures"]);
    let lost = number(&summary["packets"]["lost_otherwise"])?;
    ensure!(lost == 0.0, "{lost} packets were lost, and not by sockets that nobody read in time");
    let differences = number(&summary["sample"]["differences"])?;
    ensure!(differences == 0.0, "listeners were in different states at {differences} packets");
    let late = number(&summary["lateness_ms"]["p99"])?;
    ensure!(late < LATE, "one packet in a hundred is late by {late} ms or more, and {LATE} may be");
    let [start, end] = ["resident_at_start", "resident_at_end"].map(|name| number(&summary["server"][name]));
    let (start, end) = (start?, end?);
    ensure!(end < start * GROWTH, "the memory of the server has grown from {start} to {end} octets");
    println!("\nChecked: nothing lost by the server, 99 % of the packets late by less than {LATE} ms, memory flat.");
    Ok(())
}

/// Milliseconds.
const LATE: f64 = 20.0;

/// How much the memory of a server may grow while nobody comes.
const GROWTH: f64 = 1.05;

/// Both processes report once a second.
const PATIENCE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn summary() -> Value {
        json!({
            "listeners": 10, "hearing": 10, "failures": {},
            "packets": { "lost": 3, "dropped_by_full_sockets": 3, "lost_otherwise": 0 },
            "sample": { "differences": 0 },
            "lateness_ms": { "p99": 19.9 },
            "server": { "resident_at_start": 1000, "resident_at_end": 1049 },
        })
    }

    #[test]
    fn what_is_promised_is_judged() {
        judge(&summary()).unwrap();
        let words = [
            ("/hearing", "listeners failed"),
            ("/packets/lost_otherwise", "packets were lost"),
            ("/sample/differences", "different states"),
            ("/lateness_ms/p99", "is late"),
            ("/server/resident_at_end", "has grown"),
        ];
        for (place, why) in words {
            let mut summary = summary();
            *summary.pointer_mut(place).unwrap() = json!(2000);
            assert!(judge(&summary).unwrap_err().to_string().contains(why), "{place}");
        }
    }
}
