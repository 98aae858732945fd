//! Chasing: what a synthesiser must be told so that a song can go on from its middle.

use std::ops::Range;

use crate::song::{Body, Song};

impl Song {
    /// Gives `take` the messages that bring every channel into the state in force just before `time` (nanoseconds):
    /// modes, bank and program, controllers, registered and non-registered parameters, wheel and channel pressure.
    ///
    /// What the song has not set by then, but sets elsewhere, gets its default, so that seeking back works too; the
    /// defaults are those of General MIDI and of Reset All Controllers (RP-015), and stay out where there is none.
    /// Notes are not restarted, and System Exclusives are not repeated, but those that reset a synthesiser count.
    pub fn chase(&self, time: u64, take: impl FnMut(&[u8])) {
        let mut chaser = Chaser::default();
        for event in self.events() {
            match event.body {
                Body::Message(octets) if event.time < time => chaser.observe(octets),
                Body::Message(octets) => chaser.ever.observe(octets),
                Body::Meta(_) => {}
            }
        }
        chaser.tell(take);
    }

    /// Which channels the song uses: bit n stands for channel n, counted from 0.
    pub fn channels(&self) -> u16 {
        self.events().fold(0, |channels, event| match event.body {
            Body::Message(&[status @ 0x80..=0xEF, ..]) => channels | 1 << (status & 0x0F),
            _ => channels,
        })
    }

    /// Gives `take` a `NoteOff` for every note that the events in the range `played` leave sounding: those whose last
    /// command is a `NoteOn`, unless a later All Notes Off, All Sound Off, change of mode or reset ended them.
    pub fn release(&self, played: Range<usize>, mut take: impl FnMut([u8; 3])) {
        let mut sounding = [0_u128; 16];
        for event in self.range(played) {
            let Body::Message(octets) = event.body else { continue };
            let channel = usize::from(octets[0] & 0x0F);
            match *octets {
                [0x90..=0x9F, note @ ..0x80, 1..=127] => sounding[channel] |= 1 << note,
                [0x80..=0x9F, note @ ..0x80, _] => sounding[channel] &= !(1 << note),
                [0xB0..=0xBF, 120 | 123..=127, _] => sounding[channel] = 0,
                _ if resets(octets) => sounding = [0; 16],
                _ => {}
            }
        }
        for (channel, notes) in (0..).zip(sounding) {
            (0..0x80).filter(|note| notes >> note & 1 == 1).for_each(|note| take([0x80 | channel, note, 64]));
        }
    }
}

/// Follows the messages of a stream, and tells at any time what brings every channel into the state that they have led
/// to, as [`Song::chase`] does for a song.
#[derive(Debug, Default)]
pub struct Chaser {
    now: State,
    /// What has been set at all, before a reset too.
    ever: State,
}

impl Chaser {
    /// Takes one whole message with its status octet; others are passed over.
    pub fn observe(&mut self, message: &[u8]) {
        self.ever.observe(message);
        if resets(message) {
            self.now = State::default();
        }
        self.now.observe(message);
    }

    /// Gives `take` the messages that bring a synthesiser that is in any state of this stream into the one in force.
    pub fn tell(&self, mut take: impl FnMut(&[u8])) {
        for (number, (channel, ever)) in (0..).zip(self.now.channels.iter().zip(&self.ever.channels)) {
            channel.tell(ever, &mut |kind, data| match *data {
                [one] => take(&[kind | number, one]),
                [one, two] => take(&[kind | number, one, two]),
                _ => {}
            });
        }
    }
}

/// Whether a message resets the whole synthesiser: System Reset, General MIDI on or off, level 2 on.
fn resets(octets: &[u8]) -> bool {
    matches!(octets, [0xFF] | [0xF0, 0x7E, _, 0x09, 0x01..=0x03, 0xF7])
}

#[derive(Debug, Default)]
struct State {
    channels: [Channel; 16],
}

impl State {
    fn observe(&mut self, octets: &[u8]) {
        let (channel, kind) = match octets.first() {
            Some(&status @ 0x80..=0xEF) => (&mut self.channels[usize::from(status & 0x0F)], status & 0xF0),
            _ => return,
        };
        match (kind, &octets[1..]) {
            (0xB0, &[controller @ 0..0x80, value]) => channel.control(controller, value),
            (0xC0, &[program]) => {
                let bank = channel.bank();
                channel.program = Some(Program { bank, program });
            }
            (0xD0, &[pressure]) => channel.pressure = Some(pressure),
            (0xE0, &[low, high]) => channel.wheel = Some([low, high]),
            _ => {}
        }
    }
}

/// What is in force on one channel; `None` is what nobody has set.
#[derive(Debug)]
struct Channel {
    program: Option<Program>,
    controllers: [Option<u8>; 128],
    parameters: Vec<Parameter>,
    selected: Selected,
    wheel: Option<[u8; 2]>,
    pressure: Option<u8>,
}

/// A program and the bank (controllers 0 and 32) in force when it was chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Program {
    bank: [Option<u8>; 2],
    program: u8,
}

/// The parameter that data entry is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Selected {
    registered: bool,
    most: Option<u8>,
    least: Option<u8>,
}

#[derive(Debug)]
struct Parameter {
    selected: Selected,
    most: Option<u8>,
    least: Option<u8>,
    /// Data increments less decrements since the last data entry.
    steps: i16,
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            program: None,
            controllers: [None; 128],
            parameters: Vec::new(),
            selected: Selected::default(),
            wheel: None,
            pressure: None,
        }
    }
}

impl Selected {
    /// Whether data entry has anything to set.
    fn is_open(self) -> bool {
        self.most.is_some() && self.least.is_some() && (self.most, self.least) != (Some(127), Some(127))
    }
}

impl Channel {
    fn bank(&self) -> [Option<u8>; 2] {
        [self.controllers[0], self.controllers[32]]
    }

    fn control(&mut self, controller: u8, value: u8) {
        match controller {
            6 => self.enter(|parameter| (parameter.most, parameter.steps) = (Some(value), 0)),
            38 => self.enter(|parameter| (parameter.least, parameter.steps) = (Some(value), 0)),
            96 => self.enter(|parameter| parameter.steps = (parameter.steps + 1).min(0x3FFF)),
            97 => self.enter(|parameter| parameter.steps = (parameter.steps - 1).max(-0x3FFF)),
            98 => self.select(false, |selected| selected.least = Some(value)),
            99 => self.select(false, |selected| selected.most = Some(value)),
            100 => self.select(true, |selected| selected.least = Some(value)),
            101 => self.select(true, |selected| selected.most = Some(value)),
            121 => self.reset_controllers(),
            // Of omni off and on, and of mono and poly, the later one counts.
            124..=127 => {
                self.controllers[usize::from(controller ^ 1)] = None;
                self.controllers[usize::from(controller)] = Some(value);
            }
            120 | 123 => {}
            _ => self.controllers[usize::from(controller)] = Some(value),
        }
    }

    fn select(&mut self, registered: bool, change: impl FnOnce(&mut Selected)) {
        if self.selected.registered != registered {
            self.selected = Selected { registered, most: None, least: None };
        }
        change(&mut self.selected);
    }

    fn enter(&mut self, change: impl FnOnce(&mut Parameter)) {
        let selected = self.selected;
        if !selected.is_open() {
            return;
        }
        let known = self.parameters.iter().position(|parameter| parameter.selected == selected);
        let index = known.unwrap_or_else(|| {
            self.parameters.push(Parameter { selected, most: None, least: None, steps: 0 });
            self.parameters.len() - 1
        });
        change(&mut self.parameters[index]);
    }

    /// Reset All Controllers, as far as RP-015 says it goes.
    fn reset_controllers(&mut self) {
        for controller in [1, 11, 64, 65, 66, 67] {
            self.controllers[controller] = default(controller);
        }
        self.selected = Selected { registered: true, most: Some(127), least: Some(127) };
        self.wheel = Some(CENTRE);
        self.pressure = Some(0);
    }

    /// Says the state, with the defaults of what is set only elsewhere (`ever`).
    fn tell(&self, ever: &Self, say: &mut impl FnMut(u8, &[u8])) {
        let value = |controller: usize| {
            self.controllers[controller].or_else(|| ever.controllers[controller].and_then(|_| default(controller)))
        };
        // Modes first: they end all notes and some synthesisers reset with them.
        for mode in [122, 124, 125, 126, 127] {
            if let Some(value) = self.controllers[mode] {
                say(0xB0, &[mode as u8, value]);
            }
        }
        let program = self.program.or(ever.program.map(|_| Program { bank: [None; 2], program: 0 }));
        let mut bank = [None; 2];
        if let Some(program) = program {
            for (index, controller) in [(0, 0), (1, 32)] {
                bank[index] = program.bank[index].or(ever.controllers[controller].map(|_| 0));
                if let Some(value) = bank[index] {
                    say(0xB0, &[controller as u8, value]);
                }
            }
            say(0xC0, &[program.program]);
        }
        for controller in 0..120 {
            let told = match controller {
                0 => bank[0],
                32 => bank[1],
                _ => None,
            };
            if let Some(value) = value(controller).filter(|&value| told != Some(value)) {
                say(0xB0, &[controller as u8, value]);
            }
        }
        self.tell_parameters(ever, say);
        if let Some(wheel) = self.wheel.or(ever.wheel.map(|_| CENTRE)) {
            say(0xE0, &wheel);
        }
        if let Some(pressure) = self.pressure.or(ever.pressure.map(|_| 0)) {
            say(0xD0, &[pressure]);
        }
    }

    fn tell_parameters(&self, ever: &Self, say: &mut impl FnMut(u8, &[u8])) {
        for parameter in &ever.parameters {
            let selected = parameter.selected;
            match self.parameters.iter().find(|known| known.selected == selected) {
                Some(known) => known.tell(say),
                None => default_parameter(selected).into_iter().for_each(|parameter| parameter.tell(say)),
            }
        }
        if self.selected.most.is_some() || self.selected.least.is_some() {
            self.selected.tell(say);
        } else if !ever.parameters.is_empty() {
            Selected { registered: true, most: Some(127), least: Some(127) }.tell(say);
        }
    }
}

impl Selected {
    fn tell(self, say: &mut impl FnMut(u8, &[u8])) {
        let (most, least) = if self.registered { (101, 100) } else { (99, 98) };
        for (controller, value) in [(most, self.most), (least, self.least)] {
            if let Some(value) = value {
                say(0xB0, &[controller, value]);
            }
        }
    }
}

impl Parameter {
    fn tell(&self, say: &mut impl FnMut(u8, &[u8])) {
        self.selected.tell(say);
        for (controller, value) in [(6, self.most), (38, self.least)] {
            if let Some(value) = value {
                say(0xB0, &[controller, value]);
            }
        }
        let step = if self.steps < 0 { 97 } else { 96 };
        (0..self.steps.unsigned_abs()).for_each(|_| say(0xB0, &[step, 0]));
    }
}

/// What a controller is before anybody sets it, where the standards say so.
fn default(controller: usize) -> Option<u8> {
    match controller {
        0 | 32 | 1 | 33 | 64..=69 | 92..=95 => Some(0),
        7 => Some(100),
        8 | 10 | 71..=79 => Some(64),
        11 => Some(127),
        91 => Some(40),
        _ => None,
    }
}

/// Pitch bend range two semitones, tuning in the middle.
fn default_parameter(selected: Selected) -> Option<Parameter> {
    let (most, least) = match (selected.registered, selected.most?, selected.least?) {
        (true, 0, 0) => (2, 0),
        (true, 0, 1 | 2) => (64, 0),
        _ => return None,
    };
    Some(Parameter { selected, most: Some(most), least: Some(least), steps: 0 })
}

/// The wheel at rest.
const CENTRE: [u8; 2] = [0, 64];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tempo::Division;
    use crate::write::{Track, encode_file};

    /// What is chased before the tick `at` of a song whose messages are one tick of 1 ms apart.
    fn chased(messages: &[&[u8]], at: u64) -> Vec<Vec<u8>> {
        let mut track = Track::new();
        for (tick, message) in (0..).zip(messages) {
            track.message(tick, message).unwrap();
        }
        let song = Song::read(&encode_file(0, Division::Quarter(500), &[track]), 0).unwrap();
        let mut out = Vec::new();
        song.chase(at * 1_000_000, |message| out.push(message.to_vec()));
        out
    }

    #[test]
    fn the_last_value_counts_and_notes_do_not() {
        let song: [&[u8]; 5] = [&[0xB2, 7, 1], &[0x92, 60, 1], &[0xB2, 7, 2], &[0xE2, 1, 2], &[0xD2, 9]];
        assert_eq!(chased(&song, 5), [vec![0xB2, 7, 2], vec![0xE2, 1, 2], vec![0xD2, 9]]);
    }

    #[test]
    fn a_program_brings_the_bank_it_was_chosen_from() {
        let song: [&[u8]; 4] = [&[0xB0, 0, 8], &[0xB0, 32, 1], &[0xC0, 5], &[0xB0, 0, 9]];
        assert_eq!(chased(&song, 4), [vec![0xB0, 0, 8], vec![0xB0, 32, 1], vec![0xC0, 5], vec![0xB0, 0, 9]]);
    }

    #[test]
    fn what_is_set_only_later_gets_its_default() {
        let song: [&[u8]; 4] = [&[0x90, 1, 1], &[0xC0, 5], &[0xB0, 7, 3], &[0xE0, 0, 0]];
        assert_eq!(chased(&song, 1), [vec![0xC0, 0], vec![0xB0, 7, 100], vec![0xE0, 0, 64]]);
    }

    #[test]
    fn parameters_come_back_and_the_selection_last() {
        let song: [&[u8]; 8] = [
            &[0xB0, 101, 0],
            &[0xB0, 100, 0],
            &[0xB0, 6, 12],
            &[0xB0, 97, 0],
            &[0xB0, 99, 1],
            &[0xB0, 98, 8],
            &[0xB0, 6, 70],
            &[0xB0, 38, 3],
        ];
        let controls: Vec<[u8; 2]> = chased(&song, 8).iter().map(|octets| [octets[1], octets[2]]).collect();
        assert_eq!(
            controls,
            [[101, 0], [100, 0], [6, 12], [97, 0], [99, 1], [98, 8], [6, 70], [38, 3], [99, 1], [98, 8]]
        );
        let controls: Vec<[u8; 2]> = chased(&song, 0).iter().map(|octets| [octets[1], octets[2]]).collect();
        assert_eq!(controls, [[101, 0], [100, 0], [6, 2], [38, 0], [101, 127], [100, 127]]);
    }

    #[test]
    fn resets_are_heeded() {
        let song: [&[u8]; 3] = [&[0xB0, 64, 127], &[0xB0, 7, 3], &[0xB0, 121, 0]];
        let after = chased(&song, 3);
        assert!(after.contains(&vec![0xB0, 64, 0]) && after.contains(&vec![0xB0, 7, 3]));
        let song: [&[u8]; 2] = [&[0xB0, 7, 3], &[0xF0, 0x7E, 0x7F, 9, 1, 0xF7]];
        assert_eq!(chased(&song, 2), [vec![0xB0, 7, 100]]);
    }

    #[test]
    fn notes_whose_last_command_is_a_note_on_are_released() {
        let messages: [&[u8]; 7] =
            [&[0x90, 1, 1], &[0x91, 2, 1], &[0x91, 3, 1], &[0x90, 1, 1], &[0x90, 1, 0], &[0x81, 2, 9], &[0xB1, 123, 0]];
        let mut track = Track::new();
        for message in messages {
            track.message(0, message).unwrap();
        }
        let song = Song::read(&encode_file(0, Division::Quarter(500), &[track]), 0).unwrap();
        let released = |played| {
            let mut out = Vec::new();
            song.release(played, |message| out.push(message));
            out
        };
        assert_eq!(released(0..4), [[0x80, 1, 64], [0x81, 2, 64], [0x81, 3, 64]]);
        assert_eq!(released(0..6), [[0x81, 3, 64]]);
        assert_eq!(released(1..3), [[0x81, 2, 64], [0x81, 3, 64]]);
        assert_eq!(released(0..99), [[0; 3]; 0]);
        assert_eq!(song.channels(), 0b11);
    }

    #[test]
    fn the_later_of_omni_on_and_off_and_of_mono_and_poly_counts() {
        let song: [&[u8]; 4] = [&[0xB0, 126, 1], &[0xB0, 124, 0], &[0xB0, 127, 0], &[0xB0, 123, 0]];
        assert_eq!(chased(&song, 4), [vec![0xB0, 124, 0], vec![0xB0, 127, 0]]);
    }
}
