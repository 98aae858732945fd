//! Renderers and what they are given: which parameter stands behind which, and what they are set to (RFC 6295, C.6.1 to
//! C.6.3, C.6.5).

use base64::prelude::{BASE64_STANDARD, Engine};

use super::piece::Piece;
use super::rule::{
    Check::{Parameter as OfParameter, Stream as OfStream},
    Findings, Rule,
};
use super::stream::{Parameter, Stream};
use crate::render::{ContentId, MediaType, Token, Url};

pub(super) const RULES: &[Rule] = &[
    Rule::error("SC.6.1-02", OfParameter(multimode)),
    Rule::error("SC.6.1-04", OfStream(multimode_first)),
    Rule::warning("SC.6-06", OfStream(native_render)),
    Rule::error("SC.6.5-05", OfStream(mpeg4_render)),
    Rule::error("SC.6.5-06", OfStream(mpeg4_interface)),
    Rule::error("SC.6.2-01", OfStream(native_subrender_place)),
    Rule::error("SC.6.5-07", OfStream(mpeg4_subrender_place)),
    Rule::warning("SC.6.2-09", OfStream(native_subrender)),
    Rule::error("SC.6.5-08", OfStream(mpeg4_subrender)),
    Rule::error("SC.6.3-01", OfStream(rinit_behind_subrender)),
    Rule::error("SC.6.3-02", OfStream(rinit_behind_render)),
    Rule::error("SC.6.3-03", OfParameter(rinit)),
    Rule::error("SC.6.3-04", OfParameter(rinit_as_audio)),
    Rule::error("SC.6.3-05", OfStream(object_behind_rinit)),
    Rule::error("SC.6.3-06", OfStream(inline_beside_url)),
    Rule::error("SC.6.3-07", OfStream(url_beside_inline)),
    Rule::error("SC.6.3-08", OfStream(no_object)),
    Rule::error("SC.6.3-09", OfParameter(inline)),
    Rule::error("SC.6.3-10", OfParameter(url)),
    Rule::error("RFC 6295 D", OfParameter(cid)),
    Rule::warning("S9-03", OfParameter(open_url)),
    Rule::error("SC.6.5-02", OfStream(config_beside_render)),
    Rule::error("SC.6.5-09", OfStream(mpeg4_object)),
    Rule::error("SC.6.5-12", OfStream(native_object)),
];

/// The type of an `AudioSpecificConfig`, also where it is written as it should not be.
pub(super) const ASC: [&str; 2] = ["audio/asc", "application/asc"];
/// Where the octets of an object are.
const OBJECT: [&str; 3] = ["inline", "url", "cid"];

/// A parameter with what stands before it.
struct Step<'s, 'a> {
    parameter: &'s Parameter<'a>,
    before: Option<&'s Parameter<'a>>,
    /// What has come since the latest `render`, that one first; nothing where there was none.
    group: &'s [Parameter<'a>],
}

fn steps<'s, 'a>(stream: &'s Stream<'a>, name: &'s str) -> impl Iterator<Item = Step<'s, 'a>> {
    let all = &stream.parameters;
    all.iter().enumerate().filter(move |(_, parameter)| parameter.name.is(name)).map(|(index, parameter)| {
        let before = &all[..index];
        let render = before.iter().rposition(|parameter| parameter.name.is("render")).unwrap_or(index);
        Step { parameter, before: before.last(), group: &before[render..] }
    })
}

impl<'a> Step<'_, 'a> {
    /// Whether it stands directly behind one of these.
    fn is_behind(&self, names: &[&str]) -> bool {
        self.before.is_some_and(|before| before.name.is_one_of(names))
    }

    /// What the renderer's subrender is, if it has one.
    fn subrender(&self) -> Option<&str> {
        let subrender = self.group.iter().find(|parameter| parameter.name.is("subrender"));
        subrender.map(|parameter| parameter.value.text)
    }

    /// The parameters since the latest `rinit`, that one first.
    fn since_rinit(&self) -> &[Parameter<'a>] {
        let rinit = self.group.iter().rposition(|parameter| parameter.name.is("rinit"));
        rinit.map_or(&[], |rinit| &self.group[rinit..])
    }
}

/// The values of `inline`, each with the type of object that it is said to be.
pub(super) fn inline_objects<'s, 'a>(stream: &'s Stream<'a>) -> impl Iterator<Item = (&'s Parameter<'a>, Piece<'a>)> {
    steps(stream, "inline").filter_map(|step| {
        let rinit = step.since_rinit().first()?.value;
        Some((step.parameter, rinit.unquoted().unwrap_or(rinit)))
    })
}

/// The octets of Base64 in quotes, if it is that exactly.
pub(super) fn octets_of(value: Piece<'_>) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(value.unquoted()?.text).ok()
}

fn multimode(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("multimode") && !parameter.value.is_one_of(&["one", "all"]) {
        let what = format!("{} is neither one renderer nor all of them", parameter.value.text);
        found.on(parameter, what, "write one or all");
    }
}

fn multimode_first(stream: &Stream<'_>, found: &mut Findings) {
    for step in steps(stream, "multimode").filter(|step| !step.group.is_empty()) {
        found.on(step.parameter, "multimode stands behind a render", "put it in front of the first render");
    }
}

/// The renders whose value is none of these.
fn renders_but<'s, 'a>(
    stream: &'s Stream<'a>,
    mpeg4: bool,
    known: &'s [&str],
) -> impl Iterator<Item = &'s Parameter<'a>> {
    let renders = stream.all("render").filter(move |_| stream.is_mpeg4() == mpeg4);
    renders.filter(move |parameter| !parameter.value.is_one_of(known))
}

fn native_render(stream: &Stream<'_>, found: &mut Findings) {
    for parameter in renders_but(stream, false, &["synthetic", "api", "null", "unknown"]) {
        let what = match Token::new(parameter.value.text) {
            Some(token) => format!("who does not know the renderer {token} must not accept it"),
            None => format!("{} is no name of a renderer", parameter.value.text),
        };
        found.on(parameter, what, "write synthetic, api, null or unknown, or be sure that the others know it");
    }
}

fn mpeg4_render(stream: &Stream<'_>, found: &mut Findings) {
    for parameter in renders_but(stream, true, &["synthetic", "null", "unknown", "api"]) {
        let what = format!("mpeg4-generic streams have no renderer {}", parameter.value.text);
        found.on(parameter, what, "write synthetic, null or unknown");
    }
}

fn mpeg4_interface(stream: &Stream<'_>, found: &mut Findings) {
    for parameter in stream.all("render").filter(|render| stream.is_mpeg4() && render.value.is("api")) {
        found.on(parameter, "mpeg4-generic streams are for synthesis alone", "write synthetic, null or unknown");
    }
}

/// A subrender that does not stand directly behind its render.
fn subrender_place(stream: &Stream<'_>, found: &mut Findings) {
    for step in steps(stream, "subrender").filter(|step| !step.is_behind(&["render"])) {
        let what = if step.group.is_empty() {
            "there is no render that it could be part of"
        } else if step.subrender().is_some() {
            "the renderer has a second subrender"
        } else {
            "something stands between render and subrender"
        };
        found.on(step.parameter, what, "put one subrender directly behind its render");
    }
}

fn native_subrender_place(stream: &Stream<'_>, found: &mut Findings) {
    if !stream.is_mpeg4() {
        subrender_place(stream, found);
    }
}

fn mpeg4_subrender_place(stream: &Stream<'_>, found: &mut Findings) {
    if stream.is_mpeg4() {
        subrender_place(stream, found);
    }
}

fn native_subrender(stream: &Stream<'_>, found: &mut Findings) {
    for parameter in stream.all("subrender").filter(|value| !stream.is_mpeg4() && !value.value.is("default")) {
        let what = format!("who does not know the subrender {} must not accept the renderer", parameter.value.text);
        found.on(parameter, what, "write default, or be sure that the others know it");
    }
}

fn mpeg4_subrender(stream: &Stream<'_>, found: &mut Findings) {
    for parameter in stream.all("subrender").filter(|value| stream.is_mpeg4() && !value.value.is("default")) {
        let what = format!("mpeg4-generic streams have no subrender {}", parameter.value.text);
        found.on(parameter, what, "write default, or leave it out");
    }
}

fn rinit_behind_subrender(stream: &Stream<'_>, found: &mut Findings) {
    for step in steps(stream, "rinit") {
        let Some(subrender) = step.subrender().filter(|_| step.since_rinit().is_empty()) else { continue };
        let begin = format!("{subrender}_").to_ascii_lowercase();
        let is_its_own = |before: &Parameter<'_>| before.name.text.to_ascii_lowercase().starts_with(&begin);
        if !step.is_behind(&["subrender"]) && !step.before.is_some_and(is_its_own) {
            found.on(
                step.parameter,
                "something stands between subrender and rinit",
                "put it directly behind subrender",
            );
        }
    }
}

fn rinit_behind_render(stream: &Stream<'_>, found: &mut Findings) {
    for step in steps(stream, "rinit").filter(|step| step.subrender().is_none()) {
        let is_further_object = !step.since_rinit().is_empty() && step.is_behind(&["rinit", "inline", "url", "cid"]);
        if step.group.is_empty() {
            let what = "there is no render that it could initialize";
            found.on(step.parameter, what, "put it directly behind a render");
        } else if !step.is_behind(&["render"]) && !is_further_object {
            found.on(step.parameter, "something stands between render and rinit", "put it directly behind render");
        }
    }
}

fn rinit(parameter: &Parameter<'_>, found: &mut Findings) {
    if !parameter.name.is("rinit") || MediaType::new(parameter.value.text).is_some() {
        return;
    }
    match parameter.value.unquoted().and_then(|inner| MediaType::new(inner.text)) {
        Some(inner) => found.on(parameter, "rinit has no quotes", format!("write rinit={inner}")),
        None => {
            let what = format!("{} is no media type of an object", parameter.value.text);
            found.on(parameter, what, "write audio/ or application/ and the subtype");
        }
    }
}

fn rinit_as_audio(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("rinit") && parameter.value.is("application/asc") {
        found.on(parameter, "the type is registered as audio, too", "write rinit=audio/asc");
    }
}

/// What may stand between `rinit` and the parameter: nothing, or the octets that an id is for.
fn object_behind_rinit(stream: &Stream<'_>, found: &mut Findings) {
    for name in OBJECT {
        let places: &[&str] = if name == "cid" { &["rinit", "inline", "url"] } else { &["rinit"] };
        for step in steps(stream, name).filter(|step| !step.is_behind(places)) {
            let has = |other| step.since_rinit().iter().any(|parameter| parameter.name.is(other));
            if !(name == "inline" && has("url") || name == "url" && has("inline")) {
                let what = if step.since_rinit().is_empty() {
                    format!("there is no rinit that says what {name} is")
                } else {
                    format!("something stands between rinit and {name}")
                };
                found.on(step.parameter, what, "put it directly behind its rinit");
            }
        }
    }
}

fn beside(stream: &Stream<'_>, name: &str, other: &str, found: &mut Findings) {
    for step in steps(stream, name) {
        if step.since_rinit().iter().any(|parameter| parameter.name.is(other)) {
            let what = format!("the object is there twice, by {other} and by {name}");
            found.on(step.parameter, what, "leave one of them");
        }
    }
}

fn inline_beside_url(stream: &Stream<'_>, found: &mut Findings) {
    beside(stream, "inline", "url", found);
}

fn url_beside_inline(stream: &Stream<'_>, found: &mut Findings) {
    beside(stream, "url", "inline", found);
}

fn no_object(stream: &Stream<'_>, found: &mut Findings) {
    for (index, parameter) in stream.parameters.iter().enumerate().filter(|(_, one)| one.name.is("rinit")) {
        let behind = stream.parameters[index + 1..].iter();
        let mut own = behind.take_while(|other| !other.name.is_one_of(&["render", "rinit"]));
        if !own.any(|other| other.name.is_one_of(&OBJECT)) {
            found.on(parameter, "nothing says where the object is", "put inline, url or cid directly behind it");
        }
    }
}

fn inline(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is_one_of(&["inline", "smf_inline"]) && octets_of(parameter.value).is_none() {
        let what =
            if parameter.value.unquoted().is_some() { "this is no Base64" } else { "Base64 stands in quotes here" };
        found.on(parameter, what, "write the octets in Base64, padded with =, in double quotes");
    }
}

fn url(parameter: &Parameter<'_>, found: &mut Findings) {
    let is_url = |value: Piece<'_>| value.unquoted().is_some_and(|inner| Url::new(inner.text).is_some());
    if parameter.name.is_one_of(&["url", "smf_url"]) && !is_url(parameter.value) {
        let fix = "write an address that begins with https://, in double quotes";
        found.on(parameter, format!("{} is no address in the web in quotes", parameter.value.text), fix);
    }
}

fn cid(parameter: &Parameter<'_>, found: &mut Findings) {
    let is_id = |value: Piece<'_>| value.unquoted().is_some_and(|inner| ContentId::new(inner.text).is_some());
    if parameter.name.is_one_of(&["cid", "smf_cid"]) && !is_id(parameter.value) {
        let fix = "write a name without blanks and parentheses, in double quotes";
        found.on(parameter, format!("{} is no name of an object in quotes", parameter.value.text), fix);
    }
}

fn open_url(parameter: &Parameter<'_>, found: &mut Findings) {
    let scheme = parameter.value.unquoted().and_then(|inner| inner.split_once(':')).map(|(scheme, _)| scheme);
    if let Some(scheme) = scheme.filter(|scheme| parameter.name.is_one_of(&["url", "smf_url"]) && scheme.is("http")) {
        let what = "whoever is on the way can put another object in its place";
        found.within(parameter, scheme, what, "write https");
    }
}

fn config_beside_render(stream: &Stream<'_>, found: &mut Findings) {
    let config = stream.parameter("config").filter(|_| super::mpeg4::configures(stream));
    if let Some(config) = config.filter(|_| stream.parameter("render").is_some()) {
        let what = "the renderer is described by config, and again by render";
        found.on(config, what, "write config=\"\", and the object behind rinit=audio/asc");
    }
}

/// `synthetic` with the subrender that is the default needs an `AudioSpecificConfig`.
fn mpeg4_object(stream: &Stream<'_>, found: &mut Findings) {
    for (index, render) in stream.parameters.iter().enumerate().filter(|(_, one)| one.name.is("render")) {
        let own = || stream.parameters[index + 1..].iter().take_while(|other| !other.name.is("render"));
        let subrender = own().find(|other| other.name.is("subrender"));
        let is_default = subrender.is_none_or(|subrender| subrender.value.is("default"));
        let is_asc = |rinit: &Parameter<'_>| {
            let value = rinit.value.unquoted().unwrap_or(rinit.value);
            value.is_one_of(&ASC)
        };
        let rinit = own().find(|other| other.name.is("rinit"));
        if stream.is_mpeg4() && render.value.is("synthetic") && is_default && !rinit.is_some_and(is_asc) {
            let what = "nothing says which synthesiser it is";
            found.on(rinit.unwrap_or(render), what, "put rinit=audio/asc with inline, url or cid behind the render");
        }
    }
}

fn native_object(stream: &Stream<'_>, found: &mut Findings) {
    for rinit in stream.all("rinit").filter(|rinit| !stream.is_mpeg4() && rinit.value.is("audio/asc")) {
        found.on(rinit, "audio/asc is for mpeg4-generic streams", "use mpeg4-generic, or another type");
    }
}
