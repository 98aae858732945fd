//! Round trips: what they come to, and how they are spread.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::CHECK;
use crate::cmd::doctor::finding::Finding;

/// What has been asked of a peer, and how long answers took.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Trips {
    pub(super) asked: u64,
    pub(super) answered: u64,
    /// Those whose time is known, in the order in which they came.
    pub(super) times: Vec<Duration>,
    /// Whether the peer has ended the session meanwhile.
    pub(super) has_left: bool,
}

/// A round trip that players notice.
const LONG: Duration = Duration::from_millis(20);

/// The spread that a short playout buffer hides.
const WIDE: Duration = Duration::from_millis(10);

/// Steps of the histogram in microseconds: 1, 2, 5 and so on, from a tenth of a millisecond.
const STEPS: [u64; 13] =
    [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000];

/// Characters of the longest bar.
const BAR: u64 = 40;

/// The numbers that say most.
struct Digest {
    shortest: Duration,
    median: Duration,
    /// Of a hundred, one takes longer.
    high: Duration,
    longest: Duration,
    /// How far they are from their mean, as a mean.
    jitter: Duration,
}

impl Trips {
    /// Whether there is nothing to show.
    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// What is good and bad about them.
    pub(super) fn judge(&self, name: &str, address: SocketAddr) -> Vec<Finding> {
        let (ip, mut findings) = (address.ip(), Vec::new());
        if self.has_left {
            let what = format!("{name} has ended the session before its time");
            findings.push(Finding::warning(CHECK, what, format!("rtpmidi doctor {name:?}   (tries it again)")));
        }
        let Some(digest) = self.digest() else {
            let what = format!("{name} takes part, but answers no question about its clock: no music goes there");
            findings.push(Finding::failure(
                CHECK,
                what,
                format!("ping -c 20 {ip}   (tells whether the network loses it)"),
            ));
            return findings;
        };
        let lost = self.asked.saturating_sub(self.answered);
        findings.push(if lost == 0 {
            Finding::ok(CHECK, format!("{} questions, none without an answer", self.asked))
        } else {
            let percent = 100.0 * lost as f64 / self.asked as f64;
            let what = format!(
                "{lost} of {} questions got no answer ({percent:.1} %): the network loses that, both ways",
                self.asked
            );
            let mend =
                format!("ping -c 100 -i 0.1 {ip}   (shows the same while a cable, or another channel, is tried)");
            Finding::warning(CHECK, what, mend)
        });
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        if digest.median > LONG {
            let what = format!("a round trip takes {:.0} ms as a rule: players notice it", milliseconds(digest.median));
            findings.push(Finding::warning(CHECK, what, format!("tracepath -n {ip}   (shows where the time is lost)")));
        }
        if digest.high.saturating_sub(digest.median) > WIDE {
            let what = format!(
                "some round trips take {:.0} ms longer than others: notes come unevenly",
                milliseconds(digest.high.saturating_sub(digest.median))
            );
            let mend =
                "iw dev wlan0 set power_save off   (at either end that is on Wi-Fi; listen --latency evens it out)";
            findings.push(Finding::warning(CHECK, what, mend));
        }
        findings
    }

    /// The numbers for who reads JSON.
    pub(super) fn object(&self, name: &str, address: SocketAddr) -> Value {
        let milliseconds = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        let digest = self.digest().map(|Digest { shortest, median, high, longest, jitter }| {
            [shortest, median, high, longest, jitter].map(milliseconds)
        });
        let value = |index: usize| digest.map(|digest| digest[index]);
        let steps = self.histogram().into_iter().map(|(from, to, count)| {
            json!({"from_ms": milliseconds(from), "below_ms": to.map(milliseconds), "count": count})
        });
        json!({
            "type": "round_trips",
            "peer": name,
            "address": address.to_string(),
            "asked": self.asked,
            "answered": self.answered,
            "lost": self.asked.saturating_sub(self.answered),
            "shortest_ms": value(0),
            "median_ms": value(1),
            "p99_ms": value(2),
            "longest_ms": value(3),
            "jitter_ms": value(4),
            "histogram": steps.collect::<Vec<_>>(),
        })
    }

    fn digest(&self) -> Option<Digest> {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let (shortest, longest) = (*sorted.first()?, *sorted.last()?);
        let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
        let count = sorted.len() as u32;
        let mean = sorted.iter().sum::<Duration>() / count;
        let jitter = sorted.iter().map(|time| time.abs_diff(mean)).sum::<Duration>() / count;
        Some(Digest { shortest, median: at(50), high: at(99), longest, jitter })
    }

    /// How many lie between which times, from the first step that has any to the last.
    fn histogram(&self) -> Vec<(Duration, Option<Duration>, u64)> {
        let mut counts = [0_u64; STEPS.len() + 1];
        for time in &self.times {
            counts[STEPS.partition_point(|step| Duration::from_micros(*step) <= *time)] += 1;
        }
        let first = counts.iter().position(|count| *count > 0).unwrap_or(0);
        let behind = counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        let time = |index: usize| STEPS.get(index).copied().map(Duration::from_micros);
        (first..behind)
            .map(|index| (index.checked_sub(1).and_then(time).unwrap_or_default(), time(index), counts[index]))
            .collect()
    }
}

/// The numbers in a line, and a bar for each step.
impl fmt::Display for Trips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1e3);
        if let Some(digest) = self.digest() {
            let [shortest, median, high, longest, jitter] =
                [digest.shortest, digest.median, digest.high, digest.longest, digest.jitter].map(milliseconds);
            write!(
                f,
                "round trips: {shortest} ms at least, {median} as a rule, {high} for one in a hundred, {longest} at most; \
                 jitter {jitter} ms"
            )?;
        }
        let histogram = self.histogram();
        let most = histogram.iter().map(|(.., count)| *count).max().unwrap_or(0);
        for (from, to, count) in histogram {
            let bar = "#".repeat((count * BAR).div_ceil(most.max(1)) as usize);
            let step = |time: Duration| (time.as_secs_f64() * 1e3).to_string();
            let range =
                to.map_or_else(|| format!("{} or more", step(from)), |to| format!("{} to {}", step(from), step(to)));
            write!(f, "\n{range:>14} ms {count:>5} {bar}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::doctor::finding::text;

    const MICROSECOND: Duration = Duration::from_micros(1);

    fn address() -> SocketAddr {
        ([192, 0, 2, 7], 5004).into()
    }

    fn trips(asked: u64, microseconds: &[u32]) -> Trips {
        let times = microseconds.iter().map(|count| MICROSECOND * *count).collect();
        Trips { asked, answered: microseconds.len() as u64, times, has_left: false }
    }

    fn words(trips: &Trips) -> String {
        text(&trips.judge("Piano", address()))
    }

    #[test]
    fn the_histogram_has_no_empty_ends() {
        let trips = trips(5, &[210, 300, 499, 500, 2100]);
        assert_eq!(
            trips.to_string(),
            "round trips: 0.21 ms at least, 0.50 as a rule, 0.50 for one in a hundred, 2.10 at most; jitter 0.55 ms\n\
             \x20   0.2 to 0.5 ms     3 ########################################\n\
             \x20     0.5 to 1 ms     1 ##############\n\
             \x20       1 to 2 ms     0 \n\
             \x20       2 to 5 ms     1 ##############"
        );
        let object = trips.object("Piano", address());
        assert_eq!((&object["histogram"][0]["count"], &object["median_ms"]), (&3.into(), &0.499.into()));
        assert_eq!(object["histogram"].as_array().map(Vec::len), Some(4));
    }

    #[test]
    fn loss_latency_and_spread_are_told_apart() {
        assert!(words(&trips(3, &[300, 310, 290])).starts_with("ok "));
        assert!(words(&trips(10, &[300, 310, 290])).contains("7 of 10 questions got no answer (70.0 %)"));
        assert!(words(&trips(3, &[30_000, 30_100, 30_200])).contains("takes 30 ms as a rule"));
        let mut spread = vec![300; 60];
        spread.extend([40_000; 40]);
        assert!(words(&trips(100, &spread)).contains("40 ms longer than others"));
    }

    #[test]
    fn one_that_answers_nothing_gets_no_music() {
        let silent = trips(6, &[]);
        assert!(words(&silent).starts_with("failure") && silent.is_empty());
        assert_eq!(silent.object("Piano", address())["median_ms"], Value::Null);
        let left = Trips { has_left: true, ..trips(3, &[300]) };
        assert!(words(&left).contains("ended the session before its time"));
    }

    #[test]
    fn times_beyond_all_steps_count_too() {
        assert!(trips(1, &[3_000_000]).to_string().contains("1000 or more ms     1 #"));
    }
}
