//! What lines of a description say for other lines: formats and clock rates for fmtp, ports for each other.

use std::ops::Range;

use rtp_midi::Format;
use rtp_midi_sdp::{Parameters, Protocol};

/// The media lines of a description.
pub(super) struct Context {
    media: Vec<Section>,
}

/// A media line and those below it.
struct Section {
    lines: Range<usize>,
    protocol: Protocol,
    streams: Vec<About>,
    /// fmtp lines by their numbers, with the place of their stream.
    fmtp: Vec<(usize, usize, Parameters)>,
}

/// What must be known of a stream to explain its parameters.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) payload_type: String,
    pub(super) format: Format,
    /// 0 where the description does not tell.
    pub(super) clock_rate: u32,
    pub(super) is_reliable: bool,
    /// All parameters.
    pub(super) parameters: Parameters,
    /// The cable numbers of all other streams.
    pub(super) cables: Vec<u32>,
}

/// An fmtp line of an RTP MIDI stream.
pub(super) struct Fmtp<'a> {
    pub(super) parameters: &'a Parameters,
    pub(super) about: &'a About,
}

impl Context {
    /// Looks through all lines, whatever may be wrong with them.
    pub(super) fn read(lines: &[&str]) -> Self {
        let starts: Vec<usize> = (0..lines.len()).filter(|number| lines[*number].trim().starts_with("m=")).collect();
        let ends = starts.iter().skip(1).copied().chain([lines.len()]);
        let mut media: Vec<Section> =
            starts.iter().zip(ends).map(|(start, end)| Section::read(lines, *start..end)).collect();
        let cables: Vec<Vec<u32>> =
            media.iter().map(|section| section.streams.iter().filter_map(About::cable).collect()).collect();
        for (index, section) in media.iter_mut().enumerate() {
            let others: Vec<u32> = cables
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .flat_map(|(_, cables)| cables.clone())
                .collect();
            section.streams.iter_mut().for_each(|stream| stream.cables.clone_from(&others));
        }
        Self { media }
    }

    /// The parameters, where line `number` is an fmtp line of an RTP MIDI stream.
    pub(super) fn fmtp(&self, number: usize) -> Option<Fmtp<'_>> {
        let section = self.section(number)?;
        let (_, stream, parameters) = section.fmtp.iter().find(|(line, ..)| *line == number)?;
        Some(Fmtp { parameters, about: &section.streams[*stream] })
    }

    /// The protocol of the media line that line `number` belongs to.
    pub(super) fn protocol(&self, number: usize) -> Option<&Protocol> {
        self.section(number).map(|section| &section.protocol)
    }

    /// The streams of the media line whose last line this is.
    pub(super) fn ending(&self, number: usize) -> &[About] {
        self.section(number).filter(|section| section.lines.end == number + 1).map_or(&[], |section| &section.streams)
    }

    fn section(&self, number: usize) -> Option<&Section> {
        self.media.iter().find(|section| section.lines.contains(&number))
    }
}

impl Section {
    fn read(lines: &[&str], range: Range<usize>) -> Self {
        let protocol = Protocol::from_token(lines[range.start].split_whitespace().nth(2).unwrap_or_default());
        let attribute = |number: usize, name: &str| {
            let text = lines[number].trim().strip_prefix("a=")?.trim_start().strip_prefix(name)?;
            text.trim().split_once(char::is_whitespace).map(|(of, text)| (of.to_owned(), text.trim().to_owned()))
        };
        let fmtp_lines: Vec<(usize, String, Parameters)> = range
            .clone()
            .filter_map(|number| attribute(number, "fmtp:").map(|(of, text)| (number, of, Parameters::parse(&text))))
            .collect();
        let streams: Vec<About> = range
            .clone()
            .filter_map(|number| attribute(number, "rtpmap:"))
            .filter_map(|(payload_type, text)| {
                let (encoding, rate) = text.split_once('/').unwrap_or((&text, ""));
                let mut parameters = Parameters::new();
                let own = fmtp_lines.iter().filter(|(_, of, _)| *of == payload_type);
                own.for_each(|(.., line)| parameters.extend(line.clone()));
                let clock_rate = rate.split('/').next().and_then(|rate| rate.trim().parse().ok()).unwrap_or(0);
                let format = format(encoding, &parameters)?;
                let is_reliable = protocol.is_reliable();
                Some(About { payload_type, format, clock_rate, is_reliable, parameters, cables: Vec::new() })
            })
            .collect();
        let fmtp = fmtp_lines.into_iter().filter_map(|(number, of, parameters)| {
            let stream = streams.iter().position(|stream| stream.payload_type == of)?;
            Some((number, stream, parameters))
        });
        Self { lines: range, protocol, fmtp: fmtp.collect(), streams }
    }
}

fn format(encoding: &str, parameters: &Parameters) -> Option<Format> {
    let is_midi = parameters.last("mode").is_some_and(|mode| mode.eq_ignore_ascii_case("rtp-midi"));
    if encoding.eq_ignore_ascii_case("rtp-midi") {
        Some(Format::Native)
    } else if encoding.eq_ignore_ascii_case("mpeg4-generic") && is_midi {
        Some(Format::Mpeg4Generic)
    } else {
        None
    }
}

impl About {
    /// The number of the stream's cable.
    pub(super) fn cable(&self) -> Option<u32> {
        self.parameters.last("musicport")?.parse().ok()
    }

    /// Ticks of the clock with the time they take: `441 ticks (10 ms)`.
    pub(super) fn ticks(&self, value: &str) -> String {
        let unit = if value == "1" { "tick" } else { "ticks" };
        match value.parse::<u32>() {
            Ok(ticks) if self.clock_rate > 0 => {
                format!("{value} {unit} ({})", time(f64::from(ticks) / f64::from(self.clock_rate)))
            }
            _ => format!("{value} {unit}"),
        }
    }
}

/// A time in the unit that suits it.
pub(super) fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        seconds if seconds >= 1.0 || seconds == 0.0 => (seconds, "s"),
        seconds if seconds >= 0.001 => (seconds * 1e3, "ms"),
        seconds => (seconds * 1e6, "µs"),
    };
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_told_in_time() {
        let about = |clock_rate| About {
            payload_type: "96".to_owned(),
            format: Format::Native,
            clock_rate,
            is_reliable: false,
            parameters: Parameters::new(),
            cables: Vec::new(),
        };
        assert_eq!(about(44_100).ticks("441"), "441 ticks (10 ms)");
        assert_eq!(about(44_100).ticks("1"), "1 tick (22.7 µs)");
        assert_eq!(about(44_100).ticks("88200"), "88200 ticks (2 s)");
        assert_eq!((about(0).ticks("441"), about(44_100).ticks("soon")), ("441 ticks".into(), "soon ticks".into()));
    }

    #[test]
    fn parameters_find_the_clock_of_their_payload_type() {
        let lines = [
            "m=audio 5004 RTP/AVP 96 97 0",
            "a=fmtp:96 musicport=1",
            "a=rtpmap:96 rtp-midi/44100",
            "a=rtpmap:97 opus/48000/2",
            "a=fmtp:97 stereo=1",
            "m=audio 5006 TCP/RTP/AVP 96",
            "a=rtpmap: 96 rtp-midi/48000",
            "a=fmtp: 96 musicport=1",
        ];
        let context = Context::read(&lines);
        let (one, other) = (context.fmtp(1).unwrap().about, context.fmtp(7).unwrap().about);
        assert_eq!((one.clock_rate, other.clock_rate), (44_100, 48_000));
        assert_eq!((one.is_reliable, other.is_reliable), (false, true));
        assert_eq!((&one.cables[..], other.cable()), (&[1][..], Some(1)));
        assert!(context.fmtp(0).is_none() && context.fmtp(4).is_none());
        assert_eq!((context.ending(4).len(), context.ending(3).len(), context.ending(7).len()), (1, 0, 1));
    }
}
