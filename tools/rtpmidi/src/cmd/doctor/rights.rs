//! Scheduling rights: whether threads may run before those of other programs, so that notes do not wait for them.

use std::fs;
use std::path::Path;

use rlimit::Resource;

use super::finding::Finding;

const CHECK: &str = "scheduling";

/// `CAP_SYS_NICE`, as the bit that it is in a set of capabilities.
const SYS_NICE: u64 = 1 << 23;

/// Where distributions put the daemon that gives such rights to programs of the user at the desk.
const RTKIT: [&str; 2] = ["/usr/libexec/rtkit-daemon", "/usr/lib/rtkit/rtkit-daemon"];

/// Looks at the rights of this process.
pub(super) fn check() -> Vec<Finding> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let limit = Resource::RTPRIO.get_soft().unwrap_or(0);
    let has_rtkit = RTKIT.iter().any(|path| Path::new(path).exists());
    vec![judge(may_always(&status), limit, has_rtkit)]
}

/// Whether a process with this `/proc/…/status` has the capability.
fn may_always(status: &str) -> bool {
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & SYS_NICE != 0)
}

fn judge(may_always: bool, limit: u64, has_rtkit: bool) -> Finding {
    if may_always {
        return Finding::ok(CHECK, "real-time scheduling is allowed without limit");
    }
    if limit > 0 {
        return Finding::ok(CHECK, format!("real-time scheduling is allowed up to priority {limit}"));
    }
    let rtkit = if has_rtkit { "; only rtkit gives it, to programs at the desk" } else { "" };
    let what =
        format!("real-time scheduling is not allowed{rtkit}: notes wait for other programs when the machine is busy");
    let mend =
        "echo '@audio - rtprio 95' > /etc/security/limits.d/audio.conf && usermod -aG audio $USER   (log in again)";
    Finding::warning(CHECK, what, mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capability_is_found_among_the_effective_ones() {
        assert!(may_always("Name:\trtpmidi\nCapPrm:\t0000000000000000\nCapEff:\t000001ffffffffff\n"));
        assert!(!may_always("CapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\n"));
        assert!(!may_always("CapEff:\tnonsense\n"));
    }

    #[test]
    fn a_limit_is_a_right_and_rtkit_is_half_of_one() {
        assert!(judge(true, 0, false).to_string().ends_with("without limit"));
        assert!(judge(false, 95, false).to_string().ends_with("up to priority 95"));
        let words = judge(false, 0, true).to_string();
        assert!(words.starts_with("warning") && words.contains("rtkit") && words.contains("limits.d"), "{words}");
    }
}
