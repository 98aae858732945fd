//! Which parameter the next data entry acts on (RFC 6295, A.1, A.3.4), read as Chapter M reads it.

use crate::midi::U7;

/// The state of one channel's parameter system.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Transaction {
    selected: Selected,
    /// An LSB without its MSB, as a parameter number with MSB 0, and the packet it came in.
    loose: Option<(u16, u32)>,
}

/// What is selected; numbers are those of `cm_used`: RPN from 0, NRPN from [`NRPN`] on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Selected {
    /// Nothing, or the null parameter: data entries are general-purpose controllers.
    #[default]
    Nothing,
    /// An MSB, with LSB 0.
    Msb(u16),
    /// A parameter.
    Parameter(u16),
}

/// The first NRPN.
const NRPN: u16 = 1 << 14;
/// The last parameter number.
pub(super) const LAST: u16 = 2 * NRPN - 1;

/// Whether a number is one of the two that select nothing.
pub(super) const fn is_null(number: u16) -> bool {
    number & (NRPN - 1) == NRPN - 1
}

impl Transaction {
    pub(super) const fn selected(self) -> Selected {
        self.selected
    }

    /// The state behind a controller in the packet that has this count.
    pub(super) fn after(self, controller: U7, value: U7, packet: u32) -> Self {
        let value = u16::from(value.get());
        let kind = if matches!(controller.get(), 98 | 99) { NRPN } else { 0 };
        match (controller.get(), self.selected, self.loose) {
            // Many files write the LSB first; in one packet the two are read as a pair.
            (99 | 101, _, Some((lsb, before))) if before == packet && lsb & NRPN == kind => open(lsb | value << 7),
            (99 | 101, ..) => Self { selected: Selected::Msb(kind | value << 7), loose: None },
            (98 | 100, Selected::Msb(number) | Selected::Parameter(number), _) if number & NRPN == kind => {
                open(number & !0x7F | value)
            }
            (98 | 100, ..) => Self { selected: Selected::Nothing, loose: Some((kind | value, packet)) },
            (6 | 38 | 96 | 97, Selected::Msb(number), _) => open(number),
            (6 | 38 | 96 | 97, ..) => Self { loose: None, ..self },
            (121, ..) => Self::default(),
            _ => self,
        }
    }
}

fn open(number: u16) -> Transaction {
    let selected = if is_null(number) { Selected::Nothing } else { Selected::Parameter(number) };
    Transaction { selected, loose: None }
}

#[cfg(test)]
mod tests {
    use super::Selected::{Msb, Nothing, Parameter};
    use super::*;
    use crate::config::Parameters;
    use crate::journal::parameter::{History, Kind, Selection};
    use crate::journal::{Origin, Seq, Stamp};
    use proptest::prelude::*;

    fn behind(controls: &[(u8, u8, u32)]) -> Selected {
        let transaction = controls.iter().fold(Transaction::default(), |transaction, (controller, value, packet)| {
            transaction.after(U7::masked(*controller), U7::masked(*value), *packet)
        });
        transaction.selected()
    }

    #[test]
    fn every_variant_of_a_selection_is_understood() {
        for (controls, selected) in [
            (&[(101, 1, 0), (100, 2, 0)][..], Parameter(130)),
            (&[(99, 1, 0), (98, 2, 9), (7, 1, 9)], Parameter(16_384 + 130)),
            (&[(101, 1, 0)], Msb(128)),
            (&[(101, 1, 0), (6, 5, 0)], Parameter(128)),
            (&[(101, 1, 0), (100, 2, 0), (100, 3, 0)], Parameter(131)),
            (&[(100, 2, 5), (101, 1, 5)], Parameter(130)),
            (&[(100, 2, 5), (101, 1, 6)], Msb(128)),
            (&[(100, 2, 5), (99, 1, 5)], Msb(16_384 + 128)),
            (&[(101, 1, 0), (100, 2, 0), (98, 2, 0)], Nothing),
            (&[(101, 1, 0), (100, 2, 0), (101, 127, 0), (100, 127, 0)], Nothing),
            (&[(101, 1, 0), (100, 2, 0), (121, 0, 0)], Nothing),
        ] {
            assert_eq!(behind(controls), selected, "{controls:?}");
        }
    }

    /// What Chapter M has selected, as numbers.
    fn chapter_m(history: &History) -> Selected {
        let first = |kind: Kind| if kind == Kind::Nrpn { NRPN } else { 0 };
        match history.state(&Parameters::default()).0 {
            Selection::Closed => Nothing,
            Selection::Pending(kind, msb) => Msb(first(kind) | u16::from(msb.get()) << 7),
            Selection::Open(id) => Parameter(first(id.kind) | u16::from(id.msb.get()) << 7 | u16::from(id.lsb.get())),
        }
    }

    proptest! {
        #[test]
        fn chapter_m_reads_any_controllers_alike(
            controls in prop::collection::vec((0..9_usize, 0..3_u8, 0..4_u32), 0..40),
        ) {
            let (mut transaction, mut history, mut packet) = (Transaction::default(), History::default(), 1);
            for (index, value, step) in controls {
                packet += step / 3;
                let controller = U7::masked([6, 38, 96, 97, 98, 99, 100, 101, 121][index]);
                let value = U7::masked([0, 1, 127][usize::from(value)]);
                transaction = transaction.after(controller, value, packet);
                let stamp = Stamp { packet: Seq(packet), time: 0 };
                if controller.get() == 121 {
                    history.reset(stamp);
                } else {
                    history.observe(controller.get(), value, stamp, Origin::Stream);
                }
                prop_assert_eq!(transaction.selected(), chapter_m(&history));
            }
        }
    }
}
