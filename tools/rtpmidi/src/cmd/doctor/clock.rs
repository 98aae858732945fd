//! The system's clock: whether something keeps it right.
//!
//! Sessions compare clocks themselves. What is to sound in step on several machines, and recordings, go by this one.

use std::mem;
use std::path::Path;
use std::time::Duration;

use nix::libc;

use super::finding::Finding;

const CHECK: &str = "clock";

/// What the kernel says of its clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Clock {
    /// It is kept right, and wrong by no more than this.
    Synchronized {
        within: Duration,
    },
    Free,
    /// The kernel does not say.
    Unknown,
}

/// Asks the kernel.
pub(super) fn check() -> Vec<Finding> {
    vec![judge(ask(), keeper())]
}

fn judge(clock: Clock, keeper: &str) -> Finding {
    match clock {
        Clock::Synchronized { within } => {
            let milliseconds = within.as_secs_f64() * 1e3;
            Finding::ok(CHECK, format!("it is synchronized, and wrong by {milliseconds:.0} ms at most"))
        }
        Clock::Free => {
            let what = "it is not synchronized: machines do not play in step by it, and recordings have its time";
            Finding::warning(CHECK, what, keeper)
        }
        Clock::Unknown => {
            Finding::warning(CHECK, "the kernel does not say whether it is synchronized", "timedatectl timesync-status")
        }
    }
}

fn ask() -> Clock {
    // SAFETY: it is a structure of numbers, for which zeros are values.
    let mut state: libc::timex = unsafe { mem::zeroed() };
    // SAFETY: the structure is ours. With no mode the kernel changes nothing and writes what is so.
    let result = unsafe { libc::adjtimex(&raw mut state) };
    match result {
        ..0 => Clock::Unknown,
        _ if result == libc::TIME_ERROR || state.status & libc::STA_UNSYNC != 0 => Clock::Free,
        _ => Clock::Synchronized { within: Duration::from_micros(u64::try_from(state.maxerror).unwrap_or(0)) },
    }
}

/// The command that starts what keeps the clock right here.
fn keeper() -> &'static str {
    let is_there = |program: &str| Path::new("/usr/sbin").join(program).exists();
    if is_there("chronyd") {
        "systemctl enable --now chrony"
    } else if is_there("ntpd") || is_there("ntpd-rs") {
        "systemctl enable --now ntpsec   (or the like of it)"
    } else {
        "timedatectl set-ntp true   (apt install chrony where that is refused)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_words() {
        let within = Duration::from_millis(12);
        assert!(judge(Clock::Synchronized { within }, "x").to_string().ends_with("wrong by 12 ms at most"));
        assert!(judge(Clock::Free, "start it").to_string().ends_with("\n                     start it"));
        assert!(judge(Clock::Unknown, "x").to_string().starts_with("warning"));
    }

    #[test]
    fn the_kernel_is_asked_and_nothing_is_set() {
        assert_ne!(ask(), Clock::Unknown);
    }
}
