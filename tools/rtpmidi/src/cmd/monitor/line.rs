//! A packet in one line, or as a tree.

use rtp_midi::inspect::Journal;

use super::Packet;
use super::frame::Datagram;
use super::stream::contents;
use super::words::words;

/// More words than that tell less.
const MOST_REPAIRS: usize = 8;

/// Number, time, source, sequence number and timestamp; commands; journal; notes; errors.
pub(super) fn line(packet: &Packet<'_>) -> String {
    let header = packet.header;
    let mut parts = vec![commands(packet)];
    parts.extend(packet.found.journal.as_ref().map(|journal| journal_words(header.sequence_number(), journal)));
    let mut notes = packet.findings.notes.clone();
    notes.extend(repairs(&packet.findings.repairs));
    parts.push(notes.join("; "));
    parts.retain(|part| !part.is_empty());
    let error = packet.findings.error.as_ref().map_or_else(String::new, |error| format!("  !! {error}"));
    format!(
        "{}  {:08x} seq {} ts {}  {}{error}",
        start(packet.datagram.frame, packet.time),
        header.ssrc(),
        header.sequence_number(),
        header.timestamp(),
        parts.join(" | ")
    )
}

/// A datagram that is no packet of a stream.
pub(super) fn besides(datagram: &Datagram, time: f64, words: &str) -> String {
    format!("{}  {} to {}  {words}", start(datagram.frame, time), datagram.from, datagram.to)
}

/// What every line begins with.
fn start(frame: u64, time: f64) -> String {
    format!("{frame:5} {time:11.6}")
}

/// The line, and below it every field.
pub(super) fn tree(packet: &Packet<'_>) -> String {
    let fields = packet.found.walk();
    let fields = fields.map(|(depth, field)| format!("{:indent$}{field}", "", indent = 4 * (depth + 1)));
    let defects = packet.found.defects.iter();
    let defects = defects.map(|defect| format!("    !! octet {}: {}", defect.at, defect.error));
    std::iter::once(line(packet)).chain(fields).chain(defects).collect::<Vec<_>>().join("\n")
}

fn commands(packet: &Packet<'_>) -> String {
    let start = packet.header.timestamp();
    let words = packet.found.commands.iter().map(|placed| {
        let words = words(&placed.timed.command);
        match placed.timed.time.wrapping_sub(start) {
            0 => words,
            later => format!("+{later} {words}"),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// `J 23 octets, 5 packets back: ch1 C N`
fn journal_words(sequence: u16, journal: &Journal) -> String {
    let octets = crate::report::plural(journal.octets.len() as u64, "octet");
    let back = crate::report::plural(sequence.wrapping_sub(journal.checkpoint).into(), "packet");
    let contents = contents(journal, |_| true);
    let colon = if contents.is_empty() { "" } else { ": " };
    format!("J {octets}, {back} back{colon}{contents}")
}

fn repairs(repairs: &[String]) -> Option<String> {
    let shown = repairs.get(..MOST_REPAIRS).unwrap_or(repairs).join(", ");
    let more = if repairs.len() > MOST_REPAIRS { ", ..." } else { "" };
    let count = crate::report::plural(repairs.len() as u64, "command");
    (!repairs.is_empty()).then(|| format!("a receiver makes up {count}: {shown}{more}"))
}
