//! The blocks of an `AudioSpecificConfig`: SACNK and what it announces (RFC 6295, figures E.3 and E.5).

use super::bits::Reader;
use super::{Bits, Fault, ObjectType, structured};

/// One block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Chunk {
    /// 0: an orchestra, as tokens of SAOL.
    Orchestra(Bits),
    /// 1: a score, as lines of SASL.
    Score(Bits),
    /// 2: a Standard MIDI File; without octets it stands for none.
    StandardMidiFile(Vec<u8>),
    /// 3: a sample for wavetables.
    Sample(Bits),
    /// 4: a bank of samples, which is a RIFF file of DLS Level 2.
    SampleBank(Vec<u8>),
    /// 5: names of the symbols in an orchestra or a score.
    Symbols(Bits),
}

impl Chunk {
    /// Its number: the field SACNK.
    pub const fn sacnk(&self) -> u8 {
        match self {
            Self::Orchestra(_) => 0,
            Self::Score(_) => 1,
            Self::StandardMidiFile(_) => 2,
            Self::Sample(_) => 3,
            Self::SampleBank(_) => 4,
            Self::Symbols(_) => 5,
        }
    }

    /// Whether `object_type` has such blocks, and `FILE_LEN` can say how long this one is.
    pub(super) fn check(&self, object_type: ObjectType) -> Result<(), Fault> {
        let sacnk = self.sacnk();
        match self {
            Self::StandardMidiFile(octets) | Self::SampleBank(octets) if u32::try_from(octets.len()).is_err() => {
                Err(Fault::TooLong { octets: octets.len() })
            }
            _ if is_in(sacnk, object_type) => Ok(()),
            _ => Err(Fault::Chunk { sacnk, object_type }),
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>, object_type: ObjectType) -> Result<Self, Fault> {
        let sacnk = reader.take(3)? as u8;
        if !is_in(sacnk, object_type) {
            return Err(Fault::Chunk { sacnk, object_type });
        }
        let start = reader.at();
        let mut walked = |walk: fn(&mut Reader<'_>) -> Result<(), Fault>| {
            walk(reader)?;
            Ok(reader.since(start))
        };
        match sacnk {
            0 => walked(structured::orchestra).map(Self::Orchestra),
            1 => walked(structured::score).map(Self::Score),
            2 => file(reader).map(Self::StandardMidiFile),
            3 => walked(structured::sample).map(Self::Sample),
            4 => file(reader).map(Self::SampleBank),
            _ => walked(structured::symbols).map(Self::Symbols),
        }
    }

    pub(super) fn encode(&self, bits: &mut Bits) {
        bits.push(self.sacnk().into(), 3);
        match self {
            Self::StandardMidiFile(octets) | Self::SampleBank(octets) => {
                bits.push(octets.len() as u32, 32);
                bits.push_octets(octets);
            }
            Self::Orchestra(block) | Self::Score(block) | Self::Sample(block) | Self::Symbols(block) => {
                bits.push_bits(block);
            }
        }
    }
}

const fn is_in(sacnk: u8, object_type: ObjectType) -> bool {
    match object_type {
        ObjectType::StructuredAudio => sacnk <= 5,
        ObjectType::Wavetable => matches!(sacnk, 2 | 4),
        ObjectType::GeneralMidi => sacnk == 2,
    }
}

/// A `FILE_BLK`: `FILE_LEN` and as many octets.
fn file(reader: &mut Reader<'_>) -> Result<Vec<u8>, Fault> {
    let length = reader.take(32)?;
    reader.take_octets(length)
}
