//! Packet loss on purpose: a two-state Gilbert channel, in which losses come in bursts.

use std::str::FromStr;

/// How much is lost: `PERCENT[:BURST]`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Loss {
    percent: f64,
    /// Mean number of packets lost in a row; `None`: each packet is lost or not by itself.
    burst: Option<f64>,
}

impl Loss {
    /// How many packets are lost for each that arrives.
    fn odds(self) -> f64 {
        self.percent / (100.0 - self.percent)
    }
}

impl FromStr for Loss {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let (percent, burst) = match text.split_once(':') {
            Some((percent, burst)) => (percent, Some(burst)),
            None => (text, None),
        };
        let percent = percent.trim_end_matches('%');
        let percent = number(percent)
            .filter(|percent| (0.0..=100.0).contains(percent))
            .ok_or_else(|| format!("{percent} is not a percentage from 0 to 100"))?;
        let Some(burst) = burst else { return Ok(Self { percent, burst: None }) };
        let burst = number(burst)
            .filter(|burst| *burst >= 1.0)
            .ok_or_else(|| format!("{burst} is not a mean burst length of 1 packet or more"))?;
        let loss = Self { percent, burst: Some(burst) };
        // Between two bursts at least one packet arrives.
        if percent < 100.0 && loss.odds() > burst {
            return Err(format!("a loss of {percent} % needs bursts of at least {} packets", loss.odds().ceil()));
        }
        Ok(loss)
    }
}

/// The channel: told of each packet, it says whether it is lost. The same seed loses the same packets.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    losing: bool,
    /// Probability that a loss follows a packet that arrived, and one that was lost.
    after: [f64; 2],
    random: SplitMix64,
}

impl Channel {
    /// A channel that has lost nothing yet.
    pub(crate) fn new(loss: Loss, seed: u64) -> Self {
        let after = match loss.burst {
            _ if loss.percent >= 100.0 => [1.0, 1.0],
            None => [loss.percent / 100.0; 2],
            Some(burst) => [loss.odds() / burst, 1.0 - 1.0 / burst],
        };
        Self { losing: false, after, random: SplitMix64(seed) }
    }

    /// Whether the next packet is lost.
    pub(crate) fn loses(&mut self) -> bool {
        self.losing = self.random.unit() < self.after[usize::from(self.losing)];
        self.losing
    }
}

/// Steele, Lea and Flood's generator: any seed will do, equal seeds give equal numbers on every machine.
#[derive(Clone, Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly from 0 to less than 1.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit the mantissa")]
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss, reason = "counts of test packets")]
mod tests {
    use super::*;

    fn channel(text: &str, seed: u64) -> Channel {
        Channel::new(text.parse().unwrap(), seed)
    }

    /// Part lost and mean burst length over many packets.
    fn measure(text: &str) -> (f64, f64) {
        let mut channel = channel(text, 7);
        let (mut lost, mut bursts, mut before) = (0_u32, 0_u32, false);
        for _ in 0..200_000 {
            let now = channel.loses();
            lost += u32::from(now);
            bursts += u32::from(now && !before);
            before = now;
        }
        (f64::from(lost) / 200_000.0, f64::from(lost) / f64::from(bursts.max(1)))
    }

    /// Long bursts make a finite run uncertain.
    fn near(value: f64, wanted: f64) -> bool {
        (value - wanted).abs() < 0.1 * wanted
    }

    #[test]
    fn rate_and_burst_length_are_as_ordered() {
        for (text, rate, burst) in [("20:3", 0.2, 3.0), ("5:30", 0.05, 30.0), ("50:2", 0.5, 2.0), ("20", 0.2, 1.25)] {
            let (measured_rate, measured_burst) = measure(text);
            assert!(near(measured_burst, burst), "{text}: bursts of {measured_burst}");
            assert!(near(measured_rate, rate), "{text}: rate {measured_rate}");
        }
    }

    #[test]
    fn nothing_and_everything_can_be_lost() {
        for (text, lost) in [("0", false), ("0:5", false), ("100", true), ("100:4", true)] {
            let mut channel = channel(text, 7);
            assert!((0..10_000).all(|_| channel.loses() == lost), "{text}");
        }
    }

    #[test]
    fn bursts_of_one_are_never_two_in_a_row() {
        let mut channel = channel("30:1", 3);
        let lost: Vec<bool> = (0..10_000).map(|_| channel.loses()).collect();
        assert!(lost.windows(2).all(|pair| pair != [true, true]));
    }

    #[test]
    fn the_same_seed_loses_the_same_packets() {
        let run = |seed| {
            (0..1000)
                .map({
                    let mut c = channel("20:3", seed);
                    move |_| c.loses()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        for (text, reason) in [
            ("much", "much is not a percentage from 0 to 100"),
            ("101", "101 is not a percentage from 0 to 100"),
            ("NaN", "NaN is not a percentage from 0 to 100"),
            ("20:0.5", "0.5 is not a mean burst length of 1 packet or more"),
            ("20:", " is not a mean burst length of 1 packet or more"),
            ("80:3", "a loss of 80 % needs bursts of at least 4 packets"),
        ] {
            assert_eq!(text.parse::<Loss>(), Err(reason.to_owned()), "{text}");
        }
        assert!("20%:3".parse::<Loss>().is_ok());
        assert!("80:4".parse::<Loss>().is_ok());
    }
}
