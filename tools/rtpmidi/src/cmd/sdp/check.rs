//! `rtpmidi sdp check`: what is wrong with descriptions, told as compilers do.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use rtp_midi_sdp::lint::{Application, Diagnostic, Severity, lint_for};
use serde_json::{Value, json};

use crate::description;
use crate::failure::{Failure, Result};
use crate::report::{self, Audience, plural};

/// Say what is wrong with session descriptions, where, and what to write instead.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Session descriptions; - reads one from stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Judge by the guidelines for an application as well
    #[arg(long = "for", value_enum, value_name = "APPLICATION")]
    application: Option<ApplicationOption>,

    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Example:
  rtpmidi sdp check music.sdp
  rtpmidi sdp check --for broadcast *.sdp
  curl -s https://example.net/song.sdp | rtpmidi sdp check --json -

Numbers in brackets are requirements as docs/coverage.md lists them, or sections of an RFC. The exit code is 0 without
errors, 1 with errors, 2 when a file cannot be read.";

/// `--for`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ApplicationOption {
    /// Music that a server streams (RFC 6295, C.7.1)
    Broadcast,
    /// The offer to play together over a network (C.7.2)
    NmpOffer,
    /// The answer to one
    NmpAnswer,
}

impl From<ApplicationOption> for Application {
    fn from(option: ApplicationOption) -> Self {
        match option {
            ApplicationOption::Broadcast => Self::ContentStreaming,
            ApplicationOption::NmpOffer => Self::PerformanceOffer,
            ApplicationOption::NmpAnswer => Self::PerformanceAnswer,
        }
    }
}

/// Checks all files, whatever is wrong with some.
pub(super) fn run(args: &Args) -> Result<()> {
    let texts: Vec<(&Path, String)> =
        args.files.iter().map(|path| Ok((path.as_path(), text(path)?))).collect::<Result<_>>()?;
    let application = args.application.map(Application::from);
    let mut counts = Counts::default();
    for (path, text) in &texts {
        let name = path.display().to_string();
        for diagnostic in lint_for(text, application) {
            counts.take(&diagnostic);
            let told = if args.json { json(&name, &diagnostic).to_string() } else { words(&name, text, &diagnostic) };
            if report::data(&told)? == Audience::Gone {
                return counts.verdict();
            }
        }
    }
    if args.json {
        let Counts { errors, warnings, notes } = counts;
        let files = texts.len();
        let summary =
            json!({"type": "summary", "files": files, "errors": errors, "warnings": warnings, "notes": notes});
        // Nobody is left to be told that nobody listens.
        let _ = report::data(&summary.to_string())?;
    } else {
        eprintln!("{}: {counts}", plural(texts.len() as u64, "description"));
    }
    counts.verdict()
}

fn text(path: &Path) -> Result<String> {
    let octets = description::read(path).map_err(Failure::unanswerable)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// What was found so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counts {
    errors: u64,
    warnings: u64,
    notes: u64,
}

impl Counts {
    fn take(&mut self, diagnostic: &Diagnostic) {
        *match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Note => &mut self.notes,
        } += 1;
    }

    fn verdict(&self) -> Result<()> {
        match self.errors {
            0 => Ok(()),
            errors => Err(Failure::new(format!("{} found", plural(errors, "error")))),
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")];
        let found: Vec<String> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| plural(count, what)).collect();
        f.write_str(if found.is_empty() { "nothing to say against" } else { "" })?;
        f.write_str(&found.join(", "))
    }
}

/// A diagnostic as a compiler tells it: the place, the line with a mark below, and what to write instead.
pub(super) fn words(file: &str, text: &str, diagnostic: &Diagnostic) -> String {
    let place = &diagnostic.place;
    let mut told = format!("{file}:{diagnostic}\n");
    if let Some(line) = text.lines().nth(place.line.saturating_sub(1)) {
        let line = line.trim_start_matches('\u{FEFF}');
        let number = place.line.to_string();
        let (excerpt, before) = excerpt(line, place.column.saturating_sub(1), place.length);
        let marks = "^".repeat(place.length.clamp(1, WIDTH));
        let margin = " ".repeat(number.len());
        let _ = writeln!(told, " {number} | {excerpt}");
        let _ = writeln!(told, " {margin} | {}{marks}", " ".repeat(before));
    }
    let _ = write!(told, "  fix: {}", diagnostic.fix);
    description::printable(&told)
}

/// Columns of a line that are shown, at most.
const WIDTH: usize = 100;

/// The part of a line around `start`, and how much of it stands before.
fn excerpt(line: &str, start: usize, length: usize) -> (String, usize) {
    let count = line.chars().count();
    if count <= WIDTH {
        return (line.to_owned(), start);
    }
    let shown = length.min(WIDTH);
    let from = start.saturating_sub((WIDTH - shown) / 2).min(count.saturating_sub(WIDTH));
    let part: String = line.chars().skip(from).take(WIDTH).collect();
    let head = if from > 0 { "…" } else { "" };
    let tail = if from + WIDTH < count { "…" } else { "" };
    (format!("{head}{part}{tail}"), start - from + head.chars().count())
}

fn json(file: &str, diagnostic: &Diagnostic) -> Value {
    let place = &diagnostic.place;
    json!({
        "type": "diagnostic",
        "file": file,
        "line": place.line,
        "column": place.column,
        "length": place.length,
        "parameter": place.parameter,
        "severity": diagnostic.severity.to_string(),
        "requirement": diagnostic.requirement,
        "what": diagnostic.what,
        "fix": diagnostic.fix,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> String {
        let found = rtp_midi_sdp::lint(text);
        words("x.sdp", text, &found[0])
    }

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=Duet\r\nt=0 0\r\nm=audio 5004 RTP/AVP 96\r\n\
                        c=IN IP4 192.0.2.94\r\na=rtpmap:96 rtp-midi/44100\r\n";

    #[test]
    fn the_mark_stands_below_what_is_wrong() {
        let told = first(&format!("{HEAD}a=fmtp:96 ch_never=N; cm_unused=N\r\n"));
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[0].starts_with("x.sdp:8:23: error[SC.2.3-02]: "), "{told}");
        assert_eq!(lines[1], " 8 | a=fmtp:96 ch_never=N; cm_unused=N");
        assert!(lines[2].starts_with("   |                       ^") && lines[3].starts_with("  fix: "), "{told}");
    }

    #[test]
    fn long_lines_are_shown_around_what_is_wrong() {
        let (part, before) = excerpt(&"x".repeat(300), 150, 4);
        assert_eq!((part.chars().count(), before), (WIDTH + 2, 49));
        assert!(part.starts_with('…') && part.ends_with('…'));
        for (start, length) in [(0, 0), (299, 1), (300, 0), (0, 300), (150, 150)] {
            let line: String = ('a'..='z').cycle().take(300).collect();
            let (part, before) = excerpt(&line, start, length);
            assert_eq!(part.chars().nth(before), line.chars().nth(start), "{start} {length}");
        }
        assert_eq!(excerpt("short", 2, 1), ("short".to_owned(), 2));
    }

    #[test]
    fn what_was_found_is_counted() {
        let counts = Counts { errors: 1, warnings: 2, notes: 0 };
        assert_eq!(counts.to_string(), "1 error, 2 warnings");
        assert_eq!(Counts::default().to_string(), "nothing to say against");
        assert!(counts.verdict().is_err() && Counts::default().verdict().is_ok());
    }
}
