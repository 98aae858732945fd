//! Streams that share name spaces by `musicport` (RFC 6295, C.5). What a relationship is, and what it must not be, is
//! said by [`crate::Session::relation_violations`]; here it gets its place.

use super::description::Description;
use super::grammar::number;
use super::rule::{
    Check::{Parameter as OfParameter, Session},
    Findings, Rule,
};
use super::stream::{Parameter, Stream};
use crate::audio_specific_config::ObjectType;

pub(super) const RULES: &[Rule] = &[
    Rule::error("SC.5-02", OfParameter(musicport)),
    Rule::error("SC.5-04", Session(doubles)),
    Rule::error("SC.5-07", Session(groups)),
    Rule::error("SC.5-08", Session(mixture)),
    Rule::error("SC.5-09", Session(mixture_sent)),
    Rule::error("SC.5-10", Session(mixture_received)),
    Rule::error("SC.5-11", Session(split_transactions)),
    Rule::error("SC.5-14", Session(native_renderers)),
    Rule::error("SC.5-15", Session(configurations)),
    Rule::error("SC.6.5-04", Session(mpeg4_renderers)),
    Rule::warning("SC.6.4-01", Session(name_spaces)),
];

fn musicport(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("musicport") {
        number(parameter, 0, found);
    }
}

/// Tells of the violations of this number, at the last `musicport` of their line.
fn report(
    description: &Description<'_>,
    requirement: &str,
    is_meant: impl Fn(&[Stream<'_>]) -> bool,
    fix: &str,
    found: &mut Findings,
) {
    for violation in description.violations.iter().filter(|violation| violation.requirement == requirement) {
        let streams = violation.media.and_then(|media| description.media.get(media)).map(|media| &media.streams[..]);
        if let Some(streams) = streams.filter(|streams| is_meant(streams))
            && let Some(parameter) = streams.iter().rev().find_map(|stream| stream.parameter("musicport"))
        {
            found.on(parameter, violation.what.clone(), fix);
        }
    }
}

fn doubles(description: &Description<'_>, found: &mut Findings) {
    report(description, "SC.5-04", |_| true, "put each stream on a media line of its own", found);
}

fn groups(description: &Description<'_>, found: &mut Findings) {
    let fix = "write a=mid: in each of these media, and all of them in one a=group:FID of the session";
    report(description, "SC.5-07", |_| true, fix, found);
}

const ONE_FORMAT: &str = "use rtp-midi for all of them, or mpeg4-generic";

fn mixture(description: &Description<'_>, found: &mut Findings) {
    report(description, "SC.5-08", |_| true, ONE_FORMAT, found);
}

fn mixture_sent(description: &Description<'_>, found: &mut Findings) {
    report(description, "SC.5-09", |_| true, ONE_FORMAT, found);
}

fn mixture_received(description: &Description<'_>, found: &mut Findings) {
    report(description, "SC.5-10", |_| true, ONE_FORMAT, found);
}

fn split_transactions(description: &Description<'_>, found: &mut Findings) {
    let fix = "let one stream have all controllers of parameters: 6, 38 and 96 to 101";
    report(description, "SC.5-11", |_| true, fix, found);
}

fn has_render(streams: &[Stream<'_>]) -> bool {
    streams.iter().any(|stream| stream.parameter("render").is_some())
}

fn is_mpeg4(streams: &[Stream<'_>]) -> bool {
    streams.iter().any(Stream::is_mpeg4)
}

fn native_renderers(description: &Description<'_>, found: &mut Findings) {
    report(description, "SC.5-14", |streams| !is_mpeg4(streams), "leave render at one of them", found);
}

fn mpeg4_renderers(description: &Description<'_>, found: &mut Findings) {
    let is_second = |streams: &[Stream<'_>]| is_mpeg4(streams) && has_render(streams);
    if !description.violations.iter().any(|violation| violation.requirement == "SC.5-15") {
        report(description, "SC.5-14", is_second, "leave render at one of them", found);
    }
}

/// A second `config` with a renderer, or one beside the `render` of another stream. In one stream both are the matter
/// of C.6.5.
fn configurations(description: &Description<'_>, found: &mut Findings) {
    let fix = "write config=\"\" in all streams, or in all but one and no render";
    report(description, "SC.5-15", |streams| !has_render(streams), fix, found);
    if !description.violations.iter().any(|violation| violation.requirement == "SC.5-15") {
        report(description, "SC.5-14", |streams| is_mpeg4(streams) && !has_render(streams), fix, found);
    }
}

/// General MIDI has sixteen channels, and no place for more name spaces than one.
fn name_spaces(description: &Description<'_>, found: &mut Findings) {
    let Some(session) = &description.parsed else { return };
    for relation in session.relations().iter().filter(|relation| relation.spaces.len() > 1) {
        let streams: Vec<_> = description
            .streams()
            .map(|(_, stream)| stream)
            .filter(|stream| {
                number_of(stream).is_some_and(|n| relation.spaces.iter().any(|space| space.musicport == n))
            })
            .collect();
        let is_general_midi =
            |stream: &&&Stream<'_>| super::mpeg4::object_types(stream).contains(&ObjectType::GeneralMidi);
        if let Some(parameter) = streams.iter().find(is_general_midi).and_then(|stream| stream.parameter("musicport")) {
            let what = format!("General MIDI plays one name space, and these are {}", relation.spaces.len());
            found.on(parameter, what, "use musicport numbers that do not follow each other");
        }
    }
}

/// The number by which a stream is related to others.
pub(super) fn number_of(stream: &Stream<'_>) -> Option<u32> {
    crate::config::decimal(stream.parameter("musicport")?.value.text)
}
