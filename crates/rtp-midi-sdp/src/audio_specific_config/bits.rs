//! Bit strings, most significant bit first, that need not end with an octet.

use super::Fault;

/// A string of bits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bits {
    /// Unused bits of the last octet are 0.
    octets: Vec<u8>,
    length: usize,
}

impl Bits {
    /// No bits.
    pub(super) const fn new() -> Self {
        Self { octets: Vec::new(), length: 0 }
    }

    /// How many bits there are.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bits, with zeros behind them up to a whole octet.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The octets, with zeros behind the last bit.
    pub(super) fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    /// Appends the lowest `count` bits of `value`.
    pub(super) fn push(&mut self, value: u32, count: u32) {
        for bit in (0..count).rev() {
            self.push_bit(value >> bit & 1 == 1);
        }
    }

    /// Appends whole octets.
    pub(super) fn push_octets(&mut self, octets: &[u8]) {
        self.octets.reserve(octets.len());
        for octet in octets {
            self.push(u32::from(*octet), 8);
        }
    }

    /// Appends other bits.
    pub(super) fn push_bits(&mut self, other: &Self) {
        self.push_octets(&other.octets[..other.length / 8]);
        let count = (other.length % 8) as u32;
        if let Some(last) = other.octets.last().filter(|_| count > 0) {
            self.push(u32::from(*last) >> (8 - count), count);
        }
    }

    fn push_bit(&mut self, one: bool) {
        if self.length.is_multiple_of(8) {
            self.octets.push(0);
        }
        if let Some(last) = self.octets.last_mut().filter(|_| one) {
            *last |= 0x80 >> (self.length % 8);
        }
        self.length += 1;
    }
}

/// Reads bits from octets; what is not there is never allocated.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    /// The number of the next bit.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// The next `count` bits, 32 at most, as a number.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, Fault> {
        self.require(count.into())?;
        let value = (0..count).fold(0, |value, _| value << 1 | u32::from(self.bit()));
        Ok(value)
    }

    /// Whether the next bit is 1.
    pub(super) fn flag(&mut self) -> Result<bool, Fault> {
        self.take(1).map(|bit| bit == 1)
    }

    /// The next `count` octets, aligned or not.
    pub(super) fn take_octets(&mut self, count: u32) -> Result<Vec<u8>, Fault> {
        self.require(u64::from(count) * 8)?;
        let (first, shift) = (self.at / 8, self.at % 8);
        self.at += count as usize * 8;
        let octet = |index: usize| {
            let pair = [self.octets[index], self.octets.get(index + 1).copied().unwrap_or(0)];
            (u16::from_be_bytes(pair) << shift).to_be_bytes()[0]
        };
        Ok((first..first + count as usize).map(octet).collect())
    }

    /// Steps over `count` bits.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), Fault> {
        self.require(count)?;
        self.at += count as usize;
        Ok(())
    }

    /// What has been read since the reader was at bit `start`.
    pub(super) fn since(&self, start: usize) -> Bits {
        let mut reader = Self { octets: self.octets, at: start };
        let mut bits = Bits::new();
        while reader.at < self.at {
            bits.push_bit(reader.bit() == 1);
        }
        bits
    }

    fn require(&self, needed: u64) -> Result<(), Fault> {
        let found = self.octets.len() * 8 - self.at;
        if needed > found as u64 { Err(Fault::Truncated { bit: self.at, needed, found }) } else { Ok(()) }
    }

    /// The next bit, which is known to be there.
    fn bit(&mut self) -> u8 {
        let bit = self.octets[self.at / 8] >> (7 - self.at % 8) & 1;
        self.at += 1;
        bit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_taken_that_is_not_there() {
        let mut reader = Reader::new(&[0xFF, 0xFF]);
        assert_eq!(reader.take(3), Ok(7));
        assert_eq!(reader.take_octets(u32::MAX), Err(Fault::Truncated { bit: 3, needed: 34_359_738_360, found: 13 }));
        assert_eq!(reader.skip(u64::MAX), Err(Fault::Truncated { bit: 3, needed: u64::MAX, found: 13 }));
        assert_eq!(reader.take(14), Err(Fault::Truncated { bit: 3, needed: 14, found: 13 }));
        assert_eq!(reader.take(13), Ok(0x1FFF));
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_taken(fields in prop::collection::vec((any::<u32>(), 1_u32..=32), 0..20), octets: Vec<u8>) {
            let mut bits = Bits::new();
            for (value, count) in &fields {
                bits.push(*value, *count);
            }
            let start = bits.len();
            bits.push_octets(&octets);
            let mut reader = Reader::new(bits.octets());
            for (value, count) in &fields {
                prop_assert_eq!(reader.take(*count), Ok(value & (u32::MAX >> (32 - count))));
            }
            prop_assert_eq!(reader.take_octets(octets.len() as u32), Ok(octets));
            let mut again = Reader::new(bits.octets()).since(0);
            for part in [0..start, start..bits.len()] {
                let mut reader = Reader::new(bits.octets());
                reader.skip(part.end as u64).unwrap();
                again.push_bits(&reader.since(part.start));
            }
            prop_assert_eq!(again, bits);
        }
    }
}
