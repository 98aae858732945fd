//! When a thread may run in real time: not while it takes its core for itself, as in a flood.

use std::time::Duration;

/// How a thread is scheduled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    RealTime,
    Ordinary,
}

/// What a thread in real time has taken of its core, and others have not had of it.
#[derive(Debug, Default)]
pub(super) struct Pace {
    debt: Duration,
    is_tired: bool,
}

/// Work at which real time ends, unless others had their part meanwhile. It comes back when they have.
const MOST: Duration = Duration::from_millis(50);

/// The work that an equal time for others makes up for: a quarter of the time is theirs, if they want it.
const WORTH: u32 = 3;

impl Pace {
    /// Whether the thread is an ordinary one for now.
    pub(super) const fn is_tired(&self) -> bool {
        self.is_tired
    }

    /// The thread has worked for so long, and not worked for so long, be it that it had nothing to do or that others were
    /// before it. Returns what it is to be from now on, if that is another thing.
    pub(super) fn pass(&mut self, worked: Duration, rested: Duration) -> Option<Class> {
        let owed = self.debt.saturating_add(worked);
        self.debt = owed.saturating_sub(rested.saturating_mul(WORTH)).min(MOST);
        let is_tired = if self.is_tired { !self.debt.is_zero() } else { self.debt == MOST };
        let has_changed = std::mem::replace(&mut self.is_tired, is_tired) != is_tired;
        has_changed.then_some(if is_tired { Class::Ordinary } else { Class::RealTime })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// When what changes, if a thread works and rests by turns for so many milliseconds, for ten seconds.
    fn changes(pace: &mut Pace, work: u32, rest: u32) -> Vec<(u32, Class)> {
        let turn = |number: u32| Some((number * (work + rest), pace.pass(work * MS, rest * MS)?));
        (0..10_000 / (work + rest)).filter_map(turn).collect()
    }

    #[test]
    fn a_flood_ends_real_time_once_within_50_ms() {
        assert_eq!(changes(&mut Pace::default(), 1, 0), [(49, Class::Ordinary)]);
        // Work that takes for ever is looked at when it is over.
        assert_eq!(Pace::default().pass(Duration::MAX, Duration::ZERO), Some(Class::Ordinary));
    }

    #[test]
    fn a_quarter_of_the_time_for_others_is_enough() {
        for (work, rest) in [(3, 1), (1, 1), (40, 20), (1, 100)] {
            assert_eq!(changes(&mut Pace::default(), work, rest), [], "{work} and {rest}");
        }
    }

    #[test]
    fn nine_tenths_of_the_time_are_too_much_and_then_half_of_it_is_not() {
        let mut pace = Pace::default();
        assert!(matches!(changes(&mut pace, 9, 1)[..], [(_, Class::Ordinary)]));
        assert!(matches!(changes(&mut pace, 5, 5)[..], [(_, Class::RealTime)]));
    }

    #[test]
    fn it_comes_back_when_others_had_their_part_and_not_before() {
        let mut pace = Pace::default();
        assert_eq!(pace.pass(MOST, Duration::ZERO), Some(Class::Ordinary));
        assert_eq!(pace.pass(Duration::ZERO, 16 * MS), None);
        assert_eq!(pace.pass(MS, MS), Some(Class::RealTime));
        assert_eq!(pace.pass(MOST, Duration::ZERO), Some(Class::Ordinary), "the whole again");
    }
}
