//! The MPEG-4 Audio Object Types that take MIDI (RFC 6295, 6.2).

use std::fmt;

use super::Fault;
use super::bits::Reader;

/// Which renderer an `AudioSpecificConfig` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ObjectType {
    /// 13, Main Synthetic: Structured Audio, whose orchestra is a program in SAOL.
    StructuredAudio,
    /// 14, Wavetable Synthesis: Downloadable Sounds, Level 2.
    Wavetable,
    /// 15: General MIDI.
    GeneralMidi,
}

impl ObjectType {
    /// Its number in MPEG-4.
    pub const fn number(self) -> u8 {
        match self {
            Self::StructuredAudio => 13,
            Self::Wavetable => 14,
            Self::GeneralMidi => 15,
        }
    }

    /// The type at the start of an `AudioSpecificConfig`, whatever may be wrong behind it.
    pub fn of(octets: &[u8]) -> Result<Self, Fault> {
        Self::decode(&mut Reader::new(octets))
    }

    /// Five bits, or six more behind an escape value.
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let number = match reader.take(5)? {
            ESCAPE => ESCAPE + 1 + reader.take(6)?,
            number => number,
        } as u8;
        let all = [Self::StructuredAudio, Self::Wavetable, Self::GeneralMidi];
        all.into_iter().find(|known| known.number() == number).ok_or(Fault::ObjectType { number })
    }
}

impl fmt::Display for ObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::StructuredAudio => "Structured Audio",
            Self::Wavetable => "DLS 2 wavetable synthesis",
            Self::GeneralMidi => "General MIDI",
        };
        write!(f, "{name} (audio object type {})", self.number())
    }
}

/// Says that the number follows in six bits, less 32.
const ESCAPE: u32 = 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_five_bits_tell_the_renderer() {
        for (octet, object_type) in
            [(0x7A, ObjectType::GeneralMidi), (0x70, ObjectType::Wavetable), (0x68, ObjectType::StructuredAudio)]
        {
            assert_eq!(ObjectType::of(&[octet]), Ok(object_type));
            assert_eq!(u32::from(octet) >> 3, u32::from(object_type.number()));
        }
    }

    #[test]
    fn other_object_types_take_no_midi() {
        assert_eq!(ObjectType::of(&[0x12, 0x08]), Err(Fault::ObjectType { number: 2 }));
        assert_eq!(ObjectType::of(&[0x80]), Err(Fault::ObjectType { number: 16 }));
        assert_eq!(ObjectType::of(&[0b1111_1000, 0b0010_0000]), Err(Fault::ObjectType { number: 33 }));
        assert_eq!(ObjectType::of(&[]), Err(Fault::Truncated { bit: 0, needed: 5, found: 0 }));
        assert_eq!(ObjectType::of(&[0xF8]), Err(Fault::Truncated { bit: 5, needed: 6, found: 3 }));
    }
}
