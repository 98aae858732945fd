//! The texts of the music: what they are, and how long they may be.

/// Something that is said, sung or marked at a moment of the music.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Text {
    /// What it is.
    pub kind: Kind,
    /// When it is due: the RTP timestamp that a command of that moment has.
    pub timestamp: u32,
    /// The text, at most [`Text::LONGEST`] octets of it.
    pub text: String,
}

/// What a text is. The number of each is that of the meta event in a Standard MIDI File.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// `01`: anything; in karaoke files, the words.
    Text = 0x01,
    /// `05`: a syllable or line to sing.
    Lyric = 0x05,
    /// `06`: a marker, such as a rehearsal letter.
    Marker = 0x06,
    /// `07`: a cue: what happens on film or stage.
    Cue = 0x07,
}

impl Text {
    /// Octets of UTF-8 that are sent of a text at most.
    pub const LONGEST: usize = 120;
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Text, Self::Lyric, Self::Marker, Self::Cue];

    /// The type octet of the meta event.
    pub const fn octet(self) -> u8 {
        self as u8
    }

    /// The kind with this type octet.
    pub fn from_octet(octet: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.octet() == octet)
    }

    /// Its name in one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Lyric => "lyric",
            Self::Marker => "marker",
            Self::Cue => "cue",
        }
    }
}

/// The start of `text` that has at most `octets` octets and ends with a whole character.
pub fn shorten(text: &str, octets: usize) -> &str {
    &text[..text.floor_char_boundary(octets)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!([0, 1, 2, 3, 9].map(|octets| shorten("aé", octets)), ["", "a", "a", "aé", "aé"]);
    }

    #[test]
    fn kinds_have_the_numbers_of_meta_events() {
        assert_eq!(Kind::ALL.map(Kind::octet), [1, 5, 6, 7]);
        assert!((0..=255).all(|octet| Kind::from_octet(octet).is_none_or(|kind| kind.octet() == octet)));
    }
}
