//! Restricted integers: MIDI values that cannot be out of range.

use core::fmt;

macro_rules! restricted {
    ($name:ident, $inner:ty, $bits:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name($inner);

        impl $name {
            /// The largest value.
            pub const MAX: Self = Self((1 << $bits) - 1);

            /// The value, or `None` when it does not fit.
            pub const fn new(value: $inner) -> Option<Self> {
                if value <= Self::MAX.0 { Some(Self(value)) } else { None }
            }

            /// The low bits of `value`.
            pub const fn masked(value: $inner) -> Self {
                Self(value & Self::MAX.0)
            }

            /// The value as a plain integer.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl From<$name> for $inner {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl From<$name> for usize {
            fn from(value: $name) -> Self {
                Self::from(value.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

restricted!(Channel, u8, 4, "A MIDI channel, 0 to 15: the low nibble of a status octet.");
restricted!(U7, u8, 7, "A MIDI data octet, 0 to 127.");
restricted!(U14, u16, 14, "Two MIDI data octets, least significant first on the wire, 0 to 16383.");

impl Channel {
    /// The sixteen channels in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..16).map(Self)
    }
}

impl U14 {
    /// Joins two data octets.
    pub const fn join(lsb: U7, msb: U7) -> Self {
        Self((msb.0 as u16) << 7 | lsb.0 as u16)
    }

    /// The low seven bits, which go first on the wire.
    pub const fn lsb(self) -> U7 {
        U7((self.0 & 0x7F) as u8)
    }

    /// The high seven bits.
    pub const fn msb(self) -> U7 {
        U7((self.0 >> 7) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_out_of_range_cannot_be_made() {
        assert_eq!(U7::new(127), Some(U7::MAX));
        assert_eq!(U7::new(128), None);
        assert_eq!(Channel::new(16), None);
        assert_eq!(U14::new(16384), None);
        assert_eq!(U7::masked(0x80).get(), 0);
    }

    #[test]
    fn fourteen_bits_are_two_octets() {
        let value = U14::new(0x2000).unwrap();
        assert_eq!((value.lsb().get(), value.msb().get()), (0, 0x40));
        assert_eq!(U14::join(value.lsb(), value.msb()), value);
    }
}
