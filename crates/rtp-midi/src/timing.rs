//! What the timestamps of commands mean: `tsmode` and its ancillary parameters (RFC 6295, C.3).

use core::num::NonZeroU32;

/// How a sender takes the times of its commands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Timing {
    /// `tsmode=comex`: the time at which a command is to be executed (C.3.1).
    #[default]
    Comex,
    /// `tsmode=async`: the time at which an octet of the command came from a time-of-arrival source (C.3.2).
    Async {
        /// `octpos`: which octet that is; `None` where the sender does not know.
        octet: Option<Octet>,
        /// `linerate` of the source.
        line: LineRate,
    },
    /// `tsmode=buffer`: the time at which the sender looked through what had come from such a source (C.3.3).
    Buffer {
        /// `octpos`: the octet in whose period the sender looked; `None` where it may be any of the command.
        octet: Option<Octet>,
        /// `linerate` of the source.
        line: LineRate,
        /// `mperiod`: nominal RTP clock ticks between two looks, if stated.
        period: Option<NonZeroU32>,
    },
}

/// An octet of a command as it was in the source: a status octet that RTP has restored is none (C.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Octet {
    /// `octpos=first`.
    First,
    /// `octpos=last`.
    Last,
}

/// `linerate`: how long one octet takes on the medium of a time-of-arrival source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineRate(NonZeroU32);

impl LineRate {
    /// A MIDI 1.0 DIN line, 320,000 ns an octet: the default of `linerate`.
    pub const DIN: Self = Self(NonZeroU32::new(320_000).expect("it is not 0"));

    /// A line whose octets take `nanoseconds`.
    pub const fn new(nanoseconds: NonZeroU32) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds an octet.
    pub const fn nanoseconds(self) -> u32 {
        self.0.get()
    }

    /// RTP clock ticks that `octets` take, to the nearest one.
    pub const fn ticks(self, octets: u32, clock_rate: u32) -> u32 {
        const SECOND: u128 = 1_000_000_000;
        let nanoseconds = self.0.get() as u128 * octets as u128;
        ((nanoseconds * clock_rate as u128 + SECOND / 2) / SECOND) as u32
    }
}

impl Default for LineRate {
    fn default() -> Self {
        Self::DIN
    }
}

/// A moment as far as a timestamp tells it: the true one is at most `early` RTP clock ticks before `time`, and at most
/// `late` behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// RTP time.
    pub time: u32,
    /// RTP clock ticks before it.
    pub early: u32,
    /// RTP clock ticks behind it.
    pub late: u32,
}

impl Timing {
    /// When the first octet of a command of `octets` source octets came, by its timestamp: where a receiver that feeds
    /// a line of its own begins to send it.
    ///
    /// Execution times (comex) are what they are.
    pub fn first_octet(self, timestamp: u32, octets: u32, clock_rate: u32) -> Moment {
        self.moment(Octet::First, timestamp, octets, clock_rate)
    }

    /// When the last octet came: where an instrument on the source's line would have executed the command.
    pub fn last_octet(self, timestamp: u32, octets: u32, clock_rate: u32) -> Moment {
        self.moment(Octet::Last, timestamp, octets, clock_rate)
    }

    /// The timestamp of a command of `octets` source octets of which the last one came at `arrived`, in RTP clock ticks
    /// from any start: what [`Timing::last_octet`] reads. A buffer is looked through at multiples of its period.
    pub fn stamp(self, arrived: u64, octets: u32, clock_rate: u32) -> u64 {
        let (octet, line, period) = match self {
            Self::Comex => return arrived,
            Self::Async { octet, line } => (octet, line, None),
            Self::Buffer { octet, line, period } => (octet, line, period),
        };
        let length = if octet == Some(Octet::First) { line.ticks(octets.saturating_sub(1), clock_rate) } else { 0 };
        let came = arrived.saturating_sub(length.into());
        period.map_or(came, |period| came.next_multiple_of(u64::from(period.get())))
    }

    fn moment(self, wanted: Octet, time: u32, octets: u32, clock_rate: u32) -> Moment {
        let (octet, line, waited) = match self {
            Self::Comex => return Moment { time, early: 0, late: 0 },
            Self::Async { octet, line } => (octet, line, 0),
            // The octet lay in the buffer for a part of a period.
            Self::Buffer { octet, line, period } => (octet, line, period.map_or(0, NonZeroU32::get)),
        };
        let length = line.ticks(octets.saturating_sub(1), clock_rate);
        let (shift, early, late) = match (octet, wanted) {
            (Some(Octet::First), Octet::Last) => (length, waited, 0),
            (Some(Octet::Last), Octet::First) => (length.wrapping_neg(), waited, 0),
            (Some(_), _) => (0, waited, 0),
            (None, Octet::First) => (0, waited.saturating_add(length), 0),
            (None, Octet::Last) => (0, waited, length),
        };
        Moment { time: time.wrapping_add(shift), early, late }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 44_100;

    fn asynchronous(octet: Option<Octet>) -> Timing {
        Timing::Async { octet, line: LineRate::DIN }
    }

    fn buffer(octet: Option<Octet>) -> Timing {
        Timing::Buffer { octet, line: LineRate::DIN, period: NonZeroU32::new(44) }
    }

    #[test]
    fn three_octets_of_a_din_line_span_28_ticks_at_44100() {
        assert_eq!(LineRate::default().nanoseconds(), 320_000);
        assert_eq!([0, 1, 2, 3].map(|octets| LineRate::DIN.ticks(octets, RATE)), [0, 14, 28, 42]);
        let slow = LineRate::new(NonZeroU32::MAX);
        assert_eq!(slow.ticks(1000, 1000), 4_294_967);
    }

    #[test]
    fn execution_times_are_what_they_are() {
        for octets in [0, 1, 3, 5000] {
            let exact = Moment { time: u32::MAX, early: 0, late: 0 };
            assert_eq!(Timing::Comex.first_octet(u32::MAX, octets, RATE), exact);
            assert_eq!(Timing::Comex.last_octet(u32::MAX, octets, RATE), exact);
        }
    }

    #[test]
    fn the_other_end_of_a_command_is_its_length_away_on_the_line() {
        let exact = |time: u32| Moment { time, early: 0, late: 0 };
        let (first, last) = (asynchronous(Some(Octet::First)), asynchronous(Some(Octet::Last)));
        assert_eq!((first.first_octet(5, 3, RATE), first.last_octet(5, 3, RATE)), (exact(5), exact(33)));
        assert_eq!(
            (last.first_octet(5, 3, RATE), last.last_octet(5, 3, RATE)),
            (exact(5_u32.wrapping_sub(28)), exact(5))
        );
        assert_eq!(first.last_octet(5, 1, RATE), exact(5));
    }

    #[test]
    fn what_is_stamped_is_read_as_the_time_at_which_it_came() {
        let modes =
            [Timing::Comex, asynchronous(Some(Octet::First)), asynchronous(Some(Octet::Last)), asynchronous(None)];
        let buffers = [Some(Octet::First), Some(Octet::Last)].map(buffer);
        for timing in modes.into_iter().chain(buffers) {
            for (arrived, octets) in [(1000, 1), (1000, 3), (1012, 3), (1013, 2), (88_200, 600)] {
                let stamp = timing.stamp(arrived, octets, RATE);
                let read = timing.last_octet(stamp as u32, octets, RATE);
                let range = i64::from(read.time) - i64::from(read.early)..=i64::from(read.time) + i64::from(read.late);
                assert!(range.contains(&(arrived as i64)), "{timing:?}: {arrived} became {read:?}");
            }
        }
        assert_eq!(asynchronous(Some(Octet::First)).stamp(1000, 3, RATE), 972);
        assert_eq!([1000, 1012, 1013].map(|at| buffer(Some(Octet::Last)).stamp(at, 3, RATE)), [1012, 1012, 1056]);
        assert_eq!(asynchronous(Some(Octet::First)).stamp(10, 3, RATE), 0);
    }

    #[test]
    fn what_the_sender_does_not_know_bounds_the_error() {
        let unknown = asynchronous(None);
        assert_eq!(unknown.first_octet(100, 3, RATE), Moment { time: 100, early: 28, late: 0 });
        assert_eq!(unknown.last_octet(100, 3, RATE), Moment { time: 100, early: 0, late: 28 });
        assert_eq!(buffer(Some(Octet::Last)).last_octet(100, 3, RATE), Moment { time: 100, early: 44, late: 0 });
        assert_eq!(buffer(None).first_octet(100, 3, RATE), Moment { time: 100, early: 72, late: 0 });
    }
}
