//! Chapter M: the parameter system, RPN and NRPN (RFC 6295, A.4).
//!
//! ```text
//!  0                   1                   2
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|P|E|U|W|Z|      LENGTH       |Q|   PENDING   |   Q PENDING if P = 1, then logs:
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |S|  PNUM-LSB   |Q|  PNUM-MSB   |J|K|L|M|N|T|V|R|   fields J K L M N
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+   Z = 1 and U or W = 1: without the octet Q PNUM-MSB
//! ```

mod history;
mod repair;
mod wire;

pub(crate) use history::History;
pub(crate) use repair::MOST_STEPS;
pub(crate) use wire::Chapter;

use crate::midi::{U7, Voice};

/// Registered or non-registered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Rpn,
    Nrpn,
}

/// A parameter number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Id {
    pub(crate) kind: Kind,
    pub(crate) msb: U7,
    pub(crate) lsb: U7,
}

/// What the data entry controllers act on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Selection {
    /// Nothing, or the null parameter: they are general-purpose controllers.
    #[default]
    Closed,
    /// The MSB of a parameter number whose LSB is still to come.
    Pending(Kind, U7),
    /// A parameter: an initiated transaction.
    Open(Id),
}

impl Id {
    /// The parameter number 7F 7F, which selects nothing.
    pub(crate) const fn is_null(self) -> bool {
        self.msb.get() == 0x7F && self.lsb.get() == 0x7F
    }

    /// The number in a list of rules: NRPN come behind RPN (C.2.3).
    fn number(self) -> u16 {
        let kind = if self.kind == Kind::Nrpn { 1 << 14 } else { 0 };
        kind | u16::from(self.msb.get()) << 7 | u16::from(self.lsb.get())
    }

    /// The two commands that select the parameter.
    fn select(self) -> [Voice; 2] {
        let lsb = if self.kind == Kind::Nrpn { 98 } else { 100 };
        [self.kind.pending(self.msb), control(lsb, self.lsb)]
    }
}

impl Kind {
    const fn from_bit(octet: u8) -> Self {
        if octet & 0x80 == 0 { Self::Rpn } else { Self::Nrpn }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Rpn => 0,
            Self::Nrpn => 0x80,
        }
    }

    /// The command that gives the MSB of a parameter number.
    const fn pending(self, msb: U7) -> Voice {
        control(if matches!(self, Self::Nrpn) { 99 } else { 101 }, msb)
    }
}

const fn control(controller: u8, value: U7) -> Voice {
    Voice::ControlChange { controller: U7::masked(controller), value }
}

/// The commands that close any transaction.
pub(crate) fn close() -> [Voice; 2] {
    Id { kind: Kind::Rpn, msb: U7::MAX, lsb: U7::MAX }.select()
}

/// Whether a controller only ever belongs to the parameter system (A.3.4).
pub(crate) const fn selects(controller: u8) -> bool {
    matches!(controller, 98..=101)
}

/// Whether a controller belongs to the parameter system while a transaction is open, else to Chapter C (A.3.4).
pub(crate) const fn enters_data(controller: u8) -> bool {
    matches!(controller, 6 | 38 | 96 | 97)
}
