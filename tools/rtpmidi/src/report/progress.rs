//! Where the music is.

use std::fmt;
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::seconds;
use super::summary::{bits, plural};
use crate::description::printable;
use crate::intake::State;
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
    /// How the link to the sender is; a sender has none.
    pub(crate) listening: Option<Listening>,
    /// Who listens here, if that is known.
    pub(crate) clients: Option<u64>,
}

/// What only a listener knows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Listening {
    pub(crate) state: State,
    /// How much packets vary in the time they take, in seconds.
    pub(crate) jitter: Option<f64>,
    /// How many milliseconds late packets are waited for.
    pub(crate) depth: Option<u32>,
    /// How long instruments still take for what has come, when the end was.
    pub(crate) left: Option<Duration>,
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
        let mut object = json!({
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
        });
        if let (Some(Listening { state, jitter, depth, left }), Some(object)) = (self.listening, object.as_object_mut())
        {
            object.insert("state".to_owned(), json!(if left.is_some() { PLAYING_OUT } else { word(state) }));
            if let State::Resting(wait) = state {
                object.insert("retry_in_s".to_owned(), seconds(wait.as_secs_f64()));
            }
            if let Some(left) = left {
                object.insert("left_s".to_owned(), seconds(left.as_secs_f64()));
            }
            object.insert("buffer_ms".to_owned(), json!(depth));
            object.insert("jitter_ms".to_owned(), json!(jitter.map(|jitter| (jitter * 10_000.0).round() / 10.0)));
        }
        if let (Some(clients), Some(object)) = (self.clients, object.as_object_mut()) {
            object.insert("clients".to_owned(), json!(clients));
        }
        object
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
        match self.listening {
            Some(Listening { left: Some(left), .. }) => {
                write!(f, "{PLAYING_OUT} for {} s, ", left.as_secs_f64().ceil())?;
            }
            Some(Listening { state: State::Resting(wait), .. }) => {
                write!(f, "reconnecting in {} s, ", wait.as_secs_f64().ceil())?;
            }
            Some(Listening { state, .. }) => write!(f, "{}, ", word(state))?,
            None => {}
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
            let percent = 100.0 * lost as f64 / (self.packets + lost).max(1) as f64;
            write!(f, ", {percent:.1} % lost")?;
        }
        if let Some(clients) = self.clients {
            write!(f, ", {}", plural(clients, "client"))?;
        }
        if let Some(repaired) = self.repaired {
            write!(f, ", {} repaired", plural(repaired, "command"))?;
        }
        if let Some(depth) = self.listening.and_then(|listening| listening.depth) {
            write!(f, ", buffer {depth} ms")?;
        }
        if let Some(jitter) = self.listening.and_then(|listening| listening.jitter) {
            write!(f, ", jitter {:.1} ms", jitter * 1000.0)?;
        }
        if let Some(Coverage { receivers, packets, octets }) = self.coverage {
            let (receivers, packets) = (plural(receivers, "receiver"), plural(packets, "packet"));
            write!(f, ", {receivers}, journal of {octets:.0} octets over {packets}")?;
        }
        write!(f, ", {}", bits(self.bit_rate))
    }
}

/// What it is called that instruments get what has come until the end.
const PLAYING_OUT: &str = "playing out";

/// What a state of a link is called.
const fn word(state: State) -> &'static str {
    match state {
        State::Connecting => "connecting",
        State::Waiting => "waiting",
        State::Playing => "playing",
        State::Resting(_) => "reconnecting",
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

    fn listening(state: State) -> Progress {
        Progress {
            title: Some("Canon".to_owned()),
            position: 83.25,
            packets: 980,
            lost: Some(20),
            repaired: Some(3100),
            bit_rate: 12_345.6,
            listening: Some(Listening { state, jitter: Some(0.000_84), depth: Some(30), left: None }),
            ..Progress::default()
        }
    }

    #[test]
    fn a_listener_tells_losses_and_repairs() {
        let playing = listening(State::Playing);
        let words = "playing, 1:23, Canon, 980 packets, 2.0 % lost, 3100 commands repaired, buffer 30 ms, \
            jitter 0.8 ms, 12.3 kbit/s";
        assert_eq!(playing.to_string(), words);
        assert_eq!(
            playing.json(),
            json!({"type": "progress", "channel": null, "title": "Canon", "position_s": 83.25, "duration_s": null,
                "packets": 980, "lost": 20, "repaired": 3100, "receivers": null, "checkpoint_distance": null,
                "journal_octets_per_packet": null, "bit_rate": 12346.0, "state": "playing", "buffer_ms": 30,
                "jitter_ms": 0.8})
        );
    }

    #[test]
    fn a_listener_tells_when_it_tries_again() {
        let resting = listening(State::Resting(Duration::from_millis(3200)));
        assert!(resting.to_string().starts_with("reconnecting in 4 s, 1:23, Canon, "), "{resting}");
        assert_eq!((&resting.json()["state"], &resting.json()["retry_in_s"]), (&json!("reconnecting"), &json!(3.2)));
        assert_eq!(listening(State::Waiting).json().get("retry_in_s"), None);
    }

    #[test]
    fn a_listener_tells_how_long_instruments_still_take() {
        let mut ended = listening(State::Playing);
        ended.listening.as_mut().unwrap().left = Some(Duration::from_millis(21_300));
        assert!(ended.to_string().starts_with("playing out for 22 s, 1:23, Canon, "), "{ended}");
        assert_eq!((&ended.json()["state"], &ended.json()["left_s"]), (&json!("playing out"), &json!(21.3)));
        assert_eq!(listening(State::Playing).json().get("left_s"), None);
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
