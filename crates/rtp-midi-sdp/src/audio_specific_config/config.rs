//! An `AudioSpecificConfig` as a whole: figure E.3 of RFC 6295.

use super::bits::{Bits, Reader};
use super::sampling_rate::SamplingRate;
use super::{Chunk, Fault, ObjectType, hex};

/// The renderer of a stream and its data. There is at least one block, and only such as the object type has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudioSpecificConfig {
    object_type: ObjectType,
    sampling_rate: SamplingRate,
    /// CHANNEL.
    channels: u8,
    chunks: Vec<Chunk>,
}

impl AudioSpecificConfig {
    /// A renderer for a stream with this RTP clock rate and so many audio channels, which are what `rtpmap` names
    /// behind the rate, and 1 when it names none. Of 44100, 48000 and ten others the rate is listed, else escaped.
    pub fn new(object_type: ObjectType, clock_rate: u32, channels: u32, chunks: Vec<Chunk>) -> Result<Self, Fault> {
        if chunks.is_empty() {
            return Err(Fault::NoChunk);
        }
        chunks.iter().try_for_each(|chunk| chunk.check(object_type))?;
        // 5.1 and 7.1 are six and eight channels.
        let channels = match channels {
            1..=6 => channels as u8,
            8 => 7,
            _ => 0,
        };
        Ok(Self { object_type, sampling_rate: SamplingRate::of(clock_rate), channels, chunks })
    }

    /// General MIDI, with an empty file in the block that there must be.
    pub fn general_midi(clock_rate: u32, channels: u32) -> Self {
        Self::new(ObjectType::GeneralMidi, clock_rate, channels, vec![Chunk::StandardMidiFile(Vec::new())])
            .expect("General MIDI has blocks with Standard MIDI Files")
    }

    /// Which renderer.
    pub const fn object_type(&self) -> ObjectType {
        self.object_type
    }

    /// Samples per second, in a stream with this RTP clock rate, which counts when the rate is escaped.
    pub const fn sampling_rate(&self, clock_rate: u32) -> u32 {
        self.sampling_rate.hertz(clock_rate)
    }

    /// How many audio channels there are, where the field says so.
    pub const fn channels(&self) -> Option<u8> {
        match self.channels {
            1..=6 => Some(self.channels),
            7 => Some(8),
            _ => None,
        }
    }

    /// The blocks, in order; never none.
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// The Standard MIDI Files in it, in order. An empty one stands for none.
    pub fn files(&self) -> impl Iterator<Item = &[u8]> {
        self.chunks.iter().filter_map(|chunk| match chunk {
            Chunk::StandardMidiFile(octets) if !octets.is_empty() => Some(octets.as_slice()),
            _ => None,
        })
    }

    /// Reads the octets of the media type `audio/asc`. What follows the last block is passed over: padding, and
    /// coding tools that MIDI has no use for.
    pub fn decode(octets: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(octets);
        let object_type = ObjectType::decode(&mut reader)?;
        let (rate, numbered) = SamplingRate::decode(&mut reader)?;
        // ISO/IEC 14496-3 goes first: it is the norm, and figure E.3 a simplification.
        if let Some((rate, behind)) = numbered
            && let Ok(config) = Self::behind(object_type, rate, behind)
        {
            return Ok(config);
        }
        Self::behind(object_type, rate, reader)
    }

    /// The fields behind FREQIDX.
    fn behind(object_type: ObjectType, sampling_rate: SamplingRate, mut reader: Reader<'_>) -> Result<Self, Fault> {
        let channels = reader.take(4)? as u8;
        let mut chunks = vec![Chunk::decode(&mut reader, object_type)?];
        while reader.flag()? {
            chunks.push(Chunk::decode(&mut reader, object_type)?);
        }
        Ok(Self { object_type, sampling_rate, channels, chunks })
    }

    /// The octets of the media type `audio/asc`, with zeros behind the last bit.
    pub fn encode(&self) -> Vec<u8> {
        let mut bits = Bits::new();
        bits.push(self.object_type.number().into(), 5);
        self.sampling_rate.encode(&mut bits);
        bits.push(self.channels.into(), 4);
        for (index, chunk) in self.chunks.iter().enumerate() {
            if index > 0 {
                bits.push(1, 1);
            }
            chunk.encode(&mut bits);
        }
        // No more blocks, and no special coding tools.
        bits.push(0, 2);
        bits.into_octets()
    }

    /// Reads the value of the parameter `config`, without quotes.
    pub fn parse(digits: &str) -> Result<Self, Fault> {
        Self::decode(&hex::octets(digits)?)
    }

    /// The value of the parameter `config`: whole octets, as RFC 3640 has it.
    pub fn print(&self) -> String {
        hex::digits(&self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The constant of figure E.7, which all examples with General MIDI have: 258 bits.
    const EXAMPLE: &str = "7A0A0000001A4D546864000000060000000100604D54726B0000000600FF2F000";

    fn file() -> Vec<u8> {
        b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x06\0\xFF\x2F\0".to_vec()
    }

    #[test]
    fn the_example_of_the_rfc_is_read_and_written_alike() {
        let config = AudioSpecificConfig::parse(EXAMPLE).unwrap();
        assert_eq!(config.object_type(), ObjectType::GeneralMidi);
        assert_eq!((config.sampling_rate(8000), config.channels()), (44_100, Some(1)));
        assert_eq!(config.chunks(), [Chunk::StandardMidiFile(file())]);
        assert_eq!(config.files().collect::<Vec<_>>(), [file()]);
        let made = AudioSpecificConfig::new(ObjectType::GeneralMidi, 44_100, 1, vec![Chunk::StandardMidiFile(file())]);
        assert_eq!(made, Ok(config.clone()));
        // RFC 3640 wants whole octets, which the example has not.
        assert_eq!(config.print(), format!("{EXAMPLE}0"));
        assert_eq!(config.encode().len(), 33);
    }

    #[test]
    fn general_midi_has_an_empty_file() {
        let config = AudioSpecificConfig::general_midi(48_000, 2);
        assert_eq!(config.encode(), [0b0111_1001, 0b1001_0010, 0, 0, 0, 0, 0]);
        assert_eq!(config.files().next(), None);
    }

    #[test]
    fn a_rate_that_is_not_listed_is_that_of_the_clock() {
        let config = AudioSpecificConfig::general_midi(176_400, 1);
        let octets = config.encode();
        assert_eq!((octets[0], octets[1] >> 7), (0b0111_1111, 1));
        assert_eq!(AudioSpecificConfig::decode(&octets), Ok(config.clone()));
        assert_eq!(config.sampling_rate(176_400), 176_400);
        assert_eq!(AudioSpecificConfig::general_midi(90_000, 1).print(), "7F80AFC80A0000000000");
        // As figure E.3 has it: no number behind the escape value.
        let short = AudioSpecificConfig::parse("7F8A0000000000").unwrap();
        assert_eq!((short.sampling_rate(90_000), short.channels()), (90_000, Some(1)));
        assert_eq!(short.print(), "7F8A0000000000");
        assert_eq!(AudioSpecificConfig::parse("7E0A0000000000"), Err(Fault::SamplingRate { index: 12 }));
    }

    #[test]
    fn audio_channels_are_those_of_the_rtpmap() {
        let field = |channels| AudioSpecificConfig::general_midi(44_100, channels).encode()[1] >> 3 & 15;
        assert_eq!([0, 1, 2, 5, 6, 7, 8, 9].map(field), [0, 1, 2, 5, 6, 0, 7, 0]);
        let back = |channels| AudioSpecificConfig::general_midi(44_100, channels).channels();
        assert_eq!([1, 6, 8, 9].map(back), [Some(1), Some(6), Some(8), None]);
    }

    #[test]
    fn special_coding_tools_are_passed_over() {
        let plain = AudioSpecificConfig::parse(EXAMPLE).unwrap();
        let tools = format!("{}1FFFF", EXAMPLE.strip_suffix('0').unwrap());
        let mut octets = hex::octets(&tools).unwrap();
        octets[32] = 0b0111_1111;
        assert_eq!(AudioSpecificConfig::decode(&octets), Ok(plain));
    }

    #[test]
    fn each_object_type_has_its_blocks() {
        let (smf, bank) = (Chunk::StandardMidiFile(file()), Chunk::SampleBank(b"RIFF".to_vec()));
        let new = |object_type, chunks: &[&Chunk]| {
            AudioSpecificConfig::new(object_type, 44_100, 1, chunks.iter().copied().cloned().collect())
        };
        let dls = new(ObjectType::Wavetable, &[&bank, &smf]).unwrap();
        assert_eq!(AudioSpecificConfig::decode(&dls.encode()), Ok(dls));
        let refused = Fault::Chunk { sacnk: 4, object_type: ObjectType::GeneralMidi };
        assert_eq!(new(ObjectType::GeneralMidi, &[&smf, &bank]), Err(refused));
        assert_eq!(new(ObjectType::GeneralMidi, &[]), Err(Fault::NoChunk));
        // SACNK 4 behind AOTYPE 15, and what nothing has: 6.
        assert_eq!(AudioSpecificConfig::parse("7A0C0000000000"), Err(refused));
        let unknown = Fault::Chunk { sacnk: 6, object_type: ObjectType::StructuredAudio };
        assert_eq!(AudioSpecificConfig::parse("6A0E0000000000"), Err(unknown));
    }

    #[test]
    fn a_file_that_is_not_there_is_not_made_room_for() {
        let fault = Fault::Truncated { bit: 48, needed: 34_359_738_360, found: 16 };
        assert_eq!(AudioSpecificConfig::parse("7A0AFFFFFFFF0000"), Err(fault));
        assert_eq!(fault.to_string(), "AudioSpecificConfig: 34359738360 bits needed from bit 48 on, 16 left");
        let unended = Fault::Truncated { bit: 48, needed: 1, found: 0 };
        assert_eq!(AudioSpecificConfig::parse("7A0A00000000"), Err(unended));
    }

    fn any_config() -> impl Strategy<Value = AudioSpecificConfig> {
        let rate = prop_oneof![Just(44_100_u32), Just(8000), 1_u32..1 << 24];
        let symbols = |letters: Vec<u8>| {
            let mut bits = Bits::new();
            bits.push(1, 16);
            bits.push(letters.len() as u32, 4);
            bits.push_octets(&letters);
            Chunk::Symbols(bits)
        };
        let octets = || prop::collection::vec(any::<u8>(), 0..40);
        let chunk = prop_oneof![
            octets().prop_map(Chunk::StandardMidiFile),
            octets().prop_map(Chunk::SampleBank),
            prop::collection::vec(any::<u8>(), 0..16).prop_map(symbols),
        ];
        (rate, 0_u32..10, prop::collection::vec(chunk, 1..5)).prop_map(|(rate, channels, chunks)| {
            let types = [ObjectType::GeneralMidi, ObjectType::Wavetable, ObjectType::StructuredAudio];
            let new = |object_type| AudioSpecificConfig::new(object_type, rate, channels, chunks.clone());
            types.into_iter().find_map(|object_type| new(object_type).ok()).expect("Structured Audio has all blocks")
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(config in any_config()) {
            prop_assert_eq!(AudioSpecificConfig::decode(&config.encode()), Ok(config.clone()));
            prop_assert_eq!(AudioSpecificConfig::parse(&config.print()), Ok(config));
        }

        #[test]
        fn what_is_read_is_written_as_it_was(head in prop::sample::select(vec![0x68_u8, 0x69, 0x70, 0x7A, 0xF8]),
                                             tail in prop::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..80)) {
            let octets = [&[head], tail.as_slice()].concat();
            if let Ok(config) = AudioSpecificConfig::decode(&octets) {
                let written = config.encode();
                prop_assert_eq!(AudioSpecificConfig::decode(&written), Ok(config));
                let bits = written.len() - 1;
                prop_assert_eq!(&written[..bits], &octets[..bits]);
            }
        }

        #[test]
        fn random_text_does_no_harm(text in "[0-9A-Fa-f]{0,80}|\\PC{0,20}") {
            let _ = AudioSpecificConfig::parse(&text);
        }
    }
}
