//! What is said of a port, as people write it: how fast it may be played to, and how much later than played it is heard.

use std::str::FromStr;
use std::time::Duration;

use midi_routing::Profile;
use serde::{Deserialize, Serialize};

/// What is not said stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PortSettings {
    /// How fast it may be played to.
    pub pace: Option<Pace>,
    /// Data octets of a System Exclusive behind which there is a rest.
    pub segment: Option<Segment>,
    /// How long that rest is.
    pub gap: Option<Span>,
    /// How much later than played it is heard.
    pub delay: Option<Wait>,
}

/// How fast a port may be played to: `din`, octets a second, or `off`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "String")]
pub enum Pace {
    /// As fast as may be.
    Off,
    /// So many octets a second.
    Octets(u32),
}

/// How much later than played a port is heard: `10 ms`, `auto`, or `off`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "String")]
pub enum Wait {
    /// At once.
    Off,
    /// As much as the network needs.
    Auto,
    /// So much.
    Fixed(Span),
}

/// A time, such as `20 ms`: two seconds at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "String")]
pub struct Span(Duration);

/// Octets of a segment; at least one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "usize", into = "usize")]
pub struct Segment(usize);

/// A text that may be written as a number where numbers are to be had.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Number(u64),
    Words(String),
}

/// Longest time that anything waits on purpose.
const LONGEST: Duration = Duration::from_secs(2);

/// Data octets of a System Exclusive behind which there is a rest, where only the rest is said.
const SEGMENT: usize = 256;

impl PortSettings {
    /// All of it as it is without anything said.
    pub const fn none() -> Self {
        Self { pace: Some(Pace::Off), segment: None, gap: None, delay: Some(Wait::Off) }
    }

    /// Whether anything is said of how fast it may be played to.
    pub const fn has_pace(&self) -> bool {
        self.pace.is_some() || self.segment.is_some() || self.gap.is_some()
    }

    /// What is said when this has been said and then `later`.
    #[must_use]
    pub fn and(&self, later: &Self) -> Self {
        // Who says no more than that there is no pace takes the rests away with it.
        let is_free = later.pace == Some(Pace::Off) && later.segment.is_none() && later.gap.is_none();
        let (segment, gap) = if is_free { (None, None) } else { (self.segment, self.gap) };
        Self {
            pace: later.pace.or(self.pace),
            segment: later.segment.or(segment),
            gap: later.gap.or(gap),
            delay: later.delay.or(self.delay),
        }
    }

    /// How fast it may be played to, by what is said now and was before; as fast as may be if there is none.
    pub fn profile(&self, before: Option<Profile>) -> Option<Profile> {
        if self.pace == Some(Pace::Off) && self.segment.is_none() && self.gap.is_none() {
            return None;
        }
        let free = Profile { rate: u32::MAX, segment: usize::MAX, gap: Duration::ZERO };
        let mut profile = before.unwrap_or(free);
        match self.pace {
            Some(Pace::Octets(rate)) => profile.rate = rate,
            Some(Pace::Off) => profile.rate = free.rate,
            None => {}
        }
        if let Some(Span(gap)) = self.gap {
            profile.gap = gap;
            if profile.segment == free.segment {
                profile.segment = SEGMENT;
            }
        }
        if let Some(Segment(segment)) = self.segment {
            profile.segment = segment;
        }
        Some(profile)
    }
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "din" => Ok(Self::Octets(Profile::DIN.rate)),
            "off" => Ok(Self::Off),
            _ => {
                let rate = text.parse().ok().filter(|rate| (10..=10_000_000).contains(rate));
                rate.map(Self::Octets).ok_or_else(|| {
                    format!("{text:?} is no pace: it is din (31,250 baud), octets a second from 10 on, or off")
                })
            }
        }
    }
}

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            _ => text.parse().map(Self::Fixed).map_err(|why| format!("{why}, auto or off")),
        }
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = humantime::parse_duration(text).ok().filter(|span| *span <= LONGEST);
        span.map(Self).ok_or_else(|| format!("{text:?} is no time up to two seconds, such as \"10 ms\""))
    }
}

impl FromStr for Segment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<usize>().map_err(|error| error.to_string())?.try_into()
    }
}

impl TryFrom<usize> for Segment {
    type Error = String;

    fn try_from(octets: usize) -> Result<Self, String> {
        if octets > 0 { Ok(Self(octets)) } else { Err("a segment has an octet at least".to_owned()) }
    }
}

impl From<Segment> for usize {
    fn from(Segment(octets): Segment) -> Self {
        octets
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        match text {
            Text::Number(number) => number.to_string(),
            Text::Words(words) => words,
        }
    }
}

impl TryFrom<Text> for Pace {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        String::from(text).parse()
    }
}

impl TryFrom<Text> for Wait {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        String::from(text).parse()
    }
}

impl TryFrom<Text> for Span {
    type Error = String;

    fn try_from(text: Text) -> Result<Self, String> {
        String::from(text).parse()
    }
}

impl From<Pace> for String {
    fn from(pace: Pace) -> Self {
        match pace {
            Pace::Off => "off".to_owned(),
            Pace::Octets(rate) => rate.to_string(),
        }
    }
}

impl From<Wait> for String {
    fn from(wait: Wait) -> Self {
        match wait {
            Wait::Off => "off".to_owned(),
            Wait::Auto => "auto".to_owned(),
            Wait::Fixed(span) => span.into(),
        }
    }
}

impl From<Span> for String {
    fn from(Span(span): Span) -> Self {
        humantime::format_duration(span).to_string()
    }
}

impl From<Span> for Duration {
    fn from(Span(span): Span) -> Self {
        span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: &str) -> PortSettings {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_written_is_how_fast_a_port_may_be_played_to() {
        let gap = Duration::from_millis(20);
        assert_eq!(settings(r#"{"pace": "din"}"#).profile(None), Some(Profile::DIN));
        let slow = settings(r#"{"pace": 1000, "segment": 64, "gap": "20 ms"}"#).profile(None);
        assert_eq!(slow, Some(Profile { rate: 1000, segment: 64, gap }));
        // What is not said stays.
        let slower = settings(r#"{"pace": 500}"#).profile(slow);
        assert_eq!(slower, Some(Profile { rate: 500, segment: 64, gap }));
        assert_eq!(
            settings(r#"{"gap": "20ms"}"#).profile(None),
            Some(Profile { rate: u32::MAX, segment: SEGMENT, gap })
        );
        assert_eq!(settings(r#"{"pace": "off"}"#).profile(slow), None);
        assert!(!settings(r#"{"delay": "auto"}"#).has_pace());
    }

    #[test]
    fn what_is_said_one_after_the_other_can_be_said_at_once() {
        let said = [
            r#"{"pace": "din"}"#,
            r#"{"segment": 512}"#,
            r#"{"gap": "20 ms"}"#,
            r#"{"pace": "off"}"#,
            r#"{"pace": "off", "gap": "5 ms"}"#,
            r#"{"pace": 500, "delay": "auto"}"#,
            r#"{"delay": "off"}"#,
        ];
        for first in said {
            for second in said {
                for third in said {
                    let all = [first, second, third].map(settings);
                    let mut profile = None;
                    for said in all.iter().filter(|said| said.has_pace()) {
                        profile = said.profile(profile);
                    }
                    let at_once = all.iter().fold(PortSettings::default(), |before, later| before.and(later));
                    let at_once_profile = if at_once.has_pace() { at_once.profile(None) } else { None };
                    let is_free = |it: &Option<Profile>| it.is_none_or(|it| it.rate == u32::MAX && it.gap.is_zero());
                    assert!(at_once_profile == profile || (is_free(&at_once_profile) && is_free(&profile)), "{all:?}");
                    assert_eq!(at_once.delay, all.iter().rev().find_map(|said| said.delay), "{all:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_told_as_it_could_be_written() {
        for json in [
            r#"{"pace":"3125","segment":64,"gap":"20ms","delay":"10ms"}"#,
            r#"{"pace":"off","segment":null,"gap":null,"delay":"auto"}"#,
        ] {
            assert_eq!(serde_json::to_string(&settings(json)).unwrap(), json);
        }
        assert_eq!(settings(r#"{"pace":"off","delay":"off"}"#), PortSettings::none());
    }

    #[test]
    fn what_makes_no_sense_is_told_with_what_would() {
        for (json, words) in [
            (r#"{"pace": "fast"}"#, "it is din (31,250 baud)"),
            (r#"{"pace": 0}"#, "octets a second from 10 on"),
            (r#"{"segment": 0}"#, "an octet at least"),
            (r#"{"gap": "3 s"}"#, "up to two seconds, such as \"10 ms\""),
            (r#"{"delay": "soon"}"#, "\"10 ms\", auto or off"),
            (r#"{"speed": 1}"#, "unknown field"),
        ] {
            let error = serde_json::from_str::<PortSettings>(json).unwrap_err().to_string();
            assert!(error.contains(words), "{json}: {error}");
        }
    }
}
