//! The recovery journal, and the mandate that nothing stays wrong for ever (RFC 6295, 4, C.2).

use rtp_midi::{Journal, Letters};

use super::description::Media;
use super::rule::{
    Check::{Media as OfMedia, Parameter as OfParameter, Stream as OfStream},
    Findings, Rule,
};
use super::selected::Selected;
use super::stream::{Parameter, Stream};

pub(super) const RULES: &[Rule] = &[
    Rule::error("SC.2.1-05", OfParameter(format)),
    Rule::error("SC.2.2-03", OfParameter(policy)),
    Rule::note("SC.2.1-04", OfMedia(no_journal)),
    Rule::warning("S4-13", OfStream(mandate)),
    Rule::error("SC.2.2.3-02", OfStream(anchors)),
];

fn format(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("j_sec") && !parameter.value.is_one_of(&["none", "recj"]) {
        let what = format!("nobody knows the journal {}, and so nobody may accept the stream", parameter.value.text);
        found.on(parameter, what, "write recj or none");
    }
}

fn policy(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("j_update") && !parameter.value.is_one_of(&["anchor", "closed-loop", "open-loop"]) {
        let what = format!("nobody knows the policy {}, and so nobody may accept the stream", parameter.value.text);
        found.on(parameter, what, "write anchor, closed-loop or open-loop");
    }
}

fn no_journal(media: &Media<'_>, found: &mut Findings) {
    for stream in media.streams.iter().filter(|_| !media.is_tcp()) {
        if let Some(parameter) = stream.parameter("j_sec").filter(|parameter| parameter.value.is("none")) {
            let what = "without a journal a lost packet may leave a note sounding or a pedal down";
            found.on(parameter, what, "remove it, unless no packet can be lost on the way");
        }
    }
}

/// The last parameter of this name that speaks of one of the letters.
fn speaks_of<'s, 'a>(stream: &'s Stream<'a>, name: &'s str, letters: Letters) -> Option<&'s Parameter<'a>> {
    stream.all(name).rev().find(|parameter| match Selected::of(parameter) {
        // D stands for all of Chapter D.
        Some(Selected::Types(types)) => {
            let of_d = if types.has('D') { Letters::of("BGHJKYZ") } else { Letters::default() };
            !types.known.or(of_d).and(letters).is_empty()
        }
        Some(Selected::Class(_)) => letters.contains(b'X'),
        None => false,
    })
}

fn mandate(stream: &Stream<'_>, found: &mut Findings) {
    let Some(exposed) = stream.config.as_ref().map(rtp_midi::Config::unprotected) else { return };
    if let Some(never) = speaks_of(stream, "ch_never", exposed) {
        let what = format!("commands of the type {exposed} may come, and what a loss does to them is never repaired");
        let fix = "forbid those that are meant with cm_unused, or code them with ch_default";
        found.on(never, what, fix);
    }
}

fn anchors(stream: &Stream<'_>, found: &mut Findings) {
    let Some(config) = stream.config.as_ref().filter(|config| config.journal != Journal::None) else { return };
    let exposed = config.unanchored();
    if let Some(parameter) = stream.parameter("j_update").filter(|_| !exposed.is_empty()) {
        let what = format!("an open loop does not reach back to every loss, and nothing anchors {exposed}");
        let fix = format!("add ch_anchor={exposed}, or cm_unused for what does not come");
        found.on(parameter, what, fix);
    }
}
