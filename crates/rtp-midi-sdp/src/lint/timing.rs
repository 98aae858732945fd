//! What times mean, and how packets are timed (RFC 6295, C.3, C.4).

use super::description::Media;
use super::grammar::number;
use super::rule::{
    Check::{Media as OfMedia, Parameter as OfParameter, Stream as OfStream},
    Findings, Rule,
};
use super::stream::{Parameter, Stream};

pub(super) const RULES: &[Rule] = &[
    Rule::error("SC.3-01", OfParameter(mode)),
    Rule::note("SC.3-03", OfStream(followers)),
    Rule::warning("SC.3.1-03", OfStream(comex)),
    Rule::error("SC.3.2-01", OfParameter(octet)),
    Rule::error("SC.3.2-03", OfParameter(line_rate)),
    Rule::error("SC.3.3-02", OfParameter(period)),
    Rule::warning("SC.4.1-04", OfStream(durations)),
    Rule::error("SC.4.1-07", OfMedia(milliseconds)),
];

/// What tells more about `tsmode`.
const FOLLOWERS: [&str; 3] = ["octpos", "linerate", "mperiod"];

fn mode(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("tsmode") && !parameter.value.is_one_of(&["comex", "async", "buffer"]) {
        let what = format!("nobody knows what times mean in the mode {}", parameter.value.text);
        found.on(parameter, what, "write comex, async or buffer");
    }
}

fn followers(stream: &Stream<'_>, found: &mut Findings) {
    let Some(mode) = stream.parameters.iter().position(|parameter| parameter.name.is("tsmode")) else { return };
    if stream.parameters[mode].value.is("comex") {
        return;
    }
    let (before, behind) = stream.parameters.split_at(mode);
    for parameter in before.iter().filter(|parameter| parameter.name.is_one_of(&FOLLOWERS)) {
        let what = format!("{} stands in front of tsmode, which it tells more about", parameter.name.text);
        found.on(parameter, what, "put it behind tsmode");
    }
    for parameter in behind[1..].iter().filter(|parameter| parameter.name.is("mperiod")) {
        if behind[0].value.is("async") {
            found.on(parameter, "nothing is sampled in the mode async, and so there is no period", "remove it");
        }
    }
}

fn comex(stream: &Stream<'_>, found: &mut Findings) {
    if stream.parameter("tsmode").is_none_or(|mode| mode.value.is("comex")) {
        for parameter in stream.parameters.iter().filter(|parameter| parameter.name.is_one_of(&FOLLOWERS)) {
            let what = format!("{} says nothing where times are those of execution (comex)", parameter.name.text);
            found.on(parameter, what, "remove it, or write tsmode=async or tsmode=buffer in front of it");
        }
    }
}

fn octet(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("octpos") && !parameter.value.is_one_of(&["first", "last"]) {
        let what = format!("{} is neither the first nor the last octet of a command", parameter.value.text);
        found.on(parameter, what, "write first or last");
    }
}

fn line_rate(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("linerate") {
        number(parameter, 1, found);
    }
}

fn period(parameter: &Parameter<'_>, found: &mut Findings) {
    if parameter.name.is("mperiod") {
        number(parameter, 1, found);
    }
}

fn durations(stream: &Stream<'_>, found: &mut Findings) {
    let number = |name| stream.parameter(name).and_then(|parameter| crate::config::decimal(parameter.value.text));
    if let (Some(ptime), Some(most), Some(parameter)) =
        (number("rtp_ptime"), number("rtp_maxptime"), stream.parameter("rtp_ptime"))
        && ptime > most
    {
        let what = format!("packets should last {ptime} ticks, and may last {most}");
        found.on(parameter, what, format!("write rtp_ptime={most} or less"));
    }
}

fn milliseconds(media: &Media<'_>, found: &mut Findings) {
    let rate = media.streams.iter().find_map(|stream| stream.clock_rate);
    for name in ["ptime", "maxptime"] {
        for attribute in media.attributes(name) {
            let ticks = attribute.value.text.trim().parse::<f64>().ok().zip(rate);
            let ticks = ticks.map(|(milliseconds, rate)| milliseconds * f64::from(rate) / 1000.0);
            let ticks = ticks.filter(|ticks| (0.0..=f64::from(u32::MAX)).contains(ticks));
            let fix = ticks.map_or_else(
                || format!("write rtp_{name} among the parameters"),
                |ticks| format!("write rtp_{name}={ticks:.0} among the parameters"),
            );
            found.at(attribute.name, format!("RTP MIDI streams do not use a={name}"), fix);
        }
    }
}
