//! What sounds: the notes and pedals that a stream of MIDI messages leaves down, and how to let them go.

/// The state of the 16 channels as far as it can hang: held notes and held pedals.
///
/// A note sounds when the last command for it was a `NoteOn`; a pedal is down when its last value was 64 or more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sounding {
    notes: [u128; 16],
    pedals: [u8; 16],
}

/// Controllers that hold notes: damper, sostenuto, hold 2.
const PEDALS: [u8; 3] = [64, 66, 69];

impl Sounding {
    /// Takes note of one message, status octet first.
    pub fn observe(&mut self, message: &[u8]) {
        let [status, data @ ..] = message else { return };
        let channel = usize::from(status & 0x0F);
        match (status & 0xF0, data) {
            (0x90, [note @ 0..=127, 1..=127, ..]) => self.notes[channel] |= 1 << note,
            (0x80, [note @ 0..=127, ..]) | (0x90, [note @ 0..=127, 0, ..]) => self.notes[channel] &= !(1 << note),
            // All Sound Off, All Notes Off and the four mode messages, which include it.
            (0xB0, [120 | 123..=127, ..]) => self.notes[channel] = 0,
            // Reset All Controllers lets the pedals up (MIDI Recommended Practice RP-015).
            (0xB0, [121, ..]) => self.pedals[channel] = 0,
            (0xB0, [controller, value, ..]) => {
                if let Some(pedal) = PEDALS.iter().position(|pedal| pedal == controller) {
                    let down = u8::from(*value >= 64);
                    self.pedals[channel] = self.pedals[channel] & !(1 << pedal) | down << pedal;
                }
            }
            _ if *status == 0xFF => *self = Self::default(),
            _ => {}
        }
    }

    /// How many notes sound.
    pub fn notes(&self) -> u32 {
        self.notes.iter().map(|notes| notes.count_ones()).sum()
    }

    /// Whether the message lets go something that sounds, and makes nothing sound.
    pub fn is_relieved_by(&self, message: &[u8]) -> bool {
        let mut after = self.clone();
        after.observe(message);
        let has_changed = after != *self;
        after.leave_out(self);
        has_changed && after == Self::default()
    }

    /// Leaves out what another holds as well.
    pub fn leave_out(&mut self, other: &Self) {
        self.notes.iter_mut().zip(other.notes).for_each(|(notes, others)| *notes &= !others);
        self.pedals.iter_mut().zip(other.pedals).for_each(|(pedals, others)| *pedals &= !others);
    }

    /// Takes what another holds as well.
    pub fn take_in(&mut self, other: &Self) {
        self.notes.iter_mut().zip(other.notes).for_each(|(notes, others)| *notes |= others);
        self.pedals.iter_mut().zip(other.pedals).for_each(|(pedals, others)| *pedals |= others);
    }

    /// The messages that silence everything: pedals up, then a `NoteOff` for each note.
    pub fn release(&self) -> Vec<[u8; 3]> {
        let mut messages = Vec::new();
        for channel in 0..16_u8 {
            let at = usize::from(channel);
            let pedals = PEDALS.iter().enumerate().filter(|(bit, _)| self.pedals[at] & (1 << bit) != 0);
            messages.extend(pedals.map(|(_, controller)| [0xB0 | channel, *controller, 0]));
            let notes = (0..128_u8).filter(|note| self.notes[at] & (1 << note) != 0);
            messages.extend(notes.map(|note| [0x80 | channel, note, 64]));
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(messages: &[&[u8]]) -> Sounding {
        let mut sounding = Sounding::default();
        for message in messages {
            sounding.observe(message);
        }
        sounding
    }

    #[test]
    fn a_note_sounds_from_on_to_off() {
        assert_eq!(after(&[&[0x90, 60, 1], &[0x91, 60, 99]]).notes(), 2);
        assert_eq!(after(&[&[0x90, 60, 1], &[0x91, 60, 99], &[0x80, 60, 0]]).notes(), 1);
        assert_eq!(after(&[&[0x90, 60, 1], &[0x90, 60, 0]]).notes(), 0);
    }

    #[test]
    fn one_off_ends_a_note_struck_twice() {
        assert_eq!(after(&[&[0x90, 60, 1], &[0x90, 60, 9], &[0x80, 60, 0]]).notes(), 0);
    }

    #[test]
    fn channel_mode_and_system_reset_end_notes() {
        for mode in [120, 123, 124, 125, 126, 127] {
            assert_eq!(after(&[&[0x95, 60, 1], &[0xB5, mode, 0]]).notes(), 0, "{mode}");
        }
        assert_eq!(after(&[&[0x95, 60, 1], &[0xB4, 123, 0]]).notes(), 1);
        assert_eq!(after(&[&[0x95, 60, 1], &[0xFF]]), Sounding::default());
    }

    #[test]
    fn release_lets_pedals_up_and_notes_off() {
        let sounding = after(&[&[0x92, 60, 1], &[0xB2, 64, 127], &[0xB3, 66, 64], &[0xB3, 69, 63], &[0x9F, 0, 5]]);
        assert_eq!(sounding.release(), [[0xB2, 64, 0], [0x82, 60, 64], [0xB3, 66, 0], [0x8F, 0, 64]]);
        assert!(after(&[&[0xB2, 64, 127], &[0xB2, 121, 0]]).release().is_empty());
    }

    #[test]
    fn what_another_holds_as_well_is_not_let_go() {
        let mut sounding = after(&[&[0x90, 60, 1], &[0x90, 62, 1], &[0xB0, 64, 127], &[0xB1, 64, 127]]);
        sounding.leave_out(&after(&[&[0x90, 60, 9], &[0x91, 62, 9], &[0xB0, 64, 127]]));
        assert_eq!(sounding.release(), [[0x80, 62, 64], [0xB1, 64, 0]]);
    }

    #[test]
    fn only_what_lets_go_something_that_sounds_relieves() {
        let sounding = after(&[&[0x90, 60, 1], &[0xB0, 64, 127], &[0x92, 7, 1]]);
        for relief in [&[0x80, 60, 0][..], &[0x90, 60, 0], &[0xB0, 64, 0], &[0xB2, 123, 0], &[0xB0, 121, 0], &[0xFF]] {
            assert!(sounding.is_relieved_by(relief), "{relief:X?}");
        }
        for other in [&[0x90, 60, 9][..], &[0x90, 61, 9], &[0x80, 61, 0], &[0xB1, 64, 0], &[0xB3, 123, 0], &[0xF8]] {
            assert!(!sounding.is_relieved_by(other), "{other:X?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_sounds_after_its_release(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..4), 0..200)
        ) {
            let mut sounding = Sounding::default();
            for message in &messages {
                sounding.observe(message);
            }
            for message in sounding.release() {
                sounding.observe(&message);
            }
            prop_assert_eq!(sounding, Sounding::default());
        }
    }
}
