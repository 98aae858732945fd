//! How name spaces and Standard MIDI Files go to a renderer: `smf_*` and `chanmask` (RFC 6295, C.6.4).

use super::description::Description;
use super::relations::number_of;
use super::rule::{
    Check::{Parameter as OfParameter, Session, Stream as OfStream},
    Findings, Rule,
};
use super::stream::{Parameter, Stream};
use crate::render::ChannelMask;

pub(super) const RULES: &[Rule] = &[
    Rule::error("SC.6.4.1-01", OfStream(info_without_render)),
    Rule::warning("SC.6.4.1-10", OfParameter(info)),
    Rule::error("SC.6.4.2-01", OfStream(files_without_render)),
    Rule::error("SC.6.4.2-02", OfStream(files_before_render)),
    Rule::error("SC.6.4.3-01", OfParameter(mask_digits)),
    Rule::error("SC.6.4.3-02", Session(mask_length)),
    Rule::error("SC.6.4.3-03", OfStream(mask_without_render)),
    Rule::error("SC.6.4.3-04", OfStream(mask_before_render)),
];

/// Parameters of these names in front of the first render, or in a list that has none.
fn early<'s, 'a>(
    stream: &'s Stream<'a>,
    names: &'s [&str],
    with_render: Option<bool>,
) -> impl Iterator<Item = &'s Parameter<'a>> {
    let render = stream.parameters.iter().position(|parameter| parameter.name.is("render"));
    let before = &stream.parameters[..render.unwrap_or(stream.parameters.len())];
    let is_meant = with_render.is_none_or(|with| with == render.is_some());
    before.iter().filter(move |parameter| is_meant && parameter.name.is_one_of(names))
}

fn report<'s, 'a: 's>(parameters: impl Iterator<Item = &'s Parameter<'a>>, found: &mut Findings) {
    for parameter in parameters {
        let what = format!("no render stands in front of {}, which tells more about one", parameter.name.text);
        found.on(parameter, what, "put it behind a render");
    }
}

const FILES: [&str; 3] = ["smf_inline", "smf_url", "smf_cid"];

fn info_without_render(stream: &Stream<'_>, found: &mut Findings) {
    report(early(stream, &["smf_info"], None), found);
}

fn info(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("smf_info") && !parameter.value.is_one_of(&["ignore", "sdp_start", "identity"]) {
        let what = format!("who does not know what {} means must not accept the renderer", parameter.value.text);
        found.on(parameter, what, "write ignore, sdp_start or identity");
    }
}

fn files_without_render(stream: &Stream<'_>, found: &mut Findings) {
    report(early(stream, &FILES, Some(false)), found);
}

fn files_before_render(stream: &Stream<'_>, found: &mut Findings) {
    report(early(stream, &FILES, Some(true)), found);
}

fn is_of_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| matches!(octet, b'0' | b'1'))
}

fn mask_digits(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("chanmask") && !is_of_digits(parameter.value.text) {
        let what = format!("{} is not made of 0 and 1", parameter.value.text);
        found.on(parameter, what, "write one digit for each of 16 channels");
    }
}

/// Sixteen digits, or as many for each name space of an ordered relationship.
fn mask_length(description: &Description<'_>, found: &mut Findings) {
    let numbers: Vec<u32> = description.streams().filter_map(|(_, stream)| number_of(stream)).collect();
    for (_, stream) in description.streams() {
        let is_ordered = number_of(stream).is_some_and(|number| {
            [number.checked_sub(1), number.checked_add(1)].into_iter().flatten().any(|next| numbers.contains(&next))
        });
        for parameter in stream.all("chanmask").filter(|parameter| is_of_digits(parameter.value.text)) {
            let spaces = ChannelMask::parse(parameter.value.text).map(|mask| mask.name_spaces());
            if !spaces.is_some_and(|spaces| spaces == 1 || is_ordered) {
                let what = format!("the mask has {} digits", parameter.value.text.len());
                let fix = if is_ordered { "write a multiple of 16 digits" } else { "write 16 digits" };
                found.on(parameter, what, fix);
            }
        }
    }
}

fn mask_without_render(stream: &Stream<'_>, found: &mut Findings) {
    report(early(stream, &["chanmask"], Some(false)), found);
}

fn mask_before_render(stream: &Stream<'_>, found: &mut Findings) {
    report(early(stream, &["chanmask"], Some(true)), found);
}
