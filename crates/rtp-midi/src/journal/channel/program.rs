//! Chapter P: MIDI Program Change (RFC 6295, A.2).
//!
//! ```text
//!  0                   1                   2
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|   PROGRAM   |B|   BANK-MSB  |X|   BANK-LSB  |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::error::Result;
use crate::journal::octets::array;
use crate::journal::window::{S, Seq, Stamp, View};
use crate::midi::U7;

/// The chapter as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter {
    pub(crate) s: S,
    pub(crate) program: U7,
    pub(crate) bank: Option<Bank>,
}

/// The bank in force at a Program Change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bank {
    /// CC 0.
    pub(crate) msb: U7,
    /// CC 32 if it came after that CC 0, else 0.
    pub(crate) lsb: U7,
    /// X: a CC 121 came between the CC 0 and the Program Change.
    pub(crate) reset: bool,
}

/// The latest Program Change, and the bank select that the next one will use.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    program: Option<(U7, Option<Bank>)>,
    at: Seq,
    msb: Option<U7>,
    lsb: Option<U7>,
    reset: bool,
    /// CC 0, CC 32 with a value that BANK-LSB tells from none, and the Program Change came last, in this order.
    exact: bool,
}

impl Chapter {
    pub(crate) fn decode(octets: &[u8]) -> Result<(Self, &[u8])> {
        let ([program, msb, lsb], rest) = array(octets)?;
        let bank = Bank { msb: U7::masked(msb), lsb: U7::masked(lsb), reset: lsb & 0x80 != 0 };
        let bank = (msb & 0x80 != 0).then_some(bank);
        Ok((Self { s: S::read(program), program: U7::masked(program), bank }, rest))
    }
}

impl History {
    pub(crate) fn observe(&mut self, program: U7, stamp: Stamp) {
        self.program = Some((program, self.next_bank()));
        self.at = stamp.packet;
        self.exact = self.lsb.is_some_and(|lsb| lsb.get() > 0);
    }

    /// CC 0.
    pub(crate) fn bank_msb(&mut self, msb: U7) {
        (self.msb, self.lsb, self.reset, self.exact) = (Some(msb), None, false, false);
    }

    /// CC 32, which counts when a CC 0 came before it.
    pub(crate) fn bank_lsb(&mut self, lsb: U7) {
        self.lsb = self.msb.and(Some(lsb));
        self.exact = false;
    }

    /// CC 121.
    pub(crate) fn reset(&mut self) {
        self.reset = self.msb.is_some();
    }

    /// Takes the X bit from a chapter: a repair knows the bank, not what came between.
    pub(crate) fn adopt(&mut self, theirs: &Chapter) {
        self.program = Some((theirs.program, theirs.bank));
    }

    pub(crate) fn encode(&self, view: &View, out: &mut Vec<u8>) -> Option<S> {
        let (program, bank) = self.program.filter(|_| self.at >= view.since)?;
        let s = view.s(self.at);
        let (msb, lsb) =
            bank.map_or((0, 0), |bank| (0x80 | bank.msb.get(), if bank.reset { 0x80 } else { 0 } | bank.lsb.get()));
        out.extend([s.bit() | program.get(), msb, lsb]);
        Some(s)
    }

    /// Whether the journal's Chapter P says all there is to say of CC 0 and CC 32 (A.3.1).
    pub(crate) fn codes_bank_select(&self, view: &View) -> bool {
        self.exact && self.at >= view.since
    }

    /// Whether a Program Change is lost.
    pub(crate) fn lacks(&self, theirs: &Chapter) -> bool {
        let select = |bank: Option<Bank>| bank.map(|bank| (bank.msb, bank.lsb));
        self.program.is_none_or(|(program, bank)| (program, select(bank)) != (theirs.program, select(theirs.bank)))
    }

    /// Whether the next Program Change would use this bank.
    pub(crate) fn selects(&self, bank: Bank) -> bool {
        self.next_bank().is_some_and(|next| (next.msb, next.lsb) == (bank.msb, bank.lsb))
    }

    /// Whether the latest CC 32 came after the latest CC 0.
    pub(crate) fn lsb_follows(&self) -> bool {
        self.lsb.is_some()
    }

    fn next_bank(&self) -> Option<Bank> {
        self.msb.map(|msb| Bank { msb, lsb: self.lsb.unwrap_or_default(), reset: self.reset })
    }

    #[cfg(test)]
    pub(crate) fn program(&self) -> Option<(U7, Option<(U7, U7)>)> {
        self.program.map(|(program, bank)| (program, bank.map(|bank| (bank.msb, bank.lsb))))
    }

    #[cfg(test)]
    pub(crate) fn next_select(&self) -> Option<(U7, U7)> {
        self.next_bank().map(|bank| (bank.msb, bank.lsb))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::testing::VIEW;

    const STAMP: Stamp = Stamp { packet: VIEW.previous, time: 0 };

    fn encode(history: &History) -> Vec<u8> {
        let mut out = Vec::new();
        history.encode(&VIEW, &mut out);
        if !out.is_empty() {
            let (chapter, rest) = Chapter::decode(&out).unwrap();
            assert!(rest.is_empty() && !history.lacks(&chapter) && History::default().lacks(&chapter));
        }
        out
    }

    #[test]
    fn a_program_change_without_bank_select_has_no_bank() {
        let mut history = History::default();
        history.observe(U7::masked(5), STAMP);
        assert_eq!(encode(&history), [0x05, 0x00, 0x00]);
    }

    #[test]
    fn the_bank_is_the_latest_cc_0_and_the_cc_32_behind_it() {
        let mut history = History::default();
        history.bank_msb(U7::masked(1));
        history.bank_lsb(U7::masked(2));
        history.observe(U7::masked(5), STAMP);
        assert_eq!(encode(&history), [0x05, 0x81, 0x02]);
        assert!(history.codes_bank_select(&VIEW));
        history.bank_msb(U7::masked(3));
        assert!(!history.codes_bank_select(&VIEW));
        assert_eq!(encode(&history), [0x05, 0x81, 0x02], "a bank select without program change changes nothing");
        history.observe(U7::masked(6), STAMP);
        assert_eq!(encode(&history), [0x06, 0x83, 0x00], "the older CC 32 does not count");
    }

    #[test]
    fn a_cc_121_between_bank_select_and_program_change_sets_x() {
        let mut history = History::default();
        history.bank_msb(U7::masked(1));
        history.reset();
        history.observe(U7::masked(5), STAMP);
        assert_eq!(encode(&history), [0x05, 0x81, 0x80]);
    }
}
