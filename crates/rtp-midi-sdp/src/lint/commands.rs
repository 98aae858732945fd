//! Which commands a stream has: `cm_used` and `cm_unused` (RFC 6295, C.1).

use rtp_midi::Letters;

use super::rule::{Check::Parameter as OfParameter, Findings, Rule};
use super::selected::{Selected, Types};
use super::selections::{channels_above_15, letter_order, letters_without_meaning, unreadable, without_use};
use super::stream::Parameter;
use crate::Language::Commands;

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

const KNOWN: Letters = Letters::of("ABCFGHJKMNPQTVWXYZ");
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

fn order(parameter: &Parameter<'_>, found: &mut Findings) {
    if let Some(types) = Selected::types(parameter, Commands) {
        letter_order(parameter, &types, KNOWN, found);
    }
}

fn unknown_letters(parameter: &Parameter<'_>, found: &mut Findings) {
    if let Some(types) = Selected::types(parameter, Commands) {
        letters_without_meaning(parameter, &types, KNOWN, "types of commands", found);
    }
}

fn channels(parameter: &Parameter<'_>, found: &mut Findings) {
    channels_above_15(parameter, Commands, found);
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
