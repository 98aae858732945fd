//! Words for a person on stderr: on a terminal as they are, in the journal of systemd each line with its priority.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::LazyLock;

/// Prints words to stderr.
pub(crate) fn print(words: &str) {
    if *IS_JOURNAL {
        eprintln!("{}", with_priorities(words));
    } else {
        eprintln!("{words}");
    }
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
    let priority = |line: &str| match line.split_once(": ").map(|(kind, _)| kind) {
        Some("error") => 3,
        Some("warning") => 4,
        Some("hint") => 5,
        _ => 6,
    };
    let lines: Vec<String> = words.lines().map(|line| format!("<{}>{line}", priority(line))).collect();
    lines.join("\n")
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
