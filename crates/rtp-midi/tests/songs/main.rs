//! Random songs with everything, over bad networks: whatever gets lost, doubled or comes in another order, the device
//! behind each receiver is set as one at the sender, System Exclusives come once and whole, and no note hangs.
//!
//! The judge is a model device that knows MIDI and nothing of journals. Set `RTPMIDI_THOROUGH` for ten times as much.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod composer;
mod device;
mod listener;
mod network;
#[path = "../random/mod.rs"]
mod random;
mod session;
mod single_losses;
#[path = "../synth/mod.rs"]
mod synth;
mod thin;

use composer::Style;
use listener::Tally;
use network::Weather;
use rtp_midi::{Journal, Policy};
use session::{Plan, play};

const ANCHOR: Journal = Journal::Recovery(Policy::Anchor);
const CLOSED_LOOP: Journal = Journal::Recovery(Policy::ClosedLoop);
const OPEN_LOOP: Journal = Journal::Recovery(Policy::OpenLoop);

const WEATHERS: [Weather; 8] = [
    Weather { loss: 1, burst: 1, depth: 0, doubled: 0 },
    Weather { loss: 10, burst: 1, depth: 16, doubled: 5 },
    Weather { loss: 30, burst: 1, depth: 0, doubled: 20 },
    Weather { loss: 60, burst: 1, depth: 4, doubled: 5 },
    Weather { loss: 5, burst: 10, depth: 16, doubled: 5 },
    Weather { loss: 20, burst: 50, depth: 0, doubled: 5 },
    Weather { loss: 40, burst: 20, depth: 16, doubled: 0 },
    Weather { loss: 60, burst: 50, depth: 16, doubled: 10 },
];

/// Four channels and short System Exclusives.
const BAND: Style = Style { channels: 4, notes: 8, exclusive: 60, resets: 300 };
/// All channels, and System Exclusives of up to 60,000 octets.
const ORCHESTRA: Style = Style { channels: 16, notes: 24, exclusive: 60_000, resets: 400 };

fn thorough() -> bool {
    std::env::var_os("RTPMIDI_THOROUGH").is_some()
}

/// Plays so many sessions, each in other weather; returns all that was counted.
fn follow(sessions: u64, plan: Plan) -> Tally {
    let sessions = if thorough() { 10 * sessions } else { sessions };
    let (mut sum, mut failures) = (Tally::default(), Vec::new());
    for seed in plan.seed..plan.seed + sessions {
        let plan = Plan { seed, weather: WEATHERS[seed as usize % WEATHERS.len()], ..plan };
        match play(plan) {
            Ok(tally) => sum += tally,
            Err(why) => failures.push(format!("{plan:?}\n{why}")),
        }
    }
    println!("{:?}, {sessions} sessions: {sum:?}", plan.journal);
    assert!(failures.is_empty(), "{} of {sessions} sessions fail:\n{}", failures.len(), failures.join("\n\n"));
    sum
}

fn plan(journal: Journal, style: Style) -> Plan {
    let weather = WEATHERS[0];
    Plan { seed: 0, journal, style, weather, packets: 1000, mtu: 1400, reports: true, listeners: 2, judged: 1 }
}

#[test]
fn an_anchored_journal_repairs_everything() {
    follow(8, plan(ANCHOR, BAND));
}

#[test]
fn a_closed_loop_repairs_everything_for_listeners_who_come_and_go() {
    follow(8, Plan { listeners: 3, ..plan(CLOSED_LOOP, BAND) });
}

#[test]
fn a_closed_loop_repairs_everything_while_nobody_reports() {
    follow(8, Plan { reports: false, ..plan(CLOSED_LOOP, BAND) });
}

#[test]
fn an_open_loop_repairs_everything_that_it_reaches_back_to() {
    follow(8, plan(OPEN_LOOP, BAND));
}

#[test]
fn without_journal_no_note_hangs_and_no_system_exclusive_comes_in_part() {
    follow(8, plan(Journal::None, BAND));
}

#[test]
fn no_short_system_exclusive_is_missing_where_nothing_resets() {
    let style = Style { exclusive: 12, resets: u64::MAX, ..BAND };
    for journal in [ANCHOR, CLOSED_LOOP, OPEN_LOOP] {
        let tally = follow(8, plan(journal, style));
        assert!(tally.exclusives > 500 && tally.missed == 0, "{journal:?}: {tally:?}");
    }
}

#[test]
fn an_orchestra_is_repaired_under_every_policy() {
    for journal in [ANCHOR, CLOSED_LOOP, OPEN_LOOP] {
        follow(4, plan(journal, ORCHESTRA));
    }
}

#[test]
fn small_packets_stay_small_while_somebody_reports_and_commands_wait_for_it() {
    let tally = follow(4, Plan { mtu: 300, listeners: 3, ..plan(CLOSED_LOOP, BAND) });
    assert!(tally.stalls > 10, "{tally:?}");
}

#[test]
fn sessions_beyond_sixteen_bits_are_repaired_under_every_policy() {
    for journal in [ANCHOR, CLOSED_LOOP, OPEN_LOOP] {
        follow(1, Plan { seed: 4, packets: 70_000, judged: 16, listeners: 1, ..plan(journal, BAND) });
    }
}
