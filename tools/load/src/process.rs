//! What a process takes, from `/proc` (proc(5)).

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// What a process has taken so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Usage {
    /// Of all cores, in the program and in the kernel for it.
    pub(crate) cpu: Duration,
    /// Memory that is there, in octets.
    pub(crate) resident: u64,
    pub(crate) threads: u64,
    pub(crate) files: u64,
}

/// Length of the kernel's ticks in `/proc` (`USER_HZ`), the same on all machines of today.
const TICK: Duration = Duration::from_millis(10);

impl Usage {
    /// That of a process.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let read =
            |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).with_context(|| format!("no process {pid}"));
        let stat = read("stat")?;
        let cpu = cpu(&stat).with_context(|| format!("/proc/{pid}/stat"))?;
        let status = read("status")?;
        let number = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name))?;
            value.split_whitespace().next()?.parse::<u64>().ok()
        };
        let files = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |files| files.count() as u64);
        let resident = number("VmRSS:").unwrap_or_default() * 1024;
        Ok(Self { cpu, resident, threads: number("Threads:").unwrap_or_default(), files })
    }
}

/// Fields 14 and 15; the name in field 2 may have blanks in it.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(TICK * (user + system))
}

/// The time that all cores together have worked and idled, from the lines of `/proc/stat`.
pub(crate) fn machine() -> Option<(Duration, Duration)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<u32> = stat.lines().next()?.split_whitespace().skip(1).flat_map(str::parse).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are in the first two.
    let all: u32 = fields.iter().take(8).sum();
    let idle = fields.get(3)? + fields.get(4)?;
    Some((TICK * (all - idle), TICK * idle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_program_may_look_like_fields() {
        let stat = "42 (a) R 9 9) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn this_process_has_memory_a_thread_and_files() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.resident > 100_000 && usage.threads > 0 && usage.files > 2, "{usage:?}");
        assert!(machine().unwrap().0 > Duration::ZERO);
        assert!(Usage::of(u32::MAX).unwrap_err().to_string().contains("no process"));
    }
}
