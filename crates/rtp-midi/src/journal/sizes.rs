//! How long journals are, and how much longer a command can make those to come: at most, so that a sender can wait
//! before a journal outgrows its limits (RFC 6295 section 5, appendices A and B).

use super::octets::LENGTH_MAX;
use super::section::HEADER;
use crate::midi::{Channel, Command, System, Voice};

/// Octets of the parts of a journal section.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) system: u16,
    channels: [u16; 16],
    /// All channels together.
    music: u16,
}

/// A channel journal's header.
const CHANNEL: u16 = 3;
/// The system journal's header.
const SYSTEM: usize = 2;

impl Sizes {
    /// A journal of these octets of system journal alone.
    pub(crate) fn of_system(octets: usize) -> Self {
        Self { system: octets as u16, ..Self::default() }
    }

    /// The whole section.
    pub(crate) const fn total(&self) -> usize {
        HEADER + self.system as usize + self.music as usize
    }

    /// A channel's journal has this many octets.
    pub(crate) fn set_channel(&mut self, channel: Channel, octets: usize) {
        let slot = &mut self.channels[usize::from(channel)];
        self.music = self.music - *slot + octets as u16;
        *slot = octets as u16;
    }

    /// What the journals are at most once they tell of `command` too; returns the size of its part.
    #[inline]
    pub(crate) fn add(&mut self, command: &Command<'_>) -> usize {
        match command {
            Command::Channel(channel, voice) => {
                let slot = &mut self.channels[usize::from(*channel)];
                let growth = voice_growth(*voice) + if *slot == 0 { CHANNEL } else { 0 };
                *slot += growth;
                self.music += growth;
                usize::from(*slot)
            }
            Command::System(system) => {
                let header = if self.system == 0 { SYSTEM } else { 0 };
                self.system = self.system.saturating_add((header + system_growth(system)) as u16);
                usize::from(self.system)
            }
        }
    }

    /// What journals of these sizes are at most with what `before` has grown to be `after`.
    pub(crate) fn grown(mut self, before: &Self, after: &Self) -> Self {
        let added = |before: u16, after: u16, known: u16, header: u16| match after - before {
            0 => 0,
            // What grew from nothing has its header.
            growth => growth + if known == 0 && before != 0 { header } else { 0 },
        };
        self.system += added(before.system, after.system, self.system, SYSTEM as u16);
        self.music = 0;
        for ((octets, before), after) in self.channels.iter_mut().zip(&before.channels).zip(&after.channels) {
            *octets += added(*before, *after, *octets, CHANNEL);
            self.music += *octets;
        }
        self
    }

    /// Whether no part is longer than in `bound`.
    pub(crate) fn are_within(&self, bound: &Self) -> bool {
        self.system <= bound.system && self.channels.iter().zip(&bound.channels).all(|(ours, most)| ours <= most)
    }
}

/// Headers of chapters count too: the command may be the first of its chapter.
const fn voice_growth(voice: Voice) -> u16 {
    match voice {
        // All OFFBITS, and both logs of Chapter E.
        Voice::NoteOff { .. } => 2 + 16 + 1 + 2 + 2,
        Voice::NoteOn { velocity, .. } if velocity.get() == 0 => 2 + 16 + 1 + 2 + 2,
        Voice::NoteOn { .. } => 2 + 2 + 1 + 2,
        Voice::PolyAftertouch { .. } => 1 + 2,
        // The longest log of Chapter M, with PENDING; Chapter C has no more than three logs, and a bank's other half.
        Voice::ControlChange { .. } => 3 + 3 + 1 + 1 + 2 + 2 + 1,
        // Chapter P, and a bank select that Chapter C told of less briefly.
        Voice::ProgramChange { .. } => 3 + 1 + 4,
        Voice::ChannelAftertouch { .. } => 1,
        Voice::PitchWheel { .. } => 2,
    }
}

fn system_growth(system: &System<'_>) -> usize {
    match system {
        // Of Chapter X: header, COUNT in two logs, FIRST.
        System::SysEx(segment) => 1 + 2 + 5 + segment.data.len().min(LENGTH_MAX),
        System::F4(data) | System::F5(data) => 1 + 3 + data.len().min(LENGTH_MAX),
        // Both parts of Chapter F.
        System::QuarterFrame(_) => 1 + 4 + 4,
        System::SongPosition(_) | System::Clock | System::Start | System::Continue | System::Stop => 3,
        System::F9 | System::FD | System::TuneRequest | System::SongSelect(_) | System::Reset => 1 + 2,
        System::ActiveSense => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_command_of_a_channel_brings_its_header() {
        let (wheel, _) = Command::decode(&[0xE3, 0, 64]).unwrap();
        let mut sizes = Sizes::default();
        sizes.add(&wheel);
        assert_eq!(sizes.total(), 3 + 3 + 2);
        sizes.add(&wheel);
        assert_eq!(sizes.total(), 3 + 3 + 2 + 2);
        sizes.set_channel(Channel::masked(3), 5);
        assert_eq!(sizes.total(), 3 + 5);
    }

    #[test]
    fn growth_is_carried_over_to_other_sizes() {
        let (wheel, _) = Command::decode(&[0xE3, 0, 64]).unwrap();
        let (sense, _) = Command::decode(&[0xFE]).unwrap();
        let mut before = Sizes::default();
        before.set_channel(Channel::masked(3), 100);
        let mut after = before;
        assert_eq!((after.add(&wheel), after.add(&sense)), (102, 3));
        let grown = Sizes::default().grown(&before, &after);
        assert_eq!(grown.total(), 3 + (3 + 2) + (2 + 1));
        assert!(grown.are_within(&after) && !after.are_within(&grown));
    }
}
