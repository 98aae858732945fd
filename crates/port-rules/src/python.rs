//! Regular expressions and placeholders as Python writes them, in the forms that are used here.

use crate::template::Template;

/// A pattern of Python's `re` in the other syntax, which knows more sets of characters and fewer stray braces.
pub(crate) fn translated(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    let mut set = Set::Outside;
    while let Some(character) = rest.chars().next() {
        let mut length = character.len_utf8();
        let before = set;
        set = match (set, character) {
            (Set::Outside, '[') => Set::Begins,
            // A bracket that is the first of its set belongs to it.
            (Set::Begins, '^') => Set::Begins,
            (Set::Inside, ']') => Set::Outside,
            (Set::Outside, _) => Set::Outside,
            _ => Set::Inside,
        };
        match (before, character) {
            (_, '\\') => {
                let escaped = rest[1..].chars().next();
                length += escaped.map_or(0, char::len_utf8);
                match escaped {
                    Some('Z') => out.push_str("\\z"),
                    Some(escaped @ ('<' | '>' | ' ')) => out.push(escaped),
                    _ => out.push_str(&rest[..length]),
                }
            }
            (Set::Outside, '{') => match quantifier(rest) {
                Some((plain, taken)) => {
                    out.push_str(&plain);
                    length = taken;
                }
                None => out.push_str("\\{"),
            },
            (Set::Outside, '}') => out.push_str("\\}"),
            (Set::Inside | Set::Begins, '[' | '&' | '~' | '{' | '}') => {
                out.push('\\');
                out.push(character);
            }
            (Set::Begins, ']') => out.push_str("\\]"),
            _ => out.push(character),
        }
        rest = &rest[length..];
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Outside,
    Begins,
    Inside,
}

/// `{2}`, `{2,}`, `{,3}` or `{2,3}` at the start of a text, as it is written here, and how long it is.
fn quantifier(text: &str) -> Option<(String, usize)> {
    let (inside, _) = text.strip_prefix('{')?.split_once('}')?;
    let digits = |text: &str| text.chars().all(|character| character.is_ascii_digit());
    let plain = match inside.split_once(',') {
        Some((least, most)) if digits(least) && digits(most) && inside != "," => {
            format!("{{{},{most}}}", if least.is_empty() { "0" } else { least })
        }
        None if digits(inside) && !inside.is_empty() => format!("{{{inside}}}"),
        _ => return None,
    };
    Some((plain, inside.len() + 2))
}

/// What stands in a format string: text, and names in braces.
pub(crate) enum Format {
    /// Text and placeholders.
    Filled(Vec<Part>),
    /// It is none that Python could fill with names, and stays as it is.
    Verbatim,
    /// A placeholder with more than a name.
    Unknown(String),
}

/// A piece of a format string.
pub(crate) enum Part {
    Text(String),
    Name(String),
}

/// Reads a format string.
pub(crate) fn format(text: &str) -> Format {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        let rest = &text[at + character.len_utf8()..];
        match character {
            '{' | '}' if rest.starts_with(character) => {
                literal.push(character);
                characters.next();
            }
            '}' => return Format::Verbatim,
            '{' => {
                let Some((name, _)) = rest.split_once('}') else { return Format::Verbatim };
                // A number, or nothing, asks for arguments that are never there.
                if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
                    return Format::Verbatim;
                }
                if !name.chars().all(|character| character.is_alphanumeric() || character == '_') {
                    return Format::Unknown(name.to_owned());
                }
                parts.push(Part::Text(std::mem::take(&mut literal)));
                parts.push(Part::Name(name.to_owned()));
                characters.nth(name.chars().count());
            }
            _ => literal.push(character),
        }
    }
    parts.push(Part::Text(literal));
    Format::Filled(parts)
}

/// The template of an input port's pattern; names that no group has are empty, as Python leaves them.
pub(crate) fn template(parts: &[Part], groups: &[&str], is_pattern: bool) -> Template {
    let mut template = Template::default();
    let mut pending = String::new();
    let text = |pending: &mut String| {
        let taken = std::mem::take(pending);
        if is_pattern { translated(&taken) } else { taken }
    };
    for part in parts {
        match part {
            Part::Text(literal) => pending.push_str(literal),
            Part::Name(name) if groups.contains(&name.as_str()) => {
                template.push_literal(&text(&mut pending));
                template.push_placeholder(name);
            }
            Part::Name(_) => {}
        }
    }
    template.push_literal(&text(&mut pending));
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_takes_as_it_is_stays_so() {
        for (python, here) in [
            ("a{foo}b{2}c{2,}d{,3}", "a\\{foo\\}b{2}c{2,}d{0,3}"),
            ("[[a]x[^]b]y[&&][{n}]", "[\\[a]x[^\\]b]y[\\&\\&][\\{n\\}]"),
            ("out\\Z\\<\\ \\d{", "out\\z< \\d\\{"),
            ("{,}", "\\{,\\}"),
        ] {
            assert_eq!(translated(python), here);
            assert!(regex::Regex::new(here).is_ok(), "{here}");
        }
    }

    #[test]
    fn a_format_that_asks_for_numbers_is_no_format() {
        assert!(matches!(format("in_[0-9]{2}"), Format::Verbatim));
        assert!(matches!(format("in_{n"), Format::Verbatim));
        assert!(matches!(format("in_{n:>3}"), Format::Unknown(name) if name == "n:>3"));
        let Format::Filled(parts) = format("in_{{2}}{n}é{m}") else { panic!("a format") };
        assert_eq!(template(&parts, &["n"], true).placeholders().collect::<Vec<_>>(), ["n"]);
    }
}
