//! What stands behind a stream: the model synthesiser, and followers of the system commands, told from MIDI 1.0 alone.

use crate::synth::{Settings, Synth, resets};

/// An instrument with a sequencer, a follower of time code, and a list of the System Exclusives it got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Device {
    pub(crate) synth: Synth,
    system: System,
    exclusives: Vec<Vec<u8>>,
    /// Whether commands that set nothing have come: FF, F6, F9, FD, FE, those in front of a Reset State command aside.
    beats: [bool; 5],
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pieces {
    All,
    /// The bank without the CC 0 and 32 that make it: a CC 32 counts no more once a CC 0 has followed it.
    Bank,
    /// The same without time code, pressure of notes and undefined commands, of which those who come late need not be told.
    Lasting,
}

/// What system commands set.
#[derive(Clone, Debug, Default, PartialEq)]
struct System {
    song: Option<u8>,
    /// Data of the latest F4 and F5.
    undefined: [Vec<u8>; 2],
    runs: bool,
    /// In MIDI clocks.
    position: u32,
    /// The clock of the position has come.
    played: bool,
    /// Frames of 25 a second since midnight.
    frame: Option<u32>,
    /// Types and nibbles of a series that is not at its end.
    series: Vec<(u8, u8)>,
}

impl Device {
    /// Executes a command; System Exclusives come as a whole.
    pub(crate) fn execute(&mut self, octets: &[u8]) {
        self.synth.execute(octets);
        if octets[0] < 0xF0 {
            return;
        }
        if resets(octets) {
            (self.system, self.beats) = (System::default(), [false; 5]);
        }
        if let Some(kind) = [0xFF, 0xF6, 0xF9, 0xFD, 0xFE].iter().position(|status| *status == octets[0]) {
            self.beats[kind] = true;
        }
        match *octets {
            [0xF0, 0x7F, _, 1, 1, hours, minutes, seconds, frames, 0xF7] => {
                let parts = [hours & 0x1F, minutes, seconds, frames].map(u32::from);
                self.system.frame = Some(((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 25 + parts[3]);
                self.system.series.clear();
            }
            [0xF0, ..] if !resets(octets) => self.exclusives.push(octets.to_vec()),
            _ => self.system.execute(octets),
        }
    }

    /// The System Exclusives since the last call, those with a meaning aside.
    pub(crate) fn exclusives(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.exclusives)
    }

    /// Which commands that set nothing have come since the last call.
    pub(crate) fn beats(&mut self) -> [bool; 5] {
        std::mem::take(&mut self.beats)
    }

    /// Whether a note is held by a key or a pedal.
    pub(crate) fn sounds(&self) -> bool {
        self.synth.channels.values().any(|channel| !channel.sounding.is_empty() || !channel.sustained.is_empty())
    }

    /// Why this device, behind a network, is not set as the one `there`.
    pub(crate) fn differs(&self, there: &Self, pieces: Pieces) -> Option<String> {
        for number in 0..16 {
            let (here, there) = (self.settings(number, pieces), there.settings(number, pieces));
            if here != there {
                return Some(format!("channel {number}: {}", difference(&here, &there)));
            }
        }
        let (here, there) = (self.system.of(pieces), there.system.of(pieces));
        (here != there).then(|| format!("{here:?} is not {there:?}"))
    }

    fn settings(&self, number: u8, pieces: Pieces) -> Settings {
        let channel = self.synth.channels.get(&number);
        let mut settings = channel.map_or_else(Settings::default, |channel| channel.settings.clone());
        if pieces == Pieces::Lasting {
            settings.poly_pressure.clear();
        }
        if pieces != Pieces::All {
            settings.controllers.retain(|number, _| !matches!(number, 0 | 32));
        }
        settings
    }

    /// Channels and notes that sound here and not `there`.
    pub(crate) fn hangs(&self, there: &Self) -> Vec<(u8, u8)> {
        let sounds = |device: &Self, number: u8, note: u8| {
            device.synth.channels.get(&number).is_some_and(|channel| channel.sounding.contains(&note))
        };
        let sounding =
            self.synth.channels.iter().flat_map(|(number, c)| c.sounding.iter().map(|note| (*number, *note)));
        sounding.filter(|(number, note)| !sounds(there, *number, *note)).collect()
    }
}

/// The lines in which two values differ, with where they stand.
fn difference<T: std::fmt::Debug>(here: &T, there: &T) -> String {
    let lines = |value: &T| -> Vec<String> {
        let (mut path, mut lines) = (Vec::new(), Vec::new());
        for line in format!("{value:#?}").lines().map(str::trim) {
            match line.chars().last() {
                Some('{' | '(') => path.push(line.to_owned()),
                _ if line.starts_with(['}', ')']) => drop(path.pop()),
                _ => lines.push(format!("{} {line}", path.concat())),
            }
        }
        lines
    };
    let (here, there) = (lines(here), lines(there));
    let only = |some: &[String], other: &[String]| -> Vec<String> {
        some.iter().filter(|line| !other.contains(line)).cloned().collect()
    };
    format!("{:?} is not {:?}", only(&here, &there), only(&there, &here))
}

impl System {
    fn of(&self, pieces: Pieces) -> Self {
        match pieces {
            Pieces::All | Pieces::Bank => self.clone(),
            Pieces::Lasting => {
                Self { undefined: <[Vec<u8>; 2]>::default(), frame: None, series: Vec::new(), ..self.clone() }
            }
        }
    }

    fn execute(&mut self, octets: &[u8]) {
        match *octets {
            [0xF1, value] => self.quarter(value >> 4, value & 0x0F),
            [0xF2, low, high] => {
                (self.position, self.played) = (6 * (u32::from(low) | u32::from(high) << 7), false);
            }
            [0xF3, song] => self.song = Some(song),
            [status @ (0xF4 | 0xF5), ref data @ .., 0xF7] => {
                self.undefined[usize::from(status - 0xF4)] = data.to_vec();
            }
            [0xFA] => (self.runs, self.position, self.played) = (true, 0, false),
            [0xFB] => self.runs = true,
            [0xFC] => self.runs = false,
            [0xF8] if self.runs && self.played => self.position += 1,
            [0xF8] if self.runs => self.played = true,
            _ => {}
        }
    }

    fn quarter(&mut self, kind: u8, nibble: u8) {
        let rises = self.series.first().is_none_or(|(first, _)| *first == 0);
        let follows = match self.series.last() {
            Some((last, _)) if rises => kind == last + 1,
            Some((last, _)) => kind + 1 == *last,
            None => matches!(kind, 0 | 7),
        };
        if !follows {
            self.series.clear();
        }
        if follows || matches!(kind, 0 | 7) {
            self.series.push((kind, nibble));
        }
        if self.series.len() < 8 {
            return;
        }
        let mut nibbles = [0; 8];
        for (kind, nibble) in self.series.drain(..) {
            nibbles[usize::from(kind)] = u32::from(nibble);
        }
        let part = |index: usize| nibbles[index + 1] << 4 | nibbles[index];
        let frame = ((((part(6) & 0x1F) * 60) + part(4)) * 60 + part(2)) * 25 + part(0);
        // A series that rises tells of the time when it began.
        self.frame = Some((frame + if rises { 2 } else { 0 }) % (24 * 3600 * 25));
    }
}
