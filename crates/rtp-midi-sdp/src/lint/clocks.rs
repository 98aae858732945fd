//! Which clocks there are and how RTP timestamps follow them (RFC 7273).

use super::description::{Attribute, Description, Line, attributes};
use super::rule::{Check::Session, Findings, Rule};
use crate::clocks::{self, MediaClock, ReferenceClock};

pub(super) const RULES: &[Rule] = &[
    Rule::error("RFC 7273 4.8", Session(reference)),
    Rule::warning("RFC 7273 4.8", Session(unknown)),
    Rule::warning("RFC 7273 5.2", Session(direct)),
    Rule::error("RFC 7273 5.4", Session(media)),
];

/// The attributes of this name of the session and of the lines of MIDI.
fn all<'a>(description: &'a Description<'_>, name: &'static str) -> impl Iterator<Item = Attribute<'a>> {
    let lines = description.midi().map(|media| &media.lines);
    std::iter::once(&description.session).chain(lines).flat_map(move |lines| attributes(lines, name))
}

fn reference(description: &Description<'_>, found: &mut Findings) {
    let unread = all(description, clocks::REFERENCE).filter(|clock| clocks::reference(clock.value.text).is_none());
    for clock in unread {
        let fix = "write ntp=HOST:PORT, ntp=/traceable/, ptp=IEEE1588-2008:GRANDMASTER:DOMAIN or local";
        found.at(clock.value, "this is no clock", fix);
    }
}

fn unknown(description: &Description<'_>, found: &mut Findings) {
    for clock in all(description, clocks::REFERENCE) {
        if let Some(ReferenceClock::Ext(other)) = clocks::reference(clock.value.text) {
            let fix = "write ntp=, ptp=, gps, gal, glonass, local or private, in small letters";
            found.at(clock.value, format!("nobody knows the clock {}", other.name), fix);
        }
    }
}

fn direct(description: &Description<'_>, found: &mut Findings) {
    let has_reference = |lines: &[Line<'_>]| attributes(lines, clocks::REFERENCE).next().is_some();
    if has_reference(&description.session) {
        return;
    }
    for media in description.midi().filter(|media| !has_reference(&media.lines)) {
        let of_session = attributes(&description.session, clocks::MEDIA).next();
        let clock = attributes(&media.lines, clocks::MEDIA).next().or(of_session);
        if let Some(clock) = clock.filter(is_direct) {
            let what = "timestamps follow a clock, and nothing says which";
            return found.at(clock.value, what, "write a=ts-refclk in front of it");
        }
    }
}

fn is_direct(clock: &Attribute<'_>) -> bool {
    clocks::media(clock.value.text).is_some_and(|source| matches!(source.clock, MediaClock::Direct(_)))
}

fn media(description: &Description<'_>, found: &mut Findings) {
    for clock in all(description, clocks::MEDIA).filter(|clock| clocks::media(clock.value.text).is_none()) {
        found.at(clock.value, "this is no media clock", "write sender, or direct= and a number below 4294967296");
    }
}
