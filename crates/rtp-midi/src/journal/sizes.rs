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

/// Octets by which journals may grow before any passes its limit: one number, so that a command costs one subtraction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Room {
    /// For channel commands; below 0 where commands have been let through without room.
    left: isize,
    /// By how much more or less there is for system commands.
    system: isize,
    /// What `left` was when nothing had been taken.
    whole: isize,
}

const PARTS: usize = 17;
const SYSTEM: usize = 16;
/// The header of a channel journal, the longer one.
const HEADER_MOST: usize = 3;

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

    /// How much more fits beside `growth` octets of any part, where the system journal may have `system` octets and all
    /// `total`.
    pub(crate) fn room(&self, system: usize, total: usize, growth: usize) -> Room {
        let longest = usize::from(self.parts[..SYSTEM].iter().copied().max().unwrap_or_default());
        let left = total.saturating_sub(self.total());
        let channels = LENGTH_MAX.saturating_sub(longest).min(left) as isize;
        let system = system.saturating_sub(self.system()).min(left) as isize;
        let left = channels - growth as isize;
        Room { left, system: system - channels, whole: left }
    }

    /// The same for the part that `command` is told in.
    pub(crate) fn room_for(&self, command: &Command<'_>, system: usize, total: usize) -> usize {
        let (part, most) = match command {
            Command::Channel(channel, _) => (usize::from(*channel), LENGTH_MAX),
            Command::System(_) => (SYSTEM, system),
        };
        most.saturating_sub(usize::from(self.parts[part])).min(total.saturating_sub(self.total()))
    }
}

impl Room {
    /// Takes `octets` of it; says whether there was room for `command` to take as much.
    pub(crate) fn take(&mut self, command: &Command<'_>, octets: usize) -> bool {
        let has_room = self.take_for_channel(octets);
        match command {
            Command::Channel(..) => has_room,
            Command::System(_) => self.left + self.system >= 0,
        }
    }

    /// The same for a channel command.
    #[inline]
    pub(crate) fn take_for_channel(&mut self, octets: usize) -> bool {
        self.shrink(octets);
        self.left >= 0
    }

    pub(crate) fn shrink(&mut self, octets: usize) {
        self.left -= octets as isize;
    }

    /// All that has been taken, whether or not there was room.
    pub(crate) const fn taken(&self) -> usize {
        (self.whole - self.left) as usize
    }
}

/// By how many octets `command` makes the journals behind it longer, at most.
pub(crate) fn growth(command: &Command<'_>) -> usize {
    match command {
        Command::Channel(_, voice) => voice_growth(*voice),
        Command::System(system) => system_growth(system),
    }
}

/// The same of a channel command. Headers count too: the command may be the first of its chapter and channel.
#[inline]
pub(crate) const fn voice_growth(voice: Voice) -> usize {
    HEADER_MOST
        + match voice {
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
    HEADER_MOST
        + match system {
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

    fn command(octets: &[u8]) -> Command<'_> {
        Command::decode(octets).unwrap().0
    }

    const WHEEL: [u8; 3] = [0xE3, 0, 64];

    #[test]
    fn the_whole_is_its_header_and_its_parts() {
        let mut sizes = Sizes::of_system(9);
        sizes.set_channel(Channel::masked(3), 100);
        sizes.set_channel(Channel::masked(3), 5);
        assert_eq!((sizes.total(), sizes.system()), (3 + 9 + 5, 9));
    }

    #[test]
    fn each_part_has_its_limit() {
        let mut sizes = Sizes::of_system(95);
        sizes.set_channel(Channel::masked(3), LENGTH_MAX - 7);
        let room = |total| {
            let room = sizes.room(100, total, 0);
            (room.left, room.left + room.system, room.taken())
        };
        assert_eq!(room(2000), (7, 5, 0));
        assert_eq!(room(sizes.total() + 4), (4, 4, 0));
        assert_eq!(sizes.room(100, 2000, 10), Room { left: -3, system: -2, whole: -3 });
        assert_eq!(sizes.room_for(&command(&WHEEL), 100, 2000), 7);
        assert_eq!(sizes.room_for(&command(&[0xE4, 0, 0]), 100, 2000), 2000 - sizes.total());
        assert_eq!(sizes.room_for(&command(&[0xFE]), 100, 2000), 5);
    }

    #[test]
    fn what_is_taken_is_missing_everywhere() {
        let (wheel, sense) = (command(&WHEEL), [0xFE]);
        let sense = command(&sense);
        let mut room = Room { left: 9, system: -3, whole: 9 };
        assert!(room.take(&wheel, growth(&wheel)));
        assert_eq!((room.left, room.taken()), (4, 5));
        assert!(!room.take(&sense, growth(&sense)) && !room.take(&wheel, growth(&wheel)));
        assert_eq!(room.taken(), 5 + 4 + 5);
    }
}
