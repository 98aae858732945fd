//! `mpeg4-generic` streams: the four parameters of RFC 3640, and what `AudioSpecificConfig` holds (RFC 6295, 6.2, E.4).

use super::piece::Piece;
use super::rule::{Check::Stream as OfStream, Findings, Rule};
use super::stream::{Parameter, Stream};
use crate::audio_specific_config::{AudioSpecificConfig, Chunk, Fault, ObjectType, octets};

pub(super) const RULES: &[Rule] = &[
    Rule::error("S6.2-03", OfStream(access_units)),
    Rule::error("S6.2-05", OfStream(required)),
    Rule::error("SC.6.5-03", OfStream(required_with_render)),
    Rule::error("S6.2-06", OfStream(stream_type)),
    Rule::error("S6.2-07", OfStream(mode)),
    Rule::error("S6.2-08", OfStream(profile_level)),
    Rule::error("S6.2-09", OfStream(hexadecimal)),
    Rule::error("S6.2-11", OfStream(object_type)),
    Rule::error("SC.6.5-10", OfStream(object_type_inline)),
    Rule::error("SE.4-02", OfStream(listed_rate)),
    Rule::error("SE.4-03", OfStream(escaped_rate)),
    Rule::error("SE.4-05", OfStream(stated_channels)),
    Rule::error("SE.4-06", OfStream(unstated_channels)),
    Rule::error("SE.4-07", OfStream(whole_blocks)),
    Rule::error("SE.4-08", OfStream(final_bit)),
    Rule::error("SE.4-10", OfStream(blocks)),
    Rule::note("SE.4-11", OfStream(ignored_file)),
];

/// Of RFC 3640, for packets with several access units or pieces of one, which RTP MIDI has none of.
const ACCESS_UNITS: [&str; 13] = [
    "objecttype",
    "constantsize",
    "constantduration",
    "maxdisplacement",
    "de-interleavebuffersize",
    "sizelength",
    "indexlength",
    "indexdeltalength",
    "ctsdeltalength",
    "dtsdeltalength",
    "randomaccessindication",
    "streamstateindication",
    "auxiliarydatasizelength",
];

fn access_units(stream: &Stream<'_>, found: &mut Findings) {
    for parameter in stream.parameters.iter().filter(|parameter| parameter.name.is_one_of(&ACCESS_UNITS)) {
        let what = format!("{} is for packets with parts, and each of these is one MIDI payload", parameter.name.text);
        found.on(parameter, what, "remove it");
    }
}

fn missing(stream: &Stream<'_>, names: &[&str], found: &mut Findings) {
    for name in names.iter().filter(|name| stream.is_mpeg4() && stream.parameter(name).is_none()) {
        let value = match *name {
            "streamtype" => "5",
            "mode" => "rtp-midi",
            "profile-level-id" => "12",
            _ => "\"\" with render, or the renderer in hexadecimal",
        };
        found.missing(stream, name, format!("{name} is missing"), format!("write {name}={value}"));
    }
}

fn required(stream: &Stream<'_>, found: &mut Findings) {
    let all = ["config", "streamtype", "mode", "profile-level-id"];
    missing(stream, if stream.parameter("render").is_some() { &all[..1] } else { &all }, found);
}

fn required_with_render(stream: &Stream<'_>, found: &mut Findings) {
    if stream.parameter("render").is_some() {
        missing(stream, &["streamtype", "mode", "profile-level-id"], found);
    }
}

/// The parameter of an MPEG-4 stream, if its value is not as it must be.
fn wrong<'s, 'a>(stream: &'s Stream<'a>, name: &str, is_right: fn(&str) -> bool) -> Option<&'s Parameter<'a>> {
    stream.parameter(name).filter(|parameter| stream.is_mpeg4() && !is_right(parameter.value.text))
}

fn stream_type(stream: &Stream<'_>, found: &mut Findings) {
    if let Some(parameter) = wrong(stream, "streamtype", |value| value == "5") {
        found.on(parameter, "RTP MIDI is an audio stream, which is type 5", "write streamtype=5");
    }
}

fn mode(stream: &Stream<'_>, found: &mut Findings) {
    if let Some(parameter) = wrong(stream, "mode", |value| value.eq_ignore_ascii_case("rtp-midi")) {
        found.on(parameter, "with another mode this is no RTP MIDI stream", "write mode=rtp-midi");
    }
}

fn profile_level(stream: &Stream<'_>, found: &mut Findings) {
    // The Main Profile, 1 to 4, has all that the Synthesis Profile, 11 to 13, has.
    if let Some(parameter) = wrong(stream, "profile-level-id", |value| matches!(value.parse(), Ok(1_u8..=4 | 11..=13)))
    {
        let what = format!("{} is no level of a profile with synthesis", parameter.value.text);
        found.on(parameter, what, "write 11, 12 or 13 for low, medium or high effort");
    }
}

/// Where the renderer of an MPEG-4 stream is written down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Config,
    Inline,
}

/// The renderers written down in the parameters, as far as they are octets.
fn renderers<'s, 'a>(
    stream: &'s Stream<'a>,
) -> impl Iterator<Item = (Source, &'s Parameter<'a>, Result<AudioSpecificConfig, Fault>, Vec<u8>)> {
    let configs = stream.all("config").filter_map(|parameter| {
        let octets = octets(config_digits(parameter)?.text).ok()?;
        Some((Source::Config, parameter, octets))
    });
    let inline =
        super::rendering::inline_objects(stream).filter(|(_, object)| object.is_one_of(&super::rendering::ASC));
    let inline = inline.filter_map(|(parameter, _)| {
        let octets = super::rendering::octets_of(parameter.value)?;
        Some((Source::Inline, parameter, octets))
    });
    let all = configs.chain(inline).filter(|_| stream.is_mpeg4());
    all.map(|(source, parameter, octets)| (source, parameter, AudioSpecificConfig::decode(&octets), octets))
}

/// The value of `config` unless it is empty.
fn config_digits<'a>(parameter: &Parameter<'a>) -> Option<Piece<'a>> {
    let digits = parameter.value.unquoted().unwrap_or(parameter.value);
    (!digits.text.is_empty()).then_some(digits)
}

/// Whether a stream's `config` describes a renderer.
pub(super) fn configures(stream: &Stream<'_>) -> bool {
    stream.is_mpeg4() && stream.parameter("config").and_then(config_digits).is_some()
}

/// What the renderers of a stream are, as far as they can be read.
pub(super) fn object_types(stream: &Stream<'_>) -> Vec<ObjectType> {
    renderers(stream).filter_map(|(_, _, config, _)| Some(config.ok()?.object_type())).collect()
}

fn hexadecimal(stream: &Stream<'_>, found: &mut Findings) {
    let Some(parameter) = stream.parameter("config").filter(|_| stream.is_mpeg4()) else { return };
    let fix = "write the octets in hexadecimal, or \"\" where render follows";
    if parameter.value.text.is_empty() {
        found.on(parameter, "config has no value", fix);
    } else if let Some(Err(fault)) = config_digits(parameter).map(|digits| octets(digits.text)) {
        found.on(parameter, fault.to_string(), fix);
    }
}

fn object_types_of(stream: &Stream<'_>, wanted: Source, found: &mut Findings) {
    for (_, parameter, config, _) in renderers(stream).filter(|(source, ..)| *source == wanted) {
        if let Err(Fault::ObjectType { number }) = config {
            let what = format!("audio object type {number} takes no MIDI");
            found.on(parameter, what, "use 13, 14 or 15: 7A0A0000000000 is General MIDI at 44100 Hz");
        }
    }
}

fn object_type(stream: &Stream<'_>, found: &mut Findings) {
    object_types_of(stream, Source::Config, found);
}

fn object_type_inline(stream: &Stream<'_>, found: &mut Findings) {
    object_types_of(stream, Source::Inline, found);
}

/// The renderers that can be read, with the clock rate.
fn readable<'s, 'a>(stream: &'s Stream<'a>) -> impl Iterator<Item = (&'s Parameter<'a>, AudioSpecificConfig, u32)> {
    renderers(stream).filter_map(|(_, parameter, config, _)| Some((parameter, config.ok()?, stream.clock_rate?)))
}

/// Whether the table of FREQIDX has the rate: if not, whatever is asked is the answer.
fn is_listed(rate: u32) -> bool {
    AudioSpecificConfig::general_midi(rate, 1).sampling_rate(0) == rate
}

fn listed_rate(stream: &Stream<'_>, found: &mut Findings) {
    for (parameter, config, rate) in readable(stream).filter(|(.., rate)| is_listed(*rate)) {
        if config.sampling_rate(0) != rate {
            let what = match config.sampling_rate(0) {
                0 => format!("the renderer's rate is escaped, and {rate} is listed"),
                other => format!("the renderer has {other} Hz, and the clock {rate}"),
            };
            found.on(parameter, what, format!("write the index of {rate} as FREQIDX"));
        }
    }
}

fn escaped_rate(stream: &Stream<'_>, found: &mut Findings) {
    for (parameter, config, rate) in readable(stream).filter(|(.., rate)| !is_listed(*rate)) {
        if config.sampling_rate(0) != 0 {
            let what = format!("the renderer has {} Hz, and the clock {rate}", config.sampling_rate(0));
            found.on(parameter, what, "write the escape value 15 as FREQIDX");
        }
    }
}

/// The number of audio channels behind the clock rate.
fn rtpmap_channels(stream: &Stream<'_>) -> Option<u8> {
    stream.encoding.text.split('/').nth(2)?.trim().parse().ok()
}

fn stated_channels(stream: &Stream<'_>, found: &mut Findings) {
    let Some(stated) = rtpmap_channels(stream).filter(|channels| matches!(channels, 1..=6 | 8)) else { return };
    for (parameter, config, _) in readable(stream).filter(|(_, config, _)| config.channels() != Some(stated)) {
        let what = match config.channels() {
            Some(channels) => format!("the renderer has {channels} audio channels, and the rtpmap {stated}"),
            None => format!("the renderer does not say that it has {stated} audio channels, as the rtpmap does"),
        };
        found.on(parameter, what, "write CHANNEL as the rtpmap has it");
    }
}

fn unstated_channels(stream: &Stream<'_>, found: &mut Findings) {
    if rtpmap_channels(stream).is_some_and(|channels| matches!(channels, 1..=6 | 8)) {
        return;
    }
    // One channel is what an rtpmap means that states none, and what the examples have.
    for (parameter, config, _) in readable(stream) {
        if let Some(channels) = config.channels().filter(|channels| *channels > 1) {
            let what = format!("the renderer has {channels} audio channels, of which the rtpmap does not speak");
            found.on(parameter, what, "write CHANNEL 0, or the channels behind the clock rate");
        }
    }
}

/// Whether only the bits behind the last block are missing.
const fn lacks_the_end(fault: &Fault, octets: &[u8]) -> bool {
    matches!(fault, Fault::Truncated { bit, needed: 1, .. } if *bit >= octets.len() * 8)
}

fn whole_blocks(stream: &Stream<'_>, found: &mut Findings) {
    for (_, parameter, config, octets) in renderers(stream) {
        if let Err(fault @ (Fault::Truncated { .. } | Fault::ScoreLine { .. } | Fault::SamplingRate { .. })) = config
            && !lacks_the_end(&fault, &octets)
        {
            found.on(parameter, fault.to_string(), "write the renderer whole, with FILE_LEN as it is");
        }
    }
}

fn final_bit(stream: &Stream<'_>, found: &mut Findings) {
    for (_, parameter, config, octets) in renderers(stream) {
        if config.is_err_and(|fault| lacks_the_end(&fault, &octets)) {
            found.on(parameter, "the bits behind the last block are missing", "append two bits that are zero");
        }
    }
}

fn blocks(stream: &Stream<'_>, found: &mut Findings) {
    for (_, parameter, config, _) in renderers(stream) {
        if let Err(fault @ (Fault::Chunk { .. } | Fault::NoChunk)) = config {
            let fix = "use Standard MIDI Files for General MIDI, and RIFF files besides for DLS 2";
            found.on(parameter, fault.to_string(), fix);
        }
    }
}

fn ignored_file(stream: &Stream<'_>, found: &mut Findings) {
    let is_read = stream.parameter("smf_info").is_some_and(|parameter| !parameter.value.is("ignore"));
    for (parameter, config, rate) in readable(stream).filter(|_| !is_read) {
        let is_general_midi = config.object_type() == ObjectType::GeneralMidi;
        let has_file =
            config.chunks().iter().any(|chunk| matches!(chunk, Chunk::StandardMidiFile(file) if !file.is_empty()));
        if is_general_midi && has_file {
            let short = AudioSpecificConfig::general_midi(rate, config.channels().unwrap_or(0).into());
            let fix = format!("use a renderer without a file: {} in hexadecimal", short.print());
            found.on(parameter, "the renderer holds a Standard MIDI File, which nobody plays", fix);
        }
    }
}

/// Whether it is a name of RFC 3640 that RTP MIDI must not use.
pub(super) fn is_of_access_units(name: Piece<'_>) -> bool {
    name.is_one_of(&ACCESS_UNITS)
}
