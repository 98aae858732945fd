//! Which commands a loss may leave wrong for ever: the recovery journal mandate as far as parameters decide it
//! (RFC 6295, section 4, C.2.2.3, C.2.3).

use super::{Config, Inclusion, Journal, Letters, Numbers, Policy, Selection};
use crate::midi::{Channel, System, U7, U14, Voice};

/// What a receiver sets right by itself behind a loss: notes end, time code and active sense come again.
const RECOVERABLE: Letters = Letters::of("FNV");

impl Config {
    /// The types of commands (the letters of C.1) that may come and that, all or some, no journal tells of though the
    /// stream has one: their chapters are assigned to `ch_never`. Release velocities (Chapter E) and Active Sensing are
    /// not among them, since nothing lasting depends on these.
    pub fn unprotected(&self) -> Letters {
        match self.journal {
            Journal::None => Letters::default(),
            Journal::Recovery(_) => self.types_under(Inclusion::Never).without(Letters::of("V")),
        }
    }

    /// The types of commands that may come in an open loop and that a receiver cannot set right behind a loss which
    /// the journal does not reach back to: their chapters are assigned to neither `ch_anchor` nor `ch_never`.
    pub fn unanchored(&self) -> Letters {
        match self.journal {
            Journal::Recovery(Policy::OpenLoop) => self.types_under(Inclusion::Default).without(RECOVERABLE),
            _ => Letters::default(),
        }
    }

    /// The types of which at least one command may come and is under the rule.
    fn types_under(&self, rule: Inclusion) -> Letters {
        let voices = Channel::all().map(|channel| self.voices_under(rule, channel));
        let all = voices.chain([self.system_under(rule), self.sysex_under(rule)]);
        all.fold(Letters::default(), Letters::or)
    }

    fn voices_under(&self, rule: Inclusion, channel: Channel) -> Letters {
        let chapters = self.chapters.channel(channel);
        let used = |voice| self.commands.has_voice(channel, voice);
        let (program, pressure, velocity) = (U7::default(), U7::default(), U7::default());
        let mut numbers = (0..128).map(U7::masked);
        let mut parameters = self.edges(b'M').map(|edge| edge.min(u32::from(u16::MAX >> 1)) as u16);
        letters([
            (b'P', chapters.program == rule && used(Voice::ProgramChange { program })),
            (b'W', chapters.wheel == rule && used(Voice::PitchWheel { value: U14::default() })),
            (b'T', chapters.channel_aftertouch == rule && used(Voice::ChannelAftertouch { pressure })),
            (
                b'N',
                numbers.clone().any(|note| chapters.note.of(note) == rule && used(Voice::NoteOff { note, velocity })),
            ),
            (
                b'A',
                numbers.clone().any(|note| {
                    chapters.poly_aftertouch.of(note) == rule && used(Voice::PolyAftertouch { note, pressure })
                }),
            ),
            (
                b'C',
                numbers.any(|controller| {
                    // What selects and enters parameters is told of by Chapter M.
                    !matches!(controller.get(), 6 | 38 | 96..=101)
                        && chapters.control.of(controller) == rule
                        && used(Voice::ControlChange { controller, value: U7::default() })
                }),
            ),
            (
                b'M',
                parameters.any(|number| {
                    chapters.parameter.of(number) == rule && self.commands.has_parameter(channel, number)
                }),
            ),
        ])
    }

    fn system_under(&self, rule: Inclusion) -> Letters {
        let chapters = &self.chapters.system;
        let used = |system| self.commands.has_system(&system);
        // Where commands of one length may come, those of others need not.
        let common =
            |of: fn(&'static [u8]) -> System<'static>| (0..16).any(|length| used(of(&[0; 15][..length.min(15)])));
        letters([
            (b'B', chapters.reset == rule && used(System::Reset)),
            (b'F', chapters.time_code == rule && used(System::QuarterFrame(U7::default()))),
            (b'G', chapters.tune_request == rule && used(System::TuneRequest)),
            (b'H', chapters.song == rule && used(System::SongSelect(U7::default()))),
            (b'J', chapters.common[0].value == rule && common(System::F4)),
            (b'K', chapters.common[1].value == rule && common(System::F5)),
            (b'Q', chapters.sequencer == rule && used(System::Start)),
            (b'V', chapters.active_sense == rule && used(System::ActiveSense)),
            (b'Y', chapters.real_time[0] == rule && used(System::F9)),
            (b'Z', chapters.real_time[1] == rule && used(System::FD)),
        ])
    }

    /// Tried with a command of each class, and one of no class, in each length at which a rule begins or ends.
    fn sysex_under(&self, rule: Inclusion) -> Letters {
        let classes = self.selections().filter_map(|selection| match selection {
            Selection::SysEx(class) => {
                Some(class.octets().iter().map(|set| set.trailing_zeros() as u8).collect::<Vec<_>>())
            }
            Selection::Types { .. } => None,
        });
        let is_under = |data: &[u8], length: usize| {
            self.chapters.system.sysex.of(length, data) == rule
                && self.commands.sysex_of(data, length, true) == Some(true)
        };
        let mut commands = classes.take(MOST_CLASSES).chain([vec![0x7D; LONGEST_CLASS]]);
        letters([(
            b'X',
            commands.any(|data| {
                let lengths = self.edges(b'X').map(|edge| edge as usize).chain([data.len()]);
                let mut lengths = lengths.filter(|length| *length > 0);
                // Full Frames of time code are told of by Chapter F.
                !data.starts_with(&[0x7F, 0, 1, 1])
                    && lengths.any(|length| is_under(&data[..length.min(data.len())], length))
            }),
        )])
    }

    /// The numbers at which a field list of the letter begins, or behind which it ends.
    fn edges(&self, letter: u8) -> impl Iterator<Item = u32> {
        let lists = self.selections().filter_map(move |selection| match selection {
            Selection::Types { letters, fields, .. } if letters.contains(letter) => Some(fields),
            _ => None,
        });
        let ends = |range: &std::ops::RangeInclusive<u32>| [*range.start(), range.end().saturating_add(1)];
        lists.flat_map(Numbers::ranges).flat_map(ends).take(MOST_EDGES).chain([0])
    }

    fn selections(&self) -> impl Iterator<Item = &Selection> {
        let commands = self.commands.assignments().iter().map(|(_, selection)| selection);
        commands.chain(self.chapters.assignments().iter().map(|(_, selection)| selection))
    }
}

/// More octets than a class that somebody writes down, so that a command of no class is known to be none.
const LONGEST_CLASS: usize = 64;
/// What is looked at of the lists of a stranger, whose description may be long: far more than any stream needs.
const MOST_CLASSES: usize = 64;
const MOST_EDGES: usize = 512;

fn letters<const N: usize>(types: [(u8, bool); N]) -> Letters {
    let there = types.into_iter().filter(|(_, is_there)| *is_there);
    Letters::of(&there.map(|(letter, _)| char::from(letter)).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(octets: &[u8]) -> Selection {
        Selection::SysEx(crate::Class::new(octets.iter().map(|octet| 1 << octet)))
    }

    fn all(letters: &str) -> Selection {
        Selection::of(Letters::of(letters))
    }

    fn part(letter: &str, fields: std::ops::RangeInclusive<u32>) -> Selection {
        let (channels, fields) = (Numbers::default(), Numbers::new([fields]));
        Selection::Types { channels, letters: Letters::of(letter), fields }
    }

    fn unprotected(config: &Config) -> String {
        config.unprotected().to_string()
    }

    #[test]
    fn what_no_chapter_tells_of_is_unprotected_unless_it_never_comes() {
        let mut config = Config::new(44_100);
        assert_eq!(unprotected(&config), "");
        config.chapters.assign(Inclusion::Never, &all("ACDEFMNPQTVWX"));
        assert_eq!(unprotected(&config), "ABCFGHMNPQTWX");
        config.commands.allow(&all("JKYZ"));
        assert_eq!(unprotected(&config), "ABCFGHJKMNPQTWXYZ");
        config.commands.forbid(&all("ABCFGHJKMNPQTVWXYZ"));
        assert_eq!(unprotected(&config), "");
        config.journal = Journal::None;
        config.commands.allow(&all("N"));
        assert_eq!(unprotected(&config), "", "a stream without a journal promises nothing");
    }

    #[test]
    fn one_command_without_its_chapter_is_enough() {
        for (letter, fields) in
            [("C", 7..=7), ("N", 60..=60), ("A", 60..=60), ("M", 16_384..=16_384), ("X", 256..=u32::MAX)]
        {
            let mut config = Config::new(44_100);
            config.chapters.assign(Inclusion::Never, &part(letter, fields.clone()));
            assert_eq!(unprotected(&config), letter);
            config.commands.forbid(&part(letter, fields));
            assert_eq!(unprotected(&config), "", "{letter}");
        }
        let mut config = Config::new(44_100);
        config.chapters.assign(Inclusion::Never, &part("C", 6..=6));
        assert_eq!(unprotected(&config), "", "data entry is told of by Chapter M");
    }

    #[test]
    fn classes_of_system_exclusives_are_looked_at_one_by_one() {
        let mut config = Config::new(44_100);
        config.commands.forbid(&all("X"));
        config.commands.allow(&class(&[0x7E, 0, 9]));
        config.chapters.assign(Inclusion::Never, &all("X"));
        assert_eq!(unprotected(&config), "X");
        config.chapters.assign(Inclusion::Default, &class(&[0x7E, 0, 9]));
        assert_eq!(unprotected(&config), "");
    }

    #[test]
    fn an_open_loop_wants_anchors_for_settings() {
        let mut config = Config::new(44_100);
        assert_eq!(config.unanchored(), Letters::default());
        config.journal = Journal::Recovery(Policy::OpenLoop);
        assert_eq!(config.unanchored().to_string(), "ABCGHMPQTWX");
        config.set_journal(Journal::Recovery(Policy::OpenLoop));
        assert_eq!(config.unanchored(), Letters::default());
        config.chapters.assign(Inclusion::Default, &part("C", 7..=7));
        assert_eq!(config.unanchored().to_string(), "C");
    }
}
