//! Words for a person on stderr: on a terminal as they are, in the journal of systemd each line with its priority, and
//! what there is an object of with its fields.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::LazyLock;

use libsystemd::logging::{Priority, journal_send};
use serde_json::Value;

/// Prints words to stderr.
pub(crate) fn print(words: &str) {
    if *IS_JOURNAL {
        eprintln!("{}", with_priorities(words));
    } else {
        eprintln!("{words}");
    }
}

/// Prints words that say the same as an object. In the journal its fields are there to be asked for.
pub(crate) fn tell(words: &str, object: &Value) {
    let is_told = *IS_JOURNAL && journal_send(priority(words), words, fields(object)).is_ok();
    if !is_told {
        print(words);
    }
}

/// The fields of an object, as the journal calls them.
fn fields(object: &Value) -> impl Iterator<Item = (String, String)> + '_ {
    let field = |(key, value): (&String, &Value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (format!("RTPMIDI_{}", key.to_ascii_uppercase()), text)
    };
    let program = ("SYSLOG_IDENTIFIER".to_owned(), "rtpmidi".to_owned());
    std::iter::once(program).chain(object.as_object().into_iter().flatten().map(field))
}

/// Whether what is printed to stderr goes to the journal: then its manager has said of which file that is so, and stderr
/// is still that one.
static IS_JOURNAL: LazyLock<bool> = LazyLock::new(|| {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from).and_then(|file| file.metadata());
    stderr.is_ok_and(|it| named == format!("{}:{}", it.dev(), it.ino()))
});

/// The same words, each line behind its priority as sd-daemon(3) has it.
fn with_priorities(words: &str) -> String {
    let lines: Vec<String> = words.lines().map(|line| format!("<{}>{line}", u8::from(priority(line)))).collect();
    lines.join("\n")
}

/// How urgent a line is, by what it begins with.
fn priority(line: &str) -> Priority {
    match line.split_once(": ").map(|(kind, _)| kind) {
        Some("error") => Priority::Error,
        Some("warning") => Priority::Warning,
        Some("hint") => Priority::Notice,
        _ => Priority::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_priority_of_what_it_begins_with() {
        assert_eq!(
            with_priorities("error: no port: a\nhint: b\nwarning: c\nPiano is gone"),
            "<3>error: no port: a\n<5>hint: b\n<4>warning: c\n<6>Piano is gone"
        );
        assert_eq!(with_priorities("errors: none"), "<6>errors: none");
    }
}
