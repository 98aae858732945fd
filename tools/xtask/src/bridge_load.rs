//! `cargo xtask bridge-load`: a bridge with many peers on this machine, as `docs/scale.md` tells of it.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{Player, Process, Said};
use crate::status_line::StatusLine;
use crate::step;

/// Measure a bridge with many peers on this machine
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many peers
    #[arg(long, default_value_t = 300, value_name = "COUNT")]
    peers: u32,
    /// Messages a second of all of them together
    #[arg(long, default_value_t = 10_000, value_name = "COUNT")]
    rate: u32,
    /// How long to measure
    #[arg(long, default_value_t = 15.0, value_name = "SECONDS")]
    seconds: f64,
    /// How long peers go and come after that, and connections are made and ended
    #[arg(long, default_value_t = 0.0, value_name = "MINUTES")]
    churn: f64,
    /// Let no core sleep so deeply that it takes longer to wake; 0 lets none sleep [default: cores sleep as they like]
    #[arg(long, value_name = "MICROSECONDS")]
    cpu_latency: Option<u32>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let arguments = ["build", "--release", "--package", "rtpmidi-cli", "--package", "rtpmidi-load"];
    step::run(&format!("cargo {}", arguments.join(" ")), &mut step::cargo(&arguments))?;
    let folder = step::root().join("target/load");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (programs, socket) = (step::root().join("target/release"), folder.join("bridge.sock"));

    let (said, heard) = mpsc::channel();
    let mut bridge = Command::new(programs.join("rtpmidi"));
    bridge.args(["bridge", "--name", "Load", "--port", "0", "--no-mdns", "--no-alsa", "--control"]).arg(&socket);
    // With room for those who come again before they are known to have gone.
    bridge.args(["--participants", &(2 * options.peers).to_string()]);
    if let Some(most) = options.cpu_latency {
        bridge.args(["--cpu-latency", &most.to_string()]);
    }
    let mut bridge = Process::start(Player::Bridge, &mut bridge, said.clone())?;
    wait_for_bridge(&mut bridge, &socket)?;
    let mut load = Command::new(programs.join("rtpmidi-load"));
    load.arg("bridge").arg(&socket);
    for (name, value) in [
        ("--peers", options.peers.to_string()),
        ("--rate", options.rate.to_string()),
        ("--seconds", options.seconds.to_string()),
        ("--churn", (options.churn * 60.0).to_string()),
    ] {
        load.args([name, &value]);
    }
    let mut load = Process::start(Player::Peers, &mut load, said)?;
    println!("{}\n{}", bridge.line(), load.line());
    let summary = wait_for_summary(&heard, &mut bridge, &mut load)?;
    load.succeeded()?;
    println!("{}", describe(&summary));
    judge(&summary)
}

fn wait_for_bridge(bridge: &mut Process, socket: &Path) -> Result<()> {
    let started = Instant::now();
    while UnixStream::connect(socket).is_err() {
        bridge.has_not_failed()?;
        ensure!(started.elapsed() < PATIENCE, "the bridge cannot be asked");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Waits for what it came to, and shows how it goes meanwhile.
fn wait_for_summary(heard: &Receiver<Said>, bridge: &mut Process, load: &mut Process) -> Result<Value> {
    let mut status = StatusLine::new(Duration::from_secs(10));
    loop {
        match heard.recv_timeout(PATIENCE) {
            Ok(Said { player: Player::Peers, object }) if object["type"] == "summary" => return Ok(object),
            Ok(Said { player: Player::Peers, object }) => {
                status.show(&format!("{} s, {}", object["at_s"], object["now"]));
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => bail!("nothing heard for {} s", PATIENCE.as_secs()),
            Err(RecvTimeoutError::Disconnected) => bail!("both processes have ended"),
        }
        bridge.has_not_failed()?;
        load.has_not_failed()?;
    }
}

/// The summary in words.
fn describe(summary: &Value) -> String {
    let percentiles =
        |of: &Value| ["p50", "p90", "p99", "p99.9", "max"].map(|name| format!("{name} {} µs", of[name])).join(", ");
    let megabytes = |value: &Value| format!("{:.1} MB", value.as_f64().unwrap_or_default() / 1e6);
    let (bridge, churn) = (&summary["bridge"], &summary["churn"]);
    let mut lines = vec![
        format!(
            "{} peers, {} ports, {} connections, open after {} s",
            summary["peers"], summary["ports"], summary["connections"], summary["opened_s"]
        ),
        format!(
            "messages: {} played, {} heard, {} of them made up for; {} a second",
            summary["played"], summary["heard"], summary["repaired"], summary["messages_s"]
        ),
        format!("latency:  {}", percentiles(&summary["latency_us"])),
        format!("direct:   {}", percentiles(&summary["direct_us"])),
        format!("added:    p50 {} µs, p99 {} µs", summary["added_us"]["p50"], summary["added_us"]["p99"]),
        format!(
            "bridge:   {} % of a core, {} empty and {} with all; the machine is {} % busy",
            bridge["cpu_percent"],
            megabytes(&bridge["resident_empty"]),
            megabytes(&bridge["resident"]),
            summary["machine_busy_percent"]
        ),
    ];
    if !churn.is_null() {
        lines.push(format!(
            "churn:    {} peers have gone and come in {} s, {} of them unheard; {} at its start, {} at its end, {} at most",
            churn["changes"],
            churn["seconds"],
            churn["failed"],
            megabytes(&churn["resident_at_start"]),
            megabytes(&churn["resident_at_end"]),
            megabytes(&churn["resident_most"])
        ));
    }
    lines.join("\n")
}

/// What must hold: everything is heard, in time, and takes bounded memory.
fn judge(summary: &Value) -> Result<()> {
    let number = |place: &str| {
        let value = summary.pointer(place).and_then(Value::as_f64);
        value.with_context(|| format!("{place} is missing in the summary"))
    };
    ensure!(summary["heard"] == summary["played"], "messages were lost");
    let added = number("/added_us/p99")?;
    ensure!(added < ADDED, "the bridge adds {added} µs or more to one message in a hundred, and {ADDED} may be");
    let resident = number("/bridge/resident")?;
    ensure!(resident < MEMORY, "the bridge takes {resident} octets, and {MEMORY} may be");
    let churn = &summary["churn"];
    if churn.is_null() {
        return Ok(());
    }
    ensure!(churn["failed"] == 0, "{} peers were not heard before they went", churn["failed"]);
    let most = number("/churn/resident_most")?;
    ensure!(most < MEMORY, "the bridge has taken {most} octets, and {MEMORY} may be");
    // Until each peer has had all its names the bridge gets to know more of them.
    if churn["is_full"] == true {
        let (start, end) = (number("/churn/resident_at_start")?, number("/churn/resident_at_end")?);
        ensure!(end < start * GROWTH, "the memory of the bridge has grown from {start} to {end} octets");
    }
    for what in ["threads", "files"] {
        let [start, end] = [0, 1].map(|place| number(&format!("/churn/{what}/{place}")));
        let (start, end) = (start?, end?);
        ensure!(end <= start + SPARE, "the bridge had {start} {what} and has {end}");
    }
    Ok(())
}

/// Microseconds.
const ADDED: f64 = 1000.0;

/// Octets.
const MEMORY: f64 = 1e8;

/// How much the memory of a bridge may grow that knows as many peers as before.
const GROWTH: f64 = 1.05;

/// Threads and files that come and go with whoever asks the bridge for something.
const SPARE: f64 = 2.0;

/// The load reports once a second, when all are there.
const PATIENCE: Duration = Duration::from_mins(2);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_promised_is_judged() {
        let summary = json!({
            "played": 10, "heard": 10, "added_us": { "p99": 999 }, "bridge": { "resident": 99e6 },
            "churn": {
                "failed": 0, "is_full": true, "resident_at_start": 1000, "resident_at_end": 1049, "resident_most": 1100,
                "threads": [5, 5], "files": [9, 10],
            },
        });
        judge(&summary).unwrap();
        for (place, why) in [
            ("/heard", "were lost"),
            ("/added_us/p99", "one message in a hundred"),
            ("/bridge/resident", "takes"),
            ("/churn/failed", "were not heard"),
            ("/churn/resident_most", "has taken"),
            ("/churn/resident_at_end", "has grown"),
            ("/churn/threads/1", "threads"),
            ("/churn/files/1", "files"),
        ] {
            let mut summary = summary.clone();
            *summary.pointer_mut(place).unwrap() = json!(2e8);
            assert!(judge(&summary).unwrap_err().to_string().contains(why), "{place}");
        }
    }
}
