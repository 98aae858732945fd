//! The flags of `rtpmidi sdp new` that say what the music is to be played by (RFC 6295, C.6). Their order is that of
//! the parameters: what follows a `--render` belongs to it.

use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, error};
use gst::glib;
use rtp_midi_sdp::Parameters;
use rtp_midi_sdp::audio_specific_config::AudioSpecificConfig;

use crate::description;
use crate::failure::Result;
use crate::rules::in_order;

/// Parameters in the order of the command line, with the texts of their flags.
#[derive(Clone, Debug, Default)]
pub(super) struct Rendering(Vec<(&'static Flag, String)>);

/// A flag and what it is given.
#[derive(PartialEq, Eq, Debug)]
struct Flag {
    name: &'static str,
    parameter: &'static str,
    takes: Takes,
    help: &'static str,
}

/// What the text of a flag is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Takes {
    /// The value itself.
    Token(&'static str),
    /// The value, which stands in quotes.
    Quoted(&'static str),
    /// The name of a file, whose octets are the value.
    File,
}

const fn flag(name: &'static str, parameter: &'static str, takes: Takes, help: &'static str) -> Flag {
    Flag { name, parameter, takes, help }
}

const FLAGS: [Flag; 12] = [
    flag(
        "multimode",
        "multimode",
        Takes::Token("one|all"),
        "Play by one renderer or by all; it stands before the first",
    ),
    flag("render", "render", Takes::Token("TOKEN"), "What plays: synthetic, api, null or unknown"),
    flag("subrender", "subrender", Takes::Token("TOKEN"), "Exactly which renderer"),
    flag("rinit", "rinit", Takes::Token("TYPE/SUBTYPE"), "The media type of what makes the renderer ready"),
    flag("inline", "inline", Takes::File, "A file that makes the renderer ready, to stand in the description"),
    flag("url", "url", Takes::Quoted("URL"), "Where to fetch what makes the renderer ready"),
    flag("cid", "cid", Takes::Quoted("ID"), "The identifier of what makes the renderer ready"),
    flag("smf-info", "smf_info", Takes::Token("TOKEN"), "What to do with MIDI files: ignore, sdp_start or identity"),
    flag("smf-inline", "smf_inline", Takes::File, "A Standard MIDI File, to stand in the description"),
    flag("smf-url", "smf_url", Takes::Quoted("URL"), "Where to fetch a Standard MIDI File"),
    flag("smf-cid", "smf_cid", Takes::Quoted("ID"), "The identifier of a Standard MIDI File"),
    flag("chanmask", "chanmask", Takes::Token("DIGITS"), "For each channel 1 if the renderer plays it, 0 if not"),
];

impl Rendering {
    /// The parameters, with the files read.
    pub(super) fn parameters(&self) -> Result<Parameters> {
        let mut parameters = Parameters::new();
        for (flag, text) in &self.0 {
            match flag.takes {
                Takes::Token(_) => parameters.push(flag.parameter, text),
                Takes::Quoted(_) => parameters.push(flag.parameter, format_args!("\"{text}\"")),
                Takes::File => parameters.push(flag.parameter, quoted(&description::read(Path::new(text))?)),
            }
        }
        Ok(parameters)
    }
}

/// The renderer of General MIDI inside MPEG-4 (RFC 6295, C.6.5).
pub(in crate::cmd::sdp) fn general_midi(clock_rate: u32) -> Parameters {
    let mut parameters = Parameters::new();
    parameters.push("render", "synthetic");
    parameters.push("rinit", "audio/asc");
    parameters.push("inline", quoted(&AudioSpecificConfig::general_midi(clock_rate, 1).encode()));
    parameters
}

/// Octets in Base64 and quotes.
fn quoted(octets: &[u8]) -> String {
    format!("\"{}\"", glib::base64_encode(octets))
}

fn option(flag: &'static Flag) -> Arg {
    let arg = Arg::new(flag.name).long(flag.name).help(flag.help).action(ArgAction::Append);
    match flag.takes {
        Takes::File => arg.value_name("FILE"),
        Takes::Token(name) => arg.value_name(name).value_parser(token),
        Takes::Quoted(name) => arg.value_name(name).value_parser(quotable),
    }
}

fn token(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_graphic() && !"\"(),:;<=>?@[\\]".contains(c);
    if !text.is_empty() && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err("it is a word without blanks, quotes and semicolons".to_owned())
    }
}

fn quotable(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && c != '"') {
        Ok(text.to_owned())
    } else {
        Err("it has no blanks and no quotes".to_owned())
    }
}

impl clap::Args for Rendering {
    fn augment_args(command: Command) -> Command {
        command.args(FLAGS.iter().map(option))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Rendering {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, error::Error> {
        let mut rendering = Self::default();
        rendering.update_from_arg_matches(matches)?;
        Ok(rendering)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), error::Error> {
        self.0 = in_order(matches, FLAGS.iter().map(|flag| (flag.name, flag)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Args;
    use rtp_midi_sdp::audio_specific_config::ObjectType;

    fn parameters(arguments: &[&str]) -> Result<String, String> {
        let command = Rendering::augment_args(Command::new("new").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        let rendering = Rendering::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        rendering.parameters().map(|parameters| parameters.to_string()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn renderers_keep_the_order_of_the_command_line() {
        let flags = "--multimode all --render synthetic --subrender default --chanmask 1111111111111111 --render api \
                     --rinit audio/asc --url https://example.net/a;b --cid x --render null";
        let line = "multimode=all; render=synthetic; subrender=default; chanmask=1111111111111111; render=api; \
                    rinit=audio/asc; url=\"https://example.net/a;b\"; cid=\"x\"; render=null";
        assert_eq!(parameters(&flags.split_whitespace().collect::<Vec<_>>()).unwrap(), line);
        assert_eq!(parameters(&[]).unwrap(), "");
    }

    #[test]
    fn general_midi_comes_as_an_object_that_says_so() {
        let parameters = general_midi(48_000);
        assert_eq!((parameters.last("render"), parameters.last("rinit")), (Some("synthetic"), Some("audio/asc")));
        let object = glib::base64_decode(parameters.last("inline").unwrap().trim_matches('"'));
        let config = AudioSpecificConfig::decode(&object).unwrap();
        assert_eq!((config.object_type(), config.channels()), (ObjectType::GeneralMidi, Some(1)));
        assert_eq!(config.sampling_rate(1), 48_000);
    }

    #[test]
    fn nothing_that_would_end_a_value_gets_into_one() {
        for flags in [["--render", "a b"], ["--render", "a;b"], ["--render", ""], ["--url", "a\"b"], ["--cid", "a b"]] {
            assert!(parameters(&flags).is_err(), "{flags:?}");
        }
        let failure = parameters(&["--inline", "/nonexistent/gm.acn"]).unwrap_err();
        assert!(failure.contains("cannot read /nonexistent/gm.acn"), "{failure}");
    }
}
