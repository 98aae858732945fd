//! Pattern files of jack-matchmaker: pairs of lines, a pattern for output ports and one for input ports.

use crate::endpoint::{Endpoint, Names, Which};
use crate::error::{Error, Fault};
use crate::python::{self, Format};
use crate::rule::{Action, Parsed, Rule, Rules, Way};
use crate::template::Template;
use crate::text::{Form, Text};

/// How jack-matchmaker was to read its patterns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Matching {
    /// As regular expressions with which names begin.
    #[default]
    Regex,
    /// As whole names (`--exact-matching`), but for `/expressions/` between slashes.
    Exact,
}

impl Rules {
    /// Reads a pattern file of jack-matchmaker.
    ///
    /// ```
    /// use port_rules::{Matching, Rules};
    /// let parsed = Rules::parse_matchmaker("cap_(?P<n>[12])$\n    daw:in_{n}$\n", Matching::Regex);
    /// assert_eq!(
    ///     parsed.rules.to_string(),
    ///     "/^(?:cap_(?P<n>[12])$)/ --> /^(?:daw:in_{n}$)/\n@/^(?:cap_(?P<n>[12])$)/ --> /^(?:daw:in_{n}$)/\n"
    /// );
    /// ```
    pub fn parse_matchmaker(text: &str, matching: Matching) -> Parsed {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let patterns = lines.filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
        pairs(patterns, matching)
    }

    /// Reads patterns as jack-matchmaker has them on its command line, in pairs; errors count them as lines.
    pub fn parse_matchmaker_pairs<'a>(patterns: impl IntoIterator<Item = &'a str>, matching: Matching) -> Parsed {
        pairs((1..).zip(patterns), matching)
    }
}

fn pairs<'a>(patterns: impl IntoIterator<Item = (usize, &'a str)>, matching: Matching) -> Parsed {
    let mut parsed = Parsed::default();
    let mut patterns = patterns.into_iter();
    while let Some(output) = patterns.next() {
        let Some(input) = patterns.next() else {
            parsed.errors.push(Error::new(output.0, column(output.1), Fault::Partner));
            break;
        };
        match pair(output, input, matching) {
            Ok((from, to)) => {
                // The first pattern means input ports as well, and there what feeds them.
                for tap in [false, true] {
                    let from = Endpoint { tap, ..from.clone() };
                    let to = to.clone();
                    parsed.push_once(Rule { from, to, action: Action::Connect, way: Way::Forth, line: output.0 });
                }
            }
            Err(error) => parsed.errors.push(error),
        }
    }
    parsed
}

fn pair(output: (usize, &str), input: (usize, &str), matching: Matching) -> Result<(Endpoint, Endpoint), Error> {
    let at = |(line, text): (usize, &str)| {
        let column = column(text);
        move |fault| Error::new(line, column, fault)
    };
    let (name, is_pattern) = pattern(output.1, matching);
    let from = if is_pattern {
        Names::Whole(anchored(Template::literal(&python::translated(name))).map_err(at(output))?)
    } else {
        whole(name)
    };
    let groups = match &from {
        Names::Whole(text) => text.groups().into_iter().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let groups: Vec<_> = groups.iter().map(String::as_str).collect();
    let (name, fills_pattern) = pattern(input.1, matching);
    let text = match python::format(name) {
        // Only what an expression has found fills placeholders.
        Format::Filled(parts) if is_pattern => python::template(&parts, &groups, fills_pattern),
        Format::Unknown(found) if is_pattern => return Err(at(input)(Fault::Format(found))),
        _ => python::template(&[python::Part::Text(name.to_owned())], &[], fills_pattern),
    };
    let to = if fills_pattern {
        Names::Whole(anchored(text).map_err(at(input))?)
    } else if text.placeholders().next().is_none() {
        whole(&text.fill(&crate::text::Groups::new(), str::to_owned))
    } else {
        let mut exact = Template::literal("^");
        exact.append(text.quoted(regex::escape));
        exact.push_literal("$");
        Names::Whole(Text::new(Form::Regex, exact).map_err(at(input))?)
    };
    let side = |names| Endpoint { tap: false, properties: Vec::new(), names };
    Ok((side(from), side(to)))
}

/// An expression with which names begin, which must be one by itself.
fn anchored(pattern: Template) -> Result<Text, Fault> {
    Text::new(Form::Regex, pattern.clone())?;
    let mut anchored = Template::literal("^(?:");
    anchored.append(pattern);
    anchored.push_literal(")");
    Text::new(Form::Regex, anchored)
}

/// The pattern without blanks and slashes around it, and whether it is an expression.
fn pattern(text: &str, matching: Matching) -> (&str, bool) {
    let text = text.trim();
    let is_pattern = matching == Matching::Regex || text.starts_with('/') && text.ends_with('/');
    (if is_pattern { text.trim_matches('/') } else { text }, is_pattern)
}

/// A whole name, as client and port.
fn whole(name: &str) -> Names {
    match name.split_once(':') {
        Some((client, port)) if !client.is_empty() && !port.is_empty() => {
            Names::Client(Text::exact(client), Which::Named(Text::exact(port)))
        }
        // An alias need not have a client; an expression of this kind can always be read.
        _ => Text::regex(&format!("^{}$", regex::escape(name))).map_or(Names::All, Names::Whole),
    }
}

/// Where a line's text begins.
fn column(text: &str) -> usize {
    text.chars().take_while(|character| character.is_whitespace()).count() + 1
}
