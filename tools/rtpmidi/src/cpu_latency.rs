//! `--cpu-latency`: how long a core may take to wake while the program runs.

use std::time::Duration;

use applemidi_io::priority::CpuLatency;

/// Microseconds that no core takes in any case.
pub(crate) const MOST: i64 = 1_000_000;

/// Sets the limit, in microseconds, if one is asked for. Where the system does not let us, music goes on without it, and
/// there is a warning.
pub(crate) fn limit(most: Option<u32>, warn: impl FnOnce(&str)) -> Option<CpuLatency> {
    match CpuLatency::limit(Duration::from_micros(most?.into())) {
        Ok(limit) => Some(limit),
        Err(error) => {
            warn(&format!("cores sleep as they like: /dev/cpu_dma_latency: {error}; rtpmidi doctor says what helps"));
            None
        }
    }
}
