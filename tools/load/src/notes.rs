//! Notes by which it is known how long a message takes: whoever hears one finds out when it was played.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When the latest messages of one who plays were played, in nanoseconds.
#[derive(Debug)]
pub(crate) struct Notes([AtomicU64; SLOTS]);

/// Messages that can be told apart: notes that begin and end.
const SLOTS: usize = 96;
const LOWEST: u8 = 36;

impl Default for Notes {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; SLOTS])
    }
}

impl Notes {
    /// The message of this number, which is played at `at`.
    pub(crate) fn play(&self, number: u64, at: Duration) -> [u8; 3] {
        let slot = (number % SLOTS as u64) as usize;
        self.0[slot].store(at.as_nanos() as u64, Ordering::Relaxed);
        message(slot)
    }

    /// When a message was played, if it is one of these.
    pub(crate) fn played(&self, octets: &[u8]) -> Option<Duration> {
        Some(Duration::from_nanos(self.0[slot(octets)?].load(Ordering::Relaxed)))
    }
}

/// Calls `play` for each message that is due from the first time to the second, of which there are `rate` a second and
/// have been `played` since the first.
pub(crate) fn play_until((began, until): (Instant, Instant), rate: u64, mut played: u64, mut play: impl FnMut()) {
    loop {
        let now = Instant::now();
        if now >= until {
            return;
        }
        let next = match rate {
            0 => until,
            rate => began + Duration::from_nanos(played.saturating_mul(1_000_000_000) / rate),
        };
        if next > now {
            std::thread::sleep(next.min(until) - now);
        } else {
            play();
            played += 1;
        }
    }
}

/// What a mutex guards, whatever has become of who had it last.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn message(slot: usize) -> [u8; 3] {
    let status = if slot.is_multiple_of(2) { 0x90 } else { 0x80 };
    [status, LOWEST + (slot / 2) as u8, 64]
}

fn slot(octets: &[u8]) -> Option<usize> {
    match octets {
        [status @ (0x80 | 0x90), note, _] => {
            let slot = usize::from(note.checked_sub(LOWEST)?) * 2 + usize::from(*status == 0x80);
            (slot < SLOTS).then_some(slot)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        for number in 0..SLOTS {
            assert_eq!(slot(&message(number)), Some(number));
        }
        assert_eq!(slot(&[0xFE]), None);
    }

    #[test]
    fn a_message_tells_when_it_was_played() {
        let notes = Notes::default();
        let octets: Vec<[u8; 3]> = (0..3).map(|number| notes.play(number, Duration::from_millis(number))).collect();
        assert_eq!(notes.played(&octets[2]), Some(Duration::from_millis(2)));
        assert_eq!(notes.played(&[0xB0, 1, 1]), None);
    }
}
