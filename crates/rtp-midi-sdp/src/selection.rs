//! What `cm_used`, `cm_unused`, `ch_never`, `ch_default` and `ch_anchor` are set to: text ↔ [`Selection`]
//! (RFC 6295, C.1, C.2.3, D).
//!
//! ```text
//! [channels] LETTERS [fields]     4.11-13N0-59
//! __ octet _ octet … __           __7E_00-7F_09_01.02.03__
//! ```
//!
//! Reading is lenient: letters in any order, those without meaning passed over, ranges in either direction. Printing is
//! exact, and [`Language::parse_exact`] takes nothing else.

use std::fmt::Write;
use std::ops::RangeInclusive;

use rtp_midi::{Class, Letters, Numbers, Selection};

/// Of what the letters speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Command types: `cm_used` and `cm_unused`.
    Commands,
    /// Journal chapters: `ch_never`, `ch_default` and `ch_anchor`.
    Chapters,
}

const COMMANDS: Letters = Letters::of("ABCFGHJKMNPQTVWXYZ");
const CHAPTERS: Letters = Letters::of("ABCDEFGHJKMNPQTVWXYZ");
const X: Letters = Letters::of("X");
const C: Letters = Letters::of("C");

/// Coding of controllers by number, and enhanced coding of the same (C.2.3).
const NORMAL: RangeInclusive<u32> = 0..=127;
const ENHANCED: RangeInclusive<u32> = 128..=255;

impl Language {
    /// Reads a value leniently; the error says what it should be.
    pub fn parse(self, text: &str) -> Result<Selection, &'static str> {
        Reader { known: self.letters(), exact: true }.selection(text)
    }

    /// Reads a value that a producer may write: `None` where [`Language::parse`] would have to be lenient, or where
    /// digits contradict each other.
    pub fn parse_exact(self, text: &str) -> Option<Selection> {
        let mut reader = Reader { known: self.letters(), exact: true };
        let selection = reader.selection(text).ok()?;
        (reader.exact && self.exact(&selection)[..] == [selection.clone()]).then_some(selection)
    }

    /// Prints a selection: one value, two where one would break a rule of its own, none where no letter is known.
    pub fn print(self, selection: &Selection) -> Vec<String> {
        self.exact(selection).iter().map(print).collect()
    }

    const fn letters(self) -> Letters {
        match self {
            Self::Commands => COMMANDS,
            Self::Chapters => CHAPTERS,
        }
    }

    /// Letters whose commands or chapters are there whatever the channel list.
    const fn without_channel(self) -> Letters {
        match self {
            Self::Commands => Letters::of("BFGHJKQVXYZ"),
            Self::Chapters => Letters::of("BDFGHVX"),
        }
    }

    /// The same in terms that a producer may write.
    fn exact(self, selection: &Selection) -> Vec<Selection> {
        let Selection::Types { channels, letters, fields } = selection else { return vec![selection.clone()] };
        let types = |channels: &Numbers, letters: Letters, fields: &Numbers| {
            let (channels, fields) = (channels.clone(), fields.clone());
            (!letters.is_empty()).then_some(Selection::Types { channels, letters, fields })
        };
        let mut letters = letters.and(self.letters());
        let known = within(channels, 0..=15);
        if !channels.is_all() && known.is_all() {
            // Of channels that there are none of, only letters speak that have no use for channels.
            letters = letters.and(self.without_channel());
        }
        let channels = &known;
        match self {
            // X reads the channels as digits of its own, of which no two may contradict each other.
            Self::Commands if letters.contains(b'X') && !channels.is_all() => {
                let first = |pair: [u32; 2]| pair.into_iter().find(|digit| channels.contains(*digit));
                let digits = [[0, 1], [2, 3]].into_iter().filter_map(first).map(|digit| digit..=digit);
                let x = types(&Numbers::new(digits), X, fields);
                types(channels, letters.without(X), fields).into_iter().chain(x).collect()
            }
            // Where both codings of a controller are named the enhanced one is chosen, as if it came later.
            Self::Chapters if letters.contains(b'C') && overlaps(fields) => {
                let normal = types(channels, letters, &within(fields, NORMAL));
                let enhanced = types(channels, C, &within(fields, ENHANCED));
                normal.into_iter().chain(enhanced).collect()
            }
            _ => types(channels, letters, fields).into_iter().collect(),
        }
    }
}

/// The same without enhanced coding of controllers, of which `ch_never` must not speak (C.2.3): it is a way to code
/// them, and they are not coded.
pub(crate) fn in_normal_coding(selection: &Selection) -> Vec<Selection> {
    let Selection::Types { channels, letters, fields } = selection else { return vec![selection.clone()] };
    if !letters.contains(b'C') || fields.ranges().iter().all(|range| NORMAL.contains(range.end())) {
        return vec![selection.clone()];
    }
    let shift = |range: &RangeInclusive<u32>| range.start() - 128..=range.end() - 128;
    let (normal, enhanced) = (within(fields, NORMAL), within(fields, ENHANCED));
    let controllers = Numbers::new(normal.ranges().iter().cloned().chain(enhanced.ranges().iter().map(shift)));
    let types = |letters, fields| Selection::Types { channels: channels.clone(), letters, fields };
    // The fields of other letters have a meaning of their own, and no controller is left for C where all are beyond it.
    let others = Some(letters.without(C)).filter(|letters| !letters.is_empty());
    let others = others.map(|letters| types(letters, fields.clone()));
    others.into_iter().chain((!controllers.is_all()).then(|| types(C, controllers))).collect()
}

/// Whether a list has a controller in both codings.
fn overlaps(fields: &Numbers) -> bool {
    !fields.is_all() && NORMAL.into_iter().any(|number| fields.contains(number) && fields.contains(number + 128))
}

/// The part of a list that lies within a range.
fn within(list: &Numbers, range: RangeInclusive<u32>) -> Numbers {
    let cut = |part: &RangeInclusive<u32>| *part.start().max(range.start())..=*part.end().min(range.end());
    Numbers::new(list.ranges().iter().map(cut))
}

fn print(selection: &Selection) -> String {
    let mut text = String::new();
    match selection {
        Selection::Types { channels, letters, fields } => {
            print_list(channels, &mut text);
            let _ = write!(text, "{letters}");
            print_list(fields, &mut text);
        }
        Selection::SysEx(class) => {
            for (index, octet) in class.octets().iter().enumerate() {
                text.push_str(if index == 0 { "__" } else { "_" });
                join(runs(*octet), &mut text, |number, text| {
                    let _ = write!(text, "{number:02X}");
                });
            }
            text.push_str("__");
        }
    }
    text
}

fn print_list(list: &Numbers, text: &mut String) {
    join(list.ranges().iter().cloned(), text, |number, text| {
        let _ = write!(text, "{number}");
    });
}

/// Prints ranges with dots between them; a single number stands alone.
fn join(ranges: impl Iterator<Item = RangeInclusive<u32>>, text: &mut String, number: impl Fn(u32, &mut String)) {
    for (index, range) in ranges.enumerate() {
        if index > 0 {
            text.push('.');
        }
        number(*range.start(), text);
        if range.start() < range.end() {
            text.push('-');
            number(*range.end(), text);
        }
    }
}

/// The values of a set, in as few ranges as can be.
fn runs(set: u128) -> impl Iterator<Item = RangeInclusive<u32>> {
    let has = move |value: u32| value < 128 && set & 1 << value != 0;
    (0..128).filter(move |&start| has(start) && (start == 0 || !has(start - 1))).map(move |start| {
        let end = (start..128).take_while(|&value| has(value)).last();
        start..=end.unwrap_or(start)
    })
}

/// Reads one value, and notes where it had to be lenient.
struct Reader {
    known: Letters,
    exact: bool,
}

const TYPES: &str = "[channels]LETTERS[fields] such as 0-3.9CN64-127";
const CLASS: &str = "a class of System Exclusives such as __7E_00-7F_09__";

impl Reader {
    fn selection(&mut self, text: &str) -> Result<Selection, &'static str> {
        if let Some(text) = text.strip_prefix("__") {
            let octets = text.strip_suffix("__").ok_or(CLASS)?.split('_').map(|octet| self.octet(octet));
            return octets.collect::<Option<Vec<_>>>().map(|octets| Selection::SysEx(Class::new(octets))).ok_or(CLASS);
        }
        let is_letter = |octet: u8| octet.is_ascii_alphabetic();
        let start = text.bytes().position(is_letter).ok_or(TYPES)?;
        let end = start + text.bytes().skip(start).position(|octet| !is_letter(octet)).unwrap_or(text.len() - start);
        let channels = self.list(&text[..start]).ok_or(TYPES)?;
        let letters = Letters::of(&text[start..end]).and(self.known);
        let fields = self.list(&text[end..]).ok_or(TYPES)?;
        self.exact &= letters.to_string() == text[start..end];
        self.exact &= channels.ranges().iter().all(|range| *range.end() < 16);
        Ok(Selection::Types { channels, letters, fields })
    }

    /// A channel or field list, which may be left out.
    fn list(&mut self, text: &str) -> Option<Numbers> {
        if text.is_empty() {
            return Some(Numbers::default());
        }
        let ranges = text.split('.').map(|range| self.range(range, decimal));
        ranges.collect::<Option<Vec<_>>>().map(Numbers::new)
    }

    /// The values that one data octet of a class may have.
    fn octet(&mut self, text: &str) -> Option<u128> {
        let mut set = 0;
        for range in text.split('.') {
            set |= self.range(range, hexadecimal)?.filter(|value| *value < 128).fold(0, |set, value| set | 1 << value);
        }
        (set != 0).then_some(set)
    }

    /// One number, or two with a dash; `number` says besides whether a number is written as it should be.
    fn range(&mut self, text: &str, number: impl Fn(&str) -> Option<(u32, bool)>) -> Option<RangeInclusive<u32>> {
        let Some((left, right)) = text.split_once('-') else {
            let (value, exact) = number(text)?;
            self.exact &= exact;
            return Some(value..=value);
        };
        let ((left, left_exact), (right, right_exact)) = (number(left)?, number(right)?);
        self.exact &= left_exact && right_exact && left < right;
        Some(left.min(right)..=left.max(right))
    }
}

fn decimal(text: &str) -> Option<(u32, bool)> {
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    let exact = text == "0" || !text.starts_with('0');
    digits.then(|| text.parse().ok())?.map(|number| (number, exact))
}

fn hexadecimal(text: &str) -> Option<(u32, bool)> {
    let digits = text.len() <= 2 && text.bytes().all(|octet| octet.is_ascii_hexdigit());
    let number = u32::from_str_radix(text, 16).ok().filter(|_| digits)?;
    Some((number, format!("{number:02X}") == text && number < 128))
}

#[cfg(test)]
mod tests {
    use super::Language::{Chapters, Commands};
    use super::*;
    use proptest::prelude::*;

    fn types(channels: Vec<RangeInclusive<u32>>, letters: &str, fields: Vec<RangeInclusive<u32>>) -> Selection {
        let (channels, fields) = (Numbers::new(channels), Numbers::new(fields));
        Selection::Types { channels, letters: Letters::of(letters), fields }
    }

    fn printed(language: Language, text: &str) -> Vec<String> {
        language.print(&language.parse(text).unwrap())
    }

    #[test]
    fn channels_letters_and_fields_are_read_and_printed() {
        for (text, selection) in [
            ("N", types(vec![], "N", vec![])),
            ("4.11-13N0-59", types(vec![4..=4, 11..=13], "N", vec![0..=59])),
            ("2C0.1.7.10.11.64.121.123", {
                let fields = [0, 1, 7, 10, 11, 64, 121, 123];
                types(vec![2..=2], "C", fields.map(|n| n..=n).to_vec())
            }),
            ("X256-4294967295", types(vec![], "X", vec![256..=u32::MAX])),
        ] {
            assert_eq!(Commands.parse_exact(text), Some(selection.clone()), "{text}");
            assert_eq!(Commands.print(&selection), [text]);
        }
    }

    #[test]
    fn letters_come_in_any_order_and_leave_in_the_alphabets() {
        assert_eq!(printed(Commands, "XNC"), ["CNX"]);
        assert_eq!(printed(Commands, "ACGHJKNMPTVWXYZ"), ["ACGHJKMNPTVWXYZ"]);
        assert!(Commands.parse_exact("XNC").is_none());
    }

    #[test]
    fn letters_without_meaning_are_passed_over() {
        assert_eq!(printed(Commands, "CDE"), ["C"]);
        assert_eq!(printed(Chapters, "CDEILORSU"), ["CDE"]);
        assert_eq!(Commands.parse("n"), Ok(types(vec![], "", vec![])));
        assert!(printed(Commands, "n").is_empty());
        assert!(Commands.parse_exact("CDE").is_none() && Chapters.parse_exact("CDE").is_some());
    }

    #[test]
    fn a_class_lists_the_values_of_the_first_octets() {
        let class = |octets: &[u128]| Ok(Selection::SysEx(Class::new(octets.iter().copied())));
        let text = "__7E_00-7F_09_01.02.03__";
        assert_eq!(Commands.parse(text), class(&[1 << 0x7E, u128::MAX, 1 << 9, 0b1110]));
        assert_eq!(printed(Commands, text), ["__7E_00-7F_09_01-03__"]);
        assert_eq!(printed(Commands, "__7f_1-0A.05.3__"), ["__7F_01-0A__"]);
        assert!(Commands.parse_exact("__7F_00-7F_01_01__").is_some());
    }

    #[test]
    fn what_is_no_selection_says_what_one_is() {
        for text in ["", "5", "4..5N", "-N", "4-N", "N0-", "N 7", "N7N", "X4294967296", "N+7", "4-5-6N"] {
            assert_eq!(Commands.parse(text), Err(TYPES), "{text}");
        }
        for text in ["__", "____", "__7F", "__7F_", "__7F___", "__80__", "__7G__", "__07F__", "__7F-__"] {
            assert_eq!(Chapters.parse(text), Err(CLASS), "{text}");
        }
    }

    #[test]
    fn ranges_of_a_producer_rise_and_its_numbers_are_in_shortest_form() {
        for text in ["5-5N", "5-3N", "C7-7", "C9-7", "__7F-7F__", "__7f__", "__5__", "__00-80__", "16N", "07N", "C007"]
        {
            assert!(Commands.parse(text).is_ok() && Commands.parse_exact(text).is_none(), "{text}");
        }
        assert_eq!(printed(Commands, "5-3.07N9-9"), ["3-5.7N9"]);
        assert_eq!(
            (printed(Commands, "12-20N"), printed(Commands, "20NQ")),
            (vec!["12-15N".to_owned()], vec!["Q".to_owned()])
        );
    }

    #[test]
    fn digits_of_x_never_contradict_each_other() {
        for (text, exact) in [("0.1X", "0X"), ("2-3X", "2X"), ("1.3X0-16", "1.3X0-16"), ("0-3X", "0.2X")] {
            assert_eq!(printed(Commands, text), [exact]);
            assert_eq!(Commands.parse_exact(text).is_some(), text == exact, "{text}");
        }
        assert_eq!(printed(Commands, "1.9NX"), ["1.9N", "1X"]);
        assert_eq!(printed(Commands, "9X"), ["X"]);
    }

    #[test]
    fn enhanced_coding_is_never_spoken_of_in_ch_never() {
        let of = |text| {
            let selections = in_normal_coding(&Chapters.parse(text).unwrap());
            selections.iter().flat_map(|selection| Chapters.print(selection)).collect::<Vec<_>>()
        };
        assert_eq!(of("3C135"), ["3C7"]);
        assert_eq!(of("C0-3.127-129"), ["C0-3.127.0-1"]);
        assert_eq!(of("CN7.130"), ["N7.130", "C7.2"]);
        assert_eq!(of("C300"), Vec::<String>::new(), "there is no such controller");
        assert_eq!((of("C"), of("N200")), (vec!["C".to_owned()], vec!["N200".to_owned()]));
    }

    #[test]
    fn a_controller_is_named_in_one_coding() {
        assert!(Chapters.parse_exact("C0.128").is_none() && Chapters.parse_exact("C0.129").is_some());
        assert_eq!(printed(Chapters, "3CN0-1.7.128-130"), ["3CN0-1.7", "3C128-130"]);
        assert!(Commands.parse_exact("C0.128").is_some());
    }

    fn selections() -> impl Strategy<Value = Selection> {
        let range = |limit: u32| (0..limit, 0..limit).prop_map(|(one, other)| one.min(other)..=one.max(other));
        let list = |limit| prop::collection::vec(range(limit), 0..4);
        let letters = prop::sample::subsequence(COMMANDS.without(X).iter().collect::<Vec<_>>(), 1..18);
        let types = (list(16), letters, list(u32::MAX)).prop_map(|(channels, letters, fields)| {
            types(channels, &letters.into_iter().map(char::from).collect::<String>(), fields)
        });
        let octets = prop::collection::vec(any::<u128>().prop_filter("some value", |set| *set != 0), 1..6);
        prop_oneof![types, octets.prop_map(|octets| Selection::SysEx(Class::new(octets)))]
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_it_was(selection in selections()) {
            let text = Commands.print(&selection);
            prop_assert_eq!(text.len(), 1);
            prop_assert_eq!(Commands.parse_exact(&text[0]), Some(selection));
        }

        #[test]
        fn what_is_read_from_any_text_can_be_printed(text in "[0-9A-Za-z.,_ -]{0,20}") {
            for language in [Commands, Chapters] {
                for printed in language.parse(&text).map(|selection| language.print(&selection)).unwrap_or_default() {
                    prop_assert!(language.parse_exact(&printed).is_some(), "{}", printed);
                }
            }
        }
    }
}
