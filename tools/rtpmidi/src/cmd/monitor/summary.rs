//! What it came to, for all and for each stream.

use serde_json::{Value, json};

use super::finder::Key;
use super::frame::Skipped;
use super::stream::Totals;
use crate::report::{self, Summary, bits, plural};
use crate::time::minutes;

/// What was seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct MonitorSummary {
    pub(super) streams: Vec<(Key, Totals)>,
    pub(super) skipped: Skipped,
    /// Datagrams that are no part of a stream.
    pub(super) foreign: u64,
    /// Packets of streams beyond those that can be followed.
    pub(super) unfollowed: u64,
}

impl Totals {
    fn seconds(&self) -> f64 {
        self.last.saturating_sub(self.first).as_secs_f64()
    }

    fn bit_rate(&self) -> f64 {
        let seconds = self.seconds();
        if seconds > 0.0 { self.octets as f64 * 8.0 / seconds } else { 0.0 }
    }

    fn json(&self) -> Value {
        json!({
            "duration_s": report::seconds(self.seconds()),
            "packets": self.packets,
            "commands": self.commands,
            "lost_packets": self.lost,
            "late_packets": self.late,
            "duplicates": self.duplicates,
            "commands_repaired": self.repaired,
            "errors": self.errors,
            "octets": self.octets,
            "journal_octets": self.journal_octets,
            "bit_rate": self.bit_rate().round(),
        })
    }

    fn words(&self) -> String {
        format!(
            "{}, {}, {}; {} lost, {} late, {} twice; {} repaired, {}; {}\n",
            plural(self.packets, "packet"),
            plural(self.commands, "command"),
            minutes(self.seconds()),
            self.lost,
            self.late,
            self.duplicates,
            self.repaired,
            plural(self.errors, "error"),
            bits(self.bit_rate()),
        )
    }
}

impl Summary for MonitorSummary {
    fn json(&self) -> Value {
        let streams = self.streams.iter().map(|((from, to, ssrc), totals)| {
            let mut object = json!({"ssrc": format!("{ssrc:08x}"), "from": from.to_string(), "to": to.to_string()});
            if let (Value::Object(object), Value::Object(totals)) = (&mut object, totals.json()) {
                object.extend(totals);
            }
            object
        });
        let sum = |of: fn(&Totals) -> u64| self.streams.iter().map(|(_, totals)| of(totals)).sum::<u64>();
        json!({
            "type": "summary",
            "packets": sum(|totals| totals.packets),
            "commands": sum(|totals| totals.commands),
            "lost_packets": sum(|totals| totals.lost),
            "errors": sum(|totals| totals.errors),
            "streams": streams.collect::<Vec<_>>(),
            "foreign_datagrams": self.foreign,
            "skipped": {
                "fragments": self.skipped.fragments,
                "tcp": self.skipped.tcp,
                "link_types": self.skipped.link_types,
                "others": self.skipped.others,
            },
            "unfollowed_packets": self.unfollowed,
        })
    }

    fn words(&self) -> String {
        let stream =
            |((from, to, ssrc), totals): &(Key, Totals)| format!("{ssrc:08x}  {from} to {to}: {}", totals.words());
        let mut lines: Vec<String> = self.streams.iter().map(stream).collect();
        if self.streams.is_empty() {
            lines.push("no RTP MIDI stream: if there should be one, name it with --port or --pt\n".to_owned());
        }
        if self.foreign > 0 {
            lines.push(format!("ignored   {}\n", plural(self.foreign, "foreign datagram")));
        }
        if self.unfollowed > 0 {
            lines.push(format!("ignored   {} of further streams\n", plural(self.unfollowed, "packet")));
        }
        if self.skipped != Skipped::default() {
            lines.push(format!("skipped   {}\n", self.skipped));
        }
        lines.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_stream_has_a_line() {
        let key = ("10.0.0.1:5004".parse().unwrap(), "10.0.0.2:5006".parse().unwrap(), 0xABCD);
        let totals = Totals {
            packets: 3,
            commands: 1,
            octets: 100,
            last: Duration::from_secs(2),
            errors: 1,
            ..Totals::default()
        };
        let summary = MonitorSummary { streams: vec![(key, totals)], foreign: 2, ..MonitorSummary::default() };
        assert_eq!(
            summary.words(),
            "0000abcd  10.0.0.1:5004 to 10.0.0.2:5006: 3 packets, 1 command, 0:02; 0 lost, 0 late, 0 twice; \
             0 repaired, 1 error; 400 bit/s\nignored   2 foreign datagrams\n"
        );
        assert_eq!(summary.json()["streams"][0]["ssrc"], "0000abcd");
        assert!(MonitorSummary::default().words().starts_with("no RTP MIDI stream: "));
    }
}
