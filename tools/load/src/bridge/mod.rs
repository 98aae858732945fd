//! Many peers of a bridge, which plays to each what another one plays, and how long messages take through it.
//!
//! ```text
//!  this thread ──play──▶ peers ──▶ loopback ──▶ the bridge ──▶ loopback ──▶ their partners     one thread, a `Host`
//! ```
//!
//! The same messages between as many ends without a bridge come first: what they take is not the bridge's.

mod churn;
mod control;
mod options;
mod peers;

use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::process::{self, Usage};
use crate::sessions::{self, PATIENCE, REST, SessionOptions, TURN, UNDER_WAY, percentiles};
use crate::summary::{percent, rounded};
use control::Control;
pub use options::BridgeOptions;
use peers::{Peers, name, partner};

/// Lets the peers join, connects them, plays, and tells what it came to.
///
/// # Errors
/// When no bridge is there, files or ports are lacking, or sessions do not open.
pub fn run_bridge(options: &BridgeOptions) -> Result<Value> {
    sessions::allow_files(options.peers)?;
    let direct = direct(options)?;
    let mut control = Control::open(&options.socket)?;
    let process = control.process()?;
    let bridge = || Usage::of(process);
    let empty = bridge()?;
    let port = control.status()?["port"].as_u64().context("the bridge has no session")?;

    let opening = Instant::now();
    let mut peers = Peers::open(options.peers, port.try_into()?)?;
    connect(&mut peers, &mut control, opening + PATIENCE)?;
    let opened = opening.elapsed();
    std::thread::sleep(REST);

    peers.measure();
    let (began, first, machine) = (Instant::now(), bridge()?, process::machine().unwrap_or_default());
    let mut told = began;
    while began.elapsed() < options.seconds {
        told = (told + TURN).min(began + options.seconds);
        peers.play_until(began, told, options.rate);
        tell(options, told - began, &json!({ "latency_p99_us": peers.heard().latency.value_at_quantile(0.99) }))?;
    }
    let (measured, last, busy) = (began.elapsed(), bridge()?, process::machine().unwrap_or_default());
    peers.wait_for_the_rest(UNDER_WAY);
    let (heard, status) = (peers.heard(), control.status()?);
    let number = |name: &str| status[name].as_array().map_or(0, Vec::len);
    let added = |quantile: f64| {
        // Behind what half of the messages take without it: all that is late counts as its doing.
        heard.latency.value_at_quantile(quantile).saturating_sub(direct["p50"].as_u64().unwrap_or_default())
    };
    let busy = (busy.0.saturating_sub(machine.0), busy.1.saturating_sub(machine.1));
    let mut summary = json!({
        "type": "summary",
        "peers": options.peers,
        "ports": number("ports"),
        "connections": number("connections"),
        "opened_s": rounded(opened.as_secs_f64()),
        "measured_s": rounded(measured.as_secs_f64()),
        "played": peers.played(),
        "heard": heard.latency.len(),
        "repaired": heard.repaired,
        "messages_s": rounded(heard.latency.len() as f64 / measured.as_secs_f64()),
        "latency_us": percentiles(&heard.latency),
        "direct_us": direct,
        "added_us": { "p50": added(0.5), "p99": added(0.99) },
        "bridge": {
            "cpu_percent": percent(last.cpu.saturating_sub(first.cpu), measured),
            "resident_empty": empty.resident,
            "resident": last.resident,
            "threads": last.threads,
            "files": last.files,
        },
        "machine_busy_percent": percent(busy.0, busy.0 + busy.1),
    });
    if !options.churn.is_zero() {
        summary["churn"] = churn::run(options, &mut peers, &mut control, bridge, |at, resident| {
            tell(options, at, &json!({ "resident": resident }))
        })?;
    }
    Ok(summary)
}

/// How long messages take between half as many pairs of ends, in microseconds.
fn direct(options: &BridgeOptions) -> Result<Value> {
    let count = options.peers / 2;
    let rate = (options.rate / count).max(1);
    // Cores sleep as the bridge has it, which runs.
    let (cpu_latency, json) = (None, options.json);
    let direct = SessionOptions { count, rate, seconds: options.seconds, together: false, cpu_latency, json };
    Ok(percentiles(&sessions::latency(&direct)?))
}

/// Connects each peer with its partner, as soon as all are there.
fn connect(peers: &mut Peers, control: &mut Control, limit: Instant) -> Result<()> {
    loop {
        let status = control.status()?;
        let all = status["peers"].as_array().context("the bridge tells of no peers")?;
        let open = all.iter().filter(|peer| peer["state"] == "open").count();
        let there = peers.listened_to().min(open);
        if there >= peers.count() {
            break;
        }
        ensure!(Instant::now() < limit, "{there} of {} peers have been heard", peers.count());
        std::thread::sleep(Duration::from_millis(100));
    }
    (0..peers.count()).try_for_each(|number| control.connect(&name(number), &name(partner(number, peers.count()))))
}

fn tell(options: &BridgeOptions, at: Duration, what: &Value) -> Result<()> {
    let at = rounded(at.as_secs_f64());
    if options.json {
        return Ok(writeln!(stdout(), "{}", json!({ "type": "progress", "at_s": at, "now": what }))?);
    }
    eprintln!("{at:.0} s, {} peers, {what}", options.peers);
    Ok(())
}
