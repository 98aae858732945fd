//! One stream: what is missing, what a receiver would make up for, and why a packet carries what it does.

use std::time::Duration;

use rtp_midi::inspect::{Inspection, Journal};
use rtp_midi::{Config, Outcome, Policy, Received, Receiver};
use rtp_types::RtpPacket;

use super::finder::How;
use super::words::words;

/// A stream and a receiver that listens to it.
#[derive(Debug)]
pub(super) struct Stream {
    receiver: Receiver,
    is_anchored: bool,
    recent: Recent,
    checkpoint: Option<u16>,
    /// When the latest command came.
    spoke: Option<Duration>,
    pub(super) totals: Totals,
}

/// What came of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Totals {
    pub(super) packets: u64,
    pub(super) commands: u64,
    /// RTP headers and payloads.
    pub(super) octets: u64,
    pub(super) journal_octets: u64,
    pub(super) lost: u64,
    pub(super) late: u64,
    pub(super) duplicates: u64,
    /// Commands that a receiver makes up from journals.
    pub(super) repaired: u64,
    pub(super) errors: u64,
    pub(super) first: Duration,
    pub(super) last: Duration,
}

/// How a packet stands to those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arrival {
    First,
    InOrder,
    /// So many before it are missing.
    BehindLoss(u32),
    /// The sender has begun anew.
    Restart,
    /// It had been given up.
    Late,
    Duplicate,
    /// Its payload cannot be read.
    Unreadable,
}

/// What is to be said of a packet beyond what stands in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Findings {
    pub(super) arrival: Arrival,
    /// Commands that a receiver makes up for, in words.
    pub(super) repairs: Vec<String>,
    pub(super) notes: Vec<String>,
    /// What is wrong with it.
    pub(super) error: Option<String>,
}

/// Which of the latest packets have come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Recent {
    highest: u16,
    /// Bit n is the packet n before the highest.
    come: u128,
}

/// Behind the last guard packet (RFC 4696, 4.2), an empty packet only keeps the stream alive.
const GUARDED: Duration = Duration::from_secs(2);

/// AppleMIDI counts time in units of 100 microseconds.
const APPLE_CLOCK: u32 = 10_000;
/// Where nobody tells the clock rate; it only matters for what is fresh.
const USUAL_CLOCK: u32 = 44_100;

impl Stream {
    /// A stream of which nothing has come yet.
    pub(super) fn new(how: &How, at: Duration) -> Self {
        let config = match how {
            How::Described(described) => described.config.clone().unwrap_or(Config::new(described.clock_rate)),
            How::Session => Config::new(APPLE_CLOCK),
            How::Told | How::Form => Config::new(USUAL_CLOCK),
        };
        let is_anchored = config.journal == rtp_midi::Journal::Recovery(Policy::Anchor);
        let totals = Totals { first: at, last: at, ..Totals::default() };
        let receiver = Receiver::new(config);
        Self { receiver, is_anchored, recent: Recent::default(), checkpoint: None, spoke: None, totals }
    }

    /// Takes a packet and what the inspector found in it.
    pub(super) fn take(&mut self, at: Duration, packet: &RtpPacket<'_>, found: &Inspection<'_>) -> Findings {
        let (sequence, timestamp) = (packet.sequence_number(), packet.timestamp());
        let mut repairs = Vec::new();
        let received = Received { sequence, timestamp, payload: packet.payload() };
        let outcome = self.receiver.receive(received, |event| {
            if event.origin == rtp_midi::Origin::Repair {
                repairs.push(words(&event.command));
            }
        });
        let arrival = match outcome {
            Outcome::First { .. } => Arrival::First,
            Outcome::Repaired { lost, .. } => Arrival::BehindLoss(lost),
            Outcome::Restarted { .. } => Arrival::Restart,
            Outcome::Late if self.recent.has(sequence) => Arrival::Duplicate,
            Outcome::Late => Arrival::Late,
            Outcome::Malformed(_) => Arrival::Unreadable,
            _ => Arrival::InOrder,
        };
        self.recent.take(sequence, matches!(arrival, Arrival::First | Arrival::Restart));
        let error = error(found);
        let notes = self.notes(at, sequence, arrival, found);
        self.count(at, packet, found, arrival, repairs.len(), error.is_some());
        Findings { arrival, repairs, notes, error }
    }

    fn count(
        &mut self,
        at: Duration,
        packet: &RtpPacket<'_>,
        found: &Inspection<'_>,
        arrival: Arrival,
        repairs: usize,
        is_wrong: bool,
    ) {
        let totals = &mut self.totals;
        totals.packets += 1;
        totals.commands += found.commands.len() as u64;
        totals.octets += (packet.payload_offset() + packet.payload_len()) as u64;
        totals.journal_octets += found.journal.as_ref().map_or(0, |journal| journal.octets.len() as u64);
        totals.repaired += repairs as u64;
        totals.errors += u64::from(is_wrong);
        totals.last = totals.last.max(at);
        match arrival {
            Arrival::BehindLoss(lost) => totals.lost += u64::from(lost),
            Arrival::Late => totals.late += 1,
            Arrival::Duplicate => totals.duplicates += 1,
            _ => {}
        }
        if !found.commands.is_empty() {
            self.spoke = Some(at);
        }
        if let (Some(journal), false) = (&found.journal, matches!(arrival, Arrival::Late | Arrival::Duplicate)) {
            self.checkpoint = Some(journal.checkpoint);
        }
    }

    /// Why the packet carries what it does.
    fn notes(&self, at: Duration, sequence: u16, arrival: Arrival, found: &Inspection<'_>) -> Vec<String> {
        let mut notes = Vec::new();
        let behind = found.journal.as_ref().map(|journal| sequence.wrapping_sub(journal.checkpoint));
        notes.extend(self.note_of_arrival(sequence, arrival, behind));
        if found.commands.is_empty() && found.defects.is_empty() {
            notes.push(
                match self.spoke.map(|spoke| at.saturating_sub(spoke)) {
                    Some(silence) if silence <= GUARDED => "empty: guard packet",
                    Some(_) => "empty: keep-alive",
                    None => "empty",
                }
                .to_owned(),
            );
        }
        if let (Some(journal), Some(behind)) = (&found.journal, behind) {
            notes.extend(self.notes_of_journal(journal, behind));
        }
        if found.commands.iter().any(|placed| placed.delta > 4) {
            notes.push("delta time of five octets: taken as 0".to_owned());
        }
        notes
    }

    fn note_of_arrival(&self, sequence: u16, arrival: Arrival, behind: Option<u16>) -> Option<String> {
        let covers = |lost: u32| match behind {
            None => "; no journal: what sounds is ended",
            Some(behind) if u32::from(behind) < lost && !self.is_anchored => {
                "; the journal does not reach back so far: what sounds is ended"
            }
            Some(_) => "",
        };
        Some(match arrival {
            Arrival::BehindLoss(1) if covers(1).is_empty() => {
                "single loss before this packet: only what has S=0 matters".to_owned()
            }
            Arrival::BehindLoss(lost) => {
                format!("{} lost before this one{}", crate::report::plural(lost.into(), "packet"), covers(lost))
            }
            Arrival::Restart => "the sender has begun anew".to_owned(),
            Arrival::Late => match self.recent.highest.wrapping_sub(sequence) {
                behind @ 1..0x8000 => format!("late by {}", crate::report::plural(behind.into(), "packet")),
                _ => "too far ahead to be believed yet".to_owned(),
            },
            Arrival::Duplicate => "has come before".to_owned(),
            Arrival::First | Arrival::InOrder | Arrival::Unreadable => return None,
        })
    }

    fn notes_of_journal(&self, journal: &Journal, behind: u16) -> Vec<String> {
        let mut notes = vec![match behind {
            0 => "checkpoint is this very packet".to_owned(),
            1..0x8000 => format!("checkpoint {behind} behind"),
            _ => format!("checkpoint {} ahead", behind.wrapping_neg()),
        }];
        if let Some(before) = self.checkpoint {
            let moved = journal.checkpoint.wrapping_sub(before);
            if (1..0x8000).contains(&moved) {
                notes.push(format!("checkpoint moved up by {moved}"));
            }
        }
        let changed = contents(journal, |chapter| chapter.changed);
        if !changed.is_empty() {
            notes.push(format!("single-loss: {changed}"));
        }
        notes
    }
}

/// `system Q, ch1 C N, ch10 N`: the chapters that `wanted` wants.
pub(super) fn contents(journal: &Journal, wanted: impl Fn(&rtp_midi::inspect::Chapter) -> bool) -> String {
    let mut text = String::new();
    let mut before = None;
    for chapter in journal.chapters.iter().filter(|chapter| wanted(chapter)) {
        if before != Some(chapter.channel) {
            text += if text.is_empty() { "" } else { ", " };
            text += &chapter.channel.map_or("system".to_owned(), |channel| format!("ch{}", channel.get() + 1));
            before = Some(chapter.channel);
        }
        text.extend([' ', chapter.letter]);
    }
    text
}

/// All defects in one line.
fn error(found: &Inspection<'_>) -> Option<String> {
    let defects: Vec<String> =
        found.defects.iter().map(|defect| format!("octet {}: {}", defect.at, defect.error)).collect();
    (!defects.is_empty()).then(|| defects.join("; "))
}

impl Recent {
    fn has(self, sequence: u16) -> bool {
        let behind = self.highest.wrapping_sub(sequence);
        behind < 128 && self.come & 1 << behind != 0
    }

    fn take(&mut self, sequence: u16, is_first: bool) {
        let ahead = sequence.wrapping_sub(self.highest);
        if is_first {
            *self = Self { highest: sequence, come: 1 };
        } else if (1..0x8000).contains(&ahead) {
            let come = self.come.checked_shl(ahead.into()).unwrap_or(0);
            *self = Self { highest: sequence, come: come | 1 };
        } else if ahead.wrapping_neg() < 128 {
            self.come |= 1 << ahead.wrapping_neg();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_midi::Sender;
    use rtp_midi::inspect::inspect;
    use rtp_midi::midi::Command;

    /// Payloads of a sender that nobody reports to; no octets mean an empty packet.
    fn payloads(commands: &[&[u8]]) -> Vec<(u16, Vec<u8>)> {
        let mut sender = Sender::new(Config::new(44_100), 10);
        let mut payloads = Vec::new();
        for octets in commands {
            if !octets.is_empty() {
                sender.queue(0, Command::decode(octets).unwrap().0).unwrap();
            }
            let mut payload = Vec::new();
            let sent = sender.packet(0, &mut payload);
            payloads.push((sent.sequence, payload));
        }
        payloads
    }

    fn take(stream: &mut Stream, at: u64, (sequence, payload): &(u16, Vec<u8>)) -> Findings {
        let mut octets = vec![0x80, 96];
        octets.extend(sequence.to_be_bytes());
        octets.extend([0; 8]);
        octets.extend(payload);
        stream.take(Duration::from_millis(at), &RtpPacket::parse(&octets).unwrap(), &inspect(payload, 0))
    }

    fn listen(packets: &[(u16, Vec<u8>)]) -> Vec<Findings> {
        let mut stream = Stream::new(&How::Form, Duration::ZERO);
        packets.iter().map(|packet| take(&mut stream, 0, packet)).collect()
    }

    #[test]
    fn a_packet_in_order_says_why_it_carries_its_journal() {
        let packets = payloads(&[&[0x90, 60, 100], &[0x91, 62, 100], &[0x80, 60, 64], &[]]);
        let notes: Vec<_> = listen(&packets).into_iter().map(|findings| findings.notes).collect();
        assert_eq!(notes[0], ["checkpoint is this very packet"]);
        assert_eq!(notes[1], ["checkpoint 1 behind", "single-loss: ch1 N"]);
        assert_eq!(notes[2], ["checkpoint 2 behind", "single-loss: ch2 N"]);
        assert_eq!(notes[3], ["empty: guard packet", "checkpoint 3 behind", "single-loss: ch1 N"]);
    }

    #[test]
    fn losses_are_told_with_what_a_receiver_makes_up_for() {
        let packets = payloads(&[&[0x90, 60, 100], &[0x80, 60, 64], &[0xC0, 5], &[0xE0, 0, 0x50], &[]]);
        let findings = listen(&[packets[0].clone(), packets[2].clone(), packets[4].clone()]);
        assert_eq!(findings[1].arrival, Arrival::BehindLoss(1));
        assert_eq!(findings[1].repairs, ["NoteOff ch1 C4 v64"]);
        assert_eq!(findings[1].notes[0], "single loss before this packet: only what has S=0 matters");
        assert_eq!(findings[2].repairs, ["Bend ch1 +2048"]);
    }

    #[test]
    fn duplicates_and_late_packets_are_told_apart() {
        let packets = payloads(&[&[0x90, 60, 1], &[0x90, 61, 1], &[0x90, 62, 1], &[0x90, 63, 1]]);
        let order = [0, 2, 1, 1, 3, 3].map(|index: usize| packets[index].clone());
        let arrivals: Vec<_> = listen(&order).into_iter().map(|findings| findings.arrival).collect();
        let loss = Arrival::BehindLoss(1);
        let expected = [Arrival::First, loss, Arrival::Late, Arrival::Duplicate, Arrival::InOrder, Arrival::Duplicate];
        assert_eq!(arrivals, expected);
    }

    #[test]
    fn a_journal_that_does_not_reach_back_is_named() {
        let note_on = (10, vec![0x43, 0x90, 60, 100, 0x80, 0, 9]);
        let later = (15, vec![0x40, 0x80, 0, 14]);
        let findings = listen(&[note_on, later]);
        assert_eq!(
            findings[1].notes[0],
            "4 packets lost before this one; the journal does not reach back so far: what sounds is ended"
        );
        assert_eq!(findings[1].repairs, ["NoteOff ch1 C4 v64"]);
    }

    #[test]
    fn an_empty_packet_long_after_the_last_command_keeps_alive() {
        let packets = payloads(&[&[0x90, 60, 100], &[]]);
        let mut stream = Stream::new(&How::Form, Duration::ZERO);
        take(&mut stream, 0, &packets[0]);
        assert_eq!(take(&mut stream, 9000, &packets[1]).notes[0], "empty: keep-alive");
    }

    #[test]
    fn a_damaged_payload_is_an_error_with_its_place() {
        let findings = listen(&[(1, vec![0x03, 0x90, 60])]);
        assert_eq!(findings[0].arrival, Arrival::Unreadable);
        assert_eq!(findings[0].error.as_deref(), Some("octet 1: 4 octets needed, 3 left"));
    }
}
