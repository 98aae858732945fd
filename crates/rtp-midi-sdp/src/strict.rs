//! Parameters in the words that a producer may use (RFC 6295, C and D), whatever words they came in.

use crate::render::{MediaType, unquoted};
use crate::selection::in_normal_coding;
use crate::{Language, NAMES, Parameters};

impl Parameters {
    /// The same, as exactly as this crate can say it: names and tokens in lower case, letters in order, no assignment to
    /// `cm_*` behind one to `ch_*`, nothing twice that stands once, nothing that `tsmode` leaves without meaning, no
    /// quotes where none belong. What is unknown stays as it is, and so does what says nothing.
    #[must_use]
    pub fn strict(&self) -> Self {
        let tsmode = self.last("tsmode").unwrap_or("comex").to_ascii_lowercase();
        let mut strict = Self::new();
        for (index, parameter) in self.iter().enumerate() {
            let name = canonical(&parameter.name);
            let is_last = || self.iter().skip(index + 1).all(|later| canonical(&later.name) != name);
            let value = parameter.value.as_str();
            match name.as_str() {
                "cm_used" | "cm_unused" => strict.push_selection(&name, value, Language::Commands),
                "ch_never" | "ch_default" | "ch_anchor" => strict.push_selection(&name, value, Language::Chapters),
                "linerate" | "octpos" if tsmode == "comex" => {}
                "mperiod" if tsmode != "buffer" => {}
                "render" | "subrender" | "smf_info" => strict.push(&name, value.to_ascii_lowercase()),
                "rinit" => {
                    // What is no media type may need its quotes.
                    let is_type = MediaType::new(unquoted(value)).is_some();
                    strict.push(&name, if is_type { unquoted(value) } else { value });
                }
                "inline" | "url" | "cid" | "smf_inline" | "smf_url" | "smf_cid" | "chanmask" => {
                    strict.push(&name, value);
                }
                known if NAMES.contains(&known) && !is_last() => {}
                "j_sec" | "j_update" | "tsmode" | "octpos" | "mode" | "multimode" => {
                    strict.push(&name, value.to_ascii_lowercase());
                }
                _ => strict.push(&name, value),
            }
        }
        strict.or(&Self::new())
    }

    /// An assignment in as many values as it takes; as it is where it says nothing.
    fn push_selection(&mut self, name: &str, value: &str, language: Language) {
        let Ok(selection) = language.parse(value) else { return self.push(name, value) };
        let exact = if name == "ch_never" { in_normal_coding(&selection) } else { vec![selection] };
        for value in exact.iter().flat_map(|selection| language.print(selection)) {
            self.push(name, value);
        }
    }
}

/// A name as it is written; that of an unknown parameter is left alone. The examples of C.7.2 write `cm_default`, which
/// there is none of.
fn canonical(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "cm_default" => "ch_default".to_owned(),
        known if NAMES.contains(&known) => lower,
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtp_midi::{Config, Format};

    fn strict(text: &str) -> String {
        Parameters::parse(text).strict().to_string()
    }

    #[test]
    fn careless_words_become_exact_ones() {
        for (careless, exact) in [
            ("J_SEC=RECJ;j_update=Anchor", "j_sec=recj; j_update=anchor"),
            ("cm_unused=ACGHJKNMPTVWXYZ", "cm_unused=ACGHJKMNPTVWXYZ"),
            ("ch_never=N; cm_unused=N", "cm_unused=N; ch_never=N"),
            ("cm_default=X0-16", "ch_default=X0-16"),
            ("ch_never=C135", "ch_never=C7"),
            ("guardtime=5; guardtime=6", "guardtime=6"),
            ("octpos=first; mperiod=44", ""),
            ("mperiod=44; octpos=First; tsmode=ASYNC", "octpos=first; tsmode=async"),
            (
                "render=Synthetic; rinit=\"audio/asc\"; inline=\"AA==\"",
                "render=synthetic; rinit=audio/asc; inline=\"AA==\"",
            ),
            // A quote alone opens what nothing would close.
            ("rinit=\"audio/asc\"x", "rinit=\"audio/asc\"x"),
            ("rinit=\"; mode=\"", "rinit=\"; mode=\""),
            ("Future=Ünknown; cm_used=?", "cm_used=?; Future=Ünknown"),
            ("render=api; render=null", "render=api; render=null"),
        ] {
            assert_eq!(strict(careless), exact, "{careless}");
        }
    }

    fn same(one: &Config, other: &Config) -> bool {
        let commands = one.commands.beyond(&other.commands).or(other.commands.beyond(&one.commands));
        commands.is_empty()
            && one.chapters.says_the_same_as(&other.chapters)
            && (one.journal, one.timing, one.ptime, one.max_ptime, one.guardtime)
                == (other.journal, other.timing, other.ptime, other.max_ptime, other.guardtime)
    }

    fn parameters() -> impl Strategy<Value = Parameters> {
        let name = prop::sample::select(vec![
            "cm_used",
            "CM_UNUSED",
            "ch_never",
            "ch_Default",
            "ch_anchor",
            "cm_default",
            "guardtime",
            "rtp_ptime",
            "tsmode",
            "octpos",
            "mperiod",
            "linerate",
            "j_sec",
            "j_update",
            "musicport",
            "render",
            "rinit",
            "future",
        ]);
        let value =
            "([0-9]{0,2}[ACEHMNPX]{1,3}[0-9]{0,3})|[0-9]{1,3}|(async|Buffer|comex|first|none|anchor)|__7E_0[0-9]__";
        prop::collection::vec((name, value), 0..8).prop_map(|pairs| {
            let mut parameters = Parameters::new();
            for (name, value) in pairs {
                parameters.push(name, value);
            }
            parameters
        })
    }

    proptest! {
        #[test]
        fn exact_words_say_the_same_and_are_left_alone(parameters in parameters()) {
            let exact = parameters.strict();
            prop_assert_eq!(exact.strict(), exact.clone());
            prop_assert_eq!(Parameters::parse(&exact.to_string()), exact.clone());
            if let Ok(config) = parameters.config(44_100, Format::Native) {
                let strict = exact.config(44_100, Format::Native);
                prop_assert!(strict.is_ok_and(|strict| same(&strict, &config)), "{} {}", parameters, exact);
            }
        }

        #[test]
        fn any_text_is_read_as_what_is_written_of_it(text in "[ -~]{0,60}") {
            let exact = Parameters::parse(&text).strict();
            prop_assert_eq!(Parameters::parse(&exact.to_string()).strict(), exact);
        }
    }
}
