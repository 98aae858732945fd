//! The order of a run: listeners come, are measured, get what is under way, and leave.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::crowd::{Attendance, Crowd};
use crate::kernel::Drops;
use crate::listener::Listener;
use crate::options::Options;
use crate::process::{self, Usage};
use crate::reception::Counts;
use crate::summary::{Course, Progress, Summary};

/// How long listeners may take to come and to leave, besides the time that `--rate` gives them.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between the coming of the last listener and the measurement.
const REST: Duration = Duration::from_secs(1);

/// How long a packet may be under way at the end.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// How often progress is told, and the process of the server looked at.
const TURN: Duration = Duration::from_secs(1);

/// Files besides those of listeners.
const OWN_FILES: u64 = 64;

/// Does all of it, tells progress once a second, and returns the summary.
pub fn run(options: &Options) -> Result<Value> {
    let files = OWN_FILES + u64::from(options.listeners) * if options.interleaved { 1 } else { 3 };
    let limit = rlimit::increase_nofile_limit(files).context("the limit of open files")?;
    ensure!(limit >= files, "{files} files are needed, {limit} may be open: raise it with ulimit -Hn {files}");

    let server = |pid: Option<u32>| pid.map(Usage::of).transpose();
    let before = server(options.pid)?;
    let drops = Drops::now();
    let mut crowd = Crowd::new(options)?;
    come(&mut crowd, options)?;
    let attendance = crowd.attendance();
    ensure!(attendance.hearing > 0, "nobody hears anything: {}", Summary::failures(&crowd.listeners));
    crowd.pass(REST)?;

    let course = measure(&mut crowd, options)?;
    // What had been sent by now is to arrive.
    let ends = crowd.hall.streams.ends();
    crowd.pass(UNDER_WAY)?;
    crowd.hall.streams.measure(false);
    let counts = counts(&crowd, &ends);

    crowd.listeners.iter_mut().for_each(Listener::leave);
    let limit = crowd.now() + PATIENCE;
    crowd.pass_until(limit, |Attendance { failed, gone, .. }| failed + gone == options.listeners as usize)?;
    crowd.pass(REST)?;
    let after = server(options.pid)?;
    let drops = Drops::now().since(drops);
    Ok(Summary { options, crowd: &crowd, attendance, counts, course, before, after, drops }.json())
}

/// Lets listeners in, so many a second, and waits until they hear something.
fn come(crowd: &mut Crowd, options: &Options) -> Result<()> {
    let start = crowd.now();
    let mut told = start;
    for number in 0..options.listeners {
        let due = start + Duration::from_secs(1) * number / options.rate;
        while crowd.now() < due {
            crowd.turn(due)?;
        }
        crowd.enter()?;
        if crowd.now() >= told + TURN {
            told = crowd.now();
            Progress::coming(crowd.attendance()).print(options)?;
        }
    }
    let limit = crowd.now() + PATIENCE;
    crowd.pass_until(limit, |Attendance { hearing, failed, .. }| hearing + failed == options.listeners as usize)
}

/// Measures for the time that was asked for.
fn measure(crowd: &mut Crowd, options: &Options) -> Result<Course> {
    let usage = |pid: Option<u32>| pid.map(Usage::of).transpose();
    let heard = |crowd: &Crowd| crowd.listeners.iter().map(|listener| listener.heard().octets).sum::<u64>();
    crowd.hall.streams.measure(true);
    let began = crowd.now();
    let (mut told, end) = (began, began + options.seconds);
    let own = Usage::of(std::process::id())?;
    let (machine, octets) = (process::machine().unwrap_or_default(), heard(crowd));
    let mut usages: Vec<(Duration, Usage)> = usage(options.pid)?.into_iter().map(|usage| (began, usage)).collect();
    while crowd.now() < end {
        let next = end.min(told + TURN);
        crowd.turn(next)?;
        if crowd.now() >= next {
            told = next;
            let before = usages.last().copied();
            let now = crowd.now();
            usages.extend(usage(options.pid)?.map(|usage| (now, usage)));
            Progress::measuring(crowd, now.saturating_sub(began), before.zip(usages.last().copied())).print(options)?;
        }
    }
    let measured = crowd.now().saturating_sub(began);
    let after = process::machine().unwrap_or_default();
    Ok(Course {
        measured,
        octets: heard(crowd) - octets,
        usages,
        own: Usage::of(std::process::id())?.cpu.saturating_sub(own.cpu),
        machine: (after.0.saturating_sub(machine.0), after.1.saturating_sub(machine.1)),
    })
}

/// What each listener got.
fn counts(crowd: &Crowd, ends: &HashMap<u32, u64>) -> Vec<Counts> {
    let end = |source: u32| ends.get(&source).copied().unwrap_or_default();
    crowd.listeners.iter().filter_map(|listener| listener.counts(end)).collect()
}
