//! Where the rules come from: a file of ours, of jack-matchmaker or of midiminder, and the command line.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use port_rules::{Matching, Parsed, Rules};

use crate::description::read;
use crate::failure::{Failure, Result};
use crate::folders;
use crate::ports::rules::{fault, without_lines};

/// What the command line says of rules.
#[derive(clap::Args)]
pub(super) struct RuleOptions {
    /// The file with the rules; - reads stdin [default: rtpmidi/patch.rules in ~/.config, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(super) rules: Option<PathBuf>,

    #[command(flatten)]
    pub(super) reading: Reading,

    /// A rule behind those of the file, such as "keys --> synth". Repeat it for several
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,

    /// Two patterns behind those of the file, as jack-matchmaker takes them. Repeat it for several
    #[arg(long, num_args = 2, value_names = ["OUTPUT", "INPUT"])]
    pair: Vec<String>,
}

/// How files are read.
#[derive(clap::Args)]
pub(super) struct Reading {
    /// Whose language the file is in
    #[arg(long, value_enum, default_value_t = Format::Auto, value_name = "FORMAT")]
    format: Format,

    /// Patterns of jack-matchmaker are whole names, except those between slashes
    #[arg(long)]
    exact: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// Ours if it has arrows, and else jack-matchmaker's
    Auto,
    /// Ours (docs/port-rules.md)
    Rtpmidi,
    /// Patterns in pairs of lines
    JackMatchmaker,
    /// Rules as midiminder and amidiminder have them
    Midiminder,
}

/// What has been read.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) rules: Rules,
    /// The file that some of them are from.
    pub(super) file: Option<PathBuf>,
    /// What is wrong, and where.
    pub(super) faults: Vec<String>,
}

impl RuleOptions {
    /// The file that is meant, whether or not it is there yet.
    pub(super) fn place(&self) -> Option<PathBuf> {
        self.rules.clone().or_else(usual_file)
    }

    /// The file that is read: the one that is named, or the usual one, unless that is not there.
    fn file(&self) -> Option<PathBuf> {
        self.place().filter(|path| self.rules.is_some() || !matches!(path.try_exists(), Ok(false)))
    }

    /// Whether rules come by stdin, which can be read once.
    pub(super) fn are_of_stdin(&self) -> bool {
        self.rules.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }

    /// Reads all rules. Lines that make no sense are left out, and told of.
    pub(super) fn read(&self) -> Result<Source> {
        let mut source = Source::default();
        if let Some(path) = self.file() {
            let parsed = self.reading.file(&path)?.0;
            source.take(&path.display().to_string(), parsed);
            source.file = Some(path);
        }
        for rule in &self.rule {
            source.take("--rule", without_lines(Rules::parse(rule)));
        }
        let pairs = self.pair.iter().map(String::as_str);
        source.take("--pair", without_lines(Rules::parse_matchmaker_pairs(pairs, self.reading.matching())));
        Ok(source)
    }

    /// Whether there is any.
    pub(super) fn are_given(&self) -> bool {
        self.file().is_some() || !self.rule.is_empty() || !self.pair.is_empty()
    }
}

impl Source {
    fn take(&mut self, place: &str, parsed: Parsed) {
        self.rules.extend(parsed.rules);
        self.faults.extend(parsed.errors.iter().map(|error| fault(place, error)));
    }
}

impl Reading {
    const fn matching(&self) -> Matching {
        if self.exact { Matching::Exact } else { Matching::Regex }
    }

    /// Reads a file, and says in whose language it is.
    pub(super) fn file(&self, path: &Path) -> Result<(Parsed, Format)> {
        let octets = read(path)?;
        let text = std::str::from_utf8(&octets).map_err(|error| {
            let line = octets[..error.valid_up_to()].split(|octet| *octet == b'\n').count();
            Failure::new(format!("{}: line {line} is no UTF-8 text", path.display()))
        })?;
        Ok(self.text(text.trim_start_matches('\u{FEFF}')))
    }

    fn text(&self, text: &str) -> (Parsed, Format) {
        let format = if self.format == Format::Auto { recognise(text) } else { self.format };
        let parsed = match format {
            Format::JackMatchmaker => Rules::parse_matchmaker(text, self.matching()),
            Format::Midiminder => Rules::parse_midiminder(text),
            Format::Auto | Format::Rtpmidi => Rules::parse(text),
        };
        (parsed, format)
    }
}

impl Format {
    /// Whose language it is.
    pub(super) const fn owner(self) -> &'static str {
        match self {
            Self::Auto | Self::Rtpmidi => "rtpmidi",
            Self::JackMatchmaker => "jack-matchmaker",
            Self::Midiminder => "midiminder",
        }
    }
}

/// Rules of ours have arrows, patterns of jack-matchmaker have none. Rules of midiminder can be read as ours, but for
/// names in which a character means something here.
fn recognise(text: &str) -> Format {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let is_arrow = |word: &str| {
        word.contains('-') && word.contains(['<', '>']) && word.chars().all(|character| "<>-x/?".contains(character))
    };
    if lines.clone().next().is_none() || lines.any(|line| line.split_whitespace().any(is_arrow)) {
        Format::Rtpmidi
    } else {
        Format::JackMatchmaker
    }
}

/// The file that is read when none is named.
fn usual_file() -> Option<PathBuf> {
    Some(folders::config()?.join("rtpmidi/patch.rules"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_a_file_is_recognised() {
        for (text, format) in [
            ("# a --> b\nkeys --> synth\n", Format::Rtpmidi),
            ("keys --> synth\nodd line", Format::Rtpmidi),
            ("a <-x-> b", Format::Rtpmidi),
            ("", Format::Rtpmidi),
            ("# left\nsynth:l-->x\n\tsystem:playback_1\n", Format::JackMatchmaker),
            ("synth:l\nsystem:playback_1 - 2", Format::JackMatchmaker),
        ] {
            assert_eq!(recognise(text), format, "{text}");
        }
    }
}
