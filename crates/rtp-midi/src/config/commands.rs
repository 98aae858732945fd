//! Which commands a stream may carry: `cm_used` and `cm_unused` (RFC 6295, C.1).

use core::ops::RangeInclusive;

use super::selection::{Class, Letters, Numbers, Selection};
use crate::midi::{Channel, Command, System, U7, Voice};

/// The subset of MIDI that a stream may carry.
///
/// At first all commands may come but the undefined ones, `F4`, `F5`, `F9` and `FD`. Assignments are applied in their
/// order: a later one takes back what it overlaps of an earlier one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commands {
    channels: [Voices; 16],
    /// Of B F G H Q V Y Z.
    system: Letters,
    /// F4 and F5: one bit for each number of data octets, the last one for 15 and more.
    common: [u16; 2],
    parameters: Vec<Rule<Parameters>>,
    sysex: Vec<Rule<Lengths>>,
    /// Whether cancel sublists may be sent (the X digits 0 and 1).
    cancels: bool,
    /// Whether other than real-time commands may stand between segments (the X digits 2 and 3).
    interleaves: bool,
    assignments: Vec<(Usage, Selection)>,
}

/// Which of the two parameters an assignment is to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Usage {
    /// `cm_used`: these commands may come.
    Used,
    /// `cm_unused`: these commands must not come.
    Unused,
}

/// The commands of one channel; one bit a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Voices {
    /// Of P T W.
    types: Letters,
    controllers: u128,
    notes: u128,
    pressures: u128,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule<T> {
    what: T,
    used: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Parameters {
    channels: Numbers,
    numbers: Numbers,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Lengths {
    Octets(Numbers),
    Class(Class),
}

const SYSTEM: Letters = Letters::of("BFGHQVYZ");
const VOICES: Letters = Letters::of("PTW");

/// The number of the first NRPN.
const NRPN: u16 = 1 << 14;
/// The controller without which a parameter has no value.
const DATA_ENTRY: U7 = U7::masked(6);

/// All commands of a channel.
const ALL: Voices = Voices { types: VOICES, controllers: u128::MAX, notes: u128::MAX, pressures: u128::MAX };

impl Default for Commands {
    fn default() -> Self {
        Self {
            channels: [ALL; 16],
            system: SYSTEM.without(Letters::of("YZ")),
            common: [0; 2],
            parameters: Vec::new(),
            sysex: Vec::new(),
            cancels: true,
            interleaves: false,
            assignments: Vec::new(),
        }
    }
}

impl Commands {
    /// Every command, the undefined ones included.
    pub fn all() -> Self {
        let mut commands = Self::default();
        commands.allow(&Selection::of(Letters::of("JKYZ")));
        commands
    }

    /// Applies an assignment to `cm_used`.
    pub fn allow(&mut self, selection: &Selection) {
        self.assign(Usage::Used, selection);
    }

    /// Applies an assignment to `cm_unused`.
    pub fn forbid(&mut self, selection: &Selection) {
        self.assign(Usage::Unused, selection);
    }

    /// The assignments so far, in their order.
    pub fn assignments(&self) -> &[(Usage, Selection)] {
        &self.assignments
    }

    /// Applies an assignment to `cm_used` or `cm_unused`.
    pub fn assign(&mut self, usage: Usage, selection: &Selection) {
        self.assignments.push((usage, selection.clone()));
        let used = usage == Usage::Used;
        let (channels, letters, fields) = match selection {
            Selection::SysEx(class) => {
                self.sysex.push(Rule { what: Lengths::Class(class.clone()), used });
                return;
            }
            Selection::Types { channels, letters, fields } => (channels, *letters, fields),
        };
        let numbers = fields.mask(0);
        for channel in channels.channels() {
            let voices = &mut self.channels[channel];
            voices.types = set(voices.types, letters.and(VOICES), used);
            for (letter, mask) in
                [(b'C', &mut voices.controllers), (b'N', &mut voices.notes), (b'A', &mut voices.pressures)]
            {
                if letters.contains(letter) {
                    *mask = if used { *mask | numbers } else { *mask & !numbers };
                }
            }
        }
        self.system = set(self.system, letters.and(SYSTEM), used);
        for (letter, mask) in [b'J', b'K'].into_iter().zip(&mut self.common) {
            if letters.contains(letter) {
                let lengths = if fields.is_all() { u16::MAX } else { numbers as u16 };
                *mask = if used { *mask | lengths } else { *mask & !lengths };
            }
        }
        if letters.contains(b'M') {
            let what = Parameters { channels: channels.clone(), numbers: fields.clone() };
            self.parameters.push(Rule { what, used });
        }
        if letters.contains(b'X') {
            self.sysex.push(Rule { what: Lengths::Octets(fields.clone()), used });
            let digit = |digit| !channels.is_all() && channels.contains(digit) && used;
            self.cancels = (self.cancels || digit(1)) && !digit(0);
            self.interleaves = (self.interleaves || digit(3)) && !digit(2);
        }
    }
}

impl Commands {
    /// Whether a command may come, as far as it tells by itself: `None` for a controller whose role depends on others
    /// (A.3.4), and for a first segment that may become one thing or the other.
    pub fn has(&self, command: &Command<'_>) -> Option<bool> {
        match command {
            Command::Channel(channel, Voice::ControlChange { controller, .. })
                if matches!(controller.get(), 6 | 38 | 96..=101) =>
            {
                self.has_all_of(*channel).then_some(true)
            }
            Command::Channel(channel, voice) => Some(self.has_voice(*channel, *voice)),
            Command::System(System::SysEx(segment)) => self.has_sysex(segment.data, segment.is_whole()),
            Command::System(system) => Some(self.has_system(system)),
        }
    }

    /// Whether a channel command may come, a Control Change as a controller rather than as part of a parameter.
    pub fn has_voice(&self, channel: Channel, voice: Voice) -> bool {
        let voices = &self.channels[usize::from(channel)];
        let bit = |number: u8| 1_u128 << number;
        match voice {
            Voice::NoteOff { note, .. } | Voice::NoteOn { note, .. } => voices.notes & bit(note.get()) != 0,
            Voice::PolyAftertouch { note, .. } => voices.pressures & bit(note.get()) != 0,
            Voice::ControlChange { controller, .. } => voices.controllers & bit(controller.get()) != 0,
            Voice::ProgramChange { .. } => voices.types.contains(b'P'),
            Voice::ChannelAftertouch { .. } => voices.types.contains(b'T'),
            Voice::PitchWheel { .. } => voices.types.contains(b'W'),
        }
    }

    /// Whether transactions of a parameter may come: RPN 0 to 16383, NRPN from 16384 on. Where M is not spoken of,
    /// they need the controllers that they are made of.
    pub fn has_parameter(&self, channel: Channel, number: u16) -> bool {
        self.has_entry(channel, number, DATA_ENTRY)
    }

    /// Whether a controller may come as part of a transaction of the parameter.
    pub(crate) fn has_entry(&self, channel: Channel, number: u16, controller: U7) -> bool {
        let speaks = |rule: &&Rule<Parameters>| {
            rule.what.channels.contains(u32::from(channel.get())) && rule.what.numbers.contains(u32::from(number))
        };
        match self.parameters.iter().rev().find(speaks) {
            Some(rule) => rule.used,
            None => {
                let selects = if number < NRPN { 0b11 << 100 } else { 0b11 << 98 };
                let needed = selects | 1 << DATA_ENTRY.get() | 1 << controller.get();
                self.channels[usize::from(channel)].controllers & needed == needed
            }
        }
    }

    /// Whether one of these parameters may come.
    pub(crate) fn has_parameter_of(&self, channel: Channel, numbers: RangeInclusive<u16>) -> bool {
        // Only where a rule or a kind of parameters begins or ends can the answer change.
        let ranges = self.parameters.iter().flat_map(|rule| rule.what.numbers.ranges());
        let edges = ranges.flat_map(|range| [*range.start(), range.end().saturating_add(1)]);
        let edges = edges.filter_map(|edge| u16::try_from(edge).ok()).chain([*numbers.start(), NRPN]);
        edges.filter(|edge| numbers.contains(edge)).any(|edge| self.has_parameter(channel, edge))
    }

    /// How many of their first data octets tell the classes of System Exclusives apart.
    pub(crate) fn class_octets(&self) -> usize {
        let octets = self.sysex.iter().map(|rule| match &rule.what {
            Lengths::Class(class) => class.octets().len(),
            Lengths::Octets(_) => 0,
        });
        octets.max().unwrap_or(0)
    }

    /// Whether nothing of a channel is kept out.
    pub(crate) fn has_all_of(&self, channel: Channel) -> bool {
        let forbids = |rule: &Rule<Parameters>| !rule.used && rule.what.channels.contains(u32::from(channel.get()));
        self.channels[usize::from(channel)] == ALL && !self.parameters.iter().any(forbids)
    }

    /// Whether a system command may come; of System Exclusives [`Commands::has_sysex`] tells.
    pub fn has_system(&self, system: &System<'_>) -> bool {
        let common = |mask: u16, data: &[u8]| mask & 1 << data.len().min(15) != 0;
        let letter = match *system {
            System::F4(data) => return common(self.common[0], data),
            System::F5(data) => return common(self.common[1], data),
            System::SysEx(_) => return true,
            System::Reset => b'B',
            System::QuarterFrame(_) => b'F',
            System::TuneRequest => b'G',
            System::SongSelect(_) => b'H',
            System::SongPosition(_) | System::Clock | System::Start | System::Continue | System::Stop => b'Q',
            System::ActiveSense => b'V',
            System::F9 => b'Y',
            System::FD => b'Z',
        };
        self.system.contains(letter)
    }

    /// Whether a System Exclusive may come of which `data` has been seen; `None` while that depends on what follows.
    ///
    /// `complete`: all of its data octets are there.
    pub fn has_sysex(&self, data: &[u8], complete: bool) -> Option<bool> {
        self.sysex_of(data, data.len(), complete)
    }

    /// The same where only the first data octets, and how many there were, are known.
    pub(crate) fn sysex_of(&self, data: &[u8], length: usize, complete: bool) -> Option<bool> {
        for rule in self.sysex.iter().rev() {
            let fits = match &rule.what {
                Lengths::Class(class) => class.has(data).or(complete.then_some(false)),
                Lengths::Octets(lengths) => lengths.has_length(length, complete),
            };
            match fits {
                Some(false) => {}
                Some(true) => return Some(rule.used),
                None => return None,
            }
        }
        Some(true)
    }

    /// Whether cancel sublists may be sent.
    pub const fn cancels(&self) -> bool {
        self.cancels
    }

    /// Whether other than real-time commands may stand between the segments of a System Exclusive.
    pub const fn interleaves(&self) -> bool {
        self.interleaves
    }
}

/// The set with or without these letters.
const fn set(letters: Letters, these: Letters, used: bool) -> Letters {
    if used { letters.or(these) } else { letters.without(these) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{all, types};
    use super::*;

    fn control(controller: u8) -> Voice {
        Voice::ControlChange { controller: U7::masked(controller), value: U7::default() }
    }

    const CHANNEL: Channel = Channel::masked(3);

    #[test]
    fn the_undefined_commands_are_unused_at_first() {
        let commands = Commands::default();
        for system in [System::F4(&[]), System::F5(&[1]), System::F9, System::FD] {
            assert!(!commands.has_system(&system) && Commands::all().has_system(&system), "{system:?}");
        }
        assert!(commands.has_system(&System::Clock) && commands.has_voice(CHANNEL, control(7)));
        assert_eq!(commands.has_sysex(&[], false), Some(true));
    }

    #[test]
    fn a_later_assignment_takes_back_what_it_overlaps() {
        let mut commands = Commands::default();
        commands.forbid(&all("CN"));
        commands.allow(&types(Numbers::default(), "C", Numbers::new([7..=7])));
        assert!(commands.has_voice(CHANNEL, control(7)) && !commands.has_voice(CHANNEL, control(8)));
        commands.allow(&types(Numbers::new([3..=3]), "N", Numbers::default()));
        let note = Voice::NoteOff { note: U7::masked(60), velocity: U7::default() };
        assert!(commands.has_voice(CHANNEL, note) && !commands.has_voice(Channel::masked(4), note));
    }

    #[test]
    fn parameters_go_with_m_and_else_with_control_change() {
        let mut commands = Commands::default();
        commands.forbid(&types(Numbers::default(), "M", Numbers::new([5..=5])));
        assert!(!commands.has_parameter(CHANNEL, 5) && commands.has_parameter(CHANNEL, 16_384 + 5));
        commands.forbid(&all("C"));
        assert!(!commands.has_parameter(CHANNEL, 16_384 + 5));
        commands.allow(&all("M"));
        assert!(commands.has_parameter(CHANNEL, 5) && !commands.has_voice(CHANNEL, control(6)));
    }

    #[test]
    fn system_exclusives_go_by_length_and_class() {
        let mut commands = Commands::default();
        commands.forbid(&all("X"));
        commands.allow(&types(Numbers::default(), "X", Numbers::new([0..=16])));
        assert_eq!(commands.has_sysex(&[1; 16], true), Some(true));
        assert_eq!(commands.has_sysex(&[1; 16], false), None);
        assert_eq!(commands.has_sysex(&[1; 17], false), Some(false));
        commands.allow(&Selection::SysEx(Class::new([1 << 0x7E])));
        assert_eq!(commands.has_sysex(&[0x7E; 99], false), Some(true));
    }

    #[test]
    fn what_depends_on_other_commands_is_not_told_by_itself() {
        let mut commands = Commands::default();
        let has = |commands: &Commands, octets: &[u8]| commands.has(&Command::decode(octets).unwrap().0);
        assert_eq!(has(&commands, &[0xB3, 6, 1]), Some(true));
        commands.forbid(&types(Numbers::default(), "M", Numbers::new([5..=5])));
        assert_eq!((has(&commands, &[0xB3, 6, 1]), has(&commands, &[0xB3, 7, 1])), (None, Some(true)));
        commands.forbid(&types(Numbers::default(), "X", Numbers::new([3..=u32::MAX])));
        assert_eq!((has(&commands, &[0xF0, 1, 0xF0]), has(&commands, &[0xF0, 1, 2, 3, 0xF7])), (None, Some(false)));
        assert_eq!((has(&commands, &[0xF9]), has(&commands, &[0xF8])), (Some(false), Some(true)));
    }

    #[test]
    fn the_digits_of_x_speak_of_cancels_and_of_what_stands_between_segments() {
        let mut commands = Commands::default();
        assert!(commands.cancels() && !commands.interleaves());
        commands.allow(&types(Numbers::new([0..=0, 3..=3]), "X", Numbers::default()));
        assert!(!commands.cancels() && commands.interleaves());
        commands.allow(&types(Numbers::new([1..=2]), "X", Numbers::default()));
        assert!(commands.cancels() && !commands.interleaves());
    }

    #[test]
    fn undefined_commands_go_by_their_number_of_data_octets() {
        let mut commands = Commands::default();
        commands.allow(&types(Numbers::default(), "J", Numbers::new([2..=2])));
        assert!(commands.has_system(&System::F4(&[1, 2])) && !commands.has_system(&System::F4(&[1])));
        assert!(!commands.has_system(&System::F5(&[1, 2])));
    }
}
