//! A text with placeholders, `{name}`, that stand for what a named group of the other side has matched.

use crate::text::Groups;

/// Literal text and placeholders in turn.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Piece {
    Literal(String),
    Placeholder(String),
}

impl Template {
    /// A text without placeholders.
    pub(crate) fn literal(text: &str) -> Self {
        Self(if text.is_empty() { Vec::new() } else { vec![Piece::Literal(text.to_owned())] })
    }

    /// Of a name: `{{` and `}}` are braces.
    pub(crate) fn of_name(text: &str) -> Self {
        let mut template = Self::default();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                template.push_literal(&rest[..1]);
                rest = after;
            } else if let Some((name, after)) = placeholder(rest) {
                template.0.push(Piece::Placeholder(name.to_owned()));
                rest = after;
            } else {
                let (one, after) = rest.split_at(character.len_utf8());
                template.push_literal(one);
                rest = after;
            }
        }
        template
    }

    /// Of a regular expression: `\{`, and the braces of `\p{Greek}` and `\u{e9}`, are its own.
    pub(crate) fn of_regex(pattern: &str) -> Self {
        let mut template = Self::default();
        let mut rest = pattern;
        while let Some(character) = rest.chars().next() {
            let own = match (character, placeholder(rest)) {
                ('\\', _) => escape_length(rest),
                (_, Some((name, after))) => {
                    template.0.push(Piece::Placeholder(name.to_owned()));
                    rest = after;
                    continue;
                }
                _ => character.len_utf8(),
            };
            let (own, after) = rest.split_at(own);
            template.push_literal(own);
            rest = after;
        }
        template
    }

    pub(crate) fn push_literal(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Literal(literal)) => literal.push_str(text),
            _ if text.is_empty() => {}
            _ => self.0.push(Piece::Literal(text.to_owned())),
        }
    }

    pub(crate) fn push_placeholder(&mut self, name: &str) {
        self.0.push(Piece::Placeholder(name.to_owned()));
    }

    /// Adds another template behind.
    pub(crate) fn append(&mut self, other: Self) {
        for piece in other.0 {
            match piece {
                Piece::Literal(text) => self.push_literal(&text),
                Piece::Placeholder(_) => self.0.push(piece),
            }
        }
    }

    /// The template with its literal text changed.
    pub(crate) fn quoted(self, quote: impl Fn(&str) -> String) -> Self {
        let quoted = self.0.into_iter().map(|piece| match piece {
            Piece::Literal(text) => Piece::Literal(quote(&text)),
            Piece::Placeholder(_) => piece,
        });
        Self(quoted.collect())
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    pub(crate) fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Placeholder(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// The text with what groups have matched; a group that is not there gives nothing.
    pub(crate) fn fill(&self, groups: &Groups, quote: impl Fn(&str) -> String) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Placeholder(name) => filled.push_str(&quote(groups.get(name).map_or("", String::as_str))),
            }
        }
        filled
    }
}

/// The name between braces at the start of a text, and what follows.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    let begins = |first: char| first.is_alphabetic() || first == '_';
    let goes_on = |character: char| character.is_alphanumeric() || character == '_';
    (name.starts_with(begins) && name.chars().all(goes_on)).then_some((name, after))
}

/// How long the escape at the start of a text is, braces included.
fn escape_length(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    let Some((at, escaped)) = characters.next() else { return text.len() };
    let end = at + escaped.len_utf8();
    match text[end..].find('}') {
        Some(close) if "pPxuU".contains(escaped) && text[end..].starts_with('{') => end + close + 1,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &Template) -> String {
        template.fill(&Groups::from([("n".to_owned(), "7".to_owned())]), str::to_owned)
    }

    #[test]
    fn braces_in_names_are_doubled() {
        assert_eq!(filled(&Template::of_name("in_{n}{{n}}{ n}{2}{}}")), "in_7{n}{ n}{2}{}");
        assert_eq!(Template::of_name("é{n").placeholders().count(), 0);
    }

    #[test]
    fn braces_of_an_expression_are_its_own() {
        let pattern = "\\p{Greek}\\u{e9}a{2,3}\\{n}{n}\\";
        assert_eq!(filled(&Template::of_regex(pattern)), "\\p{Greek}\\u{e9}a{2,3}\\{n}7\\");
    }
}
