//! What one subset of MIDI has beyond another, and whether two rules for chapters say the same (RFC 6295, C.1, C.2.3):
//! what ends must know of each other before they agree.

use std::collections::BTreeSet;

use super::{Chapters, Commands, Letters, Numbers, Selection};
use crate::midi::{Channel, System, U7, U14, Voice};

impl Commands {
    /// The types (the letters of C.1) of which these have a command that `others` do not; none where these are a subset.
    /// Rules for System Exclusives that are too many to follow count as different.
    pub fn beyond(&self, others: &Self) -> Letters {
        let more = |ours: bool, theirs: bool| ours && !theirs;
        let voice = |channel, voice| more(self.has_voice(channel, voice), others.has_voice(channel, voice));
        let system = |system: System<'_>| more(self.has_system(&system), others.has_system(&system));
        let common = |of: fn(&'static [u8]) -> System<'static>| (0..=15).any(|length| system(of(&[0; 15][..length])));
        let numbers: BTreeSet<u16> = edges(self, others, b'M').filter_map(|edge| u16::try_from(edge).ok()).collect();
        let channels = |found: &dyn Fn(Channel) -> bool| Channel::all().any(found);
        let notes = |of: fn(U7) -> Voice| {
            channels(&|channel| (0..128).map(U7::masked).any(|number| voice(channel, of(number))))
        };
        let (pressure, velocity, value) = (U7::default(), U7::default(), U7::default());
        let found = [
            (b'A', notes(|note| Voice::PolyAftertouch { note, pressure: U7::default() })),
            (b'B', system(System::Reset)),
            (b'C', notes(|controller| Voice::ControlChange { controller, value: U7::default() })),
            (b'F', system(System::QuarterFrame(value))),
            (b'G', system(System::TuneRequest)),
            (b'H', system(System::SongSelect(value))),
            (b'J', common(System::F4)),
            (b'K', common(System::F5)),
            (
                b'M',
                channels(&|channel| {
                    let mut numbers = numbers.iter().filter(|number| **number <= LAST_PARAMETER);
                    numbers.any(|&n| more(self.has_parameter(channel, n), others.has_parameter(channel, n)))
                }),
            ),
            (b'N', notes(|note| Voice::NoteOff { note, velocity: U7::default() })),
            (b'P', channels(&|channel| voice(channel, Voice::ProgramChange { program: velocity }))),
            (b'Q', system(System::Start)),
            (b'T', channels(&|channel| voice(channel, Voice::ChannelAftertouch { pressure }))),
            (b'V', system(System::ActiveSense)),
            (b'W', channels(&|channel| voice(channel, Voice::PitchWheel { value: U14::default() }))),
            (b'X', self.has_sysex_beyond(others)),
            (b'Y', system(System::F9)),
            (b'Z', system(System::FD)),
        ];
        let letters = found.into_iter().filter(|(_, is_more)| *is_more).map(|(letter, _)| char::from(letter));
        Letters::of(&letters.collect::<String>())
    }

    fn has_sysex_beyond(&self, others: &Self) -> bool {
        if self.cancels() && !others.cancels() || self.interleaves() && !others.interleaves() {
            return true;
        }
        let selections = self.assignments().iter().chain(others.assignments());
        let classes = selections.filter_map(|(_, selection)| match selection {
            Selection::SysEx(class) => Some(class.octets()),
            Selection::Types { .. } => None,
        });
        let lengths = edges(self, others, b'X').collect();
        let mut search = Search { ours: self, theirs: others, lengths, prefix: Vec::new(), left: MOST_TRIED };
        search.finds(&classes.collect::<Vec<_>>())
    }
}

impl Chapters {
    /// Whether both have the same rule for everything, in whatever words; rules for parameters and System Exclusives
    /// are compared word by word.
    pub fn says_the_same_as(&self, others: &Self) -> bool {
        Channel::all().all(|channel| self.channel(channel) == others.channel(channel)) && self.system == others.system
    }
}

const LAST_PARAMETER: u16 = (1 << 15) - 1;
const FIRST_NRPN: u32 = 1 << 14;

/// How many System Exclusives are tried on two sets of rules.
const MOST_TRIED: usize = 20_000;

/// The numbers at which a rule of either for this letter begins to hold, or ends.
fn edges<'a>(ours: &'a Commands, theirs: &'a Commands, letter: u8) -> impl Iterator<Item = u32> + 'a {
    let selections = ours.assignments().iter().chain(theirs.assignments()).map(|(_, selection)| selection);
    let lists = selections.filter_map(move |selection| match selection {
        Selection::Types { letters, fields, .. } if letters.contains(letter) => Some(fields),
        _ => None,
    });
    let ends = |range: &core::ops::RangeInclusive<u32>| [*range.start(), range.end().saturating_add(1)];
    lists.flat_map(Numbers::ranges).flat_map(ends).chain([0, FIRST_NRPN, u32::MAX])
}

/// A search for a System Exclusive that one set of rules allows and another does not, along their classes.
struct Search<'a> {
    ours: &'a Commands,
    theirs: &'a Commands,
    lengths: BTreeSet<u32>,
    prefix: Vec<u8>,
    left: usize,
}

impl Search<'_> {
    /// Tries what begins with the prefix, which all of `classes` have so far.
    fn finds(&mut self, classes: &[&[u128]]) -> bool {
        let depth = self.prefix.len();
        if self.differs(depth) {
            return true;
        }
        let open: Vec<&[u128]> = classes.iter().copied().filter(|class| class.len() > depth).collect();
        if open.is_empty() {
            let lengths: Vec<u32> = self.lengths.range(depth as u32..).copied().collect();
            return lengths.into_iter().any(|length| self.differs(length as usize));
        }
        // Values that the same classes have lead to the same.
        let mut seen: BTreeSet<Vec<bool>> = BTreeSet::new();
        for value in 0..128_u8 {
            let having: Vec<bool> = open.iter().map(|class| class[depth] & 1 << value != 0).collect();
            let next = open.iter().zip(&having).filter(|(_, has)| **has).map(|(class, _)| *class).collect::<Vec<_>>();
            if seen.insert(having) {
                self.prefix.push(value);
                let found = self.finds(&next);
                self.prefix.pop();
                if found {
                    return true;
                }
            }
        }
        false
    }

    /// Whether a command that begins with the prefix and has this length makes the difference.
    fn differs(&mut self, length: usize) -> bool {
        if self.left == 0 {
            return true;
        }
        self.left -= 1;
        let has = |commands: &Commands| commands.sysex_of(&self.prefix, length, true) == Some(true);
        has(self.ours) && !has(self.theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{all, types};
    use super::*;
    use crate::Inclusion;
    use proptest::prelude::*;

    fn only(range: core::ops::RangeInclusive<u32>) -> Numbers {
        Numbers::new([range])
    }

    fn class(octets: &[u128]) -> Selection {
        Selection::SysEx(super::super::Class::new(octets.iter().copied()))
    }

    /// No commands but these.
    fn of(selections: &[&Selection]) -> Commands {
        let mut commands = Commands::default();
        commands.forbid(&all("ABCFGHJKMNPQTVWXYZ"));
        for selection in selections {
            commands.allow(selection);
        }
        commands
    }

    fn beyond(ours: &[&Selection], others: &[&Selection]) -> String {
        of(ours).beyond(&of(others)).to_string()
    }

    #[test]
    fn each_letter_is_told_by_itself() {
        for letter in "ABCFGHJKMNPQTVWXYZ".chars() {
            let letter = letter.to_string();
            assert_eq!(beyond(&[&all(&letter)], &[]), letter);
            assert_eq!(beyond(&[&all(&letter)], &[&all(&letter)]), "");
            assert_eq!(beyond(&[], &[&all(&letter)]), "");
        }
        assert_eq!(Commands::all().beyond(&Commands::default()).to_string(), "JKYZ");
    }

    #[test]
    fn one_number_or_channel_more_is_told() {
        let fields = |letter, range| types(Numbers::default(), letter, only(range));
        for letter in ["A", "C", "N"] {
            assert_eq!(beyond(&[&fields(letter, 7..=9)], &[&fields(letter, 7..=8)]), letter);
            assert_eq!(beyond(&[&fields(letter, 7..=8)], &[&fields(letter, 7..=9)]), "");
        }
        assert_eq!(beyond(&[&fields("M", 0..=5)], &[&fields("M", 0..=4)]), "M");
        assert_eq!(beyond(&[&fields("M", 20_000..=20_000)], &[&fields("M", 0..=19_999)]), "M");
        assert_eq!(beyond(&[&fields("M", 0..=4)], &[&all("M")]), "");
        assert_eq!(beyond(&[&fields("J", 0..=2)], &[&fields("J", 0..=1)]), "J");
        let channel = |range| types(only(range), "PTW", Numbers::default());
        assert_eq!(beyond(&[&channel(0..=3)], &[&channel(0..=2)]), "PTW");
        assert_eq!(beyond(&[&channel(3..=3)], &[&channel(0..=3)]), "");
    }

    #[test]
    fn system_exclusives_are_told_by_length_and_class() {
        let lengths = |range| types(Numbers::default(), "X", only(range));
        assert_eq!(beyond(&[&lengths(0..=16)], &[&lengths(0..=17)]), "");
        assert_eq!(beyond(&[&lengths(0..=17)], &[&lengths(0..=16)]), "X");
        let (master, general) = (class(&[1 << 0x7F, u128::MAX, 1 << 4]), class(&[1 << 0x7E, u128::MAX, 1 << 9]));
        assert_eq!(beyond(&[&master], &[&all("X")]), "");
        assert_eq!(beyond(&[&all("X")], &[&master]), "X");
        assert_eq!(beyond(&[&master], &[&general]), "X");
        assert_eq!(beyond(&[&master], &[&general, &master]), "");
        assert_eq!(beyond(&[&class(&[1 << 5, 0b110])], &[&class(&[1 << 5, 0b010])]), "X");
        assert_eq!(beyond(&[&class(&[1 << 5, 0b010])], &[&class(&[1 << 5])]), "");
        let cancels = types(only(1..=1), "X", Numbers::default());
        let none = types(only(0..=0), "X", Numbers::default());
        assert_eq!((beyond(&[&cancels], &[&none]), beyond(&[&none], &[&cancels])), ("X".to_owned(), String::new()));
    }

    #[test]
    fn rules_without_end_count_as_different_and_take_no_time() {
        let classes: Vec<Selection> = (0..60).map(|seed| class(&[u128::MAX / (seed + 3); 40])).collect();
        assert_eq!(beyond(&classes.iter().collect::<Vec<_>>(), &[&all("X")]), "X");
    }

    #[test]
    fn chapters_are_compared_by_what_they_say() {
        let of = |assignments: &[(Inclusion, Selection)]| {
            let mut chapters = Chapters::default();
            for (inclusion, selection) in assignments {
                chapters.assign(*inclusion, selection);
            }
            chapters
        };
        let apart = of(&[(Inclusion::Never, all("C")), (Inclusion::Never, all("W"))]);
        let (joined, less) = (of(&[(Inclusion::Never, all("CW"))]), of(&[(Inclusion::Never, all("W"))]));
        assert!(apart != joined && apart.says_the_same_as(&joined) && !joined.says_the_same_as(&less));
        let enhanced = of(&[(Inclusion::Default, types(Numbers::default(), "C", only(128..=128)))]);
        assert!(!enhanced.says_the_same_as(&Chapters::default()));
    }

    fn selections() -> impl Strategy<Value = Selection> {
        let list = || {
            prop::option::of((0_u32..16, 0_u32..4)).prop_map(|range| match range {
                Some((first, more)) => only(first..=first + more),
                None => Numbers::default(),
            })
        };
        let letters = prop::sample::subsequence("ABCFGHJKMNPQTVWXYZ".chars().collect::<Vec<_>>(), 1..6);
        let types = (list(), letters, list())
            .prop_map(|(channels, letters, fields)| types(channels, &letters.into_iter().collect::<String>(), fields));
        let class = prop::collection::vec(1_u128..8, 1..4).prop_map(|octets| class(&octets));
        prop_oneof![3 => types, 1 => class]
    }

    fn commands() -> impl Strategy<Value = Commands> {
        prop::collection::vec((any::<bool>(), selections()), 0..8).prop_map(|assignments| {
            let mut commands = Commands::default();
            for (used, selection) in assignments {
                if used { commands.allow(&selection) } else { commands.forbid(&selection) }
            }
            commands
        })
    }

    proptest! {
        #[test]
        fn a_subset_has_nothing_beyond(ours in commands(), taken in selections()) {
            prop_assert!(ours.beyond(&ours).is_empty());
            let mut fewer = ours.clone();
            // A digit of X may switch on what was off; the lists alone only take away.
            if let Selection::Types { letters, .. } = &taken && letters.contains(b'X') {
                return Ok(());
            }
            fewer.forbid(&taken);
            prop_assert!(fewer.beyond(&ours).is_empty(), "{}", fewer.beyond(&ours));
        }

        #[test]
        fn a_system_exclusive_that_one_allows_and_the_other_does_not_is_found(
            ours in commands(), others in commands(), data in prop::collection::vec(0_u8..8, 0..24),
        ) {
            if ours.has_sysex(&data, true) == Some(true) && others.has_sysex(&data, true) == Some(false) {
                prop_assert!(ours.beyond(&others).contains(b'X'));
            }
        }
    }
}
