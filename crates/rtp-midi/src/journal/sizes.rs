//! How long journals are, and how much longer a command can make those to come: at most, so that a sender can wait
//! before a journal outgrows its limits (RFC 6295 section 5, appendices A and B).

use super::octets::LENGTH_MAX;
use super::section::HEADER;
use crate::midi::{Channel, Command, System, Voice};

/// Octets of the parts of a journal section: sixteen channel journals, then the system journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sizes {
    parts: [u16; PARTS],
    /// All parts together.
    sum: u16,
}

/// What a command adds to a part at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Growth {
    part: usize,
    octets: u16,
}

const PARTS: usize = 17;
const SYSTEM: usize = 16;
/// The header of each part.
const HEADERS: [u16; PARTS] = [3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2];

impl Sizes {
    /// A journal of these octets of system journal alone.
    pub(crate) fn of_system(octets: usize) -> Self {
        let mut sizes = Self::default();
        sizes.set(SYSTEM, octets);
        sizes
    }

    /// A channel's journal has this many octets.
    pub(crate) fn set_channel(&mut self, channel: Channel, octets: usize) {
        self.set(usize::from(channel), octets);
    }

    fn set(&mut self, part: usize, octets: usize) {
        self.sum = self.sum - self.parts[part] + octets as u16;
        self.parts[part] = octets as u16;
    }

    /// The system journal.
    pub(crate) fn system(&self) -> usize {
        usize::from(self.parts[SYSTEM])
    }

    /// The whole section.
    pub(crate) const fn total(&self) -> usize {
        HEADER + self.sum as usize
    }

    /// By how much `command` makes the journal behind it longer, at most.
    #[inline]
    pub(crate) fn growth(&self, command: &Command<'_>) -> Growth {
        let (part, octets) = match command {
            Command::Channel(channel, voice) => (usize::from(*channel), voice_growth(*voice)),
            Command::System(system) => (SYSTEM, system_growth(system)),
        };
        let header = if self.parts[part] == 0 { HEADERS[part] } else { 0 };
        Growth { part, octets: header + octets }
    }

    /// Whether journals that grow so keep to LENGTH, the system journal to `system` octets and all to `total`.
    #[inline]
    pub(crate) fn have_room(&self, growth: Growth, system: usize, total: usize) -> bool {
        let most = if growth.part == SYSTEM { system } else { LENGTH_MAX };
        let octets = usize::from(growth.octets);
        usize::from(self.parts[growth.part]) + octets <= most && self.total() + octets <= total
    }

    #[inline]
    pub(crate) fn grow(&mut self, growth: Growth) {
        self.parts[growth.part] += growth.octets;
        self.sum += growth.octets;
    }

    /// What journals of these sizes are at most with what `before` has grown to be `after`.
    pub(crate) fn grown(mut self, before: &Self, after: &Self) -> Self {
        self.sum = 0;
        for (part, octets) in self.parts.iter_mut().enumerate() {
            let growth = after.parts[part] - before.parts[part];
            // What grew from nothing has its header.
            let header = if growth > 0 && *octets == 0 && before.parts[part] != 0 { HEADERS[part] } else { 0 };
            *octets += growth + header;
            self.sum += *octets;
        }
        self
    }

    /// Whether no part is longer than in `bound`.
    pub(crate) fn are_within(&self, bound: &Self) -> bool {
        self.parts.iter().zip(&bound.parts).all(|(ours, most)| ours <= most)
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

fn system_growth(system: &System<'_>) -> u16 {
    match system {
        // Of Chapter X: header, COUNT in two logs, FIRST.
        System::SysEx(segment) => 1 + 2 + 5 + segment.data.len().min(LENGTH_MAX) as u16,
        System::F4(data) | System::F5(data) => 1 + 3 + data.len().min(LENGTH_MAX) as u16,
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

    fn add(sizes: &mut Sizes, octets: &[u8]) {
        let (command, _) = Command::decode(octets).unwrap();
        sizes.grow(sizes.growth(&command));
    }

    const WHEEL: [u8; 3] = [0xE3, 0, 64];

    #[test]
    fn the_first_command_of_a_channel_brings_its_header() {
        let mut sizes = Sizes::default();
        add(&mut sizes, &WHEEL);
        assert_eq!(sizes.total(), 3 + 3 + 2);
        add(&mut sizes, &WHEEL);
        assert_eq!(sizes.total(), 3 + 3 + 2 + 2);
        sizes.set_channel(Channel::masked(3), 5);
        assert_eq!(sizes.total(), 3 + 5);
    }

    #[test]
    fn each_part_has_its_limit() {
        let (wheel, _) = Command::decode(&WHEEL).unwrap();
        let (sense, _) = Command::decode(&[0xFE]).unwrap();
        let mut sizes = Sizes::of_system(99);
        sizes.set_channel(Channel::masked(3), LENGTH_MAX - 2);
        let room = |sizes: &Sizes, command| sizes.have_room(sizes.growth(command), 100, 2000);
        assert!(room(&sizes, &wheel) && room(&sizes, &sense));
        assert!(!sizes.have_room(sizes.growth(&sense), 100, 1100) && !sizes.have_room(sizes.growth(&sense), 99, 2000));
        add(&mut sizes, &WHEEL);
        assert!(!room(&sizes, &wheel));
    }

    #[test]
    fn growth_is_carried_over_to_other_sizes() {
        let mut before = Sizes::default();
        before.set_channel(Channel::masked(3), 100);
        let mut after = before;
        add(&mut after, &WHEEL);
        add(&mut after, &[0xFE]);
        let grown = Sizes::default().grown(&before, &after);
        assert_eq!(grown.total(), 3 + (3 + 2) + (2 + 1));
        assert!(grown.are_within(&after) && !after.are_within(&grown));
    }
}
