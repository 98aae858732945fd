//! RTP time on the receiver's clock.
//!
//! The distance between arrival and timestamp is the latency of the network, plus jitter, plus the time for which the
//! sender gathers commands. Its minimum over some seconds, the floor, follows both clocks as they drift apart and knows
//! no jitter; what a packet has above it is how late it is.

/// How long commands wait behind the earliest moment at which they could be executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Latency {
    /// So many nanoseconds; with 0 everything is executed as it comes.
    Fixed(u64),
    /// As many nanoseconds as the media time of the packets and the jitter of the network ask for, within limits.
    Adaptive {
        /// Never fewer.
        least: u64,
        /// Never more.
        most: u64,
    },
}

/// A clock for one stream, which measures how its packets come.
///
/// [`Playout`](crate::Playout) has one; a host that has another buffer can size it by one of its own.
///
/// ```
/// use rtp_midi::{ArrivalClock, Latency};
///
/// let ms = |milliseconds: u64| milliseconds * 1_000_000;
/// // Packets of 50 ms of music, 1000 ticks a second.
/// let mut clock = ArrivalClock::new(1000, Some(50), Latency::Adaptive { least: 0, most: ms(2000) });
/// assert_eq!(clock.depth(), ms(70), "what is not known yet");
/// for (arrival, timestamp) in [(1000, 0), (1050, 50), (1200, 100)] {
///     clock.arrive(ms(arrival), timestamp);
/// }
/// assert_eq!(clock.depth(), ms(125), "100 ms late, and a quarter more");
/// ```
#[derive(Clone, Debug)]
pub struct Clock {
    rate: u32,
    latency: Latency,
    /// Media time that packets are announced to have, in nanoseconds.
    announced: u64,
    depth: u64,
    /// The latest packet's RTP timestamp, and the same counted from the first packet.
    latest: Option<(u32, i64)>,
    arrived: u64,
    spans: [Span; SPANS],
    /// Spans in use, of which the latest is the last.
    used: usize,
    floor: i64,
    above: i64,
    jitter: i64,
}

/// How a packet came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Arrived {
    /// Its RTP time, counted from the first packet.
    ticks: i64,
    at: u64,
    /// Nanoseconds behind its time.
    late: i64,
}

/// The least and the greatest distance between arrival and RTP time in some time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    began: u64,
    least: i64,
    greatest: i64,
}

/// Spans that the floor is taken from. In silence they become longer, since each has a packet.
const SPANS: usize = 16;
/// Nanoseconds after which a packet begins another span.
const SPAN: u64 = 500_000_000;
/// Nanoseconds of jitter that a stream is given credit for before it is known.
const UNKNOWN: u64 = 20_000_000;
/// Nanoseconds that a note may come late: the ear, and the fingers, take it for simultaneous.
const TOLERANCE: i64 = 10_000_000;
/// A distance that changes by so many nanoseconds at once is another RTP clock.
const ANOTHER_CLOCK: i64 = 10_000_000_000;
/// Most nanoseconds by which a command may lie behind its packet.
const FURTHEST: i64 = 10_000_000_000;

impl Clock {
    /// A clock of `rate` ticks a second. `media_time` is what the session description says of the time in a packet, in
    /// ticks (`rtp_maxptime`, or `rtp_ptime`).
    pub fn new(rate: u32, media_time: Option<u32>, latency: Latency) -> Self {
        let mut clock = Self {
            rate: rate.max(1),
            latency,
            announced: 0,
            depth: 0,
            latest: None,
            arrived: 0,
            spans: [Span::default(); SPANS],
            used: 0,
            floor: 0,
            above: 0,
            jitter: 0,
        };
        clock.announced = clock.nanoseconds(media_time.unwrap_or(0).into()).unsigned_abs();
        clock.depth = clock.wanted();
        clock
    }

    /// Another stream begins, with another RTP clock.
    pub fn restart(&mut self) {
        (self.latest, self.used, self.above, self.jitter) = (None, 0, 0, 0);
        self.depth = self.wanted();
    }

    /// A packet with RTP time `timestamp` arrives at time `now`.
    pub fn arrive(&mut self, now: u64, timestamp: u32) -> Arrived {
        let (reference, count) = self.latest.unwrap_or((timestamp, 0));
        let ticks = count + i64::from(timestamp.wrapping_sub(reference) as i32);
        self.latest = Some((timestamp, ticks));
        let distance = saturated(i128::from(now) - i128::from(self.nanoseconds(ticks)));
        if self.used > 0 && (distance - self.floor).abs() > ANOTHER_CLOCK {
            (self.used, self.above) = (0, 0);
        }
        self.sample(now, distance);
        let above = distance - self.floor;
        self.jitter += ((above - self.above).abs() - self.jitter) / 16;
        self.above = above;
        // More latency is needed at once; of what is too much a thirty-second part of the time that passes is taken.
        let passed = now.saturating_sub(self.arrived);
        self.depth = self.wanted().max(self.depth.saturating_sub(passed / 32));
        if let Latency::Fixed(_) = self.latency {
            self.depth = self.wanted();
        }
        self.arrived = now;
        Arrived { ticks, at: now, late: above.saturating_sub_unsigned(self.depth) }
    }

    /// The time at which a packet is to be opened: that of its first command, but it waits no longer than commands do.
    pub(super) fn due(&self, packet: &Arrived) -> u64 {
        let time = self.nanoseconds(packet.ticks) + self.floor;
        time.saturating_add_unsigned(self.depth).max(0).unsigned_abs().min(packet.at.saturating_add(self.depth))
    }

    /// Nanoseconds by which a command with RTP time `time` lies behind its packet with RTP time `timestamp`.
    pub(super) fn behind(&self, timestamp: u32, time: u32) -> u64 {
        self.nanoseconds(i64::from(time.wrapping_sub(timestamp) as i32)).clamp(0, FURTHEST).unsigned_abs()
    }

    /// Whether a note that lies `behind` its packet by so many nanoseconds came too late to be played.
    pub(super) fn is_late(&self, packet: &Arrived, behind: u64) -> bool {
        let tolerance = if self.depth == 0 { TOLERANCE.max(3 * self.jitter) } else { TOLERANCE };
        packet.late.saturating_sub_unsigned(behind) > tolerance
    }

    /// Mean deviation of the network's latency, in nanoseconds.
    pub fn jitter(&self) -> u64 {
        self.jitter.unsigned_abs()
    }

    /// Nanoseconds that commands wait.
    pub fn depth(&self) -> u64 {
        self.depth
    }

    fn sample(&mut self, now: u64, distance: i64) {
        let open = self.used > 0 && now.saturating_sub(self.spans[self.used - 1].began) < SPAN;
        if !open {
            if self.used == SPANS {
                self.spans.rotate_left(1);
            } else {
                self.used += 1;
            }
            self.spans[self.used - 1] = Span { began: now, least: distance, greatest: distance };
        }
        let span = &mut self.spans[self.used - 1];
        (span.least, span.greatest) = (span.least.min(distance), span.greatest.max(distance));
        self.floor = self.spans[..self.used].iter().map(|span| span.least).min().unwrap_or(distance);
    }

    /// The latency that suits what has been measured.
    fn wanted(&self) -> u64 {
        let (least, most) = match self.latency {
            Latency::Fixed(latency) => return latency,
            Latency::Adaptive { least, most } => (least, most.max(least)),
        };
        let mut above: [i64; SPANS] = [0; SPANS];
        for (above, span) in above.iter_mut().zip(&self.spans[..self.used]) {
            *above = span.greatest - self.floor;
        }
        above.sort_unstable();
        // What a single span of many has seen was an accident.
        let usual = if self.used > 4 { above[SPANS - 2] } else { above[SPANS - 1] };
        let measured = usual.max(0).unsigned_abs();
        let unknown = if self.used < 2 { self.announced + UNKNOWN } else { 0 };
        (measured + measured / 4).max(unknown).clamp(least, most)
    }

    fn nanoseconds(&self, ticks: i64) -> i64 {
        saturated(i128::from(ticks) * 1_000_000_000 / i128::from(self.rate))
    }
}

/// Nanoseconds within some centuries, so that sums of them do not overflow, whatever comes from the network.
fn saturated(nanoseconds: i128) -> i64 {
    const MOST: i128 = 1 << 61;
    nanoseconds.clamp(-MOST, MOST) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const RATE: u32 = 44_100;

    fn adaptive(media_time: Option<u32>) -> Clock {
        Clock::new(RATE, media_time, Latency::Adaptive { least: 0, most: 200 * MS })
    }

    /// A number below `end`, the `n`th of a sequence without pattern.
    fn noise(n: u64, end: u64) -> u64 {
        (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) % end
    }

    #[test]
    fn the_depth_is_that_of_media_time_and_jitter() {
        let mut clock = adaptive(None);
        for n in 0..1000 {
            // Packets of 50 ms, each sent at its end, with 10 ms of jitter; empty ones in between.
            let (timestamp, hold) = if n % 20 == 0 { (n * 50 + 50, 0) } else { (n * 50, 50) };
            let now = 1000 * MS + timestamp * MS + hold * MS + noise(n, 10 * MS);
            clock.arrive(now, (timestamp * u64::from(RATE) / 1000) as u32);
        }
        assert!((60 * MS..120 * MS).contains(&clock.depth()), "{} ms", clock.depth() / MS);
        assert!((2 * MS..25 * MS).contains(&clock.jitter()), "{} ms", clock.jitter() / MS);
    }

    #[test]
    fn the_depth_falls_slowly_when_the_network_calms_down_and_forgets_a_single_accident() {
        let mut clock = adaptive(None);
        let mut depths = Vec::new();
        for n in 0..6000_u64 {
            let late = if n < 1000 { noise(n, 40 * MS) } else { noise(n, 2 * MS) };
            let accident = if n == 5000 { 150 * MS } else { 0 };
            clock.arrive(n * 10 * MS + late + accident, (n * 441) as u32);
            depths.push(clock.depth());
        }
        assert!((40 * MS..60 * MS).contains(&depths[999]), "{}", depths[999]);
        assert!(depths[4900] < 5 * MS && depths[5900] < 5 * MS, "{} {}", depths[4900], depths[5900]);
        assert!(depths[1..].windows(2).all(|pair| pair[1] + 2 * MS > pair[0]), "it falls by leaps");
    }

    #[test]
    fn an_announced_media_time_counts_until_there_is_a_measured_one() {
        assert_eq!(adaptive(Some(RATE / 10)).depth(), 120 * MS);
        assert_eq!(adaptive(None).depth(), 20 * MS);
        assert_eq!(Clock::new(RATE, Some(RATE), Latency::Adaptive { least: 0, most: 50 * MS }).depth(), 50 * MS);
        assert_eq!(Clock::new(RATE, Some(RATE), Latency::Fixed(0)).depth(), 0);
    }

    #[test]
    fn the_floor_follows_clocks_that_drift_apart() {
        for drift in [-200_i64, 200] {
            let mut clock = Clock::new(RATE, None, Latency::Fixed(0));
            // Ten minutes, a packet every 100 ms.
            for n in 0..6000_u64 {
                let sent = n * 100 * MS;
                let exact = sent.saturating_add_signed(sent as i64 / 1_000_000 * drift) + 1000 * MS;
                let arrived = clock.arrive(exact + noise(n, 5 * MS), (n * 4410) as u32);
                let error = clock.due(&arrived) as i64 - exact as i64;
                assert!(
                    (-3 * MS as i64..6 * MS as i64).contains(&error),
                    "{error} ns after {n} packets at {drift} ppm"
                );
            }
        }
    }

    #[test]
    fn rtp_time_counts_on_where_it_wraps_and_another_clock_is_another_floor() {
        let mut clock = Clock::new(RATE, None, Latency::Fixed(0));
        let first = clock.arrive(0, u32::MAX - 4409);
        let second = clock.arrive(100 * MS, 0);
        assert_eq!((first.ticks, second.ticks), (0, 4410));
        let third = clock.arrive(200 * MS, 1 << 30);
        assert_eq!(clock.due(&third), 200 * MS);
        let fourth = clock.arrive(300 * MS, 8820);
        assert_eq!(clock.due(&fourth), 300 * MS);
    }

    #[test]
    fn a_note_is_late_by_more_than_ten_milliseconds_or_what_the_network_makes_usual() {
        let mut clock = Clock::new(1000, None, Latency::Fixed(0));
        clock.arrive(1000 * MS, 0);
        let (in_time, late) = (clock.arrive(1110 * MS, 100), clock.arrive(1211 * MS, 200));
        assert!(!clock.is_late(&in_time, 0) && clock.is_late(&late, 0) && !clock.is_late(&late, MS));
        for n in 3..100 {
            clock.arrive(1000 * MS + n * 100 * MS + (n % 2) * 15 * MS, n as u32 * 100);
        }
        let usual = clock.arrive(11_015 * MS, 10_000);
        assert!(!clock.is_late(&usual, 0), "fifteen milliseconds are usual here");
    }
}
