//! What was played elsewhere, at the time at which it was played there, and a delay: the network's hesitation is not heard.

use std::collections::VecDeque;
use std::time::Duration;

use rtp_midi::midi::Command;

/// Most octets that wait; what waits longest goes early then.
const WAITING: usize = 1 << 16;

/// What is played there cannot be of the future here: a clock that says so is not believed by more than this.
const FUTURE: Duration = Duration::from_millis(20);

/// The longest delay.
const LONGEST: Duration = Duration::from_secs(2);

/// The shortest one that is found.
const SHORTEST: Duration = Duration::from_millis(1);

/// How fast a delay that was found too long becomes shorter: by this part of the difference with each message.
const EASE: u32 = 256;

/// How much later than played something is heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delay {
    /// Always so much. What comes later than that is heard at once.
    Fixed(Duration),
    /// As much as the network needs, by what it needed lately.
    Auto,
}

/// Commands from one source that wait for their time, in their order.
#[derive(Clone, Debug)]
pub struct DelayLine {
    delay: Delay,
    waiting: VecDeque<Waiting>,
    octets: usize,
    latest: Duration,
    late: u64,
    needs: Needs,
}

/// A command that waits.
#[derive(Clone, Debug)]
struct Waiting {
    due: Duration,
    came: Duration,
    octets: Vec<u8>,
}

/// How long messages are on their way.
#[derive(Clone, Copy, Debug, Default)]
struct Needs {
    mean: Duration,
    deviation: Duration,
    /// The delay by which none of the latest would have been late.
    safe: Duration,
    is_known: bool,
}

impl DelayLine {
    /// For a source that is heard so much later.
    pub fn new(delay: Delay) -> Self {
        let waiting = VecDeque::new();
        Self { delay, waiting, octets: 0, latest: Duration::ZERO, late: 0, needs: Needs::default() }
    }

    /// Goes on with another delay. What waits already keeps its time.
    pub const fn set_delay(&mut self, delay: Delay) {
        self.delay = delay;
    }

    /// What was asked for.
    pub const fn delay(&self) -> Delay {
        self.delay
    }

    /// How much later than played something is heard now.
    pub fn length(&self) -> Duration {
        match self.delay {
            Delay::Fixed(delay) => delay.min(LONGEST),
            Delay::Auto => self.needs.safe.clamp(SHORTEST, LONGEST),
        }
    }

    /// Adds a command that has come now, and was played then; `None` where nobody knows: it waits as if it had just been
    /// played, or for what is ahead of it.
    pub fn push(&mut self, at: Duration, played: Option<Duration>, command: Command<'_>) {
        let played = played.map(|played| played.min(at + FUTURE));
        if let Some(played) = played {
            self.needs.observe(at.saturating_sub(played));
        }
        let due = played.map_or(at, |played| played + self.length());
        self.late += u64::from(due < at);
        // It stays behind what came before it.
        self.latest = due.max(at).max(self.latest);
        let mut octets = Vec::new();
        command.encode(&mut octets);
        self.octets += octets.len();
        self.waiting.push_back(Waiting { due: self.latest, came: at, octets });
    }

    /// The next command whose time has come, or for which there is no room; and how long it has waited.
    pub fn poll(&mut self, at: Duration) -> Option<(Duration, Vec<u8>)> {
        if self.waiting.front()?.due > at && self.octets <= WAITING {
            return None;
        }
        let Waiting { came, octets, .. } = self.waiting.pop_front()?;
        self.octets -= octets.len();
        Some((at.saturating_sub(came), octets))
    }

    /// When the next command has its time; `None` if nothing waits.
    pub fn due(&self) -> Option<Duration> {
        let due = self.waiting.front()?.due;
        Some(if self.octets > WAITING { Duration::ZERO } else { due })
    }

    /// Forgets what waits: its source is gone, and what it sounds ends otherwise.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.octets = 0;
        self.latest = Duration::ZERO;
    }

    /// Commands that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Commands that came too late for the delay, and went at once.
    pub const fn late(&self) -> u64 {
        self.late
    }
}

impl Needs {
    /// Takes note of how long something was on its way. What is needed grows at once, and shrinks slowly.
    fn observe(&mut self, way: Duration) {
        let way = way.min(LONGEST);
        if !std::mem::replace(&mut self.is_known, true) {
            *self = Self { mean: way, deviation: way / 2, safe: way * 2, is_known: true };
            return;
        }
        let distance = way.abs_diff(self.mean);
        self.mean = (self.mean * 15 + way) / 16;
        self.deviation = (self.deviation * 15 + distance) / 16;
        let needed = way.max(self.mean + 4 * self.deviation);
        let spare = self.safe.saturating_sub(needed);
        self.safe = needed.max(self.safe.saturating_sub(spare / EASE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    fn clock() -> Command<'static> {
        Command::decode(&[0xF8]).unwrap().0
    }

    /// When each command is heard, if it was played and has come at these milliseconds.
    fn heard(delay: Delay, messages: &[(Option<u32>, u32)]) -> Vec<Duration> {
        let (mut line, mut times) = (DelayLine::new(delay), Vec::new());
        for (played, at) in messages {
            drain(&mut line, MS * *at, &mut times);
            line.push(MS * *at, played.map(|played| MS * played), clock());
        }
        drain(&mut line, Duration::MAX, &mut times);
        assert_eq!((line.octets, line.waiting()), (0, 0));
        times
    }

    fn drain(line: &mut DelayLine, until: Duration, times: &mut Vec<Duration>) {
        while let Some(due) = line.due().filter(|due| *due <= until) {
            assert!(line.poll(due).is_some());
            times.push(due);
        }
    }

    #[test]
    fn what_hesitates_on_its_way_is_heard_as_it_was_played() {
        let times = heard(Delay::Fixed(10 * MS), &[(Some(100), 101), (Some(120), 129), (Some(140), 142)]);
        assert_eq!(times, [110 * MS, 130 * MS, 150 * MS]);
    }

    #[test]
    fn what_comes_too_late_is_heard_at_once_and_counted_and_nothing_overtakes() {
        let mut line = DelayLine::new(Delay::Fixed(10 * MS));
        line.push(130 * MS, Some(100 * MS), clock());
        assert_eq!((line.due(), line.late()), (Some(130 * MS), 1));
        // The one behind it was played before it, by a clock that has been set.
        let times = heard(Delay::Fixed(10 * MS), &[(Some(100), 130), (Some(140), 141), (Some(90), 145), (None, 146)]);
        assert_eq!(times, [130 * MS, 150 * MS, 150 * MS, 150 * MS]);
    }

    #[test]
    fn how_long_something_has_waited_is_told() {
        let mut line = DelayLine::new(Delay::Fixed(10 * MS));
        line.push(103 * MS, Some(100 * MS), clock());
        line.push(115 * MS, Some(104 * MS), clock());
        let waited: Vec<Duration> = std::iter::from_fn(|| line.poll(115 * MS)).map(|(waited, _)| waited).collect();
        assert_eq!(waited, [12 * MS, Duration::ZERO]);
    }

    #[test]
    fn a_clock_that_is_ahead_holds_nothing_up() {
        let times = heard(Delay::Fixed(10 * MS), &[(Some(90_000), 100)]);
        assert_eq!(times, [100 * MS + FUTURE + 10 * MS]);
    }

    #[test]
    fn what_finds_no_room_goes_early_and_all_goes() {
        let mut line = DelayLine::new(Delay::Fixed(LONGEST));
        for _ in 0..WAITING + 5 {
            line.push(MS, Some(MS), clock());
        }
        assert_eq!(line.due(), Some(Duration::ZERO));
        assert_eq!(std::iter::from_fn(|| line.poll(2 * MS)).count(), 5);
        assert_eq!(line.due(), Some(LONGEST + MS));
        line.clear();
        assert_eq!((line.due(), line.octets), (None, 0));
    }

    #[test]
    fn a_delay_that_is_found_is_enough_and_not_much_more() {
        let mut line = DelayLine::new(Delay::Auto);
        let way = |beat: u32| Duration::from_micros(3000 + u64::from(beat * 7919 % 2000));
        for beat in 0..5000 {
            let played = 20 * MS * beat;
            line.push(played + way(beat), Some(played), clock());
            while line.poll(Duration::MAX).is_some() {}
        }
        assert!(line.late() < 5, "{}", line.late());
        assert!((5 * MS..8 * MS).contains(&line.length()), "{:?}", line.length());
        // A stall is made up for at once, and forgotten in a while.
        line.push(200_000 * MS, Some(199_900 * MS), clock());
        assert!(line.length() >= 100 * MS);
        for beat in 0..5000 {
            let played = 200_000 * MS + 20 * MS * beat;
            line.push(played + way(beat), Some(played), clock());
            while line.poll(Duration::MAX).is_some() {}
        }
        assert!(line.length() < 9 * MS, "{:?}", line.length());
    }

    proptest! {
        #[test]
        fn the_order_stays_and_nothing_is_lost(
            messages in proptest::collection::vec((proptest::option::of(0..4000_u32), 0..50_u32), 1..100),
            fixed in proptest::option::of(0..3000_u32),
        ) {
            let delay = fixed.map_or(Delay::Auto, |ms| Delay::Fixed(MS * ms));
            let mut at = 0;
            let messages: Vec<_> = messages.into_iter().map(|(played, pause)| { at += pause; (played, at) }).collect();
            let times = heard(delay, &messages);
            prop_assert_eq!(times.len(), messages.len());
            prop_assert!(times.is_sorted());
            for (time, (_, at)) in times.iter().zip(&messages) {
                prop_assert!(*time >= MS * *at);
            }
        }
    }
}
