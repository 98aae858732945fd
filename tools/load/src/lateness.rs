//! How late packets come: behind the first listener that gets the same one, and behind the clock of their sender.
//!
//! What arrives at a time and is stamped with an RTP time has been under way for an unknown time and a part of it that
//! all packets have. The least such difference over the run is the floor, and what a packet has more is its lateness.
//! In it is the time for which a sender gathers commands (`rtpmidi broadcast --ptime`, 10 ms by default): a packet has
//! the RTP time of its first command.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use rtp_types::RtpPacket;

/// All streams that are heard: one, or one for each listener.
pub(crate) struct Streams {
    /// By SSRC.
    all: HashMap<u32, Stream>,
    measuring: bool,
    /// Behind the clock of the sender, in microseconds.
    lateness: Histogram<u64>,
    /// Behind the first listener.
    spread: Histogram<u64>,
    /// By how much a floor was found to be lower than thought, after packets had been measured against it.
    sunk: Duration,
}

/// What is known of a packet besides its octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// Its number in the stream, which does not wrap.
    pub(crate) number: u64,
    /// Nanoseconds between its RTP time and its arrival, by clocks that began at any time.
    pub(crate) transit: i64,
}

/// One stream, an SSRC.
struct Stream {
    highest: u64,
    time: u64,
    floor: i64,
    rounds: VecDeque<Round>,
}

/// One packet, as it came to all listeners.
struct Round {
    number: u64,
    /// Each with when it came.
    arrivals: Vec<(Duration, i64)>,
}

/// Packets behind the latest one that still come to somebody.
const OPEN: usize = 32;

/// The longest lateness that is told apart, in microseconds.
const LONGEST: u64 = 60_000_000;

impl Streams {
    pub(crate) fn new() -> Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, LONGEST, 3);
        let (lateness, spread) = (histogram()?, histogram()?);
        Ok(Self { all: HashMap::new(), measuring: false, lateness, spread, sunk: Duration::ZERO })
    }

    /// Finds the place of a packet in its stream, whose clock has this rate.
    pub(crate) fn place(&mut self, packet: &RtpPacket<'_>, rate: u32, at: Duration) -> Place {
        let (sequence, timestamp) = (packet.sequence_number(), packet.timestamp());
        let stream = self.all.entry(packet.ssrc()).or_insert_with(|| Stream::begin(sequence, timestamp));
        let number = near(stream.highest, u64::from(sequence), 16);
        let time = near(stream.time, u64::from(timestamp), 32);
        if number > stream.highest {
            (stream.highest, stream.time) = (number, time);
        }
        // Both are far from the ends of their types: 2^48 ticks are 200 years.
        let sent = i128::from(time) * 1_000_000_000 / i128::from(rate);
        let transit = (at.as_nanos() as i128 - sent) as i64;
        let lower = stream.floor.saturating_sub(transit);
        if lower > 0 {
            if self.measuring && stream.floor != i64::MAX {
                self.sunk = self.sunk.max(Duration::from_nanos(lower as u64));
            }
            stream.floor = transit;
        }
        Place { number, transit }
    }

    /// Takes note of a packet that is new to a listener.
    pub(crate) fn arrive(&mut self, ssrc: u32, place: Place, at: Duration) {
        if !self.measuring {
            return;
        }
        let Some(stream) = self.all.get_mut(&ssrc) else { return };
        let newest = stream.rounds.back().map_or(0, |round| round.number);
        if place.number > newest {
            stream.rounds.push_back(Round { number: place.number, arrivals: vec![(at, place.transit)] });
        } else if let Some(round) = stream.rounds.iter_mut().rev().find(|round| round.number == place.number) {
            round.arrivals.push((at, place.transit));
        } else {
            // Of a round that is closed: the first one came long ago.
            late(&mut self.lateness, stream.floor, place.transit);
        }
        while stream.rounds.len() > OPEN
            && let Some(round) = stream.rounds.pop_front()
        {
            round.close(stream.floor, &mut self.lateness, &mut self.spread);
        }
    }

    /// Measures from now on, or no longer.
    pub(crate) fn measure(&mut self, measuring: bool) {
        self.measuring = measuring;
        for stream in self.all.values_mut().filter(|_| !measuring) {
            for round in stream.rounds.drain(..) {
                round.close(stream.floor, &mut self.lateness, &mut self.spread);
            }
        }
    }

    /// The number of the latest packet of each stream.
    pub(crate) fn ends(&self) -> HashMap<u32, u64> {
        self.all.iter().map(|(ssrc, stream)| (*ssrc, stream.highest)).collect()
    }

    /// Behind the clock of the sender, in microseconds.
    pub(crate) const fn lateness(&self) -> &Histogram<u64> {
        &self.lateness
    }

    /// Behind the first listener, in microseconds.
    pub(crate) const fn spread(&self) -> &Histogram<u64> {
        &self.spread
    }

    /// What to add to the lateness at most, since a floor was lower than thought.
    pub(crate) const fn sunk(&self) -> Duration {
        self.sunk
    }
}

impl Stream {
    fn begin(sequence: u16, timestamp: u32) -> Self {
        // Room below for what comes overtaken.
        let (highest, time) = (1 << 32 | u64::from(sequence), 1 << 48 | u64::from(timestamp));
        Self { highest, time, floor: i64::MAX, rounds: VecDeque::new() }
    }
}

impl Round {
    fn close(&self, floor: i64, lateness: &mut Histogram<u64>, spread: &mut Histogram<u64>) {
        let first = self.arrivals.iter().map(|(at, _)| *at).min().unwrap_or_default();
        for (at, transit) in &self.arrivals {
            spread.saturating_record(at.saturating_sub(first).as_micros() as u64);
            late(lateness, floor, *transit);
        }
    }
}

fn late(lateness: &mut Histogram<u64>, floor: i64, transit: i64) {
    lateness.saturating_record((transit - floor).max(0) as u64 / 1000);
}

/// The number nearest to one that has these lowest bits.
const fn near(to: u64, low: u64, bits: u32) -> u64 {
    let ahead = low.wrapping_sub(to) & ((1 << bits) - 1);
    if ahead < 1 << (bits - 1) { to + ahead } else { to + ahead - (1 << bits) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_types::RtpPacketBuilder;

    /// Packets of one stream: sequence number, RTP time in milliseconds, arrival in milliseconds.
    fn measure(packets: &[(u16, u32, u64)]) -> Streams {
        let mut streams = Streams::new().unwrap();
        streams.measure(true);
        for (sequence, time, at) in packets {
            let at = Duration::from_millis(*at);
            let mut octets = [0; 12];
            let packet = RtpPacketBuilder::<&[u8], &[u8]>::new()
                .payload_type(96)
                .ssrc(7)
                .sequence_number(*sequence)
                .timestamp(*time);
            packet.write_into(&mut octets).unwrap();
            let place = streams.place(&RtpPacket::parse(&octets).unwrap(), 1000, at);
            streams.arrive(7, place, at);
        }
        streams.measure(false);
        streams
    }

    fn milliseconds(histogram: &Histogram<u64>) -> Vec<(u64, u64)> {
        let value = |step: hdrhistogram::iterators::IterationValue<u64>| {
            (step.value_iterated_to() / 1000, step.count_since_last_iteration())
        };
        histogram.iter_recorded().map(value).collect()
    }

    #[test]
    fn lateness_is_what_the_fastest_packet_did_not_take() {
        let streams = measure(&[(1, 0, 1000), (1, 0, 1002), (2, 100, 1107), (2, 100, 1100)]);
        assert_eq!(milliseconds(streams.lateness()), [(0, 2), (2, 1), (7, 1)]);
        assert_eq!(milliseconds(streams.spread()), [(0, 2), (2, 1), (7, 1)], "in whatever order they are read");
        assert_eq!(streams.sunk(), Duration::ZERO);
    }

    #[test]
    fn a_floor_that_was_too_high_is_told() {
        let streams = measure(&[(1, 0, 1000), (2, 100, 1095)]);
        assert_eq!(streams.sunk(), Duration::from_millis(5));
    }

    #[test]
    fn numbers_and_times_wrap_and_go_on() {
        let streams = measure(&[(0xFFFF, 0xFFFF_FFF6, 100), (0, 0, 110), (0xFFFF, 0xFFFF_FFF6, 100)]);
        assert_eq!(milliseconds(streams.lateness()), [(0, 3)]);
        assert_eq!(streams.ends()[&7], 1 << 32 | 0x1_0000);
    }
}
