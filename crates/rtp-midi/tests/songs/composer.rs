//! Random music with every command that MIDI 1.0 has, as instruments get it: whole transactions, time code in order.

use std::collections::BTreeSet;

use crate::random::Random;

/// One command, a System Exclusive as a whole.
pub(crate) type Octets = Vec<u8>;

/// What the music is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Channels in use.
    pub(crate) channels: u8,
    /// Notes in use on each.
    pub(crate) notes: u8,
    /// Most data octets of a System Exclusive.
    pub(crate) exclusive: usize,
    /// One gesture in so many is a Reset State command.
    pub(crate) resets: u64,
}

/// Writes gesture after gesture.
#[derive(Debug)]
pub(crate) struct Composer {
    random: Random,
    style: Style,
    /// Notes that sound, with their channels.
    open: BTreeSet<(u8, u8)>,
    tape: Tape,
    exclusives: u32,
}

/// A tape machine that sends its time code.
#[derive(Clone, Copy, Debug)]
struct Tape {
    /// In frames of 25 a second.
    frame: u32,
    reverse: bool,
    /// Quarter frames sent of the present series.
    sent: u8,
}

impl Composer {
    pub(crate) fn new(seed: u64, style: Style) -> Self {
        let tape = Tape { frame: 0, reverse: false, sent: 0 };
        Self { random: Random::new(seed), style, open: BTreeSet::new(), tape, exclusives: 0 }
    }

    /// Commands that belong together.
    pub(crate) fn gesture(&mut self) -> Vec<Octets> {
        if self.random.below(self.style.resets) == 0 {
            self.open.clear();
            self.tape = Tape { frame: 0, reverse: false, sent: 0 };
            return vec![self.reset()];
        }
        match self.random.below(100) {
            0..30 => self.note(),
            30..78 => self.voice(),
            78..86 => self.sequencer(),
            86..93 => self.time_code(),
            93..97 => vec![self.simple()],
            _ => vec![self.exclusive()],
        }
    }

    /// NoteOffs for all that sounds, and the pedals up.
    pub(crate) fn end(&mut self) -> Vec<Octets> {
        let offs = std::mem::take(&mut self.open).into_iter().map(|(channel, note)| vec![0x80 | channel, note, 64]);
        let pedals =
            (0..self.style.channels).flat_map(|channel| [64, 66, 69].map(|pedal| vec![0xB0 | channel, pedal, 0]));
        offs.chain(pedals).collect()
    }

    fn channel(&mut self) -> u8 {
        self.random.below(u64::from(self.style.channels)) as u8
    }

    fn pitch(&mut self) -> u8 {
        60 - self.style.notes / 2 + self.random.below(u64::from(self.style.notes)) as u8
    }

    fn note(&mut self) -> Vec<Octets> {
        let (channel, note, velocity) = (self.channel(), self.pitch(), 1 + self.random.below(127) as u8);
        let sounding: Vec<_> = self.open.iter().copied().collect();
        match self.random.below(5) {
            0 | 1 => {
                self.open.insert((channel, note));
                vec![vec![0x90 | channel, note, velocity]]
            }
            _ if sounding.is_empty() => vec![vec![0x80 | channel, note, velocity]],
            kind => {
                let (channel, note) = self.random.pick(&sounding);
                self.open.remove(&(channel, note));
                vec![if kind == 2 { vec![0x90 | channel, note, 0] } else { vec![0x80 | channel, note, velocity] }]
            }
        }
    }

    fn voice(&mut self) -> Vec<Octets> {
        let (channel, a, b) = (self.channel(), self.random.data(), self.random.data());
        let control = |number: u8, value: u8| vec![0xB0 | channel, number, value];
        let select = |high: u8, msb: u8, lsb: u8| [control(high, msb), control(high - 1, lsb)];
        match self.random.below(20) {
            0 | 1 => vec![vec![0xE0 | channel, a, b]],
            2 => vec![vec![0xD0 | channel, a]],
            3 => vec![vec![0xA0 | channel, self.pitch(), b]],
            4 => vec![vec![0xC0 | channel, a]],
            5 => vec![control(0, a & 3), vec![0xC0 | channel, b]],
            6 => vec![control(0, a & 3), control(32, b & 3), vec![0xC0 | channel, b]],
            7 | 8 => [&select(101, 0, a % 5)[..], &[control(6, b)]].concat(),
            9 => [&select(99, a & 3, b & 3)[..], &[control(6, a), control(38, b)]].concat(),
            10 => {
                let step = control(96 + (b & 1), 0);
                [&select(self.random.pick(&[99, 101]), 0, a & 3)[..], &vec![step; 1 + usize::from(b & 3)]].concat()
            }
            11 => select(101, 127, 127).to_vec(),
            12 => vec![control(self.random.pick(&[1, 7, 10, 11, 64, 66, 69]), b)],
            13 => self.mode(channel),
            _ => {
                // The numbers of transactions stand in those alone.
                let number = self.random.below(120) as u8;
                let plain = !matches!(number, 0 | 6 | 32 | 38 | 96..=101);
                vec![control(if plain { number } else { 7 }, b)]
            }
        }
    }

    fn mode(&mut self, channel: u8) -> Vec<Octets> {
        let number = 120 + self.random.below(8) as u8;
        if !matches!(number, 121 | 122) {
            self.open.retain(|(other, _)| *other != channel);
        }
        vec![vec![0xB0 | channel, number, if number == 122 { 127 * (self.random.below(2) as u8) } else { 0 }]]
    }

    fn sequencer(&mut self) -> Vec<Octets> {
        match self.random.below(10) {
            0 => vec![vec![0xFA]],
            1 => vec![vec![0xFC]],
            2 => vec![vec![0xFB]],
            3 => vec![vec![0xF2, self.random.data(), self.random.below(4) as u8]],
            _ => vec![vec![0xF8]; 1 + self.random.below(6) as usize],
        }
    }

    /// The next quarter frames, now and then after a jump.
    fn time_code(&mut self) -> Vec<Octets> {
        if self.random.happens(15) {
            let frame = self.random.below(24 * 3600 * 25) as u32;
            self.tape = Tape { frame, reverse: self.random.happens(40), sent: 0 };
            let [hours, minutes, seconds, frames] = time(frame);
            return vec![vec![0xF0, 0x7F, 0x7F, 1, 1, hours, minutes, seconds, frames, 0xF7]];
        }
        (0..=self.random.below(10)).map(|_| self.tape.quarter()).collect()
    }

    /// A command of Chapters D and V.
    fn simple(&mut self) -> Octets {
        let data: Vec<u8> = (0..self.random.below(4)).map(|_| self.random.data()).collect();
        match self.random.below(8) {
            0 => vec![0xF3, self.random.data()],
            1 => [&[0xF4][..], &data, &[0xF7]].concat(),
            2 => [&[0xF5][..], &data, &[0xF7]].concat(),
            3 => vec![0xF6],
            4 => vec![0xF9],
            5 => vec![0xFD],
            _ => vec![0xFE],
        }
    }

    /// Of any length up to the longest; the first data octets tell each from those around it.
    fn exclusive(&mut self) -> Octets {
        let most = match self.random.below(40) {
            0 => self.style.exclusive,
            1..4 => self.style.exclusive.min(2500),
            4..14 => self.style.exclusive.min(200),
            _ => self.style.exclusive.min(12),
        };
        self.exclusives += 1;
        let mut data = vec![(self.exclusives & 0x3F) as u8, (self.exclusives >> 6 & 0x7F) as u8];
        data.resize(1 + self.random.below(most as u64) as usize, (self.exclusives & 0x7F) as u8);
        [&[0xF0][..], &data, &[0xF7]].concat()
    }

    fn reset(&mut self) -> Octets {
        match self.random.below(6) {
            0 => vec![0xFF],
            1 => vec![0xF0, 0x7E, 0x7F, 9, 1, 0xF7],
            2 => vec![0xF0, 0x7E, 0x7F, 9, 3, 0xF7],
            3 => vec![0xF0, 0x7E, 0x7F, 9, 0, 0xF7],
            4 => vec![0xF0, 0x7E, 0x7F, 10, 1, 0xF7],
            _ => vec![0xF0, 0x7E, 0x7F, 10, 2, 0xF7],
        }
    }
}

impl Tape {
    fn quarter(&mut self) -> Octets {
        let kind = if self.reverse { 7 - self.sent } else { self.sent };
        let nibble = time(self.frame)[usize::from(3 - kind / 2)] >> (4 * (kind % 2)) & 0x0F;
        self.sent += 1;
        if self.sent == 8 {
            let day = 24 * 3600 * 25;
            (self.frame, self.sent) = ((self.frame + if self.reverse { day - 2 } else { 2 }) % day, 0);
        }
        vec![0xF1, kind << 4 | nibble]
    }
}

/// Hours with the rate of 25 frames a second, minutes, seconds, frames.
fn time(frame: u32) -> [u8; 4] {
    [1 << 5 | (frame / 90_000), frame / 1500 % 60, frame / 25 % 60, frame % 25].map(|part| part as u8)
}
