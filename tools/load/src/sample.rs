//! Listeners that decode what they hear, and whether they agree.
//!
//! The journal of a packet says what all the stream so far comes to. Taken as if many packets before had been lost, it
//! repairs what a listener could have missed; listeners in the same state repair the same, whenever they came.

use std::collections::VecDeque;

use rtp_midi::{Config, Origin, Received, Receiver};

/// One such listener.
pub(crate) struct Sample {
    receiver: Receiver,
    findings: Findings,
}

/// What was compared, and what was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Findings {
    /// Packets at which a listener was compared with the first one.
    pub(crate) compared: u64,
    /// Those at which they were in different states.
    pub(crate) differences: u64,
    /// Payloads, MIDI lists and journals with a defect.
    pub(crate) malformed: u64,
    /// Notes that sounded when the stream said goodbye.
    pub(crate) hanging: u64,
}

/// What the first listener at a packet would repair, for the latest packets.
#[derive(Debug, Default)]
pub(crate) struct Agreement(VecDeque<(Point, Vec<u8>)>);

/// A source and a sequence number.
type Point = (u32, u16);

/// Packets that are taken as lost for a comparison: more than one, behind which a journal tells only what is new.
const SKIPPED: u16 = 100;

/// Packets for which it is known what the first listener would repair.
const KNOWN: usize = 1024;

impl Sample {
    pub(crate) fn new(config: Config) -> Self {
        Self { receiver: Receiver::new(config), findings: Findings::default() }
    }

    /// Takes a packet of a source.
    pub(crate) fn hear(&mut self, source: u32, packet: Received<'_>, agreement: &mut Agreement) {
        if self.receiver.stats().packets > 0 {
            let repairs = self.repairs(packet);
            if let Some(is_same) = agreement.compare((source, packet.sequence), repairs) {
                self.findings.compared += 1;
                self.findings.differences += u64::from(!is_same);
            }
        }
        self.receiver.receive(packet, |_| {});
    }

    /// What the journal of a packet would repair behind a gap.
    fn repairs(&self, packet: Received<'_>) -> Vec<u8> {
        let mut repairs = Vec::new();
        let later = Received { sequence: packet.sequence.wrapping_add(SKIPPED), ..packet };
        self.receiver.clone().receive(later, |event| {
            if event.origin == Origin::Repair {
                event.command.encode(&mut repairs);
            }
        });
        repairs
    }

    /// The stream has said goodbye.
    pub(crate) fn end(&mut self) {
        self.findings.hanging = self.receiver.sounding() as u64;
    }

    pub(crate) fn findings(&self) -> Findings {
        let stats = self.receiver.stats();
        let malformed = stats.malformed_payloads + stats.malformed_lists + stats.malformed_journals;
        Findings { malformed, ..self.findings }
    }
}

impl Agreement {
    /// Whether another listener would have repaired the same; `None` for the first one.
    fn compare(&mut self, point: Point, repairs: Vec<u8>) -> Option<bool> {
        if let Some((_, first)) = self.0.iter().rev().find(|(of, _)| *of == point) {
            return Some(*first == repairs);
        }
        self.0.push_back((point, repairs));
        if self.0.len() > KNOWN {
            self.0.pop_front();
        }
        None
    }
}

impl std::ops::AddAssign for Findings {
    fn add_assign(&mut self, other: Self) {
        self.compared += other.compared;
        self.differences += other.differences;
        self.malformed += other.malformed;
        self.hanging += other.hanging;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_midi::midi::Command;
    use rtp_midi::{Journal, Policy, Sender};

    const MESSAGES: [&[u8]; 7] = [
        &[0xC0, 5],
        &[0xB0, 7, 90],
        &[0x90, 60, 100],
        &[0xE0, 0, 70],
        &[0x90, 64, 80],
        &[0xB0, 64, 127],
        &[0xB0, 1, 1],
    ];

    /// What is found by listeners of which one comes with the first packet and one with the fourth; of that packet the
    /// former hears what `garble` makes of it.
    fn listen(garble: impl Fn(&mut Vec<u8>)) -> Findings {
        let config = Config { journal: Journal::Recovery(Policy::Anchor), ..Config::new(1000) };
        let mut sender = Sender::new(config.clone(), 1);
        let mut agreement = Agreement::default();
        let mut listeners = [(0, Sample::new(config.clone())), (3, Sample::new(config))];
        for (index, message) in MESSAGES.iter().enumerate() {
            let time = index as u32 * 1000;
            sender.queue(time, Command::decode(message).unwrap().0).unwrap();
            let mut payload = Vec::new();
            let sent = sender.packet(time, &mut payload);
            for (from, listener) in listeners.iter_mut().filter(|(from, _)| *from <= index) {
                let mut payload = payload.clone();
                if (*from, index) == (0, 3) {
                    garble(&mut payload);
                }
                let packet = Received { sequence: sent.sequence, timestamp: sent.timestamp, payload: &payload };
                listener.hear(7, packet, &mut agreement);
            }
        }
        let mut all = Findings::default();
        for (_, listener) in &mut listeners {
            listener.end();
            all += listener.findings();
        }
        all
    }

    #[test]
    fn who_came_late_agrees_and_what_sounds_at_the_end_hangs() {
        let found = listen(|_| {});
        assert_eq!((found.compared, found.differences, found.malformed), (3, 0, 0));
        assert_eq!(found.hanging, 4, "two notes at each");
    }

    #[test]
    fn who_was_told_something_else_does_not_agree() {
        let found = listen(|payload| *payload = vec![0]);
        assert_eq!((found.compared, found.differences), (3, 3), "the wheel");
    }
}
