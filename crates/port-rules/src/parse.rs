//! Rule files: ours, and those of midiminder, of which our language is an extension.

use std::str::FromStr;

use crate::endpoint::{Endpoint, Names, PROPERTIES, Property, Which};
use crate::error::{Error, Fault};
use crate::port::Kind;
use crate::rule::{Action, Parsed, Rule, Rules, Way};
use crate::template::Template;
use crate::text::{Form, Groups, Text};

/// Whose files are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Ours,
    Midiminder,
}

impl Rules {
    /// Reads a rule file.
    ///
    /// ```
    /// let rules = port_rules::Rules::parse("keys --> synth:in  # the first port of the keyboard\n").whole().unwrap();
    /// assert_eq!(rules.to_string(), "keys --> synth:in\n");
    /// let error = &port_rules::Rules::parse("keys -> 'synth").errors[0];
    /// assert_eq!(error.to_string(), "line 1, column 9: the quotation mark ' is not closed");
    /// ```
    pub fn parse(text: &str) -> Parsed {
        parse(text, Dialect::Ours)
    }

    /// Reads a rule file of midiminder.
    pub fn parse_midiminder(text: &str) -> Parsed {
        parse(text, Dialect::Midiminder)
    }
}

/// One name in any form that it has in a rule, without placeholders.
///
/// ```
/// let text: port_rules::Text = "launch*".parse().unwrap();
/// assert!(text.is_match("Launchpad Pro") && !text.is_match("My Launchpad"));
/// assert!("/(/".parse::<port_rules::Text>().is_err());
/// ```
impl FromStr for Text {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let mut cursor = Cursor::new(name, Dialect::Ours);
        cursor.skip_blanks();
        let read = cursor.text().and_then(|text| {
            cursor.skip_blanks();
            if cursor.at < cursor.line.len() {
                return Err((Fault::Behind(cursor.line[cursor.at..].iter().collect()), cursor.at));
            }
            let placeholder = text.template().placeholders().next().map(str::to_owned);
            placeholder.map_or(Ok(text), |name| Err((Fault::Placeholder(name), 0)))
        });
        read.map_err(|(fault, at)| Error::new(1, at + 1, fault))
    }
}

fn parse(text: &str, dialect: Dialect) -> Parsed {
    let mut parsed = Parsed::default();
    for (index, line) in text.lines().enumerate() {
        let mut cursor = Cursor::new(line, dialect);
        cursor.skip_blanks();
        if cursor.is_done() {
            continue;
        }
        let read = cursor.rule(index + 1).and_then(|(rule, column)| {
            rule.check().map_err(|fault| (fault, column))?;
            Ok(rule)
        });
        match read {
            Ok(rule) => parsed.rules.push_checked(rule),
            Err((fault, at)) => parsed.errors.push(Error::new(index + 1, at + 1, fault)),
        }
    }
    parsed
}

/// A fault, and at which character of the line.
type Read<T> = Result<T, (Fault, usize)>;

/// A line, and how far it has been read.
struct Cursor {
    line: Vec<char>,
    at: usize,
    dialect: Dialect,
}

impl Cursor {
    fn new(line: &str, dialect: Dialect) -> Self {
        let mut line: Vec<_> = line.chars().collect();
        if dialect == Dialect::Midiminder {
            let comment = line.iter().position(|&character| character == '#').unwrap_or(line.len());
            line.truncate(comment);
        }
        Self { line, at: 0, dialect }
    }

    fn peek(&self) -> Option<char> {
        self.line.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Whether nothing but a comment is left.
    fn is_done(&self) -> bool {
        self.peek().is_none_or(|next| next == '#' && (self.at == 0 || self.line[self.at - 1].is_whitespace()))
    }

    /// The whole line, and where it begins.
    fn rule(&mut self, line: usize) -> Read<(Rule, usize)> {
        let start = self.at;
        let left = self.endpoint()?;
        self.skip_blanks();
        let (action, back, forth) = self.arrow()?;
        self.skip_blanks();
        let right_at = self.at;
        let right = self.endpoint()?;
        self.skip_blanks();
        if !self.is_done() {
            return Err((Fault::Behind(self.line[self.at..].iter().collect()), self.at));
        }
        let way = if back && forth { Way::Both } else { Way::Forth };
        let (from, to, column) = if forth { (left, right, right_at) } else { (right, left, start) };
        Ok((Rule { from, to, action, way, line }, column))
    }

    /// The word that begins here, where it is made of what arrows are made of.
    fn word(&self, at: usize) -> &[char] {
        let length = self.line[at..].iter().take_while(|character| !character.is_whitespace()).count();
        let word = &self.line[at..at + length];
        let looks_so = word.iter().all(|character| "<>-x/?".contains(*character))
            && word.contains(&'-')
            && word.iter().any(|character| "<>".contains(*character));
        if looks_so { word } else { &[] }
    }

    fn arrow(&mut self) -> Read<(Action, bool, bool)> {
        let word = self.word(self.at);
        if word.is_empty() {
            return Err((Fault::NoArrow, self.at));
        }
        let found: String = word.iter().collect();
        let at = self.at;
        self.at += word.len();
        let shaft = found.strip_prefix('<').unwrap_or(&found);
        let back = shaft.len() < found.len();
        let forth = shaft.ends_with('>');
        let shaft = shaft.strip_suffix('>').unwrap_or(shaft);
        let wrong = || (Fault::Arrow(found.clone()), at);
        let dashes = |text: &str| !text.is_empty() && text.chars().all(|character| character == '-');
        let action = match shaft.find(|character| character != '-') {
            None if dashes(shaft) => Action::Connect,
            Some(mark) if dashes(&shaft[..mark]) && dashes(&shaft[mark + 1..]) => match shaft.as_bytes()[mark] {
                b'x' => Action::Forbid,
                b'/' if self.dialect == Dialect::Ours => Action::Disconnect,
                b'?' if self.dialect == Dialect::Ours => Action::ConnectFree,
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        };
        Ok((action, back, forth))
    }

    fn endpoint(&mut self) -> Read<Endpoint> {
        let tap = self.dialect == Dialect::Ours && self.peek() == Some('@');
        self.at += usize::from(tap);
        let properties = self.properties()?;
        let names = if self.ends() {
            if properties.is_empty() {
                return Err((Fault::NoPort, self.at));
            }
            Names::All
        } else {
            if self.dialect == Dialect::Midiminder && !properties.is_empty() {
                return Err((Fault::Behind(self.line[self.at..].iter().collect()), self.at));
            }
            self.names()?
        };
        Ok(Endpoint { tap, properties, names })
    }

    fn properties(&mut self) -> Read<Vec<Property>> {
        let mut properties = Vec::new();
        while self.peek() == Some('.') {
            let length = self.line[self.at..].iter().take_while(|character| !character.is_whitespace()).count();
            let word: String = self.line[self.at..self.at + length].iter().collect();
            let known = PROPERTIES.iter().find(|(name, _)| *name == word).map(|(_, property)| *property);
            let theirs = |property: &Property| {
                self.dialect == Dialect::Ours || matches!(property, Property::Kind(Kind::Hardware | Kind::Application))
            };
            let property = known.filter(theirs).ok_or((Fault::Property(word), self.at))?;
            if !properties.contains(&property) {
                properties.push(property);
            }
            self.at += length;
            self.skip_blanks();
        }
        Ok(properties)
    }

    fn names(&mut self) -> Read<Names> {
        let start = self.at;
        let client = self.text()?;
        self.skip_to_colon();
        if self.peek() != Some(':') {
            return Ok(match client.form() {
                Form::Any => Names::All,
                Form::Regex => Names::Whole(client),
                _ => Names::Client(client, Which::First),
            });
        }
        self.at += 1;
        self.skip_blanks();
        if self.peek() == Some('=') {
            return Ok(Names::Client(client, Which::Number(self.number()?)));
        }
        let port = self.text()?;
        if self.peek() == Some(':') {
            return Err((Fault::Colon, self.at));
        }
        if is_number(&client) && is_number(&port) {
            return Err((Fault::ClientNumber, start));
        }
        Ok(match (client.form(), port.form()) {
            (Form::Any, Form::Any) => Names::All,
            _ => Names::Client(client, Which::Named(port)),
        })
    }

    /// Blanks before a colon belong to neither name.
    fn skip_to_colon(&mut self) {
        let at = self.at;
        self.skip_blanks();
        if self.peek() != Some(':') {
            self.at = at;
        }
    }

    fn number(&mut self) -> Read<u32> {
        self.at += 1;
        let start = self.at;
        let digits = self.bare();
        digits.parse().map_err(|_| (Fault::Number(digits), start))
    }

    /// One name in any of its forms.
    fn text(&mut self) -> Read<Text> {
        let start = self.at;
        match self.peek() {
            Some(quote @ ('"' | '\'')) => {
                let name = self.delimited(quote).ok_or((Fault::OpenQuote(quote), start))?;
                self.form(Form::Exact, &name, start)
            }
            Some('~') if self.dialect == Dialect::Ours && matches!(self.line.get(start + 1), Some('"' | '\'')) => {
                self.at += 1;
                let quote = self.line[self.at];
                let part = self.delimited(quote).ok_or((Fault::OpenQuote(quote), self.at))?;
                self.form(Form::Part, &part, start)
            }
            Some('/') if self.dialect == Dialect::Ours => {
                let pattern = self.delimited('/').ok_or((Fault::OpenRegex, start))?;
                self.form(Form::Regex, &pattern, start)
            }
            Some('=') => Err((Fault::Number(self.bare()), start)),
            _ => {
                let name = self.bare();
                let form = match name.as_str() {
                    "*" => Form::Any,
                    name if self.dialect == Dialect::Ours && name.contains(['*', '?']) => Form::Glob,
                    // Only at its start; elsewhere midiminder takes it as it is.
                    name if self.dialect == Dialect::Midiminder && name.starts_with('*') => {
                        return Err((Fault::Star, start));
                    }
                    name if self.dialect == Dialect::Midiminder && name.starts_with('.') => {
                        return Err((Fault::Property(name.to_owned()), start));
                    }
                    _ => Form::Part,
                };
                self.form(form, &name, start)
            }
        }
    }

    fn form(&self, form: Form, text: &str, at: usize) -> Read<Text> {
        let template = match (form, self.dialect) {
            (Form::Any, _) => return Ok(Text::any()),
            _ if text.is_empty() => return Err((Fault::Empty, at)),
            (Form::Regex, _) => Template::of_regex(text),
            (_, Dialect::Ours) => Template::of_name(text),
            (_, Dialect::Midiminder) => Template::literal(text),
        };
        Text::new(form, template).map_err(|fault| (fault, at))
    }

    /// What stands between two delimiters; a doubled quotation mark, or `\/` in an expression, is one of it.
    fn delimited(&mut self, delimiter: char) -> Option<String> {
        let mut text = String::new();
        let mut at = self.at + 1;
        loop {
            let next = self.line.get(at + 1).copied();
            match *self.line.get(at)? {
                '\\' if delimiter == '/' => {
                    let escaped = next?;
                    if escaped != '/' {
                        text.push('\\');
                    }
                    text.push(escaped);
                    at += 2;
                }
                found if found != delimiter => {
                    text.push(found);
                    at += 1;
                }
                _ if delimiter != '/' && self.dialect == Dialect::Ours && next == Some(delimiter) => {
                    text.push(delimiter);
                    at += 2;
                }
                _ => {
                    self.at = at + 1;
                    return Some(text);
                }
            }
        }
    }

    /// A name without quotation marks, which ends before a colon, an arrow or a comment.
    fn bare(&mut self) -> String {
        let start = self.at;
        while !self.ends() && self.peek() != Some(':') {
            self.at += 1;
        }
        let text: String = self.line[start..self.at].iter().collect();
        text.trim_end().to_owned()
    }

    /// Whether a side of the rule ends here: at an arrow, a comment or the end of the line.
    fn ends(&self) -> bool {
        let behind_blank = self.at == 0 || self.line.get(self.at - 1).is_some_and(|before| before.is_whitespace());
        self.is_done() || behind_blank && !self.word(self.at).is_empty()
    }
}

/// Whether a name is nothing but digits without quotation marks.
fn is_number(text: &Text) -> bool {
    let digits = text.template().fill(&Groups::new(), str::to_owned);
    text.form() == Form::Part && !digits.is_empty() && digits.chars().all(|character| character.is_ascii_digit())
}
