//! The parameters of an `a=fmtp` line (RFC 6295, appendix D): an ordered list with repetitions.

use std::fmt;

/// One `name=value` of an fmtp line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// The name as written; compared without regard to case.
    pub name: String,
    /// The value without blanks around it, with its quotes; empty for a name that stands alone.
    pub value: String,
}

/// All parameters of one payload type, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Parameters(Vec<Parameter>);

impl Parameters {
    /// No parameters.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Parses what follows the payload type of an fmtp line. Semicolons inside quotes separate nothing; any run of
    /// blanks around names, values and semicolons is accepted, and so are empty parameters. A quote that never closes is
    /// closed at the end, lest it take what is appended.
    pub fn parse(text: &str) -> Self {
        let is_open = text.matches('"').count() % 2 == 1;
        let closed = if is_open { &format!("{text}\"") } else { text };
        Self(split_outside_quotes(closed).filter_map(Parameter::parse).collect())
    }

    /// Appends a parameter, keeping others of the same name.
    pub fn push(&mut self, name: &str, value: impl fmt::Display) {
        self.0.push(Parameter { name: name.to_owned(), value: value.to_string() });
    }

    /// Appends all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The value of the last parameter of this name: for a parameter that stands once, a repetition replaces.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|p| p.name.eq_ignore_ascii_case(name)).map(|p| p.value.as_str())
    }

    /// The parameters in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Parameter> for Parameters {
    fn from_iter<T: IntoIterator<Item = Parameter>>(parameters: T) -> Self {
        Self(parameters.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Parameters {
    type Item = &'a Parameter;
    type IntoIter = std::slice::Iter<'a, Parameter>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// As in an fmtp line: `name=value; name=value`.
impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, parameter) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{parameter}")?;
        }
        Ok(())
    }
}

impl Parameter {
    fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let (name, value) = (name.trim(), value.trim());
        (!name.is_empty()).then(|| Self { name: name.to_owned(), value: value.to_owned() })
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.value.is_empty() { Ok(()) } else { write!(f, "={}", self.value) }
    }
}

fn split_outside_quotes(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        Parameters::parse(text).0.into_iter().map(|p| (p.name, p.value)).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn blanks_around_semicolons_mean_nothing() {
        let list = vec![pair("j_sec", "recj"), pair("j_update", "anchor")];
        for text in ["j_sec=recj; j_update=anchor", "j_sec=recj;j_update=anchor", " j_sec = recj ;  j_update=anchor ; "]
        {
            assert_eq!(pairs(text), list, "{text:?}");
        }
    }

    #[test]
    fn a_semicolon_in_quotes_belongs_to_the_value() {
        assert_eq!(
            pairs(r#"rinit=audio/asc; url="http://example.com/a;b=c"; cid="x;y""#),
            [pair("rinit", "audio/asc"), pair("url", r#""http://example.com/a;b=c""#), pair("cid", r#""x;y""#)]
        );
    }

    #[test]
    fn a_quote_that_never_closes_takes_the_rest() {
        assert_eq!(pairs(r#"url="http://a;b; j_sec=none"#), [pair("url", r#""http://a;b; j_sec=none""#)]);
        let mut both = Parameters::parse(r#"url="http://a"#);
        both.extend(Parameters::parse("mode=rtp-midi"));
        assert_eq!(Parameters::parse(&both.to_string()), both);
    }

    #[test]
    fn repetitions_keep_their_order_and_the_last_one_counts() {
        let parameters = Parameters::parse("ch_never=N; ch_anchor=P; CH_NEVER=1N; flag");
        assert_eq!(parameters.to_string(), "ch_never=N; ch_anchor=P; CH_NEVER=1N; flag");
        assert_eq!(parameters.last("ch_never"), Some("1N"));
        assert_eq!(parameters.last("flag"), Some(""));
        assert_eq!(parameters.last("j_sec"), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same_list(text in "[ -~]{0,60}") {
            let once = Parameters::parse(&text);
            prop_assert_eq!(Parameters::parse(&once.to_string()), once);
        }
    }
}
