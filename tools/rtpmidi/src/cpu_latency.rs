//! `--cpu-latency`: how long a core may take to wake while the program runs.

use std::time::Duration;

use applemidi_io::priority::CpuLatency;

/// Microseconds that no core takes in any case.
pub(crate) const MOST: i64 = 1_000_000;

/// Sets the limit, in microseconds, if one is asked for.
///
/// # Errors
/// Where the system does not let us: words for a warning, since music goes on without it.
pub(crate) fn limit(most: Option<u32>) -> Result<Option<CpuLatency>, String> {
    let limit = most.map(|most| CpuLatency::limit(Duration::from_micros(most.into()))).transpose();
    limit.map_err(|error| {
        format!("cores sleep as they like: /dev/cpu_dma_latency: {error}; rtpmidi doctor says what helps")
    })
}
