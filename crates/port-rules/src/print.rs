//! Rules as text, which reads as the same rules again.

use std::fmt::{Display, Formatter, Result, Write};

use crate::endpoint::{Endpoint, Names, PROPERTIES, Which};
use crate::rule::{Action, Rule, Rules, Way};
use crate::template::Piece;
use crate::text::{Form, Text};

impl Display for Rules {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.iter().try_for_each(|rule| writeln!(f, "{rule}"))
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let back = if self.way == Way::Both { "<" } else { "" };
        let shaft = match self.action {
            Action::Connect if self.way == Way::Both => "-",
            Action::Connect => "--",
            Action::ConnectFree => "-?-",
            Action::Forbid => "-x-",
            Action::Disconnect => "-/-",
        };
        write!(f, "{} {back}{shaft}> {}", self.from, self.to)
    }
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.tap {
            f.write_char('@')?;
        }
        let words = self
            .properties
            .iter()
            .filter_map(|property| PROPERTIES.iter().find(|(_, known)| known == property).map(|(word, _)| *word));
        let mut blank = "";
        for word in words {
            write!(f, "{blank}{word}")?;
            blank = " ";
        }
        match &self.names {
            Names::All if !blank.is_empty() => Ok(()),
            Names::All => f.write_char('*'),
            Names::Whole(text) => write!(f, "{blank}{text}"),
            Names::Client(client, Which::First) => write!(f, "{blank}{client}"),
            Names::Client(client, Which::Number(number)) => write!(f, "{blank}{client}:={number}"),
            Names::Client(client, Which::Named(port)) => write!(f, "{blank}{client}:{port}"),
        }
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut text = String::new();
        for piece in self.template().pieces() {
            match piece {
                Piece::Literal(literal) if self.form() == Form::Regex => slashed(literal, &mut text),
                Piece::Literal(literal) => text.push_str(&literal.replace('{', "{{").replace('}', "}}")),
                Piece::Placeholder(name) => {
                    text.push('{');
                    text.push_str(name);
                    text.push('}');
                }
            }
        }
        match self.form() {
            Form::Any => f.write_char('*'),
            Form::Regex => write!(f, "/{text}/"),
            Form::Exact => quoted(&text, f),
            Form::Part if needs_quotes(&text) => {
                f.write_char('~')?;
                quoted(&text, f)
            }
            Form::Part | Form::Glob => f.write_str(&text),
        }
    }
}

/// A name in quotation marks.
fn quoted(text: &str, f: &mut Formatter<'_>) -> Result {
    let quote = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    write!(f, "{quote}{}{quote}", text.replace(quote, &String::from(quote).repeat(2)))
}

/// Whether a part of a name would be read as something else without quotation marks.
fn needs_quotes(text: &str) -> bool {
    let is_arrow = |word: &str| word.chars().all(|character| "<>-x/?".contains(character));
    text.starts_with(['@', '.', '/', '=', '"', '\'', '~'])
        || text.contains([':', '*', '?'])
        || text.trim() != text
        || text.split_whitespace().any(|word| word.starts_with('#') || is_arrow(word))
}

/// An expression with `\/` for its slashes.
fn slashed(pattern: &str, out: &mut String) {
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '/' => out.push_str("\\/"),
            '\\' => {
                out.push('\\');
                out.extend(characters.next());
            }
            _ => out.push(character),
        }
    }
}
