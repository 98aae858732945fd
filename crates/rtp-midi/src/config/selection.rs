//! What one value of `cm_used`, `cm_unused`, `ch_never`, `ch_default` or `ch_anchor` speaks of (RFC 6295, C.1, C.2.3).

use core::fmt;
use core::ops::RangeInclusive;

/// Types of commands or chapters, or a class of System Exclusives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selection {
    /// `[channel list]letters[field list]`.
    Types {
        /// MIDI channels 0 to 15, or the digits that some system letters take.
        channels: Numbers,
        /// Letters of command types or chapters.
        letters: Letters,
        /// Controllers, notes, parameters or lengths, as the letter has it.
        fields: Numbers,
    },
    /// `__hh.hh-hh_hh__`.
    SysEx(Class),
}

/// A channel or field list: numbers and ranges. An empty one was left out and means all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Numbers(Vec<RangeInclusive<u32>>);

/// A set of the letters `A` to `Z`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Letters(u32);

/// System Exclusives by their first data octets: for each of these the values allowed, one bit a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Class(Vec<u128>);

impl Selection {
    /// All commands or chapters of these letters.
    pub const fn of(letters: Letters) -> Self {
        Self::Types { channels: Numbers(Vec::new()), letters, fields: Numbers(Vec::new()) }
    }
}

impl Numbers {
    /// Numbers and ranges; an empty range counts for nothing.
    pub fn new(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> Self {
        Self(ranges.into_iter().filter(|range| !range.is_empty()).collect())
    }

    /// Whether the list was left out.
    pub const fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the list has the number, or was left out.
    pub fn contains(&self, number: u32) -> bool {
        self.is_all() || self.0.iter().any(|range| range.contains(&number))
    }

    /// Whether the list has a length that may still grow unless `complete`; `None` while that is open.
    pub(super) fn has_length(&self, length: usize, complete: bool) -> Option<bool> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if complete || self.is_all() {
            return Some(self.contains(length));
        }
        match &self.0[..] {
            ranges if ranges.iter().any(|range| range.contains(&length) && *range.end() == u32::MAX) => Some(true),
            ranges if ranges.iter().all(|range| *range.end() < length) => Some(false),
            _ => None,
        }
    }

    /// The ranges as they were given.
    pub fn ranges(&self) -> &[RangeInclusive<u32>] {
        &self.0
    }

    /// One bit for each of the 128 numbers from `first` on.
    pub(super) fn mask(&self, first: u32) -> u128 {
        (0..128).filter(|offset| self.contains(first + offset)).fold(0, |mask, offset| mask | 1 << offset)
    }

    /// The numbers 0 to 15 that the list has.
    pub(super) fn channels(&self) -> impl Iterator<Item = usize> + '_ {
        (0..16_u8).filter(|channel| self.contains(u32::from(*channel))).map(usize::from)
    }
}

impl Letters {
    /// The letters of a text; other characters count for nothing.
    pub const fn of(text: &str) -> Self {
        let (text, mut letters, mut index) = (text.as_bytes(), 0, 0);
        while index < text.len() {
            if text[index].is_ascii_uppercase() {
                letters |= 1 << (text[index] - b'A');
            }
            index += 1;
        }
        Self(letters)
    }

    /// Whether the set has the letter, given as ASCII.
    pub const fn contains(self, letter: u8) -> bool {
        letter.is_ascii_uppercase() && self.0 & 1 << (letter - b'A') != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The letters that are in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The letters that are in either set.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The letters that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The letters in alphabetical order, as ASCII.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (b'A'..=b'Z').filter(move |letter| self.contains(*letter))
    }
}

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|letter| write!(f, "{}", char::from(letter)))
    }
}

impl fmt::Debug for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letters({self})")
    }
}

impl Class {
    /// The sets of values that the first data octets may have, one bit a value.
    pub fn new(octets: impl IntoIterator<Item = u128>) -> Self {
        Self(octets.into_iter().collect())
    }

    /// The sets of values of the first data octets.
    pub fn octets(&self) -> &[u128] {
        &self.0
    }

    /// Whether a command that begins with these data octets is in the class; `None` while that is open.
    pub fn has(&self, data: &[u8]) -> Option<bool> {
        let fits = self.0.iter().zip(data).all(|(set, octet)| set & 1 << (octet & 0x7F) != 0);
        match fits {
            true if data.len() < self.0.len() => None,
            fits => Some(fits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_left_out_has_every_number() {
        assert_eq!(Numbers::default().mask(0), u128::MAX);
        let list = Numbers::new([4..=4, 11..=13]);
        assert_eq!(list.channels().collect::<Vec<_>>(), [4, 11, 12, 13]);
        assert_eq!(Numbers::new([127..=129]).mask(0), 1 << 127);
        assert_eq!(Numbers::new([127..=129]).mask(128), 0b11);
    }

    #[test]
    fn letters_are_a_set_in_alphabetical_order() {
        let letters = Letters::of("XNC1c");
        assert_eq!(letters.to_string(), "CNX");
        assert!(letters.contains(b'N') && !letters.contains(b'c') && !letters.contains(b'1'));
        assert_eq!(letters.without(Letters::of("N")).or(Letters::of("A")).and(Letters::of("AC")).to_string(), "AC");
    }

    #[test]
    fn a_class_is_open_until_its_octets_are_there() {
        let class = Class::new([1 << 0x7F, u128::MAX, 1 << 1]);
        assert_eq!(class.has(&[0x7F, 5]), None);
        assert_eq!(class.has(&[0x7F, 5, 1, 9]), Some(true));
        assert_eq!(class.has(&[0x7E]), Some(false));
        assert_eq!(class.has(&[0x7F, 5, 2]), Some(false));
    }
}
