//! What a programme of music consists of, and what its stream can do without: `cm_unused` and `ch_never` for commands
//! that are known beforehand (RFC 6295, C.1, C.2.3).

use crate::config::{Chapters, Commands, Inclusion, Letters, Numbers, Selection};
use crate::midi::{Command, System, U7, Voice};

/// What has been seen of a programme, command by command.
///
/// ```
/// use rtp_midi::midi::Command;
/// use rtp_midi::{Config, Repertoire};
///
/// let mut repertoire = Repertoire::default();
/// for octets in [&[0xC0, 5][..], &[0x90, 60, 100], &[0x80, 60, 64]] {
///     repertoire.observe(&Command::decode(octets)?.0);
/// }
/// assert_eq!(repertoire.letters().to_string(), "NP");
/// let config = Config { commands: repertoire.commands(), chapters: repertoire.chapters(), ..Config::new(44_100) };
/// # Ok::<(), rtp_midi::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Repertoire {
    letters: Letters,
    channels: u16,
    controllers: u128,
    longest: Option<usize>,
    /// The release velocity of the first NoteOff.
    release: Option<U7>,
    /// A release velocity other than that one, and other than 0 and 64.
    releases_differ: bool,
    /// NoteOns less NoteOffs of each note; no file needs more than a few.
    counts: Box<[[u8; 128]; 16]>,
    overlaps: bool,
}

/// All command types but the undefined ones, which are unused anyway.
const TYPES: Letters = Letters::of("ABCFGHMNPQTVWX");
/// The types that are coded in parts of Chapter D.
const SIMPLE: Letters = Letters::of("BGH");

impl Default for Repertoire {
    fn default() -> Self {
        Self {
            letters: Letters::default(),
            channels: 0,
            controllers: 0,
            longest: None,
            release: None,
            releases_differ: false,
            counts: Box::new([[0; 128]; 16]),
            overlaps: false,
        }
    }
}

impl Repertoire {
    /// Takes note of the next command.
    pub fn observe(&mut self, command: &Command<'_>) {
        let letters = match command {
            Command::Channel(channel, voice) => {
                self.channels |= 1 << channel.get();
                self.observe_voice(usize::from(*channel), *voice)
            }
            Command::System(system) => self.observe_system(system),
        };
        self.letters = self.letters.or(Letters::of(letters));
    }

    fn observe_voice(&mut self, channel: usize, voice: Voice) -> &'static str {
        if let Some((note, _)) = voice.note_on() {
            let count = &mut self.counts[channel][usize::from(note)];
            self.overlaps |= *count > 0;
            *count = count.saturating_add(1);
        } else if let Some((note, release)) = voice.note_off() {
            let count = &mut self.counts[channel][usize::from(note)];
            *count = count.saturating_sub(1);
            let first = *self.release.get_or_insert(release);
            self.releases_differ |= release != first && !(says_nothing(release) && says_nothing(first));
        }
        match voice {
            Voice::NoteOff { .. } | Voice::NoteOn { .. } => "N",
            Voice::PolyAftertouch { .. } => "A",
            Voice::ProgramChange { .. } => "P",
            Voice::ChannelAftertouch { .. } => "T",
            Voice::PitchWheel { .. } => "W",
            Voice::ControlChange { controller, .. } => {
                let controller = controller.get();
                self.controllers |= 1 << controller;
                match controller {
                    120 | 123..=127 => {
                        self.counts[channel] = [0; 128];
                        "C"
                    }
                    6 | 38 | 96..=101 => "CM",
                    _ => "C",
                }
            }
        }
    }

    fn observe_system(&mut self, system: &System<'_>) -> &'static str {
        match system {
            System::SysEx(segment) => {
                self.longest = self.longest.max(Some(segment.data.len()));
                // A full frame of MIDI Time Code is told by Chapter F.
                if matches!(segment.data, [0x7F, _, 1, 1, ..]) { "FX" } else { "X" }
            }
            System::QuarterFrame(_) => "F",
            System::SongSelect(_) => "H",
            System::TuneRequest => "G",
            System::SongPosition(_) | System::Clock | System::Start | System::Continue | System::Stop => "Q",
            System::ActiveSense => "V",
            System::Reset => "B",
            System::F4(_) | System::F5(_) | System::F9 | System::FD => "",
        }
    }

    /// The letters of the command types that occur (C.1). `M` stands for controllers that select or set parameters.
    pub const fn letters(&self) -> Letters {
        self.letters
    }

    /// The channels that occur: bit n stands for channel n, counted from 0.
    pub const fn channels(&self) -> u16 {
        self.channels
    }

    /// The controllers that occur: bit n stands for controller n.
    pub const fn controllers(&self) -> u128 {
        self.controllers
    }

    /// Data octets of the longest System Exclusive.
    pub const fn longest_sysex(&self) -> Option<usize> {
        self.longest
    }

    /// Whether release velocities say something: they differ, and not only as 0 and 64 do, both of which stand for
    /// "none" in files.
    pub const fn has_releases(&self) -> bool {
        self.releases_differ
    }

    /// Whether a note was begun again before it had ended, so that NoteOns have to be counted (A.7.2).
    pub const fn has_overlaps(&self) -> bool {
        self.overlaps
    }

    /// The commands of the stream: what does not occur is unused.
    pub fn commands(&self) -> Commands {
        let mut commands = Commands::default();
        let unused = TYPES.without(self.letters);
        if !unused.is_empty() {
            commands.forbid(&Selection::of(unused));
        }
        commands
    }

    /// The chapters of the journal: never those of commands that do not occur, never the part of Chapter E that nobody
    /// misses.
    pub fn chapters(&self) -> Chapters {
        let mut chapters = Chapters::default();
        let unused = TYPES.without(self.letters);
        let has_simple = !SIMPLE.without(unused).is_empty();
        let mut never = if has_simple { unused } else { unused.without(SIMPLE).or(Letters::of("D")) };
        if !self.releases_differ && !self.overlaps {
            never = never.or(Letters::of("E"));
        }
        if !never.is_empty() {
            chapters.assign(Inclusion::Never, &Selection::of(never));
        }
        if self.releases_differ != self.overlaps {
            let kind = if self.overlaps { RELEASES } else { COUNTS };
            let (channels, letters) = (Numbers::default(), Letters::of("E"));
            let fields = Numbers::new([kind..=kind]);
            chapters.assign(Inclusion::Never, &Selection::Types { channels, letters, fields });
        }
        chapters
    }
}

/// The two kinds of logs of Chapter E, as a field list has them (C.2.3).
const COUNTS: u32 = 0;
const RELEASES: u32 = 1;

/// Whether a release velocity stands for none.
const fn says_nothing(release: U7) -> bool {
    matches!(release.get(), 0 | 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(messages: &[&[u8]]) -> Repertoire {
        let mut repertoire = Repertoire::default();
        for message in messages {
            repertoire.observe(&Command::decode(message).unwrap().0);
        }
        repertoire
    }

    /// What `ch_never` is set to.
    fn never(repertoire: &Repertoire) -> Vec<String> {
        let chapters = repertoire.chapters();
        let assignments = chapters.assignments().iter();
        assignments
            .map(|(inclusion, selection)| {
                assert_eq!(*inclusion, Inclusion::Never);
                let Selection::Types { letters, fields, .. } = selection else { panic!("{selection:?}") };
                let fields = fields.ranges().iter().map(|range| range.start().to_string());
                format!("{letters}{}", fields.collect::<String>())
            })
            .collect()
    }

    #[test]
    fn what_does_not_occur_is_unused_and_has_no_chapter() {
        let repertoire = of(&[&[0xC1, 5], &[0x91, 60, 100], &[0xB3, 7, 100], &[0x81, 60, 64]]);
        assert_eq!(repertoire.letters().to_string(), "CNP");
        assert_eq!((repertoire.channels(), repertoire.controllers()), (0b1010, 1 << 7));
        let commands = repertoire.commands();
        let [(_, Selection::Types { letters, .. })] = commands.assignments() else { panic!("{commands:?}") };
        assert_eq!(letters.to_string(), "ABFGHMQTVWX");
        assert_eq!(never(&repertoire), ["ADEFMQTVWX"]);
    }

    #[test]
    fn a_part_of_chapter_d_does_not_exclude_the_others() {
        assert_eq!(never(&of(&[&[0xF6]])), ["ABCEFHMNPQTVWX"]);
    }

    #[test]
    fn parameters_are_controllers_too() {
        for controller in [6, 38, 96, 97, 98, 99, 100, 101] {
            assert_eq!(of(&[&[0xB0, controller, 1]]).letters().to_string(), "CM");
        }
    }

    #[test]
    fn time_code_may_come_in_a_system_exclusive() {
        let repertoire = of(&[&[0xF0, 0x7F, 0x7F, 1, 1, 1, 2, 3, 4, 0xF7]]);
        assert_eq!((repertoire.letters().to_string().as_str(), repertoire.longest_sysex()), ("FX", Some(8)));
        assert_eq!(of(&[&[0xF0, 0x7E, 0x7F, 9, 1, 0xF7], &[0xF1, 3]]).letters().to_string(), "FX");
    }

    #[test]
    fn release_velocities_count_when_they_differ() {
        let on = |note| [0x90, note, 100];
        for (releases, differ) in
            [([0, 0], false), ([0, 64], false), ([99, 99], false), ([64, 65], true), ([0, 1], true)]
        {
            let repertoire = of(&[&on(1), &[0x80, 1, releases[0]], &on(1), &[0x80, 1, releases[1]]]);
            assert_eq!(repertoire.has_releases(), differ, "{releases:?}");
            let never = never(&repertoire).concat();
            assert!(
                if differ { never.ends_with("E0") } else { never.contains('E') && !never.contains('0') },
                "{never}"
            );
        }
        assert!(!of(&[&on(1), &[0x90, 1, 0], &on(1), &[0x80, 1, 0]]).has_releases(), "NoteOn with velocity 0");
    }

    #[test]
    fn notes_that_overlap_are_counted() {
        let on: &[u8] = &[0x90, 60, 100];
        assert!(of(&[on, on]).has_overlaps());
        assert!(never(&of(&[on, on])).concat().ends_with("E1"));
        assert!(!of(&[on, &[0x80, 60, 64], &[0x80, 60, 64], on]).has_overlaps());
        assert!(!of(&[on, &[0x91, 60, 100], &[0xB0, 123, 0], on]).has_overlaps());
    }

    proptest! {
        #[test]
        fn a_stream_carries_all_of_its_repertoire(messages in proptest::collection::vec((0x80_u8..=0xFF, 0..=127_u8, 0..=127_u8), 1..60)) {
            let messages: Vec<Vec<u8>> = messages
                .into_iter()
                .filter_map(|(status, first, second)| match status {
                    0xC0..=0xDF | 0xF1 | 0xF3 => Some(vec![status, first]),
                    0xF0 => Some(vec![status, first, second, 0xF7]),
                    0xF4 | 0xF5 | 0xF7 | 0xF9 | 0xFD => None,
                    0xF6..=0xFF => Some(vec![status]),
                    _ => Some(vec![status, first, second]),
                })
                .collect();
            let mut repertoire = Repertoire::default();
            for message in &messages {
                repertoire.observe(&Command::decode(message).unwrap().0);
            }
            let commands = repertoire.commands();
            for message in &messages {
                let used = match Command::decode(message).unwrap().0 {
                    Command::Channel(channel, voice) => commands.has_voice(channel, voice),
                    Command::System(System::SysEx(segment)) => commands.has_sysex(segment.data, true) == Some(true),
                    Command::System(system) => commands.has_system(&system),
                };
                prop_assert!(used, "{message:02X?}");
            }
        }
    }
}
