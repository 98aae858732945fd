//! Which parameters belong together, and in which order they stand.

use crate::{Parameter, Parameters};

/// The names of the parameters that this crate knows, in the order in which they are written: all of `cm_*` before the
/// first of `ch_*` (RFC 6295, C.2.3), `tsmode` before what it governs (C.3), `multimode` before the first renderer and
/// each renderer before what initializes it (C.6).
pub const NAMES: [&str; 31] = [
    "streamtype",
    "mode",
    "profile-level-id",
    "config",
    "cm_unused",
    "cm_used",
    "j_sec",
    "j_update",
    "ch_never",
    "ch_default",
    "ch_anchor",
    "tsmode",
    "linerate",
    "octpos",
    "mperiod",
    "rtp_ptime",
    "rtp_maxptime",
    "guardtime",
    "musicport",
    "multimode",
    "render",
    "subrender",
    "rinit",
    "inline",
    "url",
    "cid",
    "smf_info",
    "smf_inline",
    "smf_url",
    "smf_cid",
    "chanmask",
];

/// The place of all unknown parameters.
const UNKNOWN: usize = NAMES.len();

/// The place of a parameter: of its group among the others, and its own. Unknown ones come last.
fn place(name: &str) -> (usize, usize) {
    let of = |name: &str| NAMES.iter().position(|known| name.eq_ignore_ascii_case(known)).unwrap_or(UNKNOWN);
    let own = of(name);
    // Half of a group from here and half from there would be neither.
    let group = match NAMES.get(own) {
        Some(&"cm_used") => of("cm_unused"),
        Some(&"j_update") => of("j_sec"),
        Some(&("ch_default" | "ch_anchor")) => of("ch_never"),
        Some(&("linerate" | "octpos" | "mperiod")) => of("tsmode"),
        Some(_) if own > of("multimode") => of("multimode"),
        _ => own,
    };
    (group, own)
}

/// Whether a parameter adds to others of its name, or to what stands before it, instead of replacing them.
pub(crate) fn accumulates(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with("cm_") || lower.starts_with("ch_") || place(name).0 == place("multimode").0
}

impl Parameters {
    /// These, and what `others` say of things that these do not speak of. The journal, the command types, the chapters
    /// and the meaning of timestamps are one thing each, whichever of their parameters is there.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        let same = |one: &str, other: &str| match (place(one).0, place(other).0) {
            (UNKNOWN, UNKNOWN) => one.eq_ignore_ascii_case(other),
            (one, other) => one == other,
        };
        let speaks_of = |name: &str| self.iter().any(|ours| same(&ours.name, name));
        let added = others.iter().filter(|other| !speaks_of(&other.name));
        let mut all: Vec<Parameter> = self.iter().chain(added).cloned().collect();
        all.sort_by_key(|parameter| place(&parameter.name).0);
        all.into_iter().collect()
    }

    /// What these say otherwise than `others`, by the same groups.
    #[must_use]
    pub fn beyond(&self, others: &Self) -> Self {
        let group = |list: &Self, place_of: usize| {
            let mut group: Vec<(usize, String)> = list
                .iter()
                .map(|parameter| (place(&parameter.name), parameter))
                .filter(|((group, _), _)| *group == place_of)
                .map(|((_, own), parameter)| (own, parameter.value.clone()))
                .collect();
            group.sort_by_key(|(own, _)| *own);
            group
        };
        let differs = |parameter: &&Parameter| {
            let place_of = place(&parameter.name).0;
            group(self, place_of) != group(others, place_of)
        };
        self.iter().filter(differs).cloned().collect()
    }

    /// What of these a list can say in which each name stands once and order means nothing, such as caps or what some
    /// relays leave of a description. Read in the order of [`NAMES`] it says nothing wrong, but perhaps less.
    /// Repetitions that one value can say are such a value.
    #[must_use]
    pub fn unrepeated(&self) -> Self {
        self.merged().without_repetitions()
    }

    fn without_repetitions(&self) -> Self {
        let group = |parameter: &Parameter| place(&parameter.name).0;
        let rises = |parameter: &Parameter| {
            let names: Vec<usize> =
                self.iter().filter(|other| group(other) == group(parameter)).map(|p| place(&p.name).1).collect();
            names.is_sorted_by(|one, next| one < next)
        };
        let is_last = |index: usize, parameter: &Parameter| {
            !self.iter().skip(index + 1).any(|later| later.name.eq_ignore_ascii_case(&parameter.name))
        };
        let all = self.iter().enumerate();
        all.filter(
            |(index, parameter)| {
                if accumulates(&parameter.name) { rises(parameter) } else { is_last(*index, parameter) }
            },
        )
        .map(|(_, parameter)| parameter.clone())
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn or(stronger: &str, weaker: &str) -> String {
        Parameters::parse(stronger).or(&Parameters::parse(weaker)).to_string()
    }

    fn unrepeated(text: &str) -> String {
        Parameters::parse(text).unrepeated().to_string()
    }

    #[test]
    fn what_one_list_leaves_open_the_other_says() {
        assert_eq!(or("guardtime=9", "j_sec=none; guardtime=5; mode=x"), "mode=x; j_sec=none; guardtime=9");
        assert_eq!(or("", "zero=1; cm_unused=N; zero=2"), "cm_unused=N; zero=1; zero=2");
        assert_eq!(or("zero=3", "zero=1; one=1"), "zero=3; one=1");
    }

    #[test]
    fn things_of_several_parameters_come_from_one_list() {
        assert_eq!(or("J_Update=anchor", "j_sec=none"), "J_Update=anchor");
        assert_eq!(or("cm_used=N", "cm_unused=C; ch_never=C"), "cm_used=N; ch_never=C");
        assert_eq!(or("tsmode=async", "tsmode=buffer; mperiod=44"), "tsmode=async");
        assert_eq!(or("ch_anchor=P; ch_never=1P", "ch_never=N"), "ch_anchor=P; ch_never=1P");
        assert_eq!(
            or("render=api", "render=synthetic; rinit=audio/asc; cid=\"x\"; musicport=1"),
            "musicport=1; render=api"
        );
    }

    #[test]
    fn what_differs_is_told_by_what_stands_for_one_thing() {
        let beyond = |text: &str, others: &str| Parameters::parse(text).beyond(&Parameters::parse(others)).to_string();
        assert_eq!(beyond("cm_used=C7; cm_unused=C; guardtime=5", "cm_unused=C; cm_used=C7"), "guardtime=5");
        assert_eq!(beyond("cm_unused=C; guardtime=5", "cm_unused=C; cm_used=C7; guardtime=5"), "cm_unused=C");
        assert_eq!(beyond("j_sec=none", "j_update=anchor"), "j_sec=none");
    }

    #[test]
    fn command_types_stand_before_chapters() {
        assert_eq!(or("ch_never=N; cm_unused=N; cm_used=1N", ""), "cm_unused=N; cm_used=1N; ch_never=N");
    }

    #[test]
    fn a_thing_that_takes_repetition_or_order_is_left_out_whole() {
        assert_eq!(unrepeated("cm_unused=C; cm_used=C7; ch_never=W"), "cm_unused=C; cm_used=C7; ch_never=W");
        assert_eq!(unrepeated("cm_unused=C; cm_used=0C7; cm_used=1C64; guardtime=5"), "guardtime=5");
        assert_eq!(unrepeated("cm_unused=C; cm_used=C7; cm_used=C64"), "cm_unused=C; cm_used=C7.64");
        assert_eq!(unrepeated("cm_used=J; cm_unused=J"), "");
        assert_eq!(unrepeated("render=api; chanmask=1; render=null; musicport=1"), "musicport=1");
        assert_eq!(unrepeated("guardtime=5; guardtime=6"), "guardtime=6");
    }
}
