//! Whether cores can be kept from sleeping deeply, so that notes do not wait until one is awake.

use std::fs;
use std::io::{self, ErrorKind};

use applemidi_io::priority::CpuLatency;

use super::finding::Finding;

const CHECK: &str = "cores";

/// Where the kernel tells how deeply the first core sleeps; the others are the same.
const STATES: &str = "/sys/devices/system/cpu/cpu0/cpuidle";

/// Looks at what this process may do, and what would be gained.
pub(super) fn check() -> Vec<Finding> {
    vec![judge(CpuLatency::is_allowed(), deepest())]
}

/// The microseconds that a core takes to wake from the deepest of its sleeps, if the kernel tells.
fn deepest() -> Option<u32> {
    let states = fs::read_dir(STATES).ok()?.filter_map(Result::ok);
    states.filter_map(|state| fs::read_to_string(state.path().join("latency")).ok()?.trim().parse().ok()).max()
}

fn judge(allowed: io::Result<()>, deepest: Option<u32>) -> Finding {
    match allowed {
        Ok(()) => Finding::ok(CHECK, "cores can be kept awake (--cpu-latency)"),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Finding::ok(CHECK, "the kernel lets nobody say how deeply cores may sleep")
        }
        Err(error) => {
            let wait = deepest.map(|most| format!(": a note waits up to {most} µs for one that sleeps"));
            let what = format!("cores cannot be kept awake (--cpu-latency){}; {error}", wait.unwrap_or_default());
            let mend = "echo 'KERNEL==\"cpu_dma_latency\", GROUP=\"audio\", MODE=\"0660\"' > \
                        /etc/udev/rules.d/70-cpu-latency.rules && udevadm control --reload && udevadm trigger \
                        /dev/cpu_dma_latency && usermod -aG audio $USER   (log in again)";
            Finding::warning(CHECK, what, mend)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::doctor::finding::Level;

    #[test]
    fn what_is_not_allowed_is_told_with_what_it_costs() {
        assert_eq!(judge(Ok(()), Some(900)).level(), Level::Ok);
        assert_eq!(judge(Err(ErrorKind::NotFound.into()), Some(900)).level(), Level::Ok);
        let told = judge(Err(ErrorKind::PermissionDenied.into()), Some(900));
        assert_eq!(told.level(), Level::Warning);
        let words = told.to_string();
        assert!(words.contains("up to 900 µs for one that sleeps; permission denied"), "{words}");
        assert!(words.contains("70-cpu-latency.rules"), "{words}");
        assert!(!judge(Err(ErrorKind::PermissionDenied.into()), None).to_string().contains("waits"));
    }
}
