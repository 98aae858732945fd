//! What is said of a line or a parameter, and how it stands on the page.

/// A sentence, and whom it is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Words {
    who: Who,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Who {
    Both,
    Sender,
    Receiver,
}

/// Columns of a page.
const WIDTH: usize = 100;

impl Words {
    /// What holds for everybody.
    pub(super) fn both(text: impl Into<String>) -> Self {
        Self { who: Who::Both, text: text.into() }
    }

    /// What the sender does.
    pub(super) fn sender(text: impl Into<String>) -> Self {
        Self { who: Who::Sender, text: text.into() }
    }

    /// What the receiver does.
    pub(super) fn receiver(text: impl Into<String>) -> Self {
        Self { who: Who::Receiver, text: text.into() }
    }
}

/// The words as lines, so many blanks from the left.
pub(super) fn print(indent: usize, words: &[Words]) -> String {
    let mut lines = Vec::new();
    for Words { who, text } in words {
        let label = match who {
            Who::Both => "",
            Who::Sender => "sender:   ",
            Who::Receiver => "receiver: ",
        };
        let mut line = format!("{}{label}", " ".repeat(indent));
        let margin = line.len();
        for word in text.split(' ') {
            if line.len() > margin {
                if line.chars().count() + 1 + word.chars().count() > WIDTH {
                    lines.push(std::mem::replace(&mut line, " ".repeat(margin)));
                } else {
                    line.push(' ');
                }
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_continue_below_their_beginning() {
        let long = "word ".repeat(30);
        let text = print(4, &[Words::both("short"), Words::sender(long.trim())]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "    short");
        assert!(lines[1].starts_with("    sender:   word word") && lines[1].len() <= WIDTH, "{text}");
        assert!(lines[2].starts_with("              word") && lines.len() == 3, "{text}");
    }
}
