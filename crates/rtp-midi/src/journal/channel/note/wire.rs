//! The octets of Chapters N and E (A.6.1, A.6.2, A.7.1).

use crate::error::{Error, Result};
use crate::journal::octets::{array, take};
use crate::journal::window::S;
use crate::midi::U7;

/// Chapter N as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chapter<'a> {
    logs: &'a [u8],
    /// One bit a note, of those whose latest command is a NoteOff.
    pub(crate) released: u128,
}

/// A note whose latest command is a NoteOn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Log {
    pub(crate) s: S,
    pub(crate) note: U7,
    pub(crate) velocity: U7,
    /// Y: the NoteOn is as good as simultaneous with the packet; play it.
    pub(crate) play: bool,
}

/// Chapter E as read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Extras<'a> {
    logs: &'a [u8],
}

/// The header of no OFFBITS.
pub(super) const NO_OFFBITS: u8 = 0xF1;
/// The header of 128 logs, which LEN cannot say.
pub(super) const ALL_LOGS: u8 = 0xF0;

impl<'a> Chapter<'a> {
    pub(crate) fn decode(octets: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let ([header, range], rest) = array(octets)?;
        let (length, low, high) = (usize::from(header & 0x7F), range >> 4, range & 0x0F);
        let length = length + usize::from(length == 127 && range == ALL_LOGS);
        let (logs, rest) = take(rest, 2 * length)?;
        let bits = match (low, high) {
            (15, 0 | 1) => 0,
            (low, high) if low <= high => usize::from(high - low) + 1,
            (low, high) => return Err(Error::OffBits { low, high }),
        };
        let (bits, rest) = take(rest, bits)?;
        let mut released = 0;
        for (octet, index) in bits.iter().zip(u32::from(low)..) {
            // Note 8 * index is the most significant bit of its octet.
            released |= u128::from(octet.reverse_bits()) << (8 * index);
        }
        Ok((Self { logs, released }, rest))
    }

    /// The sounding notes, oldest first.
    pub(crate) fn logs(&self) -> impl DoubleEndedIterator<Item = Log> + use<'a> {
        self.logs.chunks_exact(2).map(|log| Log {
            s: S::read(log[0]),
            note: U7::masked(log[0]),
            velocity: U7::masked(log[1]),
            play: log[1] & 0x80 != 0,
        })
    }

    /// Every note the chapter speaks of, as one bit each.
    pub(super) fn notes(&self) -> u128 {
        self.logs().fold(self.released, |notes, log| notes | 1 << log.note.get())
    }
}

impl<'a> Extras<'a> {
    pub(crate) fn decode(octets: &'a [u8]) -> Result<(Self, &'a [u8])> {
        let ([header], rest) = array(octets)?;
        let (logs, rest) = take(rest, 2 * (usize::from(header & 0x7F) + 1))?;
        Ok((Self { logs }, rest))
    }

    /// The reference count and the release velocity that are told of a note.
    ///
    /// V = 0 tells the count of NoteOns less NoteOffs, V = 1 the velocity of the latest NoteOff.
    pub(super) fn of(&self, note: U7) -> (Option<u16>, Option<U7>) {
        let mut told = (None, None);
        for log in self.logs.chunks_exact(2).filter(|log| U7::masked(log[0]) == note) {
            match log[1] & 0x80 {
                0 => told.0 = Some(u16::from(log[1])),
                _ => told.1 = Some(U7::masked(log[1])),
            }
        }
        told
    }
}

/// The range of OFFBITS octets that `released` needs, or `None`.
pub(super) fn off_range(released: u128) -> Option<(u8, u8)> {
    (released != 0).then(|| ((released.trailing_zeros() / 8) as u8, (released.ilog2() / 8) as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(released: u128) -> Vec<u8> {
        (0..128).filter(|note| released & 1 << note != 0).collect()
    }

    #[test]
    fn captured_chapters_read_as_documented() {
        let (chapter, _) = Chapter::decode(&[0x81, 0x67, 0x3C, 0x25, 0x0D, 0x50]).unwrap();
        let logs: Vec<_> = chapter.logs().map(|log| (log.note.get(), log.velocity.get(), log.play)).collect();
        assert_eq!((logs, notes(chapter.released)), (vec![(60, 37, false)], vec![52, 53, 55, 57, 59]));
    }

    #[test]
    fn the_range_without_offbits_has_two_forms() {
        for range in [0xF0, 0xF1] {
            let octets = [0x81, range, 0xC9, 0x40];
            let (chapter, rest) = Chapter::decode(&octets).unwrap();
            assert!(rest.is_empty() && chapter.released == 0 && chapter.logs().count() == 1);
        }
        assert_eq!(Chapter::decode(&[0x80, 0x53]).unwrap_err(), Error::OffBits { low: 5, high: 3 });
    }

    #[test]
    fn a_length_of_127_can_mean_128() {
        let logs: Vec<u8> = (0..128).flat_map(|note| [note, 1]).collect();
        for (range, count) in [(0xF0, 128), (0xF1, 127), (0x00, 127)] {
            let octets = [&[0xFF, range][..], &logs].concat();
            assert_eq!(Chapter::decode(&octets).unwrap().0.logs().count(), count);
        }
    }

    #[test]
    fn offbits_count_from_the_most_significant_bit() {
        let (chapter, _) = Chapter::decode(&[0x80, 0xFF, 0x01]).unwrap();
        assert_eq!(notes(chapter.released), [127]);
        assert_eq!(off_range(chapter.released), Some((15, 15)));
        assert_eq!(off_range(1 << 60 | 1 << 3), Some((0, 7)));
        assert_eq!(off_range(0), None);
    }

    #[test]
    fn extras_tell_counts_and_release_velocities() {
        let (extras, rest) = Extras::decode(&[0x01, 0x3C, 0xA0, 0x3C, 0x02]).unwrap();
        assert!(rest.is_empty());
        assert_eq!(extras.of(U7::masked(60)), (Some(2), U7::new(32)));
        assert_eq!(extras.of(U7::masked(61)), (None, None));
    }
}
