//! `--cm-unused`, `--ch-never` and their like: what the stream carries and what its journal has (RFC 6295, C.1, C.2.3).

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, error};
use rtp_midi::{Config, Inclusion, Selection, Usage};
use rtp_midi_sdp::Language;

/// The assignments, each kind in the order in which they stand on the command line: a later one takes back what it
/// overlaps of an earlier one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    commands: Vec<(Usage, Selection)>,
    chapters: Vec<(Inclusion, Selection)>,
}

const COMMANDS: [(&str, Usage, &str); 2] = [
    (
        "cm-unused",
        Usage::Unused,
        "Keep commands of these types out of the stream, as SDP writes them (M: parameters, X: System Exclusives, …)",
    ),
    ("cm-used", Usage::Used, "Let commands of these types into the stream again"),
];

const CHAPTERS: [(&str, Inclusion, &str); 3] = [
    (
        "ch-never",
        Inclusion::Never,
        "Keep these chapters out of the journal, as SDP writes them; what is lost of them stays lost",
    ),
    ("ch-default", Inclusion::Default, "Let these chapters into the journal again, as --journal has it"),
    ("ch-anchor", Inclusion::Anchor, "Have all of these chapters in the journal since the first packet"),
];

impl Rules {
    /// Applies the assignments behind those that are there.
    pub(crate) fn apply(&self, config: &mut Config) {
        for (usage, selection) in &self.commands {
            config.commands.assign(*usage, selection);
        }
        for (inclusion, selection) in &self.chapters {
            config.chapters.assign(*inclusion, selection);
        }
    }
}

impl clap::Args for Rules {
    fn augment_args(command: Command) -> Command {
        let option = |name: &'static str, language: Language, help: &'static str| {
            Arg::new(name)
                .long(name)
                .help(help)
                .value_name(if language == Language::Commands { "TYPES" } else { "CHAPTERS" })
                .value_parser(move |text: &str| selection(language, text))
                .action(ArgAction::Append)
        };
        command
            .args(COMMANDS.map(|(name, _, help)| option(name, Language::Commands, help)))
            .args(CHAPTERS.map(|(name, _, help)| option(name, Language::Chapters, help)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Rules {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, error::Error> {
        let mut rules = Self::default();
        rules.update_from_arg_matches(matches)?;
        Ok(rules)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), error::Error> {
        self.commands = in_order(matches, COMMANDS.map(|(name, usage, _)| (name, usage)));
        self.chapters = in_order(matches, CHAPTERS.map(|(name, inclusion, _)| (name, inclusion)));
        Ok(())
    }
}

/// The values of several options by their places on the command line, each with what its option stands for.
pub(crate) fn in_order<T: Copy, V: Clone + Send + Sync + 'static>(
    matches: &ArgMatches,
    options: impl IntoIterator<Item = (&'static str, T)>,
) -> Vec<(T, V)> {
    let mut placed = Vec::new();
    for (name, meaning) in options {
        let values = matches.get_many::<V>(name).into_iter().flatten();
        placed.extend(matches.indices_of(name).into_iter().flatten().zip(values.map(|value| (meaning, value.clone()))));
    }
    placed.sort_by_key(|(index, _)| *index);
    placed.into_iter().map(|(_, assignment)| assignment).collect()
}

fn selection(language: Language, text: &str) -> Result<Selection, String> {
    let selection = language.parse_exact(text);
    selection.ok_or_else(|| "it is written as in SDP, such as M, CM or 3N (RFC 6295, C.1 and C.2.3)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Args;
    use rtp_midi_sdp::Parameters;

    fn parameters(arguments: &[&str]) -> Result<String, error::Error> {
        let command = Rules::augment_args(Command::new("broadcast").no_binary_name(true));
        let rules = Rules::from_arg_matches(&command.try_get_matches_from(arguments)?)?;
        let mut config = Config::new(44_100);
        rules.apply(&mut config);
        Ok(Parameters::of(&config).to_string())
    }

    #[test]
    fn selections_are_those_of_sdp() {
        for text in ["M", "CM", "3N", "C7.11", "E1"] {
            assert_eq!(parameters(&["--ch-never", text]).unwrap(), format!("ch_never={text}"));
        }
        for text in ["", "MC", "m", "I"] {
            assert!(parameters(&["--ch-anchor", text]).is_err(), "{text}");
        }
        assert!(parameters(&["--cm-used", "E"]).is_err() && parameters(&["--cm-used", "X"]).is_ok());
    }

    #[test]
    fn assignments_keep_the_order_of_the_command_line() {
        let arguments =
            ["--ch-anchor", "P", "--cm-unused", "C", "--cm-used", "C7", "--cm-unused", "3C", "--ch-never", "1P"];
        let expected = "cm_unused=C; cm_used=C7; cm_unused=3C; ch_anchor=P; ch_never=1P";
        assert_eq!(parameters(&arguments).unwrap(), expected);
        let other = ["--cm-used", "C7", "--cm-unused", "C", "--ch-default", "N", "--ch-never", "N"];
        assert_eq!(parameters(&other).unwrap(), "cm_used=C7; cm_unused=C; ch_default=N; ch_never=N");
    }
}
