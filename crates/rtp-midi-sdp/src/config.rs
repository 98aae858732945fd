//! [`Parameters`] ↔ [`Config`]: what the parameters of C.1 to C.4 say to the protocol (RFC 6295).

use std::num::NonZeroU32;

use rtp_midi::{Config, Format, Inclusion, Journal, LineRate, Octet, Policy, Timing, Usage};

use crate::audio_specific_config::AudioSpecificConfig;
use crate::{Error, Language, Parameters, selection};

impl Parameters {
    /// What the parameters say, in the order in which they stand. Unknown names are passed over; a value that a
    /// parameter cannot have is an error, because both ends must do the same.
    pub fn config(&self, clock_rate: u32, format: Format) -> Result<Config, Error> {
        let mut config = Config::new(clock_rate);
        config.format = format;
        config.journal = self.journal()?;
        for parameter in self {
            let name = parameter.name.to_ascii_lowercase();
            let selection = |name, language: Language| {
                language.parse(&parameter.value).map_err(|expected| wrong(name, &parameter.value, expected))
            };
            match name.as_str() {
                "cm_used" => config.commands.allow(&selection("cm_used", Language::Commands)?),
                "cm_unused" => config.commands.forbid(&selection("cm_unused", Language::Commands)?),
                _ => {}
            }
            for inclusion in [Inclusion::Never, Inclusion::Default, Inclusion::Anchor] {
                // The examples of C.7.2 write cm_default, which there is none of.
                let misnamed = inclusion == Inclusion::Default && name == "cm_default";
                if misnamed || name == chapters(inclusion) {
                    config.chapters.assign(inclusion, &selection(chapters(inclusion), Language::Chapters)?);
                }
            }
        }
        config.timing = self.timing()?;
        config.ptime = self.number("rtp_ptime")?;
        config.max_ptime = self.number("rtp_maxptime")?;
        config.guardtime = self.positive("guardtime")?.map(NonZeroU32::get);
        Ok(config)
    }

    /// The parameters that say what differs from the defaults, in the order in which RFC 6295 wants them.
    pub fn of(config: &Config) -> Self {
        let mut parameters = Self::new();
        if config.format == Format::Mpeg4Generic {
            // Section 6.2 wants all four.
            for (name, value) in [("streamtype", "5"), ("mode", "rtp-midi"), ("profile-level-id", "12")] {
                parameters.push(name, value);
            }
            // One channel, as an rtpmap without their number says.
            parameters.push("config", AudioSpecificConfig::general_midi(config.clock_rate, 1).print());
        }
        for (usage, selection) in config.commands.assignments() {
            let name = if *usage == Usage::Used { "cm_used" } else { "cm_unused" };
            for value in Language::Commands.print(selection) {
                parameters.push(name, value);
            }
        }
        match config.journal {
            Journal::None => parameters.push("j_sec", "none"),
            Journal::Recovery(Policy::ClosedLoop) => {}
            Journal::Recovery(policy) => parameters.push("j_update", j_update(policy)),
        }
        for (inclusion, selection) in config.chapters.assignments() {
            let never = *inclusion == Inclusion::Never;
            let exact = if never { selection::in_normal_coding(selection) } else { vec![selection.clone()] };
            for value in exact.iter().flat_map(|selection| Language::Chapters.print(selection)) {
                parameters.push(chapters(*inclusion), value);
            }
        }
        parameters.push_timing(config.timing);
        for (name, ticks) in
            [("rtp_ptime", config.ptime), ("rtp_maxptime", config.max_ptime), ("guardtime", config.guardtime)]
        {
            if let Some(ticks) = ticks {
                parameters.push(name, ticks);
            }
        }
        parameters
    }

    /// The parameters that declare a journal. Both are written out, since a declarative description is not
    /// answered and its reader may not know the transport's default (RFC 6295, C.2.1).
    pub fn for_journal(journal: Journal) -> Self {
        let mut parameters = Self::new();
        match journal {
            Journal::None => parameters.push("j_sec", "none"),
            Journal::Recovery(policy) => {
                parameters.push("j_sec", "recj");
                parameters.push("j_update", j_update(policy));
            }
        }
        parameters
    }

    fn journal(&self) -> Result<Journal, Error> {
        match self.last("j_sec") {
            Some(value) if value.eq_ignore_ascii_case("none") => return Ok(Journal::None),
            Some(value) if !value.eq_ignore_ascii_case("recj") => return Err(wrong("j_sec", value, "recj or none")),
            _ => {}
        }
        let policies = [Policy::Anchor, Policy::ClosedLoop, Policy::OpenLoop].map(|policy| (j_update(policy), policy));
        let policy = self.one_of("j_update", &policies, "anchor, closed-loop or open-loop")?;
        Ok(Journal::Recovery(policy.unwrap_or(Policy::ClosedLoop)))
    }

    /// `tsmode` and, unless it is comex, what goes with it (C.3.1).
    fn timing(&self) -> Result<Timing, Error> {
        let modes = ["comex", "async", "buffer"].map(|mode| (mode, mode));
        let mode = self.one_of("tsmode", &modes, "comex, async or buffer")?;
        let Some(mode) = mode.filter(|mode| *mode != "comex") else { return Ok(Timing::Comex) };
        let octet = self.one_of("octpos", &[("first", Octet::First), ("last", Octet::Last)], "first or last")?;
        let line = self.positive("linerate")?.map_or(LineRate::DIN, LineRate::new);
        Ok(if mode == "async" {
            Timing::Async { octet, line }
        } else {
            Timing::Buffer { octet, line, period: self.positive("mperiod")? }
        })
    }

    fn push_timing(&mut self, timing: Timing) {
        let (mode, octet, line, period) = match timing {
            Timing::Comex => return,
            Timing::Async { octet, line } => ("async", octet, line, None),
            Timing::Buffer { octet, line, period } => ("buffer", octet, line, period),
        };
        self.push("tsmode", mode);
        if line != LineRate::DIN {
            self.push("linerate", line.nanoseconds());
        }
        if let Some(octet) = octet {
            self.push("octpos", if octet == Octet::First { "first" } else { "last" });
        }
        if let Some(period) = period {
            self.push("mperiod", period);
        }
    }

    /// The value that a parameter names, without regard to case.
    fn one_of<T: Copy>(
        &self,
        name: &'static str,
        values: &[(&str, T)],
        expected: &'static str,
    ) -> Result<Option<T>, Error> {
        let Some(text) = self.last(name) else { return Ok(None) };
        let value = values.iter().find(|(token, _)| text.eq_ignore_ascii_case(token));
        value.map(|(_, value)| Some(*value)).ok_or_else(|| wrong(name, text, expected))
    }

    fn number(&self, name: &'static str) -> Result<Option<u32>, Error> {
        let Some(text) = self.last(name) else { return Ok(None) };
        let number = decimal(text).ok_or_else(|| wrong(name, text, "a number from 0 to 4294967295"))?;
        Ok(Some(number))
    }

    fn positive(&self, name: &'static str) -> Result<Option<NonZeroU32>, Error> {
        let Some(text) = self.last(name) else { return Ok(None) };
        let number = decimal(text).and_then(NonZeroU32::new);
        number.map(Some).ok_or_else(|| wrong(name, text, "a number from 1 to 4294967295"))
    }
}

/// A number of 32 bits without sign and without zeros in front (appendix D).
pub(crate) fn decimal(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| digits && (text == "0" || !text.starts_with('0')))
}

const fn chapters(inclusion: Inclusion) -> &'static str {
    match inclusion {
        Inclusion::Never => "ch_never",
        Inclusion::Default => "ch_default",
        Inclusion::Anchor => "ch_anchor",
    }
}

const fn j_update(policy: Policy) -> &'static str {
    match policy {
        Policy::Anchor => "anchor",
        Policy::ClosedLoop => "closed-loop",
        Policy::OpenLoop => "open-loop",
    }
}

fn wrong(name: &'static str, value: &str, expected: &'static str) -> Error {
    Error::Value { name, value: value.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtp_midi::midi::{Channel, System, U7, Voice};

    fn config(text: &str) -> Result<Config, Error> {
        Parameters::parse(text).config(44_100, Format::Native)
    }

    fn read(text: &str) -> Config {
        config(text).unwrap()
    }

    fn words(text: &str) -> String {
        config(text).unwrap_err().to_string()
    }

    fn control(number: u8) -> Voice {
        Voice::ControlChange { controller: U7::masked(number), value: U7::default() }
    }

    const CHANNEL: Channel = Channel::masked(0);

    #[test]
    fn without_parameters_all_is_as_the_rfc_has_it() {
        assert_eq!(read(""), Config::new(44_100));
        assert!(Parameters::of(&Config::new(44_100)).is_empty());
        assert_eq!(read("tsmode=comex; j_sec=recj; j_update=closed-loop"), Config::new(44_100));
    }

    #[test]
    fn journals_survive_the_way_through_the_parameters() {
        let policies = [Policy::Anchor, Policy::ClosedLoop, Policy::OpenLoop].map(Journal::Recovery);
        for journal in policies.into_iter().chain([Journal::None]) {
            assert_eq!(read(&Parameters::for_journal(journal).to_string()).journal, journal);
            let config = Config { journal, ..Config::new(44_100) };
            assert_eq!(read(&Parameters::of(&config).to_string()).journal, journal);
        }
    }

    #[test]
    fn tokens_are_read_without_regard_to_case() {
        assert_eq!(read("J_SEC=RECJ; j_Update=Anchor").journal, Journal::Recovery(Policy::Anchor));
        assert_eq!(read("TSMODE=Comex").timing, Timing::Comex);
        assert!(read("cm_unused=c").commands.has_voice(CHANNEL, control(7)));
    }

    #[test]
    fn assignments_take_effect_in_their_order() {
        let only_7 = read("cm_unused=C; CM_USED=C7").commands;
        assert!(only_7.has_voice(CHANNEL, control(7)) && !only_7.has_voice(CHANNEL, control(8)));
        let none = read("cm_used=C7; cm_unused=C").commands;
        assert!(!none.has_voice(CHANNEL, control(7)));
        assert_ne!(read("ch_never=C; ch_anchor=C7.64"), read("ch_anchor=C7.64; ch_never=C"));
        assert_eq!(read("ch_never=N; cm_unused=C"), read("cm_unused=C; ch_never=N"));
        assert_eq!(read("cm_default=X0-16").chapters, read("ch_default=X0-16").chapters);
    }

    #[test]
    fn timestamps_mean_what_tsmode_and_its_followers_say() {
        let line = LineRate::new(NonZeroU32::new(31_250).unwrap());
        assert_eq!(read("tsmode=async").timing, Timing::Async { octet: None, line: LineRate::DIN });
        assert_eq!(
            read("octpos=last; linerate=31250; tsmode=async; mperiod=44").timing,
            Timing::Async { octet: Some(Octet::Last), line }
        );
        let period = NonZeroU32::new(44);
        let buffer = Timing::Buffer { octet: Some(Octet::First), line, period };
        assert_eq!(read("tsmode=buffer; mperiod=44; octpos=first; linerate=31250").timing, buffer);
        let config = Config { timing: buffer, ..Config::new(44_100) };
        assert_eq!(Parameters::of(&config).to_string(), "tsmode=buffer; linerate=31250; octpos=first; mperiod=44");
        assert_eq!(read("linerate=0; octpos=first; mperiod=x").timing, Timing::Comex);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        assert_eq!(
            words("j_update=foo"),
            "j_update=foo is not a value of j_update, which is anchor, closed-loop or open-loop"
        );
        assert_eq!(words("j_sec=foo"), "j_sec=foo is not a value of j_sec, which is recj or none");
        assert_eq!(words("tsmode=foo"), "tsmode=foo is not a value of tsmode, which is comex, async or buffer");
        assert!(words("tsmode=async; octpos=middle").starts_with("octpos=middle is not"));
        assert!(words("cm_unused=7").contains("cm_unused, which is [channels]LETTERS[fields] such as "));
        assert!(words("ch_never=__80__").contains("a class of System Exclusives such as __7E_"));
    }

    #[test]
    fn unknown_journals_are_refused_and_unknown_names_are_not() {
        assert!(config("j_sec=foo").is_err() && config("j_update=foo").is_err());
        assert!(config("j_future=foo; render=api; flag").is_ok());
    }

    #[test]
    fn numbers_have_their_range_and_no_zeros_in_front() {
        for name in ["guardtime", "rtp_ptime", "rtp_maxptime"] {
            for wrong in ["007", "4294967296", "-1", "+1", "soon", "1 0", ""] {
                assert!(config(&format!("{name}={wrong}")).is_err(), "{name}={wrong}");
            }
            assert!(config(&format!("{name}=4294967295")).is_ok());
        }
        let zero = read("rtp_ptime=0; rtp_maxptime=0");
        assert_eq!((zero.ptime, zero.max_ptime), (Some(0), Some(0)));
        for wrong in
            ["guardtime=0", "tsmode=async; linerate=0", "tsmode=async; linerate=007", "tsmode=buffer; mperiod=0"]
        {
            assert!(config(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parameters_are_written_in_the_order_of_the_rfc() {
        let mut config = read("ch_never=WCP; cm_unused=XNC; guardtime=5; rtp_maxptime=0; rtp_ptime=0; j_update=anchor");
        config.format = Format::Mpeg4Generic;
        let text = "streamtype=5; mode=rtp-midi; profile-level-id=12; config=7A0A0000000000; cm_unused=CNX; \
                    j_update=anchor; ch_never=CPW; rtp_ptime=0; rtp_maxptime=0; guardtime=5";
        assert_eq!(Parameters::of(&config).to_string(), text);
        assert_eq!(Parameters::of(&read("ch_never=C135")).to_string(), "ch_never=C7");
        let all = Config { commands: rtp_midi::Commands::all(), ..Config::new(44_100) };
        assert_eq!(Parameters::of(&all).to_string(), "cm_used=JKYZ");
        assert!(read("cm_used=JKYZ").commands.has_system(&System::F9));
    }

    fn assignment() -> impl Strategy<Value = (usize, String)> {
        let list = |most: u32| prop_oneof![2 => Just(String::new()), 1 => (0..most).prop_map(|n| n.to_string())];
        let types = (list(16), "[ACHMNPTVW]{1,4}", list(128)).prop_map(|(c, letters, f)| format!("{c}{letters}{f}"));
        let class = "[0-7][0-9A-F]".prop_map(|octet| format!("__7E_{octet}__"));
        (0..5_usize, prop_oneof![3 => types, 1 => class])
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same_configuration(
            assignments in prop::collection::vec(assignment(), 0..8),
            numbers in prop::array::uniform3(prop::option::of(1_u32..)),
            period in prop::option::of(1_u32..),
            octet in prop::sample::select(vec![None, Some(Octet::First), Some(Octet::Last)]),
        ) {
            const NAMES: [&str; 5] = ["cm_used", "cm_unused", "ch_never", "ch_default", "ch_anchor"];
            let mut parameters = Parameters::new();
            for (name, value) in &assignments {
                parameters.push(NAMES[*name], value);
            }
            let mut config = parameters.config(44_100, Format::Native).unwrap();
            [config.ptime, config.max_ptime, config.guardtime] = numbers;
            config.timing = Timing::Buffer { octet, line: LineRate::DIN, period: period.and_then(NonZeroU32::new) };
            let text = Parameters::of(&config).to_string();
            prop_assert_eq!(read(&text), config, "{}", text);
        }
    }
}
