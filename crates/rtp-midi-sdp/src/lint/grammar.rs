//! How parameters are written (RFC 6295, appendix D).

use std::collections::BTreeSet;

use super::description::Media;
use super::rule::{
    Check::{Media as OfMedia, Parameter as OfParameter, Stream as OfStream},
    Findings, Rule,
};
use super::selected::{Range, Selected};
use super::stream::{Parameter, Stream};

pub(super) const RULES: &[Rule] = &[
    Rule::error("SD-01", OfStream(one_line)),
    Rule::error("SD-02", OfStream(one_line_for_both)),
    Rule::error("SD-03", OfMedia(blanks_before_the_payload_type)),
    Rule::warning("SD-04", OfStream(separators)),
    Rule::error("SD-05", OfParameter(channel_ranges)),
    Rule::error("SD-06", OfParameter(field_ranges)),
    Rule::error("SD-07", OfParameter(octet_ranges)),
    Rule::error("SD-08", OfParameter(octets)),
    Rule::error("SD-10", OfParameter(numbers)),
    Rule::warning("RFC 6295 D", OfStream(repetitions)),
    Rule::warning("AMB-20", OfStream(unknown_names)),
    Rule::warning("AMB-21", OfParameter(misnamed)),
];

/// Whether parameters of RFC 3640 and of RTP MIDI stand on lines of their own.
fn are_apart(stream: &Stream<'_>) -> bool {
    let lines = |mpeg4: bool| {
        let of_these = stream.parameters.iter().filter(move |parameter| parameter.is_of_mpeg4() == mpeg4);
        of_these.map(|parameter| parameter.line).collect::<Vec<_>>()
    };
    let (mpeg4, midi) = (lines(true), lines(false));
    stream.is_mpeg4() && !mpeg4.is_empty() && !midi.is_empty() && !mpeg4.iter().any(|line| midi.contains(line))
}

fn one_line(stream: &Stream<'_>, found: &mut Findings) {
    if let Some(second) = stream.lines.get(1).filter(|_| !are_apart(stream)) {
        let what = format!("payload type {} has parameters on a second line", stream.payload_type.text);
        found.at(*second, what, "join the lines with a semicolon and a blank");
    }
}

fn one_line_for_both(stream: &Stream<'_>, found: &mut Findings) {
    if let Some(second) = stream.lines.get(1).filter(|_| are_apart(stream)) {
        let what = "the parameters of mpeg4-generic and those of RTP MIDI stand on different lines";
        found.at(*second, what, "join the lines with a semicolon and a blank");
    }
}

fn blanks_before_the_payload_type(media: &Media<'_>, found: &mut Findings) {
    for attribute in media.attributes("fmtp").filter(|attribute| attribute.value.text.starts_with(char::is_whitespace))
    {
        let start = attribute.value.text.len() - attribute.value.text.trim_start().len();
        found.at(attribute.value.part(0..start), "there is white space in front of the payload type", "remove it");
    }
}

/// Between parameters stands a semicolon and one blank, and nothing else.
fn separators(stream: &Stream<'_>, found: &mut Findings) {
    for line in &stream.lines {
        for (index, part) in line.parameters().enumerate() {
            let body = part.trim();
            let expected = if index == 0 { body.text.to_owned() } else { format!(" {}", body.text) };
            let sides = body.split_once('=');
            if body.text.is_empty() {
                found.at(part, "there is a semicolon, and no parameter", "remove the semicolon");
            } else if part.text != expected {
                let what = "parameters are separated by a semicolon and one blank";
                found.at(part, what, format!("write ;{expected}"));
            } else if sides.is_some_and(|(name, value)| name.trim() != name || value.trim() != value) {
                found.at(body, "there are blanks around the equals sign", "remove them");
            }
        }
    }
}

/// Ranges whose left number is not below the right one.
fn falling(ranges: &[Range<'_>], radix: u32, found: &mut Findings, parameter: &Parameter<'_>) {
    let number = |text: &str| u64::from_str_radix(text, radix).unwrap_or_default();
    for range in ranges {
        if let Some(right) = range.right
            && number(range.left.text) >= number(right.text)
        {
            let what = format!("{} does not rise", range.whole.text);
            let fix = match (range.left.text, right.text) {
                (left, right) if number(left) == number(right) => format!("write {left}"),
                (left, right) => format!("write {right}-{left}"),
            };
            found.within(parameter, range.whole, what, fix);
        }
    }
}

fn channel_ranges(parameter: &Parameter<'_>, found: &mut Findings) {
    if let Some(Selected::Types(types)) = Selected::of(parameter) {
        falling(&types.channels, 10, found, parameter);
    }
}

fn field_ranges(parameter: &Parameter<'_>, found: &mut Findings) {
    if let Some(Selected::Types(types)) = Selected::of(parameter) {
        falling(&types.fields, 10, found, parameter);
    }
}

fn octet_ranges(parameter: &Parameter<'_>, found: &mut Findings) {
    if let Some(Selected::Class(ranges)) = Selected::of(parameter) {
        falling(&ranges, 16, found, parameter);
    }
}

fn octets(parameter: &Parameter<'_>, found: &mut Findings) {
    let Some(Selected::Class(ranges)) = Selected::of(parameter) else { return };
    for end in ranges.iter().flat_map(Range::ends) {
        let value = u8::from_str_radix(end.text, 16).ok().filter(|octet| *octet < 0x80);
        let exact = value.map(|octet| format!("{octet:02X}"));
        if exact.as_deref() != Some(end.text) {
            let fix = exact.map_or_else(|| "use 00 to 7F".to_owned(), |exact| format!("write {exact}"));
            found.within(parameter, end, format!("{} is no data octet in two capital digits", end.text), fix);
        }
    }
}

fn numbers(parameter: &Parameter<'_>, found: &mut Findings) {
    match parameter.name.text.to_ascii_lowercase().as_str() {
        "guardtime" => number(parameter, 1, found),
        "rtp_ptime" | "rtp_maxptime" => number(parameter, 0, found),
        _ => zeros_in_front(parameter, found),
    }
}

fn zeros_in_front(parameter: &Parameter<'_>, found: &mut Findings) {
    let Some(Selected::Types(types)) = Selected::of(parameter) else { return };
    let lists = types.channels.iter().chain(&types.fields).flat_map(Range::ends);
    for number in lists.filter(|number| number.text.len() > 1 && number.text.starts_with('0')) {
        let short = number.text.trim_start_matches('0');
        let fix = format!("write {}", if short.is_empty() { "0" } else { short });
        found.within(parameter, number, format!("{} begins with zeros", number.text), fix);
    }
}

/// A value that is no number from `least` on, of 32 bits, without zeros in front.
pub(super) fn number(parameter: &Parameter<'_>, least: u32, found: &mut Findings) {
    let text = parameter.value.text;
    if crate::config::decimal(text).is_none_or(|number| number < least) {
        let value = if text.is_empty() { "nothing" } else { text };
        let what = format!("{value} is no number from {least} to {}", u32::MAX);
        found.on(
            parameter,
            what,
            format!("write digits without sign and without zeros in front, or leave {} out", parameter.name.text),
        );
    }
}

fn repetitions(stream: &Stream<'_>, found: &mut Findings) {
    let mut seen = BTreeSet::new();
    let stands_once = |parameter: &&Parameter<'_>| {
        parameter.name.is_one_of(&crate::NAMES) && !crate::groups::accumulates(parameter.name.text)
    };
    for parameter in stream.parameters.iter().filter(stands_once) {
        if !seen.insert(parameter.name.text.to_ascii_lowercase()) {
            let what = format!("{} is there a second time, and the last one counts", parameter.name.text);
            found.on(parameter, what, "leave one of them");
        }
    }
}

fn unknown_names(stream: &Stream<'_>, found: &mut Findings) {
    let mut subrender = "";
    for parameter in &stream.parameters {
        let name = parameter.name;
        if name.is("subrender") {
            subrender = parameter.value.text;
        }
        // Whoever registers a subrender may have parameters of its own behind it (C.6.2).
        let begin = format!("{subrender}_").to_ascii_lowercase();
        let is_of_subrender = !subrender.is_empty() && name.text.to_ascii_lowercase().starts_with(&begin);
        let is_mpeg4 = stream.is_mpeg4() || !parameter.is_of_mpeg4();
        let is_known = (name.is_one_of(&crate::NAMES) && is_mpeg4) || is_of_subrender || name.is("cm_default");
        if !is_known && !super::mpeg4::is_of_access_units(name) {
            let what = format!("{} is no parameter of such streams, and readers pass over it", name.text);
            found.on(parameter, what, "remove it, or see how the name is spelt");
        }
    }
}

fn misnamed(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("cm_default") {
        found.on(parameter, "there is no cm_default; it is taken for ch_default", "write ch_default");
    }
}
