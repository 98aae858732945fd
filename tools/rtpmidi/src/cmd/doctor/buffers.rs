//! Buffers of UDP: how much the kernel keeps while a program does not read.

use std::fs;

use super::finding::Finding;

const CHECK: &str = "buffers";

/// What every kernel allows unless somebody has lowered it: some hundred packets of music.
const ENOUGH: u64 = 212_992;

/// Looks at the limit.
pub(super) fn check() -> Vec<Finding> {
    let limit = fs::read_to_string("/proc/sys/net/core/rmem_max").ok();
    // A container may hide it.
    limit.and_then(|limit| limit.trim().parse().ok()).map(judge).into_iter().collect()
}

fn judge(limit: u64) -> Finding {
    let kilobytes = limit / 1024;
    if limit < ENOUGH {
        let what = format!("UDP may keep {kilobytes} KiB for a program that is busy: more than that is lost");
        return Finding::warning(CHECK, what, format!("sysctl -w net.core.rmem_max={ENOUGH}"));
    }
    Finding::ok(CHECK, format!("UDP may keep {kilobytes} KiB for a program that is busy"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kernels_have_by_themselves_is_enough() {
        assert_eq!(judge(212_992).to_string(), "ok       buffers     UDP may keep 208 KiB for a program that is busy");
        assert!(judge(65_536).to_string().ends_with("sysctl -w net.core.rmem_max=212992"));
    }
}
