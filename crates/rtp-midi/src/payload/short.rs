//! What a channel command takes in a MIDI list, gathered in a register: a list grows once a command and not once an octet.

use crate::midi::Voice;

/// Up to eight octets, of which a delta time and a channel command need seven; the first one is the lowest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Short {
    octets: u64,
    bits: u32,
}

impl Short {
    #[inline]
    pub(super) fn push(&mut self, octet: u8) {
        self.octets |= u64::from(octet) << self.bits;
        self.bits += 8;
    }

    /// The data octets of a channel command.
    #[inline]
    pub(super) fn push_voice(&mut self, voice: Voice) {
        let (first, second) = voice.data();
        self.push(first.get());
        if let Some(second) = second {
            self.push(second.get());
        }
    }

    pub(super) const fn length(self) -> usize {
        self.bits as usize / 8
    }

    #[inline]
    pub(super) fn append_to(self, out: &mut Vec<u8>) {
        let end = out.len() + self.length();
        out.extend_from_slice(&self.octets.to_le_bytes());
        out.truncate(end);
    }
}
