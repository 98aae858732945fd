//! What a connection lets through, and what it makes of it.

use rtp_midi::midi::{Channel, Command, System, U7, Voice};

/// Kinds of MIDI messages, as a filter tells them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `NoteOn` and `NoteOff`.
    Note,
    /// Pressure of a single key.
    PolyAftertouch,
    /// Controllers and channel modes.
    Control,
    /// Programs.
    Program,
    /// Pressure of a channel.
    ChannelAftertouch,
    /// The pitch wheel.
    PitchWheel,
    /// System Exclusive.
    SysEx,
    /// Quarter frames of MIDI Time Code.
    TimeCode,
    /// Song position and song select, start, continue and stop.
    Transport,
    /// Timing clock.
    Clock,
    /// Active sense.
    ActiveSense,
    /// Tune request, system reset, and what MIDI 1.0 leaves undefined.
    Other,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Note,
        Self::PolyAftertouch,
        Self::Control,
        Self::Program,
        Self::ChannelAftertouch,
        Self::PitchWheel,
        Self::SysEx,
        Self::TimeCode,
        Self::Transport,
        Self::Clock,
        Self::ActiveSense,
        Self::Other,
    ];

    /// What people write for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "notes",
            Self::PolyAftertouch => "poly-aftertouch",
            Self::Control => "controllers",
            Self::Program => "programs",
            Self::ChannelAftertouch => "channel-aftertouch",
            Self::PitchWheel => "pitch-wheel",
            Self::SysEx => "sysex",
            Self::TimeCode => "time-code",
            Self::Transport => "transport",
            Self::Clock => "clock",
            Self::ActiveSense => "active-sense",
            Self::Other => "other",
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Of a command.
    pub const fn of(command: &Command<'_>) -> Self {
        match command {
            Command::Channel(_, voice) => match voice {
                Voice::NoteOff { .. } | Voice::NoteOn { .. } => Self::Note,
                Voice::PolyAftertouch { .. } => Self::PolyAftertouch,
                Voice::ControlChange { .. } => Self::Control,
                Voice::ProgramChange { .. } => Self::Program,
                Voice::ChannelAftertouch { .. } => Self::ChannelAftertouch,
                Voice::PitchWheel { .. } => Self::PitchWheel,
            },
            Command::System(system) => match system {
                System::SysEx(_) => Self::SysEx,
                System::QuarterFrame(_) => Self::TimeCode,
                System::SongPosition(_) | System::SongSelect(_) | System::Start | System::Continue | System::Stop => {
                    Self::Transport
                }
                System::Clock => Self::Clock,
                System::ActiveSense => Self::ActiveSense,
                System::F4(_) | System::F5(_) | System::TuneRequest | System::F9 | System::FD | System::Reset => {
                    Self::Other
                }
            },
        }
    }
}

/// What a connection lets through: everything as it is, by default.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// A bit for each [`Kind`] that is kept back.
    blocked: u16,
    /// The channel that each channel becomes; `None` keeps it back.
    channels: [Option<Channel>; 16],
    /// Half tones that notes are moved up.
    transpose: i8,
}

impl Default for Filter {
    fn default() -> Self {
        Self { blocked: 0, channels: std::array::from_fn(|it| Some(Channel::masked(it as u8))), transpose: 0 }
    }
}

impl Filter {
    /// Also keeps back messages of this kind.
    #[must_use]
    pub const fn without(mut self, kind: Kind) -> Self {
        self.blocked |= 1 << kind as u16;
        self
    }

    /// Makes another channel of this one, or keeps it back.
    #[must_use]
    pub fn channel(mut self, from: Channel, to: Option<Channel>) -> Self {
        self.channels[usize::from(from)] = to;
        self
    }

    /// Moves notes up by so many half tones. Those that would leave the range of MIDI are kept back.
    #[must_use]
    pub const fn transpose(mut self, half_tones: i8) -> Self {
        self.transpose = half_tones;
        self
    }

    /// Whether messages of this kind are kept back.
    pub const fn keeps_back(&self, kind: Kind) -> bool {
        self.blocked >> kind as u16 & 1 == 1
    }

    /// What becomes of a channel; `None` if it is kept back.
    pub fn becomes(&self, channel: Channel) -> Option<Channel> {
        self.channels[usize::from(channel)]
    }

    /// Half tones that notes are moved up.
    pub const fn half_tones(&self) -> i8 {
        self.transpose
    }

    /// What becomes of a command, if it gets through.
    pub fn pass<'a>(&self, command: Command<'a>) -> Option<Command<'a>> {
        if self.keeps_back(Kind::of(&command)) {
            return None;
        }
        let Command::Channel(channel, voice) = command else {
            return Some(command);
        };
        let channel = self.becomes(channel)?;
        let moved = |note: U7| i16::from(note.get()).checked_add(self.transpose.into()).and_then(in_range);
        let voice = match voice {
            Voice::NoteOff { note, velocity } => Voice::NoteOff { note: moved(note)?, velocity },
            Voice::NoteOn { note, velocity } => Voice::NoteOn { note: moved(note)?, velocity },
            Voice::PolyAftertouch { note, pressure } => Voice::PolyAftertouch { note: moved(note)?, pressure },
            voice => voice,
        };
        Some(Command::Channel(channel, voice))
    }
}

fn in_range(note: i16) -> Option<U7> {
    u8::try_from(note).ok().and_then(U7::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(filter: &Filter, octets: &[u8]) -> Option<Vec<u8>> {
        let (command, _) = Command::decode(octets).unwrap();
        let mut out = Vec::new();
        filter.pass(command)?.encode(&mut out);
        Some(out)
    }

    #[test]
    fn by_default_everything_passes_as_it_is() {
        for status in 0x80..=0xFF_u8 {
            let octets: &[u8] = match status {
                0xC0..=0xDF | 0xF1 | 0xF3 => &[status, 1],
                0x80..=0xEF | 0xF2 => &[status, 1, 2],
                0xF0 | 0xF4 | 0xF5 => &[status, 1, 0xF7],
                0xF7 => &[0xF7, 1, 0xF7],
                _ => &[status],
            };
            assert_eq!(through(&Filter::default(), octets).as_deref(), Some(octets));
        }
    }

    #[test]
    fn a_kind_that_is_blocked_does_not_pass() {
        let kinds: [(Kind, &[u8]); 12] = [
            (Kind::Note, &[0x80, 60, 0]),
            (Kind::PolyAftertouch, &[0xA0, 60, 0]),
            (Kind::Control, &[0xB0, 7, 0]),
            (Kind::Program, &[0xC0, 7]),
            (Kind::ChannelAftertouch, &[0xD0, 7]),
            (Kind::PitchWheel, &[0xE0, 0, 64]),
            (Kind::SysEx, &[0xF0, 1, 0xF7]),
            (Kind::TimeCode, &[0xF1, 1]),
            (Kind::Transport, &[0xFA]),
            (Kind::Clock, &[0xF8]),
            (Kind::ActiveSense, &[0xFE]),
            (Kind::Other, &[0xF6]),
        ];
        for (blocked, _) in kinds {
            let filter = Filter::default().without(blocked);
            for (kind, octets) in kinds {
                assert_eq!(through(&filter, octets).is_none(), kind == blocked, "{kind:?} {blocked:?}");
                assert_eq!(filter.keeps_back(kind), kind == blocked);
            }
            assert_eq!(Kind::named(blocked.name()), Some(blocked));
        }
        assert_eq!(kinds.map(|(kind, _)| kind), Kind::ALL);
    }

    #[test]
    fn channels_are_mapped_and_kept_back() {
        let [first, second] = [0, 1].map(Channel::masked);
        let filter = Filter::default().channel(first, Some(Channel::MAX)).channel(second, None);
        assert_eq!(through(&filter, &[0x90, 60, 1]), Some(vec![0x9F, 60, 1]));
        assert_eq!(through(&filter, &[0x91, 60, 1]), None);
        assert_eq!(through(&filter, &[0x92, 60, 1]), Some(vec![0x92, 60, 1]));
        assert_eq!([first, second].map(|channel| filter.becomes(channel)), [Some(Channel::MAX), None]);
    }

    #[test]
    fn notes_are_moved_and_those_out_of_range_are_kept_back() {
        let up = Filter::default().transpose(12);
        assert_eq!(up.half_tones(), 12);
        assert_eq!(through(&up, &[0x90, 60, 1]), Some(vec![0x90, 72, 1]));
        assert_eq!(through(&up, &[0xA0, 60, 1]), Some(vec![0xA0, 72, 1]));
        assert_eq!(through(&up, &[0xB0, 60, 1]), Some(vec![0xB0, 60, 1]));
        assert_eq!(through(&up, &[0x90, 116, 1]), None);
        assert_eq!(through(&Filter::default().transpose(-128), &[0x90, 127, 1]), None);
    }
}
