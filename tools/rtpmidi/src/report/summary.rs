//! What it came to.

use serde_json::{Value, json};

use super::seconds;
use crate::description::printable;
use crate::time::minutes;

/// The last word of a subcommand.
pub(crate) trait Summary {
    /// One JSON object.
    fn json(&self) -> Value;
    /// A few lines to read.
    fn words(&self) -> String;
}

/// What was sent.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct BroadcastSummary {
    /// Which of several channels it is.
    pub(crate) channel: Option<String>,
    /// Seconds from the first packet to the last.
    pub(crate) duration: f64,
    pub(crate) packets: u64,
    /// MIDI messages.
    pub(crate) events: u64,
    /// RTP headers and payloads.
    pub(crate) octets: u64,
    /// The part of the octets that is recovery journal.
    pub(crate) journal_octets: u64,
    /// Receivers that reported, and packets that the journal covered, at the end.
    pub(crate) receivers: u64,
    pub(crate) checkpoint_distance: u64,
    /// RTCP datagrams that had no right to say what they said.
    pub(crate) refused_reports: u64,
}

/// What was received.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct ListenSummary {
    /// Seconds from the first packet to the last.
    pub(crate) duration: f64,
    /// Packets that arrived and were not dropped on purpose.
    pub(crate) packets: u64,
    /// Gaps in the sequence numbers, those made on purpose among them.
    pub(crate) lost_packets: u64,
    pub(crate) dropped_on_purpose: u64,
    /// Datagrams that are no RTP of the described stream, or come from somebody else.
    pub(crate) foreign_datagrams: u64,
    /// MIDI messages, those that the journal repaired among them.
    pub(crate) events: u64,
    pub(crate) commands_repaired: u64,
    /// Notes that the receiver had to end because the stream did not.
    pub(crate) notes_silenced: u64,
    /// Notes that sounded when all was over.
    pub(crate) hanging_notes: u64,
    /// RTP headers and payloads.
    pub(crate) octets: u64,
}

/// What was handed on.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct RelaySummary {
    /// Seconds from the first packet to the last.
    pub(crate) duration: f64,
    pub(crate) packets: u64,
    /// Gaps in the sequence numbers.
    pub(crate) lost_packets: u64,
    /// RTP headers and payloads, as they came.
    pub(crate) octets: u64,
    /// How often the sender was found.
    pub(crate) connections: u64,
}

impl Summary for RelaySummary {
    fn json(&self) -> Value {
        json!({
            "type": "summary",
            "duration_s": seconds(self.duration),
            "packets": self.packets,
            "lost_packets": self.lost_packets,
            "octets": self.octets,
            "connections": self.connections,
            "bit_rate": rate(self.octets, self.duration).round(),
        })
    }

    fn words(&self) -> String {
        format!(
            "relayed   {}, {}, {}\nlost      {} before\nbit rate  {}\n",
            plural(self.packets, "packet"),
            minutes(self.duration),
            plural(self.connections, "connection"),
            plural(self.lost_packets, "packet"),
            bits(rate(self.octets, self.duration)),
        )
    }
}

impl Summary for BroadcastSummary {
    fn json(&self) -> Value {
        json!({
            "type": "summary",
            "channel": self.channel,
            "duration_s": seconds(self.duration),
            "packets": self.packets,
            "events": self.events,
            "octets": self.octets,
            "journal_octets": self.journal_octets,
            "receivers": self.receivers,
            "checkpoint_distance": self.checkpoint_distance,
            "refused_reports": self.refused_reports,
            "bit_rate": rate(self.octets, self.duration).round(),
            "bit_rate_without_journal": self.rate_without_journal().round(),
        })
    }

    fn words(&self) -> String {
        let journal = match self.journal_octets {
            0 => String::new(),
            _ => {
                let packets = plural(self.checkpoint_distance, "packet");
                format!("journal   over {packets} at the end, {}\n", plural(self.receivers, "receiver"))
            }
        };
        let channel = self.channel.as_ref().map(|channel| format!("channel   {}\n", printable(channel)));
        format!(
            "{}sent      {} in {}, {}\n{journal}bit rate  {}, without the journal {}\n",
            channel.unwrap_or_default(),
            plural(self.events, "event"),
            plural(self.packets, "packet"),
            minutes(self.duration),
            bits(rate(self.octets, self.duration)),
            bits(self.rate_without_journal()),
        )
    }
}

impl BroadcastSummary {
    fn rate_without_journal(&self) -> f64 {
        rate(self.octets.saturating_sub(self.journal_octets), self.duration)
    }
}

impl Summary for ListenSummary {
    fn json(&self) -> Value {
        json!({
            "type": "summary",
            "duration_s": seconds(self.duration),
            "packets": self.packets,
            "lost_packets": self.lost_packets,
            "dropped_on_purpose": self.dropped_on_purpose,
            "foreign_datagrams": self.foreign_datagrams,
            "events": self.events,
            "commands_repaired": self.commands_repaired,
            "notes_silenced": self.notes_silenced,
            "hanging_notes": self.hanging_notes,
            "octets": self.octets,
            "bit_rate": rate(self.octets, self.duration).round(),
        })
    }

    fn words(&self) -> String {
        let on_purpose = match self.dropped_on_purpose {
            0 => String::new(),
            dropped => format!(", {dropped} dropped on purpose"),
        };
        let ignored = match self.foreign_datagrams {
            0 => String::new(),
            foreign => format!("ignored   {}\n", plural(foreign, "foreign datagram")),
        };
        format!(
            "received  {}, {}\nlost      {}{on_purpose}\nevents    {}, {} repaired\n\
             notes     {} hanging, {} silenced\n{ignored}bit rate  {}\n",
            plural(self.packets, "packet"),
            minutes(self.duration),
            plural(self.lost_packets, "packet"),
            self.events,
            self.commands_repaired,
            self.hanging_notes,
            self.notes_silenced,
            bits(rate(self.octets, self.duration)),
        )
    }
}

#[allow(clippy::cast_precision_loss, reason = "no stream has 2^53 octets")]
fn rate(octets: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { octets as f64 * 8.0 / seconds } else { 0.0 }
}

/// `12.3 kbit/s`
pub(crate) fn bits(per_second: f64) -> String {
    if per_second < 1000.0 { format!("{per_second:.0} bit/s") } else { format!("{:.1} kbit/s", per_second / 1000.0) }
}

/// `1 packet`, `2 packets`
pub(crate) fn plural(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_tells_what_the_journal_costs() {
        let summary = BroadcastSummary {
            channel: None,
            duration: 10.0,
            packets: 100,
            events: 400,
            octets: 5000,
            journal_octets: 3000,
            receivers: 2,
            checkpoint_distance: 12,
            refused_reports: 3,
        };
        assert_eq!(
            summary.words(),
            "sent      400 events in 100 packets, 0:10\njournal   over 12 packets at the end, 2 receivers\n\
             bit rate  4.0 kbit/s, without the journal 1.6 kbit/s\n"
        );
        assert_eq!(
            summary.json(),
            json!({"type": "summary", "channel": null, "duration_s": 10.0, "packets": 100, "events": 400, "octets": 5000,
                "journal_octets": 3000, "receivers": 2, "checkpoint_distance": 12, "refused_reports": 3, "bit_rate": 4000.0,
                "bit_rate_without_journal": 1600.0})
        );
    }

    #[test]
    fn a_listener_tells_what_was_lost_and_repaired() {
        let summary = ListenSummary {
            duration: 10.0,
            packets: 80,
            lost_packets: 20,
            dropped_on_purpose: 19,
            foreign_datagrams: 1,
            events: 390,
            commands_repaired: 35,
            octets: 1000,
            ..ListenSummary::default()
        };
        assert_eq!(
            summary.words(),
            "received  80 packets, 0:10\nlost      20 packets, 19 dropped on purpose\n\
             events    390, 35 repaired\nnotes     0 hanging, 0 silenced\nignored   1 foreign datagram\n\
             bit rate  800 bit/s\n"
        );
        assert_eq!(summary.json()["hanging_notes"], 0);
    }

    #[test]
    fn no_time_has_no_bit_rate() {
        assert_eq!(BroadcastSummary::default().json()["bit_rate"], 0.0);
    }
}
