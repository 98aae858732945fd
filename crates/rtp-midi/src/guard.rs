//! When to send packets without commands: guard packets behind activity, keep-alives in silence. And when a receiver
//! that gets none counts the sender as gone.
//!
//! A lost NoteOff is repaired by the next packet, so one must come soon even when the music stops. The guard packets
//! come 100, 200, 400, 800 and 1600 ms behind the last command (RFC 4696, 4.2); `guardtime` bounds every gap (C.4.2).

use crate::config::Config;

/// Milliseconds from the last command to each guard packet.
const SCHEDULE: [u32; 5] = [100, 200, 400, 800, 1600];

/// Guard times in which no packet comes before the sender counts as gone: two may be lost.
const PATIENCE: u64 = 3;
/// Nanoseconds that a short guard time is waited for all the same: networks stop for that long and go on.
const LEAST_PATIENCE: u64 = 250_000_000;

impl Config {
    /// Nanoseconds without a packet after which a receiver ends what sounds; `None` without a [`guardtime`](Self::guardtime).
    pub fn patience(&self) -> Option<u64> {
        let guardtime = u128::from(self.guardtime?) * 1_000_000_000 / u128::from(self.clock_rate.max(1));
        Some((guardtime as u64).saturating_mul(PATIENCE).max(LEAST_PATIENCE))
    }
}

/// The timers of a sender, in RTP time.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    schedule: [u32; SCHEDULE.len()],
    guardtime: Option<u32>,
    last_command: Option<u32>,
    last_packet: Option<u32>,
    step: usize,
}

impl Guard {
    /// `ticks` turns milliseconds into RTP clock ticks.
    pub(crate) fn new(guardtime: Option<u32>, ticks: impl Fn(u32) -> u32) -> Self {
        Self { schedule: SCHEDULE.map(ticks), guardtime, last_command: None, last_packet: None, step: 0 }
    }

    /// A packet goes out; `last_command` is the time of the last command in it.
    pub(crate) fn sent(&mut self, time: u32, last_command: Option<u32>) {
        self.last_packet = Some(last_command.unwrap_or(time));
        if last_command.is_some() {
            (self.last_command, self.step) = (last_command, 0);
        } else if let Some(command) = self.last_command {
            // Late or early, a packet stands for every guard packet due by its time.
            let passed = time.wrapping_sub(command);
            let due = self.schedule.iter().take_while(|offset| **offset <= passed).count();
            self.step = self.step.max(due);
        }
    }

    /// Nobody needs another guard packet.
    pub(crate) fn finish(&mut self) {
        self.step = SCHEDULE.len();
    }

    /// The RTP time of the next guard packet.
    pub(crate) fn guard_due(&self) -> Option<u32> {
        self.last_command.zip(self.schedule.get(self.step)).map(|(time, offset)| time.wrapping_add(*offset))
    }

    /// The RTP time of the next packet.
    pub(crate) fn due(&self) -> Option<u32> {
        let guard = self.guard_due();
        let keep_alive = self.last_packet.zip(self.guardtime).map(|(time, gap)| time.wrapping_add(gap));
        match (guard, keep_alive) {
            (Some(guard), Some(keep_alive)) if keep_alive.wrapping_sub(guard) > u32::MAX / 2 => Some(keep_alive),
            (guard, keep_alive) => guard.or(keep_alive),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(mut guard: Guard, until: u32) -> Vec<u32> {
        let mut times = Vec::new();
        while let Some(due) = guard.due().filter(|due| *due <= until) {
            guard.sent(due, None);
            times.push(due);
        }
        times
    }

    #[test]
    fn five_guard_packets_follow_the_last_command() {
        let mut guard = Guard::new(None, |ms| ms);
        assert_eq!(guard.due(), None);
        guard.sent(1000, Some(1000));
        assert_eq!(run(guard, 100_000), [1100, 1200, 1400, 1800, 2600]);
    }

    #[test]
    fn guardtime_bounds_every_gap() {
        let mut guard = Guard::new(Some(500), |ms| ms);
        guard.sent(1000, Some(1000));
        assert_eq!(run(guard, 3900), [1100, 1200, 1400, 1800, 2300, 2600, 3100, 3600]);
    }

    #[test]
    fn a_sender_is_gone_after_three_guard_times() {
        let patience = |guardtime| Config { guardtime, ..Config::new(44_100) }.patience();
        assert_eq!(patience(None), None);
        assert_eq!(patience(Some(44_100)), Some(3_000_000_000));
        assert_eq!(patience(Some(220)), Some(250_000_000));
        assert_eq!(patience(Some(u32::MAX)), Some(3 * 97_391_548_639_455));
    }

    #[test]
    fn a_command_starts_the_schedule_anew_and_an_acknowledgement_ends_it() {
        let mut guard = Guard::new(None, |ms| ms);
        guard.sent(1000, Some(1000));
        guard.sent(1150, None);
        assert_eq!(guard.due(), Some(1200));
        guard.sent(1250, Some(1300));
        assert_eq!(guard.due(), Some(1400));
        guard.finish();
        assert_eq!(guard.due(), None);
    }
}
