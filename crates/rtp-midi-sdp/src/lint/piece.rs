//! A piece of a description that knows where it stands.

use std::ops::Range;

/// A part of one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    /// Counted from 1.
    pub(super) line: usize,
    /// In characters, counted from 1.
    pub(super) column: usize,
}

impl Piece<'_> {
    /// A part of the piece, given in octets.
    pub(super) fn part(self, octets: Range<usize>) -> Self {
        let (before, text) = (&self.text[..octets.start], &self.text[octets]);
        Self { text, column: self.column + before.chars().count(), ..self }
    }

    /// The empty piece behind this one.
    pub(super) fn end(self) -> Self {
        self.part(self.text.len()..self.text.len())
    }

    /// Without white space around it.
    pub(super) fn trim(self) -> Self {
        let start = self.text.len() - self.text.trim_start().len();
        self.part(start..start + self.text.trim().len())
    }

    /// What stands in front of the first separator, and behind it.
    pub(super) fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let at = self.text.find(separator)?;
        Some((self.part(0..at), self.part(at + separator.len_utf8()..self.text.len())))
    }

    /// The parts between all separators of which `is_separator` is true.
    pub(super) fn split(self, mut is_separator: impl FnMut(char) -> bool) -> impl Iterator<Item = Self> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let piece = rest?;
            let found = piece.text.char_indices().find(|(_, c)| is_separator(*c));
            rest = found.map(|(at, c)| piece.part(at + c.len_utf8()..piece.text.len()));
            Some(found.map_or(piece, |(at, _)| piece.part(0..at)))
        })
    }

    /// The parts between semicolons; those inside double quotes separate nothing.
    pub(super) fn parameters(self) -> impl Iterator<Item = Self> {
        let mut quoted = false;
        self.split(move |c| {
            quoted ^= c == '"';
            c == ';' && !quoted
        })
    }

    /// The parts between runs of white space.
    pub(super) fn words(self) -> impl Iterator<Item = Self> {
        self.split(char::is_whitespace).filter(|word| !word.text.is_empty())
    }

    /// What stands between double quotes.
    pub(super) fn unquoted(self) -> Option<Self> {
        let end = self.text.strip_prefix('"')?.strip_suffix('"')?.len() + 1;
        Some(self.part(1..end))
    }

    pub(super) fn is(self, text: &str) -> bool {
        self.text.eq_ignore_ascii_case(text)
    }

    pub(super) fn is_one_of(self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.is(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str) -> Piece<'_> {
        Piece { text, line: 3, column: 5 }
    }

    fn columns<'a>(pieces: impl Iterator<Item = Piece<'a>>) -> Vec<(&'a str, usize)> {
        pieces.map(|piece| (piece.text, piece.column)).collect()
    }

    #[test]
    fn columns_count_characters_and_not_octets() {
        assert_eq!(columns(piece("é;ü;").split(|c| c == ';')), [("é", 5), ("ü", 7), ("", 9)]);
        assert_eq!(columns(piece(" ö  x\t").words()), [("ö", 6), ("x", 9)]);
        let (left, right) = piece("ä=b").split_once('=').unwrap();
        assert_eq!((left.column, right.column, right.end().column), (5, 7, 8));
    }

    #[test]
    fn semicolons_in_quotes_separate_nothing() {
        assert_eq!(columns(piece("a=\";\"; b;").parameters()), [("a=\";\"", 5), (" b", 11), ("", 14)]);
        assert_eq!(columns(piece("\";").parameters()), [("\";", 5)]);
    }

    #[test]
    fn quotes_and_blanks_come_off() {
        let inner = piece("  \"a b\" ").trim().unquoted().unwrap();
        assert_eq!((inner.text, inner.column), ("a b", 8));
        assert_eq!(piece("\"").unquoted(), None);
        assert_eq!(piece("\"\"").unquoted().map(|piece| piece.text), Some(""));
    }
}
