//! How long packets wait for those that are late or out of order.

use rtp_midi::{ArrivalClock, Config, Latency};
use std::str::FromStr;

use crate::rtp::Header;

/// `--latency`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Depth {
    /// As the time in a packet and the jitter of the network ask for.
    Auto,
    /// So many milliseconds.
    Fixed(u32),
}

/// Measures how packets come, and says how long they are to wait.
#[derive(Debug)]
pub(super) struct Gauge {
    clock: ArrivalClock,
    ssrc: Option<u32>,
    /// Milliseconds that were last asked for.
    set: u32,
}

/// What the network gets at least, and what is too long for anybody to wait.
const ADAPTIVE: Latency = Latency::Adaptive { least: 20 * MILLISECOND, most: 2000 * MILLISECOND };
const MILLISECOND: u64 = 1_000_000;

/// The most milliseconds that may be asked for.
const LONGEST: u32 = 10_000;

impl Gauge {
    /// A gauge for a stream of which nothing but the description is known.
    pub(super) fn new(config: &Config, depth: Depth) -> Self {
        let latency = match depth {
            Depth::Auto => ADAPTIVE,
            Depth::Fixed(milliseconds) => Latency::Fixed(u64::from(milliseconds) * MILLISECOND),
        };
        let clock = ArrivalClock::new(config.clock_rate, config.max_ptime.or(config.ptime), latency);
        let mut gauge = Self { clock, ssrc: None, set: 0 };
        gauge.set = gauge.wanted();
        gauge
    }

    /// An RTP packet comes at this time, counted from any start.
    pub(super) fn arrive(&mut self, at: gst::ClockTime, packet: &[u8]) {
        let Some(header) = Header::parse(packet) else { return };
        if self.ssrc.replace(header.ssrc).is_some_and(|before| before != header.ssrc) {
            self.clock.restart();
        }
        self.clock.arrive(at.nseconds(), header.timestamp);
    }

    /// Milliseconds that packets wait.
    pub(super) const fn depth(&self) -> u32 {
        self.set
    }

    /// Another number of milliseconds, if packets have to wait longer, or far less long: each change is heard where
    /// sound is rendered.
    pub(super) fn changed(&mut self) -> Option<u32> {
        let wanted = self.wanted();
        let is_other = wanted > self.set || wanted < self.set / 2;
        is_other.then(|| {
            self.set = wanted;
            wanted
        })
    }

    fn wanted(&self) -> u32 {
        self.clock.depth().div_ceil(MILLISECOND) as u32
    }
}

impl FromStr for Depth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(milliseconds) if milliseconds <= LONGEST => Ok(Self::Fixed(milliseconds)),
            _ => Err(format!("it is a number of milliseconds up to {LONGEST}, or auto")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: gst::ClockTime = gst::ClockTime::SECOND;

    fn config(ptime: Option<u32>, max_ptime: Option<u32>) -> Config {
        Config { ptime, max_ptime, ..Config::new(44_100) }
    }

    #[test]
    fn the_description_says_how_deep_the_buffer_is_at_first() {
        for (ptime, max_ptime, depth) in [(None, None, 20), (Some(441), None, 30), (Some(0), Some(4410), 120)] {
            let mut gauge = Gauge::new(&config(ptime, max_ptime), Depth::Auto);
            assert_eq!((gauge.depth(), gauge.changed()), (depth, None));
        }
        let fixed = Gauge::new(&config(None, Some(44_100)), Depth::Fixed(50));
        assert_eq!(fixed.depth(), 50);
    }

    #[test]
    fn jitter_deepens_the_buffer_and_another_source_begins_anew() {
        let mut gauge = Gauge::new(&config(Some(441), None), Depth::Auto);
        let packet = |ssrc: u8, timestamp: u32| {
            let mut packet = vec![0x80, 96, 0, 1];
            packet.extend(timestamp.to_be_bytes());
            packet.extend([0, 0, 0, ssrc]);
            packet
        };
        // The second one comes at once, and is of a second earlier: it is late by that.
        gauge.arrive(NOW, &packet(1, 44_100));
        gauge.arrive(NOW, &packet(1, 0));
        let deeper = gauge.changed().unwrap();
        assert!((1000..=1300).contains(&deeper), "{deeper}");
        assert!(gauge.changed().is_none());
        gauge.arrive(NOW, &packet(2, 0));
        assert_eq!(gauge.changed(), Some(30), "another source begins anew");
        gauge.arrive(NOW, b"garbage");
    }

    #[test]
    fn a_depth_is_a_number_or_auto() {
        assert_eq!(("auto".parse(), "0".parse()), (Ok(Depth::Auto), Ok(Depth::Fixed(0))));
        for text in ["", "10001", "-1", "soon"] {
            assert!(text.parse::<Depth>().is_err(), "{text}");
        }
    }
}
