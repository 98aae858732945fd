//! The parts of a value of `cm_*` or `ch_*`, each with its place. What a value means is [`Language`]'s to say.

use rtp_midi::{Letters, Selection};

use super::piece::Piece;
use super::stream::Parameter;
use crate::Language;

/// A value that can be read.
pub(super) enum Selected<'a> {
    Types(Types<'a>),
    /// A class of System Exclusives: the ranges of its octets.
    Class(Vec<Range<'a>>),
}

/// `[channels]LETTERS[fields]`.
pub(super) struct Types<'a> {
    pub(super) channels: Vec<Range<'a>>,
    pub(super) letters: Piece<'a>,
    pub(super) fields: Vec<Range<'a>>,
    /// The letters that have a meaning.
    pub(super) known: Letters,
}

/// A number, or two with a dash.
#[derive(Clone, Copy)]
pub(super) struct Range<'a> {
    pub(super) whole: Piece<'a>,
    pub(super) left: Piece<'a>,
    pub(super) right: Option<Piece<'a>>,
}

impl<'a> Selected<'a> {
    /// The language of a parameter, if it is one that selects something.
    pub(super) fn language(parameter: &Parameter<'_>) -> Option<Language> {
        if parameter.is_command_selection() {
            Some(Language::Commands)
        } else {
            parameter.is_chapter_selection().then_some(Language::Chapters)
        }
    }

    /// The parts of a parameter's value, if it selects something and can be read.
    pub(super) fn of(parameter: &Parameter<'a>) -> Option<Self> {
        let value = parameter.value;
        let selection = Self::language(parameter)?.parse(value.text).ok()?;
        let Selection::Types { letters: known, .. } = selection else {
            let octets = value.part(2..value.text.len() - 2).split(|c| c == '_' || c == '.');
            return Some(Self::Class(octets.map(Range::read).collect()));
        };
        let start = value.text.find(|c: char| c.is_ascii_alphabetic())?;
        let end = value.text.rfind(|c: char| c.is_ascii_alphabetic())? + 1;
        Some(Self::Types(Types {
            channels: ranges(value.part(0..start)),
            letters: value.part(start..end),
            fields: ranges(value.part(end..value.text.len())),
            known,
        }))
    }

    /// The parts of a value that is no class.
    pub(super) fn types(parameter: &Parameter<'a>, language: Language) -> Option<Types<'a>> {
        let is_of_it = Self::language(parameter) == Some(language);
        match Self::of(parameter).filter(|_| is_of_it)? {
            Self::Types(types) => Some(types),
            Self::Class(_) => None,
        }
    }
}

impl<'a> Types<'a> {
    /// The first number of the channel list that is above `most`.
    pub(super) fn channel_above(&self, most: u32) -> Option<Piece<'a>> {
        self.channels.iter().find_map(|range| range.number_above(most))
    }

    /// Whether the channel list has the number.
    pub(super) fn has_channel(&self, number: u32) -> bool {
        self.channels.iter().any(|range| range.contains(number))
    }

    /// Whether no letter but these has a meaning here.
    pub(super) fn are_all_of(&self, letters: &str) -> bool {
        !self.known.is_empty() && self.known.without(Letters::of(letters)).is_empty()
    }

    pub(super) fn has(&self, letter: char) -> bool {
        self.known.contains(letter as u8)
    }

    /// The largest number that any of the letters takes in its field list, of a table of them.
    pub(super) fn most(&self, table: &[(&str, u32)]) -> Option<u32> {
        let of_these = table.iter().filter(|(letters, _)| !self.known.and(Letters::of(letters)).is_empty());
        of_these.map(|(_, most)| *most).max()
    }
}

impl<'a> Range<'a> {
    fn read(whole: Piece<'a>) -> Self {
        match whole.split_once('-') {
            Some((left, right)) => Self { whole, left, right: Some(right) },
            None => Self { whole, left: whole, right: None },
        }
    }

    pub(super) fn ends(&self) -> impl Iterator<Item = Piece<'a>> {
        [self.left].into_iter().chain(self.right)
    }

    fn number_above(&self, most: u32) -> Option<Piece<'a>> {
        self.ends().find(|end| end.text.parse().is_ok_and(|number: u32| number > most))
    }

    /// Whether the list has the number, read in either direction.
    pub(super) fn contains(&self, number: u32) -> bool {
        let mut ends = self.ends().filter_map(|end| end.text.parse::<u32>().ok());
        let left = ends.next().unwrap_or_default();
        let right = ends.next().unwrap_or(left);
        (left.min(right)..=left.max(right)).contains(&number)
    }

    /// The first number of a list above `most`.
    pub(super) fn first_above(ranges: &[Self], most: u32) -> Option<Piece<'a>> {
        ranges.iter().find_map(|range| range.number_above(most))
    }
}

fn ranges(list: Piece<'_>) -> Vec<Range<'_>> {
    let parts = list.split(|c| c == '.').filter(|part| !part.text.is_empty());
    parts.map(Range::read).collect()
}
