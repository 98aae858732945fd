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

    /// The notes, lowest channel first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Channel, U7)> + use<> {
        let notes = |mut set: u128| {
            std::iter::from_fn(move || {
                let note = (set != 0).then(|| set.trailing_zeros() as u8)?;
                set &= set - 1;
                Some(U7::masked(note))
            })
        };
        Channel::all().zip(self.0).flat_map(move |(channel, set)| notes(set).map(move |note| (channel, note)))
    }
}
