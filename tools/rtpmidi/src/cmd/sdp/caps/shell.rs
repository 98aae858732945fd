//! Words for a POSIX shell.

/// The word as it stands on a command line: in quotes where the shell would see something in it.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    #[test]
    fn only_what_needs_quotes_gets_them() {
        assert_eq!(word("port=5004"), "port=5004");
        assert_eq!(word("a b; c"), "'a b; c'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_shell_reads_the_word_that_was_meant(text in "[ -~äß]{0,20}") {
            let echo = format!("printf %s {}", word(&text));
            let heard = Command::new("sh").args(["-c", &echo]).output().unwrap();
            prop_assert_eq!(String::from_utf8(heard.stdout).unwrap(), text);
        }
    }
}
