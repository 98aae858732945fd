//! What can be wrong alike with the values of `cm_*` and of `ch_*` (RFC 6295, C.1, C.2.3, D).

use rtp_midi::Letters;

use super::rule::Findings;
use super::selected::{Range, Selected, Types};
use super::stream::Parameter;
use crate::Language;

/// A value that is not of the form it should have.
pub(super) fn unreadable(parameter: &Parameter<'_>, language: Language, is_class: bool, found: &mut Findings) {
    if Selected::language(parameter) == Some(language)
        && parameter.value.text.starts_with("__") == is_class
        && let Err(expected) = language.parse(parameter.value.text)
    {
        let value = if parameter.value.text.is_empty() { "nothing" } else { parameter.value.text };
        found.on(parameter, format!("{value} is not {expected}"), format!("write {expected}"));
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

/// A channel that there is none of.
pub(super) fn channels_above_15(parameter: &Parameter<'_>, language: Language, found: &mut Findings) {
    let types = Selected::types(parameter, language);
    if let Some(number) = types.and_then(|types| types.channel_above(15)) {
        found.within(parameter, number, format!("there is no channel {}", number.text), "count channels from 0 to 15");
    }
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
