//! Which controllers Chapter C lists (A.3.1, C.2.3).

use super::{BANK_LSB, BANK_MSB, History, RESET_ALL_CONTROLLERS};
use crate::config::{ChannelChapters, Inclusion};
use crate::journal::window::{Seq, View};
use crate::midi::U7;

impl History {
    /// The half of the bank select that is older than the window when the other half is in it.
    ///
    /// They are listed as a pair, so that a receiver sees which of the two came last.
    pub(super) fn bank_select_before(&self, since: Seq) -> Option<u8> {
        let (msb, lsb) = (self.order.at(BANK_MSB), self.order.at(BANK_LSB));
        match (msb >= since, lsb >= since) {
            (true, false) if lsb != Seq::NEVER => Some(BANK_LSB),
            (false, true) if msb != Seq::NEVER => Some(BANK_MSB),
            _ => None,
        }
    }

    /// Whether the latest command of a controller is listed where some controllers have rules of their own.
    ///
    /// The two of a bank select come together. What is anchored may be older or newer than the CC 121 that reset it, so
    /// that one is listed too. Of Omni Off and On, and of Mono and Poly, the older one may be listed
    /// only beside the newer one.
    pub(super) fn is_listed(&self, number: u8, view: &View, rules: &ChannelChapters) -> bool {
        let allowed = |number| self.is_allowed(number, rules);
        let asked = |number| match rules.control.of(U7::masked(number)) {
            Inclusion::Never => false,
            Inclusion::Default => self.order.at(number) >= view.since,
            Inclusion::Anchor => self.order.at(number) != Seq::NEVER,
        };
        match number {
            BANK_MSB | BANK_LSB => allowed(number) && (asked(number) || asked(number ^ BANK_LSB)),
            RESET_ALL_CONTROLLERS => asked(number) || (allowed(number) && rules.control.anchor != 0),
            124..=127 if self.order.at(number ^ 1) != Seq::NEVER => {
                let other = number ^ 1;
                if self.order.newest_first().find(|key| *key | 1 == number | 1) == Some(number) {
                    allowed(number) && (asked(number) || asked(other))
                } else {
                    asked(number) && allowed(other)
                }
            }
            _ => asked(number),
        }
    }

    fn is_allowed(&self, number: u8, rules: &ChannelChapters) -> bool {
        self.order.at(number) != Seq::NEVER && rules.control.of(U7::masked(number)) != Inclusion::Never
    }
}

/// Whether a controller is half of the bank select.
pub(super) const fn is_bank(number: u8) -> bool {
    matches!(number, BANK_MSB | BANK_LSB)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::view;
    use crate::journal::window::{Origin, Stamp};

    fn history(commands: &[(u8, u32)]) -> History {
        let mut history = History::default();
        for &(controller, packet) in commands {
            let stamp = Stamp { packet: Seq(packet), time: 0 };
            history.observe(U7::masked(controller), U7::default(), stamp, Origin::Stream);
        }
        history
    }

    /// The numbers listed by a journal whose window starts at packet 15.
    fn listed(commands: &[(u8, u32)], never: &[u8], anchor: &[u8]) -> Vec<u8> {
        let mask = |numbers: &[u8]| numbers.iter().fold(0, |mask, number| mask | 1 << number);
        let mut rules = ChannelChapters::default();
        (rules.control.never, rules.control.anchor) = (mask(never), mask(anchor));
        let (history, view) = (history(commands), view(Seq(15)));
        let mut out = Vec::new();
        history.encode(&view, &rules, false, &mut out);
        out.get(1..).unwrap_or_default().chunks(2).map(|log| log[0] & 0x7F).collect()
    }

    #[test]
    fn what_is_anchored_is_listed_for_ever_and_what_is_never_coded_not_at_all() {
        let commands = [(1, 11), (7, 11), (10, 19), (11, 19)];
        assert_eq!(listed(&commands, &[11], &[7]), [7, 10]);
        assert_eq!(listed(&commands, &[10, 11], &[]), []);
        assert_eq!(listed(&[(7, 11)], &[], &[7]), [7]);
    }

    #[test]
    fn a_half_of_the_bank_select_that_is_never_coded_does_not_come_with_the_other() {
        assert_eq!(listed(&[(32, 11), (0, 19)], &[7], &[]), [32, 0]);
        assert_eq!(listed(&[(32, 11), (0, 19)], &[32], &[]), [0]);
        assert_eq!(listed(&[(32, 11), (0, 19)], &[0], &[]), []);
        assert_eq!(listed(&[(32, 11), (0, 12)], &[], &[32]), [32, 0]);
    }

    #[test]
    fn a_cc_121_is_listed_with_what_is_anchored() {
        assert_eq!(listed(&[(7, 11), (121, 12), (1, 19)], &[], &[7]), [7, 121, 1]);
        assert_eq!(listed(&[(7, 11), (121, 12), (1, 19)], &[121], &[7]), [7, 1]);
    }

    #[test]
    fn the_older_of_two_that_exclude_each_other_never_stands_alone() {
        assert_eq!(listed(&[(126, 18), (127, 19)], &[127], &[]), []);
        assert_eq!(listed(&[(126, 18), (127, 19)], &[126], &[]), [127]);
        assert_eq!(listed(&[(124, 11), (125, 12)], &[], &[124]), [124, 125]);
        assert_eq!(listed(&[(125, 11), (124, 12)], &[], &[124]), [124]);
    }
}
