//! As much as a slow device can take: octets a second, and rests within System Exclusives.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use rtp_midi::midi::{Channel, Command, Part, Segment, System, U7, Voice};

use crate::turn::CANCEL;

/// Most octets that wait.
const WAITING: usize = 1 << 18;

/// By how much a command may be late so that those behind it are not: nobody wakes up at the very moment.
const SLACK: Duration = Duration::from_millis(2);

/// How fast a device reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// Octets a second.
    pub rate: u32,
    /// Data octets of a System Exclusive behind which there is a rest.
    pub segment: usize,
    /// How long that rest is.
    pub gap: Duration,
}

impl Profile {
    /// The serial line of MIDI 1.0: 31,250 baud, ten bits an octet.
    pub const DIN: Self = Self { rate: 3125, segment: usize::MAX, gap: Duration::ZERO };
}

/// Commands that wait until a device can take them, each octet in its time.
///
/// Real-Time messages go first, and stand between the segments of a System Exclusive. What ends a note goes ahead of all
/// that it does not depend on: neither its own beginning, nor what pedals and channel modes make of it.
#[derive(Clone, Debug)]
pub struct Pacer {
    profile: Profile,
    urgent: VecDeque<Vec<u8>>,
    ends: VecDeque<Vec<u8>>,
    waiting: VecDeque<(Vec<u8>, Duration)>,
    /// How much of what waits the end of a note may not overtake.
    binding: HashMap<Binding, u32>,
    octets: usize,
    refused: u64,
    free: Duration,
    /// Whether a System Exclusive has begun of which a part was refused.
    is_broken: bool,
    /// Whether the device is in the middle of a System Exclusive.
    is_inside: bool,
}

/// Channel, and the note that begins; or none, for a pedal or a channel mode.
type Binding = (Channel, Option<U7>);

impl Pacer {
    /// For a device that reads like this.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            urgent: VecDeque::new(),
            ends: VecDeque::new(),
            waiting: VecDeque::new(),
            binding: HashMap::new(),
            octets: 0,
            refused: 0,
            free: Duration::ZERO,
            is_broken: false,
            is_inside: false,
        }
    }

    /// Goes on for a device that reads otherwise; what waits already goes in the segments that it has.
    pub const fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// How the device reads.
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Adds a command behind those that wait. What is more than a quarter of a million octets is refused, but for what
    /// ends a note.
    pub fn push(&mut self, command: Command<'_>) {
        let end = command.voice().and_then(|(channel, voice)| Some((channel, voice.note_off()?.0)));
        let most = if end.is_some() { 2 * WAITING } else { WAITING };
        match command {
            Command::System(System::SysEx(segment)) => self.push_segment(segment),
            Command::System(system) if system.is_real_time() && self.urgent.len() < WAITING => {
                self.urgent.push_back(octets_of(command));
            }
            _ if self.octets > most => self.refused += 1,
            _ => match end {
                Some((channel, note)) if !self.binds(channel, note) => {
                    let octets = octets_of(command);
                    self.octets += octets.len();
                    self.ends.push_back(octets);
                }
                _ => self.add(command, Duration::ZERO),
            },
        }
    }

    /// The next command that the device can take now.
    pub fn poll(&mut self, at: Duration) -> Option<Vec<u8>> {
        if self.free > at {
            return None;
        }
        let (octets, rest) = match self.urgent.pop_front() {
            Some(octets) => (octets, Duration::ZERO),
            None => self.next()?,
        };
        let takes = Duration::from_secs(octets.len() as u64) / self.profile.rate.max(1);
        self.free = self.free.max(at.saturating_sub(SLACK)).saturating_add(takes + rest);
        Some(octets)
    }

    /// Forgets what waits but for what ends notes, which is returned: the device is left, or all is to end there.
    pub fn abandon(&mut self) -> Vec<Vec<u8>> {
        let cancel = self.is_inside.then(|| octets_of(CANCEL));
        let waiting = self.ends.drain(..).chain(self.waiting.drain(..).map(|(octets, _)| octets));
        let ends = cancel.into_iter().chain(waiting.filter(|octets| lets_go(octets))).collect();
        (self.octets, self.is_inside, self.is_broken) = (0, false, true);
        self.binding.clear();
        self.urgent.clear();
        ends
    }

    /// When the next command can go; `None` if nothing waits.
    pub fn due(&self) -> Option<Duration> {
        (self.waiting() > 0).then_some(self.free)
    }

    /// Commands and segments that wait.
    pub fn waiting(&self) -> usize {
        self.urgent.len() + self.ends.len() + self.waiting.len()
    }

    /// Commands that were refused because too many waited.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Once a segment is refused the device is told that the System Exclusive is called off, and gets none of the rest.
    fn push_segment(&mut self, segment: Segment<'_>) {
        let begins = matches!(segment.part, Part::Whole(_) | Part::First);
        self.is_broken &= !begins;
        if self.is_broken || self.octets + segment.data.len() > WAITING {
            if !self.is_broken && !begins {
                self.add(CANCEL, Duration::ZERO);
            }
            self.refused += u64::from(!self.is_broken);
            self.is_broken = true;
            return;
        }
        for segment in segment.split(self.profile.segment) {
            let rest = if segment.is_whole() { Duration::ZERO } else { self.profile.gap };
            self.add(segment.into(), rest);
        }
    }

    fn add(&mut self, command: Command<'_>, rest: Duration) {
        let octets = octets_of(command);
        self.octets += octets.len();
        if let Some(binding) = binding(&octets) {
            *self.binding.entry(binding).or_default() += 1;
        }
        self.waiting.push_back((octets, rest));
    }

    fn next(&mut self) -> Option<(Vec<u8>, Duration)> {
        if !self.is_inside
            && let Some(octets) = self.ends.pop_front()
        {
            self.octets -= octets.len();
            return Some((octets, Duration::ZERO));
        }
        let (octets, rest) = self.waiting.pop_front()?;
        self.octets -= octets.len();
        if let Some(binding) = binding(&octets)
            && let Some(count) = self.binding.get_mut(&binding)
        {
            *count -= 1;
            if *count == 0 {
                self.binding.remove(&binding);
            }
        }
        // A segment ends with F0 where the System Exclusive goes on.
        self.is_inside = matches!(octets[..], [0xF0 | 0xF7, .., 0xF0]);
        Some((octets, rest))
    }

    /// Whether something waits that must go ahead of the end of a note.
    fn binds(&self, channel: Channel, note: U7) -> bool {
        [Some(note), None].iter().any(|what| self.binding.contains_key(&(channel, *what)))
    }
}

/// What the ends of notes may not overtake about a command, if there is something.
fn binding(octets: &[u8]) -> Option<Binding> {
    let (channel, voice) = Command::decode(octets).ok()?.0.voice()?;
    match voice {
        Voice::NoteOn { note, .. } | Voice::NoteOff { note, .. } => Some((channel, Some(note))),
        Voice::ControlChange { controller, .. } if matches!(controller.get(), 64 | 66 | 69 | 120..) => {
            Some((channel, None))
        }
        _ => None,
    }
}

/// Whether a message makes nothing sound, and may end something.
fn lets_go(octets: &[u8]) -> bool {
    match octets {
        [0x80..=0x8F, ..] | [0x90..=0x9F, _, 0] | [0xB0..=0xBF, 120..=127, _] => true,
        [0xB0..=0xBF, 64 | 66 | 69, value] => *value < 64,
        _ => false,
    }
}

fn octets_of(command: Command<'_>) -> Vec<u8> {
    let mut octets = Vec::new();
    command.encode(&mut octets);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(pacer: &mut Pacer, octets: &[u8]) {
        pacer.push(Command::decode(octets).unwrap().0);
    }

    /// When each command goes, in microseconds, and which.
    fn drain(pacer: &mut Pacer) -> Vec<(u128, Vec<u8>)> {
        let mut gone = Vec::new();
        while let Some(at) = pacer.due() {
            assert_eq!(pacer.clone().poll(at.saturating_sub(Duration::from_nanos(1))).is_some(), at.is_zero());
            gone.push((at.as_micros(), pacer.poll(at).unwrap()));
        }
        gone
    }

    #[test]
    fn a_serial_line_takes_an_octet_in_320_microseconds() {
        let mut pacer = Pacer::new(Profile::DIN);
        for octets in [&[0x90, 60, 1][..], &[0xC0, 5], &[0x80, 60, 1]] {
            push(&mut pacer, octets);
        }
        let gone = drain(&mut pacer);
        assert_eq!(gone, [(0, vec![0x90, 60, 1]), (960, vec![0xC0, 5]), (1600, vec![0x80, 60, 1])]);
    }

    #[test]
    fn a_system_exclusive_has_rests_and_real_time_goes_first() {
        let mut pacer = Pacer::new(Profile { rate: 1000, segment: 2, gap: Duration::from_millis(20) });
        push(&mut pacer, &[0xF0, 1, 2, 3, 0xF7]);
        push(&mut pacer, &[0x90, 60, 1]);
        assert_eq!(pacer.poll(Duration::ZERO), Some(vec![0xF0, 1, 2, 0xF0]));
        push(&mut pacer, &[0xF8]);
        let gone = drain(&mut pacer);
        let rest = [(24_000, vec![0xF8]), (25_000, vec![0xF7, 3, 0xF7]), (48_000, vec![0x90, 60, 1])];
        assert_eq!(gone, rest);
    }

    #[test]
    fn what_waits_is_bounded_and_what_ends_a_note_still_waits() {
        let mut pacer = Pacer::new(Profile::DIN);
        (0..WAITING).for_each(|_| push(&mut pacer, &[0x90, 60, 1]));
        assert!(pacer.octets <= WAITING + 3 && pacer.refused() > 0);
        let refused = pacer.refused();
        push(&mut pacer, &[0x80, 60, 1]);
        assert_eq!(pacer.refused(), refused);
    }

    #[test]
    fn the_end_of_a_note_goes_ahead_of_all_that_it_does_not_depend_on() {
        let mut pacer = Pacer::new(Profile::DIN);
        let (bend, on, off, pedal): (_, [u8; 3], [u8; 3], _) =
            ([0xE0, 0, 0], [0x90, 60, 1], [0x80, 60, 0], [0xB0, 64, 0]);
        for octets in [&[0xF0, 1, 0xF7][..], &bend, &off, &on, &off, &pedal, &[0x80, 61, 0], &[0x81, 61, 0]] {
            push(&mut pacer, octets);
        }
        let gone: Vec<_> = drain(&mut pacer).into_iter().map(|(_, octets)| octets).collect();
        let expected: [&[u8]; 8] = [&off, &[0x81, 61, 0], &[0xF0, 1, 0xF7], &bend, &on, &off, &pedal, &[0x80, 61, 0]];
        assert_eq!(gone, expected);
        assert!(pacer.binding.is_empty() && pacer.octets == 0);
    }

    #[test]
    fn nothing_but_real_time_stands_inside_a_system_exclusive() {
        let mut pacer = Pacer::new(Profile { segment: 1, ..Profile::DIN });
        push(&mut pacer, &[0xF0, 1, 2, 0xF7]);
        let mut gone = vec![pacer.poll(Duration::ZERO).unwrap()];
        push(&mut pacer, &[0x80, 60, 0]);
        gone.extend(drain(&mut pacer).into_iter().map(|(_, octets)| octets));
        assert_eq!(gone, [vec![0xF0, 1, 0xF0], vec![0xF7, 2, 0xF7], vec![0x80, 60, 0]]);
    }

    #[test]
    fn of_what_waits_for_a_device_that_is_left_the_ends_of_notes_remain() {
        let mut pacer = Pacer::new(Profile { segment: 1, ..Profile::DIN });
        let off = [0x80, 60, 0];
        for octets in [&[0xF0, 1, 2, 0xF7][..], &[0x90, 60, 1], &[0xF8], &off, &[0xB0, 64, 127], &[0xB0, 64, 0]] {
            push(&mut pacer, octets);
        }
        assert_eq!(
            [pacer.poll(Duration::ZERO), pacer.poll(Duration::from_secs(1))].map(Option::unwrap),
            [vec![0xF8], vec![0xF0, 1, 0xF0]]
        );
        assert_eq!(pacer.abandon(), [vec![0xF7, 0xF4], off.to_vec(), vec![0xB0, 64, 0]]);
        assert_eq!((pacer.due(), pacer.octets), (None, 0));
        // The rest of it, and what comes behind that.
        push(&mut pacer, &[0xF7, 2, 0xF7]);
        push(&mut pacer, &[0xC0, 1]);
        assert_eq!(pacer.waiting(), 1);
    }

    #[test]
    fn who_wakes_up_a_bit_late_loses_no_time() {
        let mut pacer = Pacer::new(Profile::DIN);
        (0..100).for_each(|_| push(&mut pacer, &[0xE0, 0, 64]));
        let mut gone = 0;
        for ms in 0..48 {
            gone += std::iter::from_fn(|| pacer.poll(Duration::from_millis(ms))).count();
        }
        assert_eq!(gone, 49, "one every 0.96 ms, and two as the first millisecond ends");
    }

    #[test]
    fn a_system_exclusive_of_which_a_part_finds_no_room_is_called_off() {
        let mut pacer = Pacer::new(Profile::DIN);
        push(&mut pacer, &[0xF0, 1, 0xF0]);
        let mut long = vec![0xF7];
        long.resize(WAITING + 1, 2);
        long.push(0xF0);
        push(&mut pacer, &long);
        push(&mut pacer, &[0xF7, 3, 0xF7]);
        push(&mut pacer, &[0xF0, 4, 0xF7]);
        let gone: Vec<_> = drain(&mut pacer).into_iter().map(|(_, octets)| octets).collect();
        assert_eq!(gone, [vec![0xF0, 1, 0xF0], vec![0xF7, 0xF4], vec![0xF0, 4, 0xF7]]);
        assert_eq!(pacer.refused(), 1);
    }
}
