//! Peers that go and come, and connections that are made and ended, for as long as is wished: what that leaves in the
//! bridge.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::BridgeOptions;
use super::control::Control;
use super::peers::{Peers, name};
use crate::process::Usage;
use crate::sessions::TURN;
use crate::summary::rounded;

/// Between the going of two peers.
const APART: Duration = Duration::from_millis(20);

/// Names that a peer has by turns: with those of 300 peers the bridge knows more than it keeps.
const NAMES: usize = 5;

/// Messages a second that are played meanwhile.
const RATE: u32 = 1000;

/// Lets peers go and come; `bridge` tells what the bridge takes, and `tell` is told of it once a second.
pub(super) fn run(
    options: &BridgeOptions,
    peers: &mut Peers,
    control: &mut Control,
    bridge: impl Fn() -> Result<Usage>,
    mut tell: impl FnMut(Duration, u64) -> Result<()>,
) -> Result<Value> {
    peers.measure();
    let (began, mut told) = (Instant::now(), Duration::ZERO);
    let (mut changes, mut failed, mut start) = (0, 0, bridge()?);
    // By then everybody has had each of his names, and the bridge has all that it keeps.
    let full = peers.count() * NAMES;
    let mut most = start.resident;
    while began.elapsed() < options.churn {
        failed += usize::from(!change(peers, control, changes)?);
        changes += 1;
        peers.play_until(began, began + APART * changes as u32, RATE);
        if began.elapsed() >= told + TURN {
            told = began.elapsed();
            let now = bridge()?;
            most = most.max(now.resident);
            tell(told, now.resident)?;
        }
        if changes == full {
            start = bridge()?;
        }
    }
    let end = bridge()?;
    Ok(json!({
        "seconds": rounded(began.elapsed().as_secs_f64()),
        "changes": changes,
        "failed": failed,
        "is_full": changes > full,
        "resident_at_start": start.resident,
        "resident_at_end": end.resident,
        "resident_most": most.max(end.resident),
        "threads": [start.threads, end.threads],
        "files": [start.files, end.files],
    }))
}

/// One peer goes, and comes again under another of its names; two ports are connected, and two others no more. False if
/// the peer had not been heard before it went.
fn change(peers: &mut Peers, control: &mut Control, changes: usize) -> Result<bool> {
    let count = peers.count();
    let (number, turn) = (changes % count, changes / count + 1);
    let port = |number: usize| name(number % count);
    if changes > 0 {
        control.disconnect(&port(number + count - 1), &port(number))?;
    }
    control.connect(&port(number), &port(number + 1))?;
    let other = match turn % NAMES {
        0 => name(number),
        turn => format!("{}, {turn}", name(number)),
    };
    peers.replace(number, &other)
}
