//! Rules as people give them: what is wrong with them, and those that stand in no file.

use port_rules::{Error, Parsed, Rule, Rules};

/// The same as rules that stand in no file.
pub(crate) fn without_lines(parsed: Parsed) -> Parsed {
    let rules = parsed.rules.iter().map(|rule| Rule { line: 0, ..rule.clone() });
    // They have been checked with their lines.
    Parsed { rules: Rules::new(rules).unwrap_or_default(), ..parsed }
}

/// What is wrong, where, and what to do.
pub(crate) fn fault(place: &str, error: &Error) -> String {
    format!("{place}:{}:{}: {} ({})", error.line, error.column, error.fault, error.fault.hint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_the_command_line_stand_in_no_line() {
        let parsed = without_lines(Rules::parse("a --> b"));
        assert_eq!((parsed.rules.len(), parsed.rules.at(0).unwrap().line), (1, 0));
    }
}
