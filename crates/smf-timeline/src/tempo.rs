//! Division and tempo: from ticks to absolute time and back, exactly.
//!
//! Elapsed time is summed as an integer count of (ticks × microseconds per quarter note) and divided once, when asked
//! for, so a song of any length does not drift.

/// What one tick is (header chunk, `<division>`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Division {
    /// Ticks per quarter note, 1 to 32767; the tempo says how long a quarter note is.
    Quarter(u16),
    /// Ticks per SMPTE frame, 1 to 255; the tempo has no part in it.
    Frame(FrameRate, u8),
}

/// SMPTE frames per second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameRate {
    /// 24 frames per second.
    Fps24,
    /// 25 frames per second.
    Fps25,
    /// 30000/1001 frames per second, called 29 in the file.
    Fps2997,
    /// 30 frames per second.
    Fps30,
}

impl Division {
    /// The division behind the two octets of a header; `None` when they give no time.
    pub fn decode(octets: [u8; 2]) -> Option<Self> {
        match octets {
            [high @ 0..=0x7F, low] => Some(u16::from_be_bytes([high, low])).filter(|&n| n > 0).map(Self::Quarter),
            [_, 0] => None,
            [0xE8, ticks] => Some(Self::Frame(FrameRate::Fps24, ticks)),
            [0xE7, ticks] => Some(Self::Frame(FrameRate::Fps25, ticks)),
            [0xE3, ticks] => Some(Self::Frame(FrameRate::Fps2997, ticks)),
            [0xE2, ticks] => Some(Self::Frame(FrameRate::Fps30, ticks)),
            _ => None,
        }
    }

    /// The two octets of a header; values out of range become the nearest that a header can hold.
    pub fn encode(self) -> [u8; 2] {
        match self {
            Self::Quarter(ticks) => ticks.clamp(1, 0x7FFF).to_be_bytes(),
            Self::Frame(rate, ticks) => {
                let frames = match rate {
                    FrameRate::Fps24 => 0xE8,
                    FrameRate::Fps25 => 0xE7,
                    FrameRate::Fps2997 => 0xE3,
                    FrameRate::Fps30 => 0xE2,
                };
                [frames, ticks.max(1)]
            }
        }
    }

    /// Nanoseconds per unit as a fraction, a unit being one tick (SMPTE) or one tick × one microsecond per quarter.
    fn unit(self) -> (u128, u128) {
        let second = 1_000_000_000;
        match self {
            Self::Quarter(ticks) => (1000, u128::from(ticks.max(1))),
            Self::Frame(rate, ticks) => {
                let ticks = u128::from(ticks.max(1));
                match rate {
                    FrameRate::Fps24 => (second, 24 * ticks),
                    FrameRate::Fps25 => (second, 25 * ticks),
                    FrameRate::Fps2997 => (second * 1001, 30_000 * ticks),
                    FrameRate::Fps30 => (second, 30 * ticks),
                }
            }
        }
    }
}

/// Where the tempo changes, and what time it is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TempoMap {
    division: Division,
    changes: Vec<Change>,
}

/// A tempo and the moment it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Change {
    tick: u64,
    tempo: u32,
    elapsed: u128,
}

impl TempoMap {
    /// The tempo in force where a file says nothing: 120 quarter notes a minute, in microseconds per quarter note.
    pub const DEFAULT_TEMPO: u32 = 500_000;

    /// The largest time a map answers, about 292 years, in nanoseconds.
    pub const MAX_TIME: u64 = i64::MAX as u64;

    /// A map with the default tempo throughout.
    pub fn new(division: Division) -> Self {
        Self { division, changes: vec![Change { tick: 0, tempo: Self::DEFAULT_TEMPO, elapsed: 0 }] }
    }

    /// The division the map was made for.
    pub fn division(&self) -> Division {
        self.division
    }

    /// Lets `tempo` (microseconds per quarter note, not zero) begin at `tick`, which is at or behind all earlier ones.
    pub fn push(&mut self, tick: u64, tempo: u32) {
        let last = self.last_before(|change| change.tick <= tick);
        let change = Change { tick, tempo: tempo.max(1), elapsed: self.units(last, tick) };
        match self.changes.last_mut() {
            Some(last) if last.tick >= tick => last.tempo = change.tempo,
            Some(last) if last.tempo == change.tempo => {}
            _ => self.changes.push(change),
        }
    }

    /// The time of `tick` in nanoseconds, rounded to the nearest, at most [`Self::MAX_TIME`].
    pub fn time(&self, tick: u64) -> u64 {
        let (num, den) = self.division.unit();
        let units = self.units(self.last_before(|change| change.tick <= tick), tick);
        u64::try_from((units * num + den / 2) / den).map_or(Self::MAX_TIME, |time| time.min(Self::MAX_TIME))
    }

    /// The tick nearest to `time` (nanoseconds).
    pub fn tick(&self, time: u64) -> u64 {
        let (num, den) = self.division.unit();
        let scaled = u128::from(time) * den;
        let change = self.last_before(|change| change.elapsed * num <= scaled);
        let step = num * self.units_per_tick(change);
        let ticks = (scaled - change.elapsed * num + step / 2) / step;
        change.tick.saturating_add(u64::try_from(ticks).unwrap_or(u64::MAX))
    }

    /// The tempo in force at `time` (nanoseconds), in microseconds per quarter note.
    pub fn tempo(&self, time: u64) -> u32 {
        let (num, den) = self.division.unit();
        self.last_before(|change| change.elapsed * num <= u128::from(time) * den).tempo
    }

    fn last_before(&self, holds: impl FnMut(&Change) -> bool) -> Change {
        let behind = self.changes.partition_point(holds);
        self.changes[behind.saturating_sub(1)]
    }

    fn units(&self, change: Change, tick: u64) -> u128 {
        change.elapsed + u128::from(tick - change.tick) * self.units_per_tick(change)
    }

    fn units_per_tick(&self, change: Change) -> u128 {
        match self.division {
            Division::Quarter(_) => u128::from(change.tempo),
            Division::Frame(..) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_tempo_change_moves_only_what_follows_it() {
        let mut map = TempoMap::new(Division::Quarter(480));
        map.push(960, 250_000);
        assert_eq!([map.time(480), map.time(960), map.time(1440)], [SECOND / 2, SECOND, SECOND + SECOND / 4]);
        assert_eq!([map.tempo(SECOND - 1), map.tempo(SECOND)], [500_000, 250_000]);
    }

    #[test]
    fn the_last_tempo_of_a_tick_counts() {
        let mut map = TempoMap::new(Division::Quarter(1));
        map.push(0, 7);
        map.push(0, 1_000_000);
        assert_eq!(map.time(3), 3 * SECOND);
    }

    #[test]
    fn an_hour_of_drop_frames_does_not_drift() {
        let map = TempoMap::new(Division::Frame(FrameRate::Fps2997, 4));
        assert_eq!(map.time(4 * 30_000 * 60), 1001 * 60 * SECOND);
        assert_eq!(map.time(1), 8_341_667);
    }

    #[test]
    fn ticks_come_back_from_their_times() {
        for division in [Division::Quarter(22_050), Division::Quarter(96), Division::Frame(FrameRate::Fps2997, 80)] {
            let mut map = TempoMap::new(division);
            for (n, tempo) in [500_000, 123_457, 16_777_215, 1000, 761_904].into_iter().enumerate() {
                map.push(n as u64 * 1_000_003, tempo);
            }
            for tick in (0..6_000_000).step_by(997) {
                assert_eq!(map.tick(map.time(tick)), tick, "{division:?}");
            }
        }
    }

    #[test]
    fn times_beyond_centuries_stop_at_the_largest() {
        let mut map = TempoMap::new(Division::Quarter(1));
        map.push(0, 0x00FF_FFFF);
        assert_eq!(map.time(1 << 58), TempoMap::MAX_TIME);
    }

    #[test]
    fn divisions_come_back_from_their_octets() {
        for octets in [[0x01, 0xE0], [0x7F, 0xFF], [0xE8, 80], [0xE7, 40], [0xE3, 100], [0xE2, 255]] {
            assert_eq!(Division::decode(octets).map(Division::encode), Some(octets));
        }
        for octets in [[0, 0], [0x80, 1], [0xE7, 0], [0xFF, 0xFF], [0xE1, 4]] {
            assert_eq!(Division::decode(octets), None);
        }
    }
}
