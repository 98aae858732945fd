//! How long a core may take to wake: the kernel's quality of service for power management.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::time::Duration;

/// A limit to the time in which each core of this machine wakes, for as long as this value is there.
///
/// A core that has nothing to do sleeps, the deeper the longer, and a message that comes waits until it is awake: some
/// microseconds on most machines, 100 and more where it sleeps deeply, or where the machine is a virtual one. A core that
/// may not sleep takes as much power as one that works.
#[derive(Debug)]
pub struct CpuLatency {
    /// The limit counts while it is open.
    _device: File,
}

/// Takes a limit in microseconds from whoever may write it.
const DEVICE: &str = "/dev/cpu_dma_latency";

impl CpuLatency {
    /// Sets the limit, in whole microseconds; with zero no core sleeps. Of several limits the lowest counts.
    ///
    /// # Errors
    /// When the system knows no such limits, or does not let this process set one: only root may write
    /// `/dev/cpu_dma_latency` unless a rule of udev says otherwise.
    pub fn limit(most: Duration) -> io::Result<Self> {
        let microseconds = i32::try_from(most.as_micros()).unwrap_or(i32::MAX);
        let mut device = OpenOptions::new().write(true).open(DEVICE)?;
        device.write_all(&microseconds.to_ne_bytes())?;
        Ok(Self { _device: device })
    }

    /// Whether this process may set one.
    ///
    /// # Errors
    /// Why not, as for [`limit`](Self::limit).
    pub fn is_allowed() -> io::Result<()> {
        OpenOptions::new().write(true).open(DEVICE).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// The lowest limit there is; whoever asks must be allowed to.
    fn lowest() -> io::Result<i32> {
        let mut octets = [0; 4];
        File::open(DEVICE)?.read_exact(&mut octets)?;
        Ok(i32::from_ne_bytes(octets))
    }

    #[test]
    fn a_limit_counts_as_long_as_it_is_kept() {
        let Ok(before) = lowest() else {
            eprintln!("skipped: {DEVICE} cannot be read");
            return;
        };
        if before <= 7 {
            eprintln!("skipped: another program has set a limit of {before} µs");
            return;
        }
        let limit = CpuLatency::limit(Duration::from_micros(7)).unwrap();
        assert_eq!(lowest().unwrap(), 7);
        let lower = CpuLatency::limit(Duration::ZERO).unwrap();
        assert_eq!(lowest().unwrap(), 0);
        drop(lower);
        assert_eq!(lowest().unwrap(), 7);
        drop(limit);
        assert!(lowest().unwrap() > 7);
    }
}
