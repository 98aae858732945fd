//! The notes that a receiver has begun and not ended: those whose last command was a NoteOn.
//!
//! The history knows better what sounds, since an All Notes Off ends notes too; but whoever records the commands, or
//! plays them on an instrument that heeds no All Notes Off, is owed a NoteOff for every NoteOn.

use crate::midi::{Channel, Command, U7, Voice};

/// A bit for each note of each channel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Struck([u128; 16]);

impl Struck {
    /// Takes note of a command that has been given out.
    #[inline]
    pub(crate) fn observe(&mut self, command: &Command<'_>) {
        let Command::Channel(channel, voice) = command else { return };
        let notes = &mut self.0[usize::from(*channel)];
        match voice {
            Voice::NoteOn { note, velocity } if velocity.get() > 0 => *notes |= 1 << note.get(),
            Voice::NoteOn { note, .. } | Voice::NoteOff { note, .. } => *notes &= !(1 << note.get()),
            _ => {}
        }
    }

    /// Whether a note has begun and not ended.
    pub(crate) fn has(&self, channel: Channel, note: U7) -> bool {
        self.0[usize::from(channel)] & 1 << note.get() != 0
    }

    /// Ends `these` notes, lowest channel first; each NoteOff goes to `out`.
    pub(crate) fn end(&mut self, these: impl Fn(Channel, U7) -> bool, mut out: impl FnMut(Command<'static>)) {
        for (channel, notes) in Channel::all().zip(&mut self.0) {
            let mut left = *notes;
            while left != 0 {
                let note = U7::masked(left.trailing_zeros() as u8);
                left &= left - 1;
                if these(channel, note) {
                    *notes &= !(1 << note.get());
                    out(Command::Channel(channel, Voice::NoteOff { note, velocity: U7::masked(64) }));
                }
            }
        }
    }
}
