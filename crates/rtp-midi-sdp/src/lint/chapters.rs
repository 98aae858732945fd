//! Which chapters the journal has: `ch_never`, `ch_default` and `ch_anchor` (RFC 6295, C.2.3).

use rtp_midi::Letters;

use super::rule::{
    Check::{Parameter as OfParameter, Stream as OfStream},
    Findings, Rule,
};
use super::selected::{Range, Selected, Types};
use super::selections::{channels_above_15, letter_order, letters_without_meaning, unreadable, without_use};
use super::stream::{Parameter, Stream};
use crate::Language::Chapters;

pub(super) const RULES: &[Rule] = &[
    Rule::error("SC.2.3-02", OfStream(commands_first)),
    Rule::error("SC.2.3-08", OfParameter(selection)),
    Rule::error("SC.2.3-16", OfParameter(class)),
    Rule::error("SC.2.3-09", OfParameter(order)),
    Rule::warning("SC.2.3-10", OfParameter(unknown_letters)),
    Rule::error("SC.2.3-11", OfParameter(channels)),
    Rule::note("SC.2.3-11", OfParameter(channels_of_nothing)),
    Rule::warning("SC.2.3-12", OfParameter(digits)),
    Rule::warning("SC.2.3-13", OfParameter(controllers)),
    Rule::error("SC.2.3-14", OfParameter(enhanced_never)),
    Rule::error("SC.2.3-15", OfParameter(both_codings)),
    Rule::warning("SC.2.3-16", OfParameter(fields)),
];

const KNOWN: Letters = Letters::of("ABCDEFGHJKMNPQTVWXYZ");
/// The letters that take neither channels nor digits.
const WITHOUT_CHANNEL: &str = "BDFGHVX";
/// The system letters whose channel list holds digits, with the largest of them.
const DIGITS: [(&str, u32); 2] = [("JK", 2), ("YZQ", 1)];
/// The letters other than C that take a field list, with the largest number in it.
const FIELDS: [(&str, u32); 4] = [("M", 32_767), ("NA", 127), ("E", 1), ("X", u32::MAX)];
/// The number of controller 0 in enhanced coding; up to 255.
const ENHANCED: u32 = 128;
const CONTROLLERS: u32 = 255;

/// The parts of a value of C.2.3 that is no class.
fn chapters<'a>(parameter: &Parameter<'a>) -> Option<Types<'a>> {
    Selected::types(parameter, Chapters)
}

fn commands_first(stream: &Stream<'_>, found: &mut Findings) {
    let first = stream.parameters.iter().position(Parameter::is_chapter_selection).unwrap_or(stream.parameters.len());
    for late in stream.parameters[first..].iter().filter(|parameter| parameter.is_command_selection()) {
        let before = stream.parameters[first];
        let what = format!("{} stands behind {}", late.name.text, before.name.text);
        found.on(late, what, "put all of cm_used and cm_unused in front of the first ch_ parameter");
    }
}

fn selection(parameter: &Parameter<'_>, found: &mut Findings) {
    unreadable(parameter, Chapters, false, found);
}

fn class(parameter: &Parameter<'_>, found: &mut Findings) {
    unreadable(parameter, Chapters, true, found);
}

fn order(parameter: &Parameter<'_>, found: &mut Findings) {
    if let Some(types) = chapters(parameter) {
        letter_order(parameter, &types, KNOWN, found);
    }
}

fn unknown_letters(parameter: &Parameter<'_>, found: &mut Findings) {
    if let Some(types) = chapters(parameter) {
        letters_without_meaning(parameter, &types, KNOWN, "chapters", found);
    }
}

fn channels(parameter: &Parameter<'_>, found: &mut Findings) {
    channels_above_15(parameter, Chapters, found);
}

fn channels_of_nothing(parameter: &Parameter<'_>, found: &mut Findings) {
    let pointless = chapters(parameter).filter(|types| !types.channels.is_empty() && types.are_all_of(WITHOUT_CHANNEL));
    if let Some(types) = pointless {
        let what = format!("the chapters {} have no channels", types.letters.text);
        found.on(parameter, what, "leave the channels out");
    }
}

fn digits(parameter: &Parameter<'_>, found: &mut Findings) {
    let Some(types) = chapters(parameter).filter(|types| types.are_all_of("JKYZQ")) else { return };
    let above = types.most(&DIGITS).and_then(|most| types.channel_above(most));
    if let Some(number) = above.filter(|number| number.text.parse::<u32>().is_ok_and(|number| number <= 15)) {
        let what = format!("{} stands for no part of the chapter {}", number.text, types.letters.text);
        let fix = "use 0, 1, 2 for LEGAL, VALUE, COUNT of J and K; 0, 1 for LEGAL, COUNT of Y and Z; 1 for TIME of Q";
        found.within(parameter, number, what, fix);
    }
}

fn controllers(parameter: &Parameter<'_>, found: &mut Findings) {
    let of_c =
        chapters(parameter).filter(|types| types.has('C') && types.most(&FIELDS[..1]).is_none() && !types.has('X'));
    if let Some(number) = of_c.and_then(|types| Range::first_above(&types.fields, CONTROLLERS)) {
        let what = format!("there is no controller {}", number.text);
        found.within(parameter, number, what, "use 0 to 127, or 128 to 255 for enhanced coding");
    }
}

fn enhanced_never(parameter: &Parameter<'_>, found: &mut Findings) {
    let never = chapters(parameter).filter(|types| parameter.name.is("ch_never") && types.has('C'));
    let enhanced = never.and_then(|types| {
        types.fields.into_iter().find(|range| (ENHANCED..=CONTROLLERS).any(|number| range.contains(number)))
    });
    if let Some(range) = enhanced {
        let what = "what is never in the journal is not coded in an enhanced way either";
        found.within(parameter, range.whole, what, "use the numbers 0 to 127 of the controllers");
    }
}

fn both_codings(parameter: &Parameter<'_>, found: &mut Findings) {
    let Some(types) = chapters(parameter).filter(|types| types.has('C')) else { return };
    let has = |number| types.fields.iter().any(|range| range.contains(number));
    if let Some(number) = (0..ENHANCED).find(|number| has(*number) && has(number + ENHANCED)) {
        let what = format!("{number} and {} choose both codings for one controller", number + ENHANCED);
        found.on(parameter, what, format!("leave {number} for normal or {} for enhanced coding", number + ENHANCED));
    }
}

fn fields(parameter: &Parameter<'_>, found: &mut Findings) {
    let Some(types) = chapters(parameter) else { return };
    // N's list speaks of E too, and C's numbers have a rule of their own.
    let others = types.most(&FIELDS);
    if !types.has('C') || others > Some(CONTROLLERS) {
        without_use(parameter, &types, others, found);
    }
}
