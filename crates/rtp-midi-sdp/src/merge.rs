//! Assignments of one parameter that one value can say: `cm_used=C7; cm_used=C64` is `cm_used=C7.64` (RFC 6295, C.1,
//! C.2.3).

use rtp_midi::{Letters, Numbers, Selection};

use crate::{Language, Parameter, Parameters};

impl Parameters {
    /// The same with as few assignments of `cm_*` and `ch_*` as say it. Only neighbours of one name are joined, so that
    /// order means what it did.
    #[must_use]
    pub(crate) fn merged(&self) -> Self {
        let mut all: Vec<Parameter> = Vec::new();
        for parameter in self {
            let same = |other: &&mut Parameter| other.name.eq_ignore_ascii_case(&parameter.name);
            let value = all.last_mut().filter(same).and_then(|last| join(last, &parameter.value));
            match (value, all.last_mut()) {
                (Some(value), Some(last)) => last.value = value,
                _ => all.push(parameter.clone()),
            }
        }
        all.into_iter().collect()
    }
}

/// The value that says as much as that of `parameter` and `value` do.
fn join(parameter: &Parameter, value: &str) -> Option<String> {
    let language = match parameter.name.to_ascii_lowercase().as_str() {
        "cm_used" | "cm_unused" => Language::Commands,
        "ch_never" | "ch_default" | "ch_anchor" => Language::Chapters,
        _ => return None,
    };
    let union = union(&language.parse(&parameter.value).ok()?, &language.parse(value).ok()?)?;
    // What takes two values is a contradiction, which the later one decides.
    let [value] = <[String; 1]>::try_from(language.print(&union)).ok()?;
    Some(value)
}

/// Both selections as one, if they differ in one of the three things that a selection names.
fn union(one: &Selection, other: &Selection) -> Option<Selection> {
    let (Selection::Types { channels, letters, fields }, Selection::Types { channels: c, letters: l, fields: f }) =
        (one, other)
    else {
        return None;
    };
    let types = |channels, letters, fields| Some(Selection::Types { channels, letters, fields });
    // Digits are no channels, and do not add up.
    let digits = (letters.contains(b'X') || l.contains(b'X')) && !(channels.is_all() && c.is_all());
    match (channels == c, letters == l, fields == f) {
        _ if digits => None,
        (true, true, _) => types(channels.clone(), *letters, both(fields, f)),
        (true, _, true) if fields.is_all() || alike(*letters, *l) => {
            types(channels.clone(), letters.or(*l), fields.clone())
        }
        (_, true, true) if letters.and(WITHOUT_CHANNEL).is_empty() => {
            types(both(channels, c), *letters, fields.clone())
        }
        _ => None,
    }
}

/// Whether fields mean the same to both sets of letters.
fn alike(one: Letters, other: Letters) -> bool {
    one.or(other).without(Letters::of("AN")).is_empty()
}

/// Letters for which a channel list says something else than channels, or nothing.
const WITHOUT_CHANNEL: Letters = Letters::of("BDFGHJKQVXYZ");

/// The numbers of both lists.
fn both(one: &Numbers, other: &Numbers) -> Numbers {
    if one.is_all() || other.is_all() {
        return Numbers::default();
    }
    Numbers::new(one.ranges().iter().chain(other.ranges()).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtp_midi::midi::{Channel, U7, Voice};
    use rtp_midi::{Config, Format};

    fn merged(text: &str) -> String {
        Parameters::parse(text).merged().to_string()
    }

    #[test]
    fn neighbours_that_differ_in_one_thing_are_one_assignment() {
        assert_eq!(merged("cm_unused=C; cm_used=C7; cm_used=C64"), "cm_unused=C; cm_used=C7.64");
        assert_eq!(merged("cm_unused=C; CM_unused=N; cm_unused=Q"), "cm_unused=CNQ");
        assert_eq!(merged("ch_never=0N; ch_never=1N; ch_never=2-3N"), "ch_never=0.1.2-3N");
        assert_eq!(merged("ch_never=N0-10; ch_never=A0-10"), "ch_never=AN0-10");
        assert_eq!(merged("ch_never=C7; ch_never=C"), "ch_never=C");
    }

    #[test]
    fn what_differs_in_more_or_contradicts_itself_stays_as_it_is() {
        for text in [
            "cm_used=0C7; cm_used=1C8",
            "cm_used=C7; cm_used=N7",
            "cm_used=C; cm_unused=C7; cm_used=C64",
            "cm_used=__7E__; cm_used=__7F__",
            "cm_used=0X; cm_used=1X",
            "ch_default=C7; ch_default=C135",
            "musicport=5; musicport=6",
            "cm_used=7; cm_used=N",
        ] {
            assert_eq!(merged(text), text);
        }
    }

    fn assignment() -> impl Strategy<Value = String> {
        let list = |most: u32| prop_oneof![2 => Just(String::new()), 1 => (0..most).prop_map(|n| n.to_string())];
        let name = prop::sample::select(vec!["cm_used", "cm_unused"]);
        (name, list(4), "[ACNPQTWX]{1,2}", list(4)).prop_map(|(n, c, letters, f)| format!("{n}={c}{letters}{f}"))
    }

    proptest! {
        #[test]
        fn merging_changes_nothing_for_any_command(assignments in prop::collection::vec(assignment(), 0..8)) {
            let all = Parameters::parse(&assignments.join("; "));
            let commands = |parameters: &Parameters| parameters.config(1000, Format::Native).map(|Config { commands, .. }| commands);
            let (was, is) = (commands(&all).unwrap(), commands(&all.merged()).unwrap());
            for channel in (0..5).map(Channel::masked) {
                for number in (0..5).map(U7::masked) {
                    for voice in [
                        Voice::ControlChange { controller: number, value: U7::default() },
                        Voice::NoteOn { note: number, velocity: U7::masked(1) },
                        Voice::PolyAftertouch { note: number, pressure: U7::default() },
                        Voice::ProgramChange { program: number },
                    ] {
                        prop_assert_eq!(was.has_voice(channel, voice), is.has_voice(channel, voice), "{:?}", voice);
                    }
                }
            }
            for length in 0..5 {
                prop_assert_eq!(was.has_sysex(&[1; 4][..length], true), is.has_sysex(&[1; 4][..length], true));
            }
        }
    }
}
