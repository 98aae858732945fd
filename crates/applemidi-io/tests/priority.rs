//! The thread of the sessions runs in real time where that is allowed, and sessions are the same where it is not.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[allow(dead_code, reason = "this test opens ends, and no network between them")]
mod kit;

use std::fs;
use std::process::Command;

use applemidi_io::Host;
use kit::Ear;

/// The number of `SCHED_RR`.
const ROUND_ROBIN: u32 = 2;

/// Set where the rights are gone.
const INSIDE: &str = "RTPMIDI_TEST_WITHOUT_RIGHTS";

/// The policy and the real-time priority of the threads of this process that have a name.
fn scheduling(name: &str) -> Vec<(u32, u32)> {
    let of_thread = |stat: String| {
        // The name stands in brackets; the first field behind it is the third.
        let (before, behind) = stat.split_once(") ")?;
        let fields: Vec<&str> = behind.split(' ').collect();
        let field = |number: usize| fields[number - 3].parse::<u32>().unwrap();
        before.ends_with(&format!("({name}")).then(|| (field(41), field(40)))
    };
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let stats = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("stat")).ok());
    stats.filter_map(of_thread).collect()
}

/// Holds a session of two ends, and returns how the thread that ran them was scheduled.
fn hold_a_session() -> Vec<(u32, u32)> {
    let host = Host::start().unwrap();
    let (one, other) = (Ear::open(&host, "One", 0), Ear::open(&host, "Other", 0));
    // By name: somebody has to look it up.
    one.end.call(&format!("localhost:{}", other.end.port()));
    one.wait_for_listeners(1);
    one.end.play(&[0x90, 60, 100, 0x80, 60, 64]);
    other.wait("the note has not come", |heard| heard.messages.len() >= 2);
    other.look(|heard| assert_eq!(heard.messages, [[0x90, 60, 100], [0x80, 60, 64]]));
    scheduling("applemidi")
}

#[test]
fn the_thread_of_the_sessions_is_in_real_time_where_a_program_may_be() {
    let mut chrt = Command::new("chrt");
    let Ok(output) = chrt.args(["--rr", "1", "true"]).output() else {
        eprintln!("skipped: chrt is not installed");
        return;
    };
    let expected = if output.status.success() { (ROUND_ROBIN, 1) } else { (0, 0) };
    assert_eq!(hold_a_session(), [expected]);
}

#[test]
fn without_the_right_sessions_are_the_same() {
    if std::env::var_os(INSIDE).is_some() {
        assert_eq!(hold_a_session(), [(0, 0)]);
        return;
    }
    // Who is root in a namespace of users of its own is nobody to the scheduler.
    let rights = ["--map-root-user", "prlimit", "--rtprio=0:0"];
    let is_allowed = |output: std::process::Output| output.status.success();
    if !Command::new("unshare").args(rights).arg("true").output().is_ok_and(is_allowed) {
        eprintln!("skipped: no namespaces of users here");
        return;
    }
    let this = std::env::current_exe().unwrap();
    let mut test = Command::new("unshare");
    test.args(rights).arg(this).args(["--exact", "without_the_right_sessions_are_the_same"]).env(INSIDE, "1");
    let output = test.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
