//! Meta events (Standard MIDI Files 1.0, "Meta-Events").

/// A meta event: information in a track that is no MIDI message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meta<'a> {
    /// `00`: the number of the sequence.
    SequenceNumber(u16),
    /// `01` to `0F`: text in some encoding, mostly ASCII, Latin-1 or UTF-8.
    Text(TextKind, &'a [u8]),
    /// `20`: the channel (0 to 15) that the following meta events are about.
    ChannelPrefix(u8),
    /// `21`: the output port of the track.
    Port(u8),
    /// `2F`: the end of the track.
    EndOfTrack,
    /// `51`: microseconds per quarter note.
    Tempo(u32),
    /// `54`: hours, minutes, seconds, frames, hundredths of frames at which the track begins.
    SmpteOffset([u8; 5]),
    /// `58`: the time signature.
    TimeSignature(TimeSignature),
    /// `59`: the key signature.
    KeySignature {
        /// Sharps, or flats when negative.
        sharps: i8,
        /// Whether the key is minor.
        minor: bool,
    },
    /// `7F`: data for a certain sequencer.
    SequencerSpecific(&'a [u8]),
    /// Any other, and those above whose length is not theirs.
    Other {
        /// The type octet.
        kind: u8,
        /// Its data.
        data: &'a [u8],
    },
}

/// What a text event says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TextKind {
    /// `01`: anything.
    Text,
    /// `02`: copyright notice.
    Copyright,
    /// `03`: name of the track; in the first track, of the sequence.
    TrackName,
    /// `04`: name of the instrument.
    Instrument,
    /// `05`: a syllable or line to sing.
    Lyric,
    /// `06`: marker, such as a rehearsal letter.
    Marker,
    /// `07`: cue: what happens on film or stage.
    Cue,
    /// `08`: name of the program.
    Program,
    /// `09`: name of the device.
    Device,
}

/// The time signature: `beats` per bar of `1 / 2^unit` notes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeSignature {
    /// Beats in a bar.
    pub beats: u8,
    /// The note that is one beat, as a negative power of two: 2 is a quarter, 3 an eighth.
    pub unit: u8,
    /// MIDI clocks per metronome click.
    pub clocks_per_click: u8,
    /// Notated 32nd notes in 24 MIDI clocks.
    pub thirty_seconds_per_quarter: u8,
}

impl<'a> Meta<'a> {
    /// The meaning of a type octet and its data.
    pub fn decode(kind: u8, data: &'a [u8]) -> Self {
        match (kind, data) {
            (0x00, &[high, low]) => Self::SequenceNumber(u16::from_be_bytes([high, low])),
            (0x20, &[channel @ 0..16]) => Self::ChannelPrefix(channel),
            (0x21, &[port]) => Self::Port(port),
            (0x2F, &[]) => Self::EndOfTrack,
            (0x51, &[high, middle, low]) => Self::Tempo(u32::from_be_bytes([0, high, middle, low])),
            (0x54, &[hours, minutes, seconds, frames, parts]) => {
                Self::SmpteOffset([hours, minutes, seconds, frames, parts])
            }
            (0x58, &[beats, unit, clocks_per_click, thirty_seconds_per_quarter]) => {
                Self::TimeSignature(TimeSignature { beats, unit, clocks_per_click, thirty_seconds_per_quarter })
            }
            (0x59, &[sharps, minor @ 0..=1]) => Self::KeySignature { sharps: sharps.cast_signed(), minor: minor == 1 },
            (0x7F, data) => Self::SequencerSpecific(data),
            (kind, data) => match TextKind::decode(kind) {
                Some(text) => Self::Text(text, data),
                None => Self::Other { kind, data },
            },
        }
    }

    /// The type octet.
    pub fn kind(&self) -> u8 {
        match self {
            Self::SequenceNumber(_) => 0x00,
            Self::Text(kind, _) => kind.code(),
            Self::ChannelPrefix(_) => 0x20,
            Self::Port(_) => 0x21,
            Self::EndOfTrack => 0x2F,
            Self::Tempo(_) => 0x51,
            Self::SmpteOffset(_) => 0x54,
            Self::TimeSignature(_) => 0x58,
            Self::KeySignature { .. } => 0x59,
            Self::SequencerSpecific(_) => 0x7F,
            Self::Other { kind, .. } => *kind,
        }
    }

    /// Gives the data octets to `take`.
    pub fn with_data<R>(&self, take: impl FnOnce(&[u8]) -> R) -> R {
        match *self {
            Self::SequenceNumber(number) => take(&number.to_be_bytes()),
            Self::Text(_, data) | Self::SequencerSpecific(data) | Self::Other { data, .. } => take(data),
            Self::ChannelPrefix(octet) | Self::Port(octet) => take(&[octet]),
            Self::EndOfTrack => take(&[]),
            Self::Tempo(tempo) => take(&tempo.min(0x00FF_FFFF).to_be_bytes()[1..]),
            Self::SmpteOffset(octets) => take(&octets),
            Self::TimeSignature(TimeSignature { beats, unit, clocks_per_click, thirty_seconds_per_quarter }) => {
                take(&[beats, unit, clocks_per_click, thirty_seconds_per_quarter])
            }
            Self::KeySignature { sharps, minor } => take(&[sharps.cast_unsigned(), minor.into()]),
        }
    }
}

impl TextKind {
    /// All of them, in the order of their type octets.
    pub const ALL: [Self; 9] = [
        Self::Text,
        Self::Copyright,
        Self::TrackName,
        Self::Instrument,
        Self::Lyric,
        Self::Marker,
        Self::Cue,
        Self::Program,
        Self::Device,
    ];

    fn decode(kind: u8) -> Option<Self> {
        Self::ALL.get(usize::from(kind.checked_sub(1)?)).copied()
    }

    fn code(self) -> u8 {
        self as u8 + 1
    }
}

/// The characters of a text event, up to a zero octet if there is one: UTF-8, or else Latin-1, which most files without
/// it are in.
pub fn decode_text(octets: &[u8]) -> String {
    let octets = octets.split(|&octet| octet == 0).next().unwrap_or_default();
    match str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => octets.iter().map(|&octet| char::from(octet)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf_8_or_latin_1() {
        assert_eq!(["café".as_bytes(), b"caf\xE9", b"caf\xE9\0x", b""].map(decode_text), ["café", "café", "café", ""]);
    }

    #[test]
    fn every_meta_event_comes_back_from_its_octets() {
        for kind in 0..=0x7F {
            for length in 0..7 {
                let data: Vec<u8> = (1..=length).collect();
                let meta = Meta::decode(kind, &data);
                assert_eq!(meta.kind(), kind);
                meta.with_data(|octets| assert_eq!(octets, data));
            }
        }
    }

    #[test]
    fn a_wrong_length_is_kept_but_has_no_meaning() {
        assert_eq!(Meta::decode(0x59, &[2]), Meta::Other { kind: 0x59, data: &[2] });
        assert_eq!(Meta::decode(0x59, &[0xFE, 1]), Meta::KeySignature { sharps: -2, minor: true });
    }
}
