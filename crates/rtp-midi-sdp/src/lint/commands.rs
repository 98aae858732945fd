//! Which commands a stream has: `cm_used` and `cm_unused` (RFC 6295, C.1).

use rtp_midi::Letters;

use super::rule::{Check::Parameter as OfParameter, Findings, Rule};
use super::selected::{Range, Selected, Types};
use super::stream::Parameter;
use crate::Language::{self, Chapters, Commands};

pub(super) const RULES: &[Rule] = &[
    Rule::error("SC.1-06", OfParameter(selection)),
    Rule::error("SC.1-20", OfParameter(class)),
    Rule::error("SC.1-09", OfParameter(order)),
    Rule::warning("SC.1-10", OfParameter(unknown_letters)),
    Rule::error("SC.1-11", OfParameter(channels)),
    Rule::note("SC.1-11", OfParameter(channels_of_nothing)),
    Rule::error("SC.1-16", OfParameter(cancelled_or_not)),
    Rule::error("SC.1-17", OfParameter(interleaved_or_not)),
    Rule::note("SC.1-18", OfParameter(digits_of_nothing)),
    Rule::warning("AMB-19", OfParameter(digits_among_channels)),
    Rule::warning("SC.1-19", OfParameter(fields)),
];

/// The letters that take no channels.
const SYSTEM: &str = "BFGHJKQVYZ";
/// The letters that take a field list, with the largest number in it.
const FIELDS: [(&str, u32); 5] = [("C", 255), ("M", 32_767), ("NA", 127), ("JK", 9), ("X", u32::MAX)];

fn selection(parameter: &Parameter<'_>, found: &mut Findings) {
    unreadable(parameter, Commands, false, found);
}

fn class(parameter: &Parameter<'_>, found: &mut Findings) {
    unreadable(parameter, Commands, true, found);
}

/// A value that is not of the form it should have.
pub(super) fn unreadable(parameter: &Parameter<'_>, language: Language, is_class: bool, found: &mut Findings) {
    if Selected::language(parameter) == Some(language)
        && parameter.value.text.starts_with("__") == is_class
        && let Err(expected) = language.parse(parameter.value.text)
    {
        let what = format!(
            "{} is not {expected}",
            if parameter.value.text.is_empty() { "nothing" } else { parameter.value.text }
        );
        found.on(parameter, what, format!("write {expected}"));
    }
}

fn order(parameter: &Parameter<'_>, found: &mut Findings) {
    if let Some(types) = Selected::types(parameter, Commands) {
        letter_order(parameter, &types, Letters::of("ABCFGHJKMNPQTVWXYZ"), found);
    }
}

/// Letters that mean something stand in the order of the alphabet, each once, as capitals.
pub(super) fn letter_order(parameter: &Parameter<'_>, types: &Types<'_>, known: Letters, found: &mut Findings) {
    let letters = types.letters.text;
    let meant = letters.bytes().filter(|letter| known.contains(letter.to_ascii_uppercase()));
    let meant: Vec<u8> = meant.collect();
    let small: String =
        meant.iter().filter(|letter| letter.is_ascii_lowercase()).map(|letter| char::from(*letter)).collect();
    let sorted = Letters::of(&letters.to_ascii_uppercase()).and(known);
    let fix = format!("write {sorted}");
    if !small.is_empty() {
        found.within(parameter, types.letters, format!("readers pass over small letters: {small}"), fix);
    } else if !meant.is_sorted_by(|one, next| one < next) {
        found.within(parameter, types.letters, "the letters are not in the order of the alphabet", fix);
    }
}

fn unknown_letters(parameter: &Parameter<'_>, found: &mut Findings) {
    if let Some(types) = Selected::types(parameter, Commands) {
        letters_without_meaning(parameter, &types, Letters::of("ABCFGHJKMNPQTVWXYZ"), "types of commands", found);
    }
}

/// Letters that mean nothing are passed over by readers.
pub(super) fn letters_without_meaning(
    parameter: &Parameter<'_>,
    types: &Types<'_>,
    known: Letters,
    kind: &str,
    found: &mut Findings,
) {
    let is_unknown = |letter: &u8| !known.contains(letter.to_ascii_uppercase());
    let unknown: String = types.letters.text.bytes().filter(is_unknown).map(char::from).collect();
    if !unknown.is_empty() {
        let what = format!("{unknown}: there are no {kind} of this name, and readers pass over it");
        found.within(parameter, types.letters, what, format!("use letters of {known}"));
    }
}

fn channels(parameter: &Parameter<'_>, found: &mut Findings) {
    channels_above_15(parameter, Commands, found);
}

pub(super) fn channels_above_15(parameter: &Parameter<'_>, language: Language, found: &mut Findings) {
    let types = Selected::types(parameter, language);
    if let Some(number) = types.and_then(|types| types.channel_above(15)) {
        found.within(parameter, number, format!("there is no channel {}", number.text), "count channels from 0 to 15");
    }
}

fn channels_of_nothing(parameter: &Parameter<'_>, found: &mut Findings) {
    let types = Selected::types(parameter, Commands);
    if let Some(types) = types.filter(|types| !types.channels.is_empty() && types.are_all_of(SYSTEM)) {
        let what = format!("system commands have no channel: {} is meant for all that they are", types.letters.text);
        found.on(parameter, what, format!("write {}={}", parameter.name.text, types.letters.text));
    }
}

/// What the channel list of X says, unless it stands for the channels of others too.
fn digits_of_x<'a>(parameter: &Parameter<'a>) -> Option<Types<'a>> {
    let is_commands = Selected::types(parameter, Commands);
    is_commands.filter(|types| types.has('X') && !types.channels.is_empty())
}

fn contradiction(parameter: &Parameter<'_>, digits: [u32; 2], what: &str, found: &mut Findings) {
    if digits_of_x(parameter).is_some_and(|types| digits.iter().all(|digit| types.has_channel(*digit))) {
        let [first, second] = digits;
        found.on(parameter, format!("X with {first} and {second}: {what}"), format!("leave {first} or {second}"));
    }
}

fn cancelled_or_not(parameter: &Parameter<'_>, found: &mut Findings) {
    contradiction(parameter, [0, 1], "cancelling System Exclusives is both forbidden and allowed", found);
}

fn interleaved_or_not(parameter: &Parameter<'_>, found: &mut Findings) {
    contradiction(parameter, [2, 3], "commands between their segments are both forbidden and allowed", found);
}

fn digits_of_nothing(parameter: &Parameter<'_>, found: &mut Findings) {
    let above = digits_of_x(parameter).filter(|types| types.are_all_of("X")).and_then(|types| types.channel_above(3));
    if let Some(number) = above.filter(|number| number.text.parse::<u32>().is_ok_and(|number| number <= 15)) {
        let what = format!("{} says nothing of System Exclusives", number.text);
        found.within(parameter, number, what, "use 0 or 1 for cancelling, 2 or 3 for commands between segments");
    }
}

fn digits_among_channels(parameter: &Parameter<'_>, found: &mut Findings) {
    if digits_of_x(parameter).is_some_and(|types| !types.are_all_of(&format!("X{SYSTEM}"))) {
        let what = "the channels of other letters are read as digits of X, which stand for something else";
        let name = parameter.name.text;
        found.on(parameter, what, format!("write {name}= for X by itself"));
    }
}

fn fields(parameter: &Parameter<'_>, found: &mut Findings) {
    let Some(types) = Selected::types(parameter, Commands) else { return };
    without_use(parameter, &types, types.most(&FIELDS), found);
}

/// Fields that no letter has, up to the largest that one has.
pub(super) fn without_use(parameter: &Parameter<'_>, types: &Types<'_>, most: Option<u32>, found: &mut Findings) {
    let (Some(first), false) = (types.fields.first(), types.known.is_empty()) else { return };
    match most {
        None => {
            let what = format!("{} is never told apart by numbers", types.letters.text);
            found.within(parameter, first.whole, what, "leave the numbers out");
        }
        Some(most) => {
            if let Some(number) = Range::first_above(&types.fields, most) {
                let what = format!("{} has no {}", types.letters.text, number.text);
                found.within(parameter, number, what, format!("use numbers up to {most}"));
            }
        }
    }
}

/// Whether a parameter is one of C.2.3.
pub(super) fn chapters<'a>(parameter: &Parameter<'a>) -> Option<Types<'a>> {
    Selected::types(parameter, Chapters)
}
