//! The flags of `rtpmidi sdp new` that make the fmtp line (RFC 6295, 6.2, C.1 to C.5), and the line they make.

use std::num::NonZeroU32;
use std::str::FromStr;

use clap::ValueEnum;
use rtp_midi::Format;
use rtp_midi_sdp::Parameters;

use crate::rules::Rules;

/// What the stream carries, what its journal has, what its timestamps mean, and how it is cut into packets.
#[derive(clap::Args)]
pub(super) struct Options {
    /// How journals are kept: recj, or none where no packet can be lost
    #[arg(long, value_enum, value_name = "METHOD")]
    j_sec: Option<JSec>,

    /// How far back the journal reaches
    #[arg(long, value_enum, value_name = "POLICY")]
    j_update: Option<JUpdate>,

    #[command(flatten)]
    rules: Rules,

    /// What the timestamps of commands mean
    #[arg(long, value_enum, value_name = "MODE")]
    tsmode: Option<TsMode>,

    /// How long an octet takes on the cable that the commands come from, in nanoseconds [with --tsmode async or buffer]
    #[arg(long, requires = "tsmode", value_name = "NS")]
    linerate: Option<NonZeroU32>,

    /// Which octet of a command its timestamp is that of [with --tsmode async or buffer]
    #[arg(long, requires = "tsmode", value_enum, value_name = "OCTET")]
    octpos: Option<OctPos>,

    /// How often the cable is looked at, in RTP clock ticks, or as 1ms [with --tsmode buffer]
    #[arg(long, requires = "tsmode", value_name = "TICKS")]
    mperiod: Option<Span>,

    /// How much time the commands of a packet should span, in RTP clock ticks, or as 10ms
    #[arg(long, value_name = "TICKS")]
    rtp_ptime: Option<Span>,

    /// How much time the commands of a packet may span, in RTP clock ticks, or as 20ms
    #[arg(long, value_name = "TICKS")]
    rtp_maxptime: Option<Span>,

    /// How long there may be no packet, in RTP clock ticks, or as 1s
    #[arg(long, value_name = "TICKS")]
    guardtime: Option<Span>,

    /// The number of the MIDI cable. Streams of one number share their notes and controllers; of numbers in a row each
    /// is 16 more channels
    #[arg(long, value_name = "N")]
    musicport: Option<u32>,

    /// The MPEG-4 profile and level, 11 to 13 for synthesis [with --format mpeg4-generic]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=254), value_name = "N")]
    profile_level_id: Option<u8>,

    /// The instruments as MPEG-4 describes them, in hexadecimal digits [with --format mpeg4-generic]
    #[arg(long, value_parser = hexadecimal, value_name = "HEX")]
    config: Option<String>,
}

/// `--j-sec`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum JSec {
    /// In every packet
    Recj,
    /// In none
    None,
}

/// `--j-update`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum JUpdate {
    /// To the first packet
    Anchor,
    /// To what some listener has not reported to have
    ClosedLoop,
    /// As far as the sender likes
    OpenLoop,
}

/// `--tsmode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum TsMode {
    /// When the command is to be executed
    Comex,
    /// When an octet of the command came from the cable
    Async,
    /// When the cable was looked at, which happens at regular times
    Buffer,
}

/// `--octpos`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum OctPos {
    /// Of the first
    First,
    /// Of the last
    Last,
}

/// A length of time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Span {
    Ticks(u32),
    Seconds(f64),
}

impl Options {
    /// The parameters that these flags ask for. Commands and chapters are chosen behind what the `profile` has of them.
    pub(super) fn parameters(
        &self,
        format: Format,
        clock_rate: u32,
        profile: &Parameters,
    ) -> Result<Parameters, String> {
        let mut parameters = Parameters::new();
        if format == Format::Mpeg4Generic {
            let config = format!("\"{}\"", self.config.as_deref().unwrap_or_default());
            parameters.push("streamtype", 5);
            parameters.push("mode", "rtp-midi");
            parameters.push("profile-level-id", self.profile_level_id.unwrap_or(12));
            parameters.push("config", config);
        } else if self.config.is_some() || self.profile_level_id.is_some() {
            return Err("--config and --profile-level-id are for --format mpeg4-generic".to_owned());
        }
        let mut rules = profile.config(clock_rate, format).map_err(|error| error.to_string())?;
        self.rules.apply(&mut rules);
        let rules = Parameters::of(&rules);
        let named = |prefix: &'static str| rules.iter().filter(move |rule| rule.name.starts_with(prefix));
        named("cm_").for_each(|rule| parameters.push(&rule.name, &rule.value));
        push_token(&mut parameters, "j_sec", self.j_sec.as_ref());
        push_token(&mut parameters, "j_update", self.j_update.as_ref());
        named("ch_").for_each(|rule| parameters.push(&rule.name, &rule.value));
        push_token(&mut parameters, "tsmode", self.tsmode.as_ref());
        self.linerate.iter().for_each(|line| parameters.push("linerate", line));
        push_token(&mut parameters, "octpos", self.octpos.as_ref());
        for (name, span, least) in [
            ("mperiod", self.mperiod, 1),
            ("rtp_ptime", self.rtp_ptime, 0),
            ("rtp_maxptime", self.rtp_maxptime, 0),
            ("guardtime", self.guardtime, 1),
        ] {
            if let Some(span) = span {
                let ticks = span.ticks(clock_rate).filter(|ticks| *ticks >= least);
                parameters.push(name, ticks.ok_or_else(|| format!("{name} is {least} to 4294967295 ticks long"))?);
            }
        }
        self.musicport.iter().for_each(|port| parameters.push("musicport", port));
        Ok(parameters)
    }
}

/// Sets a parameter to the token by which the flag has its value.
fn push_token(parameters: &mut Parameters, name: &str, value: Option<&impl ValueEnum>) {
    if let Some(value) = value.and_then(ValueEnum::to_possible_value) {
        parameters.push(name, value.get_name());
    }
}

impl Span {
    /// The number of ticks of the RTP clock, where it is one of 32 bits.
    pub(super) fn ticks(self, clock_rate: u32) -> Option<u32> {
        match self {
            Self::Ticks(ticks) => Some(ticks),
            Self::Seconds(seconds) => {
                let ticks = (seconds * f64::from(clock_rate)).round();
                (ticks <= f64::from(u32::MAX)).then_some(ticks as u32)
            }
        }
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text} is not a number of ticks such as 441, nor a time such as 10ms or 1s");
        let scaled = |number: &str, unit: f64| {
            let digits = number.starts_with(|c: char| c.is_ascii_digit());
            let seconds: f64 = number.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
            Ok(Self::Seconds(seconds * unit))
        };
        if let Some(number) = text.strip_suffix("ms") {
            scaled(number, 0.001)
        } else if let Some(number) = text.strip_suffix('s') {
            scaled(number, 1.0)
        } else {
            text.parse().map(Self::Ticks).map_err(|_| wrong())
        }
    }
}

fn hexadecimal(text: &str) -> Result<String, String> {
    let good = text.bytes().all(|octet| octet.is_ascii_hexdigit());
    if good { Ok(text.to_owned()) } else { Err("it has hexadecimal digits, and nothing else".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, Command, FromArgMatches};

    fn parameters(arguments: &str) -> Result<String, String> {
        let command = Options::augment_args(Command::new("new").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments.split_whitespace()).map_err(|error| error.to_string())?;
        let options = Options::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        options.parameters(Format::Native, 44_100, &Parameters::new()).map(|parameters| parameters.to_string())
    }

    #[test]
    fn flags_become_parameters_in_the_order_of_the_rfc() {
        let flags = "--guardtime 1s --rtp-ptime 10ms --ch-never W --cm-unused CN --j-update anchor --tsmode buffer \
                     --mperiod 1ms --octpos last --linerate 31250 --musicport 5 --rtp-maxptime 882 --j-sec recj";
        let line = "cm_unused=CN; j_sec=recj; j_update=anchor; ch_never=W; tsmode=buffer; linerate=31250; octpos=last; \
                    mperiod=44; rtp_ptime=441; rtp_maxptime=882; guardtime=44100; musicport=5";
        assert_eq!(parameters(flags).unwrap(), line);
        assert_eq!(parameters("").unwrap(), "");
    }

    #[test]
    fn times_are_ticks_milliseconds_or_seconds() {
        for (text, ticks) in [("441", 441), ("10ms", 441), ("0.5s", 22_050), ("0", 0), ("0.1ms", 4)] {
            assert_eq!(text.parse::<Span>().unwrap().ticks(44_100), Some(ticks), "{text}");
        }
        for wrong in ["", "-1", "ms", "s", "soon", "-1s", "1e3", "10 ms", "NaNs", "4294967296"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
        assert_eq!(Span::Seconds(1e9).ticks(44_100), None);
    }

    #[test]
    fn what_a_parameter_cannot_be_is_refused() {
        assert_eq!(parameters("--guardtime 0ms").unwrap_err(), "guardtime is 1 to 4294967295 ticks long");
        assert!(parameters("--config 7A").unwrap_err().contains("--format mpeg4-generic"));
        for flags in ["--linerate 31250", "--tsmode async --linerate 0", "--config 7G", "--octpos last"] {
            assert!(parameters(flags).is_err(), "{flags}");
        }
    }
}
