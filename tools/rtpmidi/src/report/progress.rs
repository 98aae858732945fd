//! Where the music is.

use std::fmt;
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::seconds;
use super::summary::{bits, plural};
use crate::description::printable;
use crate::time::minutes;

/// A moment of a broadcast, or of listening to one.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Progress {
    /// Which of several streams it is.
    pub(crate) channel: Option<String>,
    /// What is being played, if known.
    pub(crate) title: Option<String>,
    /// Time since the first packet, in seconds.
    pub(crate) position: f64,
    /// How long it will take, if known.
    pub(crate) duration: Option<f64>,
    /// RTP packets sent or received so far.
    pub(crate) packets: u64,
    /// Packets lost so far; a sender does not know.
    pub(crate) lost: Option<u64>,
    /// Commands repaired so far; a sender does not know.
    pub(crate) repaired: Option<u64>,
    /// What the journal covers; a listener does not know.
    pub(crate) coverage: Option<Coverage>,
    /// Bits per second since the last report.
    pub(crate) bit_rate: f64,
}

/// What a sender's journal covers, and for whom.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Coverage {
    /// Receivers that report.
    pub(crate) receivers: u64,
    /// Packets from the checkpoint to the latest one.
    pub(crate) packets: u64,
    /// Octets of journal in a packet, on average since the last report.
    pub(crate) octets: f64,
}

impl Progress {
    /// One JSON object.
    pub(super) fn json(&self) -> Value {
        json!({
            "type": "progress",
            "channel": self.channel,
            "title": self.title,
            "position_s": seconds(self.position),
            "duration_s": self.duration.map(seconds),
            "packets": self.packets,
            "lost": self.lost,
            "repaired": self.repaired,
            "receivers": self.coverage.map(|coverage| coverage.receivers),
            "checkpoint_distance": self.coverage.map(|coverage| coverage.packets),
            "journal_octets_per_packet": self.coverage.map(|coverage| (coverage.octets * 10.0).round() / 10.0),
            "bit_rate": self.bit_rate.round(),
        })
    }

    /// Moves the bar.
    pub(super) fn draw(&self, bar: &ProgressBar) {
        match self.duration {
            Some(duration) => bar.set_length(milliseconds(duration)),
            None => bar.unset_length(),
        }
        bar.set_position(milliseconds(self.position));
        bar.set_message(self.to_string());
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(channel) = &self.channel {
            write!(f, "{}: ", printable(channel))?;
        }
        f.write_str(&minutes(self.position))?;
        if let Some(duration) = self.duration {
            write!(f, " of {}", minutes(duration))?;
        }
        if let Some(title) = &self.title {
            write!(f, ", {}", printable(title))?;
        }
        write!(f, ", {}", plural(self.packets, "packet"))?;
        if let Some(lost) = self.lost {
            write!(f, ", {lost} lost")?;
        }
        if let Some(repaired) = self.repaired {
            write!(f, ", {} repaired", plural(repaired, "command"))?;
        }
        if let Some(Coverage { receivers, packets, octets }) = self.coverage {
            let (receivers, packets) = (plural(receivers, "receiver"), plural(packets, "packet"));
            write!(f, ", {receivers}, journal of {octets:.0} octets over {packets}")?;
        }
        write!(f, ", {}", bits(self.bit_rate))
    }
}

/// The rate of `octets` in `time`.
#[allow(clippy::cast_precision_loss, reason = "no second has 2^53 octets")]
pub(crate) fn bits_per_second(octets: u64, time: Duration) -> f64 {
    octets as f64 * 8.0 / time.as_secs_f64().max(0.001)
}

fn milliseconds(seconds: f64) -> u64 {
    Duration::try_from_secs_f64(seconds).unwrap_or_default().as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTENING: Progress = Progress {
        channel: None,
        title: None,
        position: 83.25,
        duration: None,
        packets: 1,
        lost: Some(20),
        repaired: Some(3100),
        coverage: None,
        bit_rate: 12_345.6,
    };

    #[test]
    fn a_listener_tells_losses_and_repairs() {
        assert_eq!(LISTENING.to_string(), "1:23, 1 packet, 20 lost, 3100 commands repaired, 12.3 kbit/s");
        assert_eq!(
            LISTENING.json(),
            json!({"type": "progress", "channel": null, "title": null, "position_s": 83.25, "duration_s": null,
                "packets": 1, "lost": 20, "repaired": 3100, "receivers": null, "checkpoint_distance": null, "journal_octets_per_packet": null,
                "bit_rate": 12346.0})
        );
    }

    #[test]
    fn a_broadcast_tells_how_long_it_will_take() {
        let progress = Progress { position: 5.0, duration: Some(60.0), packets: 7, ..Progress::default() };
        assert_eq!(progress.to_string(), "0:05 of 1:00, 7 packets, 0 bit/s");
        assert_eq!(progress.json()["lost"], Value::Null);
    }

    #[test]
    fn a_channel_tells_its_name_and_what_it_plays() {
        let (channel, title) = (Some("jazz".to_owned()), Some("Blue\u{1b}[2J".to_owned()));
        let progress = Progress { channel, title, ..Progress::default() };
        assert_eq!(progress.to_string(), "jazz: 0:00, Blue\u{FFFD}[2J, 0 packets, 0 bit/s");
        assert_eq!(progress.json()["channel"], "jazz");
    }

    #[test]
    fn a_broadcast_tells_how_far_back_its_journal_reaches() {
        let coverage = Some(Coverage { receivers: 2, packets: 1, octets: 38.46 });
        let progress = Progress { packets: 7, coverage, ..Progress::default() };
        assert_eq!(progress.to_string(), "0:00, 7 packets, 2 receivers, journal of 38 octets over 1 packet, 0 bit/s");
        let json = progress.json();
        assert_eq!(json["receivers"], 2);
        assert_eq!(json["checkpoint_distance"], 1);
        assert_eq!(json["journal_octets_per_packet"], 38.5);
    }
}
