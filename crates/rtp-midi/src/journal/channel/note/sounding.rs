//! The notes that sound, in the order in which they were struck.

/// Note numbers, oldest first, without repetition.
#[derive(Clone, Debug)]
pub(super) struct Sounding {
    notes: [u8; 128],
    length: usize,
}

impl Default for Sounding {
    fn default() -> Self {
        Self { notes: [0; 128], length: 0 }
    }
}

impl Sounding {
    /// Takes a note that is not in the list.
    #[inline]
    pub(super) fn push(&mut self, note: u8) {
        debug_assert!(!self.as_slice().contains(&note), "a note is listed once");
        if let Some(slot) = self.notes.get_mut(self.length) {
            *slot = note;
            self.length += 1;
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, note: u8) {
        if let Some(index) = self.as_slice().iter().position(|other| *other == note) {
            self.notes.copy_within(index + 1..self.length, index);
            self.length -= 1;
        }
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.notes[..self.length]
    }
}
