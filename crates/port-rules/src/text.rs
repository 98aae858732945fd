//! What one name is compared with: a part of it, all of it, a pattern with stars, or a regular expression.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::error::Fault;
use crate::template::{Piece, Template};

/// Something that names match or do not.
#[derive(Clone, Debug)]
pub struct Text {
    form: Form,
    template: Template,
    /// Ready to be used, where there are no placeholders to fill.
    matcher: Option<Arc<Matcher>>,
}

/// How the text is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Any,
    Part,
    Exact,
    Glob,
    Regex,
}

/// What named groups have matched.
pub(crate) type Groups = BTreeMap<String, String>;

/// A name in the two forms in which it is compared.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    folded: String,
}

#[derive(Clone, Debug)]
enum Matcher {
    Any,
    Part(String),
    Exact(String),
    Regex(regex::Regex),
    /// With look-around or references back, which the other one cannot have and needs no bound for.
    Backtracking(fancy_regex::Regex),
}

/// Most octets of a compiled regular expression: a file cannot fill the memory with `((a{100}){100}){100}`.
const SIZE: usize = 1 << 20;

/// Most steps back of a regular expression at one name; beyond, it does not match.
const STEPS: usize = 10_000;

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        (self.form, &self.template) == (other.form, &other.template)
    }
}

impl Eq for Text {}

impl Name {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), folded: text.to_lowercase() }
    }
}

impl Text {
    /// Any name.
    pub fn any() -> Self {
        Self { form: Form::Any, template: Template::default(), matcher: Some(Arc::new(Matcher::Any)) }
    }

    /// Names that contain `part`, in capitals or not.
    #[cfg(test)]
    pub(crate) fn part(part: &str) -> Self {
        Self::plain(Form::Part, Template::literal(part))
    }

    /// The name `name` alone, in these very letters.
    pub fn exact(name: &str) -> Self {
        if name.is_empty() || name.chars().any(char::is_control) {
            let escaped = name.chars().fold(String::from("^"), |mut escaped, character| {
                let _ = if character.is_control() {
                    write!(escaped, "\\x{{{:x}}}", u32::from(character))
                } else {
                    escaped.write_str(&regex::escape(character.encode_utf8(&mut [0; 4])))
                };
                escaped
            });
            let exact = Template::literal(&(escaped + "$"));
            return Self::new(Form::Regex, exact).unwrap_or_else(|_| Self::plain(Form::Exact, Template::literal(name)));
        }
        Self::plain(Form::Exact, Template::literal(name))
    }

    /// Names in which the regular expression is found anywhere; `{name}` in it is a placeholder.
    pub fn regex(pattern: &str) -> Result<Self, Fault> {
        Self::new(Form::Regex, Template::of_regex(pattern))
    }

    /// Whether a name is what this says, for a text without placeholders.
    pub fn is_match(&self, name: &str) -> bool {
        self.matches(&Name::new(name))
    }

    /// A text of a form whose names are literal, which always can be compared with.
    pub(crate) fn plain(form: Form, template: Template) -> Self {
        let matcher = template.placeholders().next().is_none().then(|| match form {
            Form::Any | Form::Regex => Matcher::Any,
            Form::Part => Matcher::Part(template.fill(&Groups::new(), str::to_owned).to_lowercase()),
            Form::Exact => Matcher::Exact(template.fill(&Groups::new(), str::to_owned)),
            Form::Glob => glob(&template, &Groups::new()).map_or(Matcher::Any, Matcher::Regex),
        });
        Self { form, template, matcher: matcher.map(Arc::new) }
    }

    /// A text of any form, if it can be read.
    pub(crate) fn new(form: Form, template: Template) -> Result<Self, Fault> {
        if form != Form::Regex {
            return Ok(Self::plain(form, template));
        }
        let open = template.placeholders().next().is_some();
        // A placeholder stands for some literal text: if the expression can be read with one, it can with all.
        let example = template.placeholders().map(|name| (name.to_owned(), String::from("x"))).collect();
        let matcher = compile(&template.fill(&example, regex::escape))?;
        Ok(Self { form, template, matcher: (!open).then(|| Arc::new(matcher)) })
    }

    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    pub(crate) const fn template(&self) -> &Template {
        &self.template
    }

    /// The names of the groups that a match gives.
    pub(crate) fn groups(&self) -> Vec<&str> {
        match self.matcher.as_deref() {
            Some(Matcher::Regex(regex)) => regex.capture_names().flatten().collect(),
            Some(Matcher::Backtracking(regex)) => regex.capture_names().flatten().collect(),
            _ => Vec::new(),
        }
    }

    /// The same text with names in place of its placeholders; nothing where that becomes too large.
    pub(crate) fn filled(&self, groups: &Groups) -> Option<Self> {
        let literal = |form| Some(Self::plain(form, Template::literal(&self.template.fill(groups, str::to_owned))));
        match self.form {
            Form::Any | Form::Part | Form::Exact => literal(self.form),
            Form::Glob => {
                let matcher = Matcher::Regex(glob(&self.template, groups)?);
                Some(Self { form: self.form, template: Template::default(), matcher: Some(Arc::new(matcher)) })
            }
            Form::Regex => {
                let template = Template::literal(&self.template.fill(groups, regex::escape));
                Self::new(Form::Regex, template).ok()
            }
        }
    }

    pub(crate) fn matches(&self, name: &Name) -> bool {
        match self.matcher.as_deref() {
            None => false,
            Some(Matcher::Any) => true,
            Some(Matcher::Part(part)) => name.folded.contains(part.as_str()),
            Some(Matcher::Exact(exact)) => name.text == *exact,
            Some(Matcher::Regex(regex)) => regex.is_match(&name.text),
            Some(Matcher::Backtracking(regex)) => regex.is_match(&name.text).unwrap_or(false),
        }
    }

    /// Adds what the named groups match; a group that takes no part in the match is empty.
    pub(crate) fn capture(&self, name: &Name, groups: &mut Groups) {
        let mut put = |group: &str, text: Option<&str>| {
            groups.insert(group.to_owned(), text.unwrap_or_default().to_owned());
        };
        match self.matcher.as_deref() {
            Some(Matcher::Regex(regex)) => {
                let Some(found) = regex.captures(&name.text) else { return };
                regex.capture_names().flatten().for_each(|group| put(group, found.name(group).map(|m| m.as_str())));
            }
            Some(Matcher::Backtracking(regex)) => {
                let Ok(Some(found)) = regex.captures(&name.text) else { return };
                regex.capture_names().flatten().for_each(|group| put(group, found.name(group).map(|m| m.as_str())));
            }
            _ => {}
        }
    }
}

/// A pattern with stars and question marks as a regular expression: letters are compared as in [`Text::part`].
fn glob(template: &Template, groups: &Groups) -> Option<regex::Regex> {
    let mut pattern = String::from("^");
    for piece in template.pieces() {
        match piece {
            Piece::Literal(text) => {
                for character in text.chars() {
                    match character {
                        '*' => pattern.push_str(".*"),
                        '?' => pattern.push('.'),
                        _ => pattern.push_str(&regex::escape(character.encode_utf8(&mut [0; 4]))),
                    }
                }
            }
            Piece::Placeholder(name) => {
                pattern.push_str(&regex::escape(groups.get(name).map_or("", String::as_str)));
            }
        }
    }
    pattern.push('$');
    let mut builder = regex::RegexBuilder::new(&pattern);
    builder.case_insensitive(true).dot_matches_new_line(true).size_limit(SIZE).build().ok()
}

fn compile(pattern: &str) -> Result<Matcher, Fault> {
    match regex::RegexBuilder::new(pattern).size_limit(SIZE).build() {
        Ok(regex) => return Ok(Matcher::Regex(regex)),
        Err(regex::Error::CompiledTooBig(_)) => return Err(Fault::Regex("it becomes too large".to_owned())),
        Err(_) => {}
    }
    let backtracking = fancy_regex::RegexBuilder::new(pattern).backtrack_limit(STEPS).delegate_size_limit(SIZE).build();
    if let Ok(regex) = backtracking {
        return Ok(Matcher::Backtracking(regex));
    }
    Err(Fault::Regex(match regex_syntax::ast::parse::Parser::new().parse(pattern) {
        Err(error) => format!("{} (character {} of it)", error.kind(), error.span().start.column),
        Ok(_) => "it cannot be read".to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &Text, name: &str) -> bool {
        text.matches(&Name::new(name))
    }

    #[test]
    fn parts_and_patterns_take_capitals_for_small_letters_and_whole_names_do_not() {
        assert!(matches(&Text::part("monsta"), "MicroMonsta 2"));
        assert!(!matches(&Text::exact("midi 1"), "MIDI 1"));
        let glob = Text::plain(Form::Glob, Template::literal("launch*pro ?"));
        assert!(matches(&glob, "Launchpad Pro 3") && !matches(&glob, "My Launchpad Pro 3"));
    }

    #[test]
    fn regular_expressions_may_look_around() {
        let text = Text::regex("^(?!system)(?P<client>\\w+):").unwrap();
        assert!(matches(&text, "synth:out") && !matches(&text, "system:out"));
        assert_eq!(text.groups(), ["client"]);
    }

    #[test]
    fn an_expression_that_goes_back_for_ever_does_not_match() {
        let text = Text::regex("^(?=(a+)+$)(a|aa)+\\1!").unwrap();
        assert!(!matches(&text, &"a".repeat(60)));
    }

    #[test]
    fn what_is_wrong_with_an_expression_is_said_with_its_place() {
        let wrong = |pattern| Text::regex(pattern).unwrap_err().to_string();
        assert_eq!(wrong("system:(out"), "regular expression: unclosed group (character 8 of it)");
        assert_eq!(wrong("((a{200}){200}){200}"), "regular expression: it becomes too large");
    }

    #[test]
    fn names_that_fill_placeholders_are_literal() {
        let groups = Groups::from([("n".to_owned(), "1 (a|b)".to_owned())]);
        for text in [Text::regex("^in {n}$").unwrap(), Text::plain(Form::Glob, Template::of_name("IN {n}"))] {
            let filled = text.filled(&groups).unwrap();
            assert!(matches(&filled, "in 1 (a|b)") && !matches(&filled, "in 1 a") && !matches(&text, "in 1 (a|b)"));
        }
    }

    #[test]
    fn a_name_with_control_characters_is_still_that_name() {
        let text = Text::exact("a\nb.");
        assert!(matches(&text, "a\nb.") && !matches(&text, "a\nbc"));
        assert!(matches(&Text::new(Form::Regex, Template::of_regex("^a\\x{a}b\\.$")).unwrap(), "a\nb."));
    }
}
