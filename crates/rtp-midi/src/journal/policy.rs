//! Where the checkpoint stands (RFC 6295, C.2.2).

use super::window::{Seq, View};
use crate::config::{Config, OPEN_LOOP_PACKETS, Policy};

/// Chooses the checkpoint packet.
///
/// In a closed loop the checkpoint follows the slowest of the receivers that report; before anybody has reported it
/// stays at the first packet. A receiver that comes late first gets all lasting state, until it has reported a packet
/// with it; while nobody reports, whoever may be there gets it.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    policy: Policy,
    first: Seq,
    reporters: Vec<Reporter>,
    /// The oldest packet that some reporter may still need.
    needed: Seq,
    /// Reporters that came late and lack something.
    late: usize,
    /// Reports of more receivers than are remembered: until one of those leaves the checkpoint stays.
    crowded: bool,
}

#[derive(Clone, Copy, Debug)]
struct Reporter {
    id: u32,
    /// The highest packet it has reported.
    acknowledged: Seq,
    /// It came late and has what it lacks once it reports this packet.
    complete_at: Option<Seq>,
    /// The latest packet sent when it last kept up.
    due: Seq,
    /// RTP time of the latest report with which it kept up: it had what had been sent by the one before.
    heard: u32,
}

/// Most receivers remembered.
const REPORTERS: usize = 4096;

/// The checkpoint stays this close, so that sixteen bits name it.
const REACH: u32 = 0x7FFF;

impl Checkpoint {
    pub(crate) const fn new(policy: Policy, first: Seq) -> Self {
        Self { policy, first, reporters: Vec::new(), needed: first, late: 0, crowded: false }
    }

    /// The window of the journal in packet `next`.
    pub(crate) fn view(&self, next: Seq, now: u32, config: &Config) -> View {
        let reach = Seq(next.0.saturating_sub(REACH)).max(self.first);
        let (since, checkpoint) = match self.policy {
            Policy::Anchor => (self.first, self.first),
            Policy::OpenLoop => {
                let start = Seq(next.0.saturating_sub(OPEN_LOOP_PACKETS)).max(self.first);
                (start, start)
            }
            Policy::ClosedLoop => {
                let all = self.late > 0 || self.reporters.is_empty();
                (if all { self.first } else { self.needed }, self.needed.max(reach))
            }
        };
        let room = config.system_room();
        View { since, checkpoint, previous: next.before(), now, fresh: config.fresh, room }
    }

    /// Takes a report that packet `highest` is the latest one to arrive; `sent` is the latest one sent, at RTP time
    /// `now`.
    ///
    /// Reports of packets not sent yet, or older than an earlier report, change nothing.
    pub(crate) fn acknowledge(&mut self, id: u32, highest: Seq, sent: Seq, now: u32) {
        if highest > sent || highest < self.first {
            return;
        }
        match self.reporters.iter_mut().find(|reporter| reporter.id == id) {
            Some(reporter) => {
                reporter.acknowledged = reporter.acknowledged.max(highest);
                reporter.complete_at = reporter.complete_at.filter(|packet| highest < *packet);
                // A report that never comes any further is one of somebody who does not listen.
                if highest >= reporter.due {
                    (reporter.due, reporter.heard) = (sent, now);
                }
            }
            None => self.join(id, highest, sent, now),
        }
        self.advance();
    }

    /// A receiver is known to be there, of which no report has come yet.
    pub(crate) fn reporter_joined(&mut self, id: u32, sent: Seq, now: u32) {
        if self.reporters.iter().all(|reporter| reporter.id != id) {
            // What was sent before is no business of its (C.2.2.2); a packet that is lost at the very start is.
            self.join(id, sent.max(self.first.before()), sent, now);
            self.advance();
        }
    }

    fn join(&mut self, id: u32, acknowledged: Seq, sent: Seq, heard: u32) {
        if self.reporters.len() == REPORTERS {
            self.crowded = true;
        } else {
            // Every packet so far carried everything as long as the checkpoint has not moved.
            let complete_at = (self.needed > self.first).then_some(sent.next());
            self.reporters.push(Reporter { id, acknowledged, complete_at, due: sent, heard });
        }
    }

    /// A receiver said goodbye or fell silent for too long.
    pub(crate) fn reporter_left(&mut self, id: u32) {
        self.reporters.retain(|reporter| reporter.id != id);
        // Who has not been remembered and is there still comes late with its next report.
        self.crowded &= self.reporters.len() == REPORTERS;
        self.advance();
    }

    /// All receivers are gone, and others may come that know nothing.
    pub(crate) fn forget(&mut self) {
        self.reporters.clear();
        self.crowded = false;
        self.advance();
    }

    /// Takes receivers for gone that last kept up more than `patience` before `now`; says whether there were any.
    pub(crate) fn drop_silent(&mut self, now: u32, patience: u32) -> bool {
        let waits = |reporter: &Reporter| {
            let silence = now.wrapping_sub(reporter.heard);
            (patience..u32::MAX / 2).contains(&silence)
        };
        let before = self.reporters.len();
        self.reporters.retain(|reporter| !waits(reporter));
        self.advance();
        self.reporters.len() < before
    }

    /// Whether receivers report to whom the checkpoint is moved up.
    pub(crate) fn is_heard(&self) -> bool {
        self.policy == Policy::ClosedLoop && !self.crowded && !self.reporters.is_empty()
    }

    /// Whether a report that is still to come can shorten the journal, whose latest command is in packet `active`.
    pub(crate) fn awaits(&self, active: Seq) -> bool {
        self.is_heard() && (self.needed <= active || self.late > 0)
    }

    /// How many receivers report.
    pub(crate) fn reporters(&self) -> usize {
        self.reporters.len()
    }

    /// Whether some receiver came late and lacks something.
    pub(crate) const fn has_late(&self) -> bool {
        self.late > 0
    }

    /// Whether every receiver that reports has packet `packet`.
    pub(crate) fn is_acknowledged(&self, packet: Seq) -> bool {
        !self.crowded
            && !self.reporters.is_empty()
            && self.reporters.iter().all(|reporter| reporter.acknowledged >= packet && reporter.complete_at.is_none())
    }

    fn advance(&mut self) {
        self.late = self.reporters.iter().filter(|reporter| reporter.complete_at.is_some()).count();
        let slowest = self.reporters.iter().map(|reporter| reporter.acknowledged.next()).min();
        if let Some(slowest) = slowest.filter(|_| !self.crowded) {
            self.needed = self.needed.max(slowest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Seq = Seq(0x1_0064);

    fn seq(packet: u32) -> Seq {
        Seq(FIRST.0 + packet)
    }

    fn window(checkpoint: &Checkpoint, next: u32) -> (Seq, Seq) {
        let view = checkpoint.view(seq(next), 0, &Config::new(44_100));
        (view.since, view.checkpoint)
    }

    #[test]
    fn the_anchor_never_moves() {
        let mut checkpoint = Checkpoint::new(Policy::Anchor, FIRST);
        checkpoint.acknowledge(1, seq(50), seq(60), 0);
        assert_eq!(window(&checkpoint, 70_000), (FIRST, FIRST));
    }

    #[test]
    fn a_closed_loop_follows_the_slowest_receiver() {
        let mut checkpoint = Checkpoint::new(Policy::ClosedLoop, FIRST);
        assert_eq!(window(&checkpoint, 100), (FIRST, FIRST));
        checkpoint.acknowledge(1, seq(50), seq(60), 0);
        assert_eq!(window(&checkpoint, 61), (seq(51), seq(51)));
        checkpoint.acknowledge(1, seq(40), seq(60), 0);
        checkpoint.acknowledge(1, seq(61), seq(60), 0);
        assert_eq!(window(&checkpoint, 61), (seq(51), seq(51)), "stale and future reports change nothing");
    }

    #[test]
    fn a_late_receiver_gets_everything_until_it_reports_a_packet_that_had_it() {
        let mut checkpoint = Checkpoint::new(Policy::ClosedLoop, FIRST);
        checkpoint.acknowledge(1, seq(50), seq(60), 0);
        checkpoint.acknowledge(2, seq(58), seq(60), 0);
        assert_eq!(window(&checkpoint, 61).0, FIRST);
        checkpoint.acknowledge(1, seq(60), seq(60), 0);
        checkpoint.acknowledge(2, seq(61), seq(63), 0);
        assert_eq!(window(&checkpoint, 64), (seq(61), seq(61)));
    }

    #[test]
    fn a_receiver_that_left_holds_nothing_back() {
        let mut checkpoint = Checkpoint::new(Policy::ClosedLoop, FIRST);
        checkpoint.acknowledge(1, seq(10), seq(60), 0);
        checkpoint.acknowledge(2, seq(50), seq(60), 0);
        assert_eq!(window(&checkpoint, 61).1, seq(11));
        checkpoint.reporter_left(1);
        assert_eq!(checkpoint.reporters(), 1);
        assert_eq!(window(&checkpoint, 61).1, seq(51));
    }

    #[test]
    fn a_checkpoint_is_never_further_back_than_sixteen_bits_can_say() {
        let checkpoint = Checkpoint::new(Policy::ClosedLoop, FIRST);
        let (since, named) = window(&checkpoint, 100_000);
        assert_eq!((since, seq(100_000).0 - named.0), (FIRST, REACH));
    }

    #[test]
    fn an_open_loop_follows_the_sender() {
        let checkpoint = Checkpoint::new(Policy::OpenLoop, FIRST);
        assert_eq!(window(&checkpoint, 10), (FIRST, FIRST));
        assert_eq!(window(&checkpoint, 5000).1, seq(5000 - OPEN_LOOP_PACKETS));
    }

    #[test]
    fn a_receiver_that_is_known_holds_the_checkpoint_before_its_first_report() {
        let mut checkpoint = Checkpoint::new(Policy::ClosedLoop, FIRST);
        checkpoint.reporter_joined(2, seq(10), 0);
        checkpoint.acknowledge(1, seq(50), seq(60), 0);
        assert_eq!(window(&checkpoint, 61).1, seq(11));
        let mut known_at_first = Checkpoint::new(Policy::ClosedLoop, FIRST);
        known_at_first.reporter_joined(2, FIRST.before(), 0);
        known_at_first.acknowledge(1, seq(50), seq(60), 0);
        assert_eq!(window(&known_at_first, 61), (FIRST, FIRST));
    }

    #[test]
    fn silent_receivers_are_dropped_and_others_are_not() {
        let mut checkpoint = Checkpoint::new(Policy::ClosedLoop, FIRST);
        checkpoint.acknowledge(1, seq(10), seq(60), u32::MAX - 10);
        checkpoint.acknowledge(2, seq(50), seq(60), 500);
        assert!(!checkpoint.drop_silent(600, 1000) && checkpoint.drop_silent(1000, 1000));
        assert_eq!((checkpoint.reporters(), window(&checkpoint, 61).1), (1, seq(51)));
    }

    #[test]
    fn receivers_that_report_and_never_keep_up_are_dropped() {
        let mut checkpoint = Checkpoint::new(Policy::ClosedLoop, FIRST);
        for round in 0..20 {
            let (sent, now) = (seq(100 + 10 * round), 100 * round);
            checkpoint.acknowledge(1, seq(50), sent, now);
            checkpoint.acknowledge(2, seq(60 + round), sent, now);
            checkpoint.acknowledge(3, sent, sent, now);
        }
        assert_eq!(window(&checkpoint, 300).1, seq(51));
        assert!(checkpoint.drop_silent(1900, 1000));
        assert_eq!((checkpoint.reporters(), window(&checkpoint, 300).1), (1, seq(291)));
    }

    #[test]
    fn more_receivers_than_are_remembered_hold_the_checkpoint_until_one_leaves() {
        let mut checkpoint = Checkpoint::new(Policy::ClosedLoop, FIRST);
        for id in 0..=REPORTERS as u32 {
            checkpoint.acknowledge(id, seq(50), seq(60), 0);
        }
        assert!(!checkpoint.is_heard());
        checkpoint.reporter_left(0);
        assert!(checkpoint.is_heard());
    }

    #[test]
    fn when_all_receivers_are_gone_who_comes_gets_everything() {
        let mut checkpoint = Checkpoint::new(Policy::ClosedLoop, FIRST);
        checkpoint.acknowledge(1, seq(50), seq(60), 0);
        checkpoint.forget();
        assert_eq!((checkpoint.reporters(), window(&checkpoint, 61)), (0, (FIRST, seq(51))));
    }

    #[test]
    fn a_report_is_awaited_while_something_can_be_trimmed() {
        let mut checkpoint = Checkpoint::new(Policy::ClosedLoop, FIRST);
        assert!(!checkpoint.awaits(seq(50)), "nobody reports");
        checkpoint.acknowledge(1, seq(50), seq(60), 0);
        assert!(!checkpoint.awaits(seq(50)) && checkpoint.awaits(seq(51)));
        checkpoint.acknowledge(2, seq(60), seq(60), 0);
        assert!(checkpoint.awaits(seq(50)), "the late one lacks something");
    }
}
