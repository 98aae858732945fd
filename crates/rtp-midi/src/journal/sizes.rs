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
const CHANNEL: usize = 3;
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

    /// What the journals are at most once they tell of `command` too.
    pub(crate) fn add(&mut self, command: &Command<'_>) {
        match command {
            Command::Channel(channel, voice) => {
                let octets = self.channels[usize::from(*channel)];
                let header = if octets == 0 { CHANNEL } else { 0 };
                self.set_channel(*channel, usize::from(octets) + header + voice_growth(*voice));
            }
            Command::System(system) => {
                let header = if self.system == 0 { SYSTEM } else { 0 };
                self.system = self.system.saturating_add((header + system_growth(system)) as u16);
            }
        }
    }

    /// Whether no part is longer than in `bound`.
    pub(crate) fn are_within(&self, bound: &Self) -> bool {
        self.system <= bound.system && self.channels.iter().zip(&bound.channels).all(|(ours, most)| ours <= most)
    }

    /// Whether every journal keeps to its LENGTH, the system journal to `system` octets and all to `total`.
    pub(crate) fn fit(&self, system: usize, total: usize) -> bool {
        usize::from(self.system) <= system
            && self.total() <= total
            && self.channels.iter().all(|octets| usize::from(*octets) <= LENGTH_MAX)
    }
}

/// Headers of chapters count too: the command may be the first of its chapter.
fn voice_growth(voice: Voice) -> usize {
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
    fn each_part_has_its_limit() {
        let mut sizes = Sizes::of_system(100);
        sizes.set_channel(Channel::masked(0), LENGTH_MAX);
        assert!(sizes.fit(100, 2000) && !sizes.fit(99, 2000) && !sizes.fit(100, 1000));
        sizes.set_channel(Channel::masked(0), LENGTH_MAX + 1);
        assert!(!sizes.fit(100, 2000));
    }
}
