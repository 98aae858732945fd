//! What gets through a connection, as people write it: in the configuration, on the command line, and in the status.

use std::fmt;
use std::str::FromStr;

use midi_routing::{Filter, Kind};
use rtp_midi::midi::Channel;
use serde::{Deserialize, Serialize};

use crate::settings::Text;

/// Everything as it is, by default.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passage {
    /// Kinds of messages that are kept back.
    pub without: Vec<KindName>,
    /// The channels that get through, and what becomes of them; all as they are if none is named.
    pub channels: Vec<Channels>,
    /// Half tones that notes are moved up.
    pub transpose: i8,
}

/// A kind of messages by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KindName(
    /// The kind.
    pub Kind,
);

/// Some channels, and what becomes of them: `1`, `1-8`, `*`, `1=10`, `*=1`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "String")]
pub struct Channels {
    first: u8,
    last: u8,
    /// Each stays as it is if there is none.
    to: Option<u8>,
}

impl Passage {
    /// The filter that does this.
    pub fn filter(&self) -> Filter {
        let mut filter = Filter::default().transpose(self.transpose);
        for KindName(kind) in &self.without {
            filter = filter.without(*kind);
        }
        if !self.channels.is_empty() {
            filter = Channel::all().fold(filter, |filter, channel| filter.channel(channel, None));
        }
        for Channels { first, last, to } in &self.channels {
            for from in *first..=*last {
                filter = filter.channel(Channel::masked(from), Some(Channel::masked(to.unwrap_or(from))));
            }
        }
        filter
    }

    /// That of a filter; none if it lets everything through as it is.
    pub fn of(filter: &Filter) -> Option<Self> {
        if *filter == Filter::default() {
            return None;
        }
        let without = Kind::ALL.into_iter().filter(|kind| filter.keeps_back(*kind)).map(KindName).collect();
        let is_all = Channel::all().all(|channel| filter.becomes(channel) == Some(channel));
        let through = Channel::all().filter_map(|from| Some((from.get(), filter.becomes(from)?.get())));
        let through =
            through.map(|(from, to)| Channels { first: from, last: from, to: Some(to).filter(|to| *to != from) });
        let channels = if is_all { Vec::new() } else { through.collect() };
        Some(Self { without, channels, transpose: filter.half_tones() })
    }
}

impl fmt::Display for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |all: Vec<String>| all.join(", ");
        let mut parts = Vec::new();
        if !self.without.is_empty() {
            parts.push(format!("without {}", list(self.without.iter().map(|kind| kind.0.name().to_owned()).collect())));
        }
        if !self.channels.is_empty() {
            let s = if self.channels.len() == 1 { "" } else { "s" };
            parts.push(format!("channel{s} {}", list(self.channels.iter().map(ToString::to_string).collect())));
        }
        if self.transpose != 0 {
            parts.push(format!("{:+} half tones", self.transpose));
        }
        f.write_str(&parts.join("; "))
    }
}

impl FromStr for KindName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = || Kind::ALL.map(Kind::name).join(", ");
        Kind::named(text).map(Self).ok_or_else(|| format!("{text:?} is no kind of messages; there are {}", all()))
    }
}

impl TryFrom<String> for KindName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<KindName> for String {
    fn from(KindName(kind): KindName) -> Self {
        kind.name().to_owned()
    }
}

impl FromStr for Channels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} are no channels such as 1, 1-8, *, 1=10 or *=1");
        let number = |text: &str| {
            let number = text.trim().parse::<u8>().ok().filter(|number| (1..=16).contains(number));
            number.map(|number| number - 1).ok_or_else(wrong)
        };
        let (from, to) = text.split_once('=').map_or((text, None), |(from, to)| (from, Some(to)));
        let (first, last) = match (from.trim(), from.split_once('-')) {
            ("*", _) => (0, 15),
            (_, Some((first, last))) => (number(first)?, number(last)?),
            (one, None) => (number(one)?, number(one)?),
        };
        if first > last {
            return Err(wrong());
        }
        Ok(Self { first, last, to: to.map(number).transpose()? })
    }
}

impl TryFrom<Text> for Channels {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        String::from(text).parse()
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (0, 15) => f.write_str("*")?,
            (first, last) if first == last => write!(f, "{}", first + 1)?,
            (first, last) => write!(f, "{}-{}", first + 1, last + 1)?,
        }
        self.to.map_or(Ok(()), |to| write!(f, "={}", to + 1))
    }
}

impl From<Channels> for String {
    fn from(channels: Channels) -> Self {
        channels.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtp_midi::midi::Command;

    fn passage(json: &str) -> Passage {
        serde_json::from_str(json).unwrap()
    }

    fn through(passage: &Passage, octets: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        passage.filter().pass(Command::decode(octets).unwrap().0)?.encode(&mut out);
        Some(out)
    }

    #[test]
    fn what_is_written_is_what_gets_through() {
        let drums = passage(r#"{"without": ["clock", "active-sense"], "channels": ["1=10", 2], "transpose": -12}"#);
        assert_eq!(through(&drums, &[0x90, 60, 1]), Some(vec![0x99, 48, 1]));
        assert_eq!(through(&drums, &[0xC1, 5]), Some(vec![0xC1, 5]));
        assert_eq!((through(&drums, &[0xC2, 5]), through(&drums, &[0xF8])), (None, None));
        assert_eq!(through(&drums, &[0xFA]), Some(vec![0xFA]));
        assert_eq!(drums.to_string(), "without clock, active-sense; channels 1=10, 2; -12 half tones");
        let one = passage(r#"{"channels": ["*=3"]}"#);
        assert!((0xC0..0xD0).all(|status| through(&one, &[status, 5]) == Some(vec![0xC2, 5])));
        assert_eq!(one.to_string(), "channel *=3");
        assert_eq!(passage("{}").filter(), Filter::default());
    }

    #[test]
    fn what_makes_no_sense_is_told_with_what_would() {
        for (json, words) in [
            (r#"{"without": ["clocks"]}"#, "no kind of messages; there are notes, poly-aftertouch, "),
            (r#"{"channels": [0]}"#, "such as 1, 1-8"),
            (r#"{"channels": ["17"]}"#, "such as 1, 1-8"),
            (r#"{"channels": ["8-1"]}"#, "such as 1, 1-8"),
            (r#"{"channels": ["1=0"]}"#, "such as 1, 1-8"),
            (r#"{"channel": [1]}"#, "unknown field"),
            (r#"{"transpose": 200}"#, "200"),
        ] {
            let error = serde_json::from_str::<Passage>(json).unwrap_err().to_string();
            assert!(error.contains(words), "{json}: {error}");
        }
    }

    proptest! {
        #[test]
        fn a_filter_is_told_as_it_could_be_written(
            kinds in proptest::collection::vec(0..12_usize, 0..4),
            channels in proptest::collection::vec((0..16_u8, 0..16_u8, proptest::option::of(0..16_u8)), 0..4),
            transpose in any::<i8>(),
        ) {
            let without = kinds.into_iter().map(|kind| KindName(Kind::ALL[kind])).collect();
            let range = |(a, b, to): (u8, u8, Option<u8>)| Channels { first: a.min(b), last: a.max(b), to };
            let written = Passage { without, channels: channels.into_iter().map(range).collect(), transpose };
            let text = serde_json::to_string(&written).unwrap();
            prop_assert_eq!(&passage(&text), &written);
            let told = Passage::of(&written.filter()).unwrap_or_default();
            prop_assert_eq!(told.filter(), written.filter());
            prop_assert_eq!(Passage::of(&told.filter()).unwrap_or_default(), told);
        }
    }
}
