//! One stream of an answer against that of the offer: what it must repeat (RFC 6295, C), and what it may move.

use std::ops::RangeInclusive;
use std::time::Duration;

use rtp_midi::{Config, Format, Journal};

use super::envelope::{GUARDTIME, PACKET_TIME, ticks};
use super::stream::MPEG4;
use crate::render::{Multimode, Render, Renderers};
use crate::{Direction, Error, Media, Stream};

/// The rules that the stream of the answer breaks.
pub(super) fn violations(offered: (&Media, &Stream), answered: (&Media, &Stream)) -> Vec<(&'static str, String)> {
    let (theirs, ours) = match (offered.1.config(&offered.0.transport), answered.1.config(&answered.0.transport)) {
        (Ok(theirs), Ok(ours)) => (theirs, ours),
        (Err(error), _) | (_, Err(error)) => return vec![(unreadable(&error), error.to_string())],
    };
    let mut found = differences(&theirs, &ours);
    found.extend(moves(&theirs, &ours));
    if offered.1.musicport() != answered.1.musicport() {
        found.push(("SC-02", "has another musicport than the offer".to_owned()));
    }
    if answered.1.format == Format::Mpeg4Generic {
        found.extend(mpeg4(offered.1, answered));
    }
    found.extend(renderers(offered.1, answered.1));
    found
}

/// The rule that forbids to accept a value.
fn unreadable(error: &Error) -> &'static str {
    match error {
        Error::Value { name: "j_sec", .. } => "SC.2.1-05",
        Error::Value { name: "j_update", .. } => "SC.2.2-03",
        _ => "SC-02",
    }
}

fn differences(theirs: &Config, ours: &Config) -> Vec<(&'static str, String)> {
    let (more, less) = (ours.commands.beyond(&theirs.commands), theirs.commands.beyond(&ours.commands));
    let commands = more.or(less);
    let mut found = Vec::new();
    if !commands.is_empty() {
        found.push(("SC-02", format!("cm_used and cm_unused differ from the offer for commands {commands}")));
    }
    if (ours.journal == Journal::None) != (theirs.journal == Journal::None) {
        found.push(("SC-02", "j_sec differs from the offer".to_owned()));
    } else if ours.journal != theirs.journal {
        found.push(("SC-02", "j_update differs from the offer".to_owned()));
    }
    if !ours.chapters.says_the_same_as(&theirs.chapters) {
        found.push(("SC-02", "ch_never, ch_default and ch_anchor differ from the offer".to_owned()));
    }
    if ours.timing != theirs.timing {
        found.push(("SC-02", "tsmode and what goes with it differ from the offer".to_owned()));
    }
    found
}

/// Timing of packets that is left out, or moved further than every party can follow.
fn moves(theirs: &Config, ours: &Config) -> Vec<(&'static str, String)> {
    type Time = (&'static str, &'static str, fn(&Config) -> Option<u32>, RangeInclusive<Duration>);
    let times: [Time; 3] = [
        ("rtp_ptime", "SC.4.1-05", |config| config.ptime, PACKET_TIME),
        ("rtp_maxptime", "SC.4.1-05", |config| config.max_ptime, PACKET_TIME),
        ("guardtime", "SC.7.2-15", |config| config.guardtime, GUARDTIME),
    ];
    let mut found = Vec::new();
    for (name, requirement, of, envelope) in times {
        match (of(theirs), of(ours)) {
            (Some(_), None) => found.push((requirement, format!("{name} of the offer is missing"))),
            (offered, Some(value)) if offered != Some(value) && !ticks(&envelope, ours.clock_rate).contains(&value) => {
                found.push(("SC.7.2-35", format!("{name}={value} is not of the offer, and not for everybody")));
            }
            _ => {}
        }
    }
    found
}

/// The parameters of mpeg4-generic, which are the same on both sides (6.2).
fn mpeg4(offered: &Stream, (line, answered): (&Media, &Stream)) -> Option<(&'static str, String)> {
    let value =
        |stream: &Stream, name| stream.parameters.last(name).map(|value| value.trim_matches('"').to_lowercase());
    let name = MPEG4.into_iter().find(|name| value(offered, name) != value(answered, name))?;
    let requirement = if line.direction == Direction::SendReceive { "S6.2-12" } else { "SC-02" };
    Some((requirement, format!("{name} differs from the offer")))
}

/// Of the renderers of the offer one is chosen, and null stands for each of the others (C.6.1, C.7.2).
fn renderers(offered: &Stream, answered: &Stream) -> Option<(&'static str, String)> {
    let is_named = |stream: &Stream| stream.parameters.last("render").is_some();
    if !is_named(offered) && !is_named(answered) {
        return None;
    }
    let (theirs, ours): (Renderers, Renderers) = match (offered.renderers(), answered.renderers()) {
        (Ok(theirs), Ok(ours)) => (theirs, ours),
        (Err(error), _) | (_, Err(error)) => return Some(("SC-02", error.to_string())),
    };
    let chosen = ours.list.iter().filter(|one| one.render != Render::Null).count();
    let is_choice = theirs.list.len() == ours.list.len()
        && theirs.list.iter().zip(&ours.list).all(|(offered, one)| one.render == Render::Null || one == offered);
    let wrong = |requirement, what: &str| Some((requirement, what.to_owned()));
    if is_named(answered) && ours.list.iter().any(|one| one.render == Render::Unknown) {
        wrong("SC.7.2-26", "has render=unknown")
    } else if chosen > 1 && theirs.multimode == Multimode::One {
        wrong("SC.7.2-25", "leaves more renderers than one")
    } else if !is_choice || !is_named(answered) || theirs.multimode != ours.multimode {
        wrong("SC.6.1-06", "does not repeat the chosen renderer, and null for each of the others")
    } else {
        None
    }
}
