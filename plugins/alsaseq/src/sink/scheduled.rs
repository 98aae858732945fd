//! What has been handed to the sequencer: what of it sounds by now, and what is still to come.

use std::collections::VecDeque;
use std::time::Duration;

use rtp_midi::midi::Sounding;

/// Events in the order of their times.
#[derive(Debug, Default)]
pub(super) struct Scheduled {
    coming: VecDeque<(Duration, What)>,
    sounding: Sounding,
    /// A System Exclusive has begun and not ended.
    is_open: bool,
    last: Duration,
}

/// What an event is, as far as it can leave something hanging.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// A message for a channel.
    Voice([u8; 3]),
    /// A piece of a System Exclusive, behind which others follow or not.
    Piece {
        follows: bool,
    },
    Other,
}

impl What {
    /// Of the octets of a message.
    pub(super) fn of(octets: &[u8]) -> Self {
        match *octets {
            [status @ 0x80..=0xBF, first, second, ..] => Self::Voice([status, first, second]),
            [0xFF, ..] => Self::Voice([0xFF, 0, 0]),
            _ => Self::Other,
        }
    }
}

impl Scheduled {
    /// Notes what goes out at `at`, when it is `now`.
    pub(super) fn add(&mut self, at: Duration, what: What, now: Duration) {
        self.settle(now);
        self.last = self.last.max(at);
        self.coming.push_back((at, what));
    }

    /// How many are still to come.
    pub(super) fn coming(&self) -> usize {
        self.coming.len()
    }

    /// When the last of all goes out.
    pub(super) const fn last(&self) -> Duration {
        self.last
    }

    /// What has gone out by `now` sounds.
    pub(super) fn settle(&mut self, now: Duration) {
        while let Some((_, what)) = self.coming.front().copied().filter(|(at, _)| *at <= now) {
            self.coming.pop_front();
            match what {
                What::Voice(octets) => self.sounding.observe(&octets),
                What::Piece { follows } => self.is_open = follows,
                What::Other => {}
            }
        }
    }

    /// Forgets all, since what has not gone out will not. Returns what ends what hangs: an end for a System Exclusive, and
    /// messages that let go what sounds, and what might sound already.
    pub(super) fn cut(&mut self, now: Duration) -> (bool, Vec<[u8; 3]>) {
        self.settle(now);
        let Self { coming, mut sounding, is_open, .. } = std::mem::take(self);
        let mut breaks = is_open;
        for (_, what) in coming {
            match what {
                What::Voice(octets) if starts(octets) => sounding.observe(&octets),
                What::Piece { follows } => breaks |= follows,
                _ => {}
            }
        }
        (breaks, sounding.release())
    }
}

/// Whether a message makes something sound, or holds it.
const fn starts([status, _, value]: [u8; 3]) -> bool {
    matches!((status >> 4, value), (0x9, 1..) | (0xB, 64..))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn with(events: &[(u32, What)]) -> Scheduled {
        let mut scheduled = Scheduled::default();
        for (at, what) in events {
            scheduled.add(*at * MS, *what, Duration::ZERO);
        }
        scheduled
    }

    const ON: What = What::Voice([0x90, 60, 100]);
    const OFF: What = What::Voice([0x80, 60, 0]);

    #[test]
    fn a_note_hangs_whose_end_is_not_played() {
        assert_eq!(with(&[(1, ON), (10, OFF)]).cut(5 * MS), (false, vec![[0x80, 60, 64]]));
        assert_eq!(with(&[(1, ON), (10, OFF)]).cut(10 * MS), (false, vec![]));
        // It may have been played in this moment.
        assert_eq!(with(&[(6, ON), (10, OFF)]).cut(5 * MS), (false, vec![[0x80, 60, 64]]));
    }

    #[test]
    fn half_a_system_exclusive_gets_an_end() {
        let pieces = [(1, What::Piece { follows: true }), (9, What::Piece { follows: false })];
        assert_eq!(with(&pieces).cut(Duration::ZERO), (true, vec![]));
        assert_eq!(with(&pieces).cut(5 * MS), (true, vec![]));
        assert_eq!(with(&pieces).cut(9 * MS), (false, vec![]));
        assert_eq!(with(&[(9, What::Piece { follows: false })]).cut(Duration::ZERO), (false, vec![]));
    }

    #[test]
    fn nothing_is_left_behind_a_cut() {
        let mut scheduled = with(&[(1, ON)]);
        assert_eq!(scheduled.last(), MS);
        scheduled.cut(5 * MS);
        assert_eq!((scheduled.last(), scheduled.cut(9 * MS)), (Duration::ZERO, (false, vec![])));
    }

    #[test]
    fn a_reset_ends_everything() {
        assert_eq!(What::of(&[0xFF]), What::Voice([0xFF, 0, 0]));
        assert_eq!(with(&[(1, ON), (2, What::of(&[0xFF]))]).cut(3 * MS), (false, vec![]));
    }
}
