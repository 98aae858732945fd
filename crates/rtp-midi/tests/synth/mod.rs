//! A model synthesiser: what an instrument makes of commands, told from MIDI 1.0 and RP-015 alone.

#![allow(unreachable_pub, clippy::collapsible_match, reason = "a module of tests, which reads best as a table")]

use std::collections::{BTreeMap, BTreeSet};

/// Sixteen channels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Synth {
    pub channels: BTreeMap<u8, Channel>,
}

/// One channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Channel {
    pub settings: Settings,
    /// Notes whose last command is a NoteOn.
    pub sounding: BTreeSet<u8>,
    /// Notes that sound on because a pedal is down.
    pub sustained: BTreeSet<u8>,
}

/// What stays until something changes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// With CC 0 and the CC 32 behind it, as Chapter P tells them.
    pub program: Option<(u8, (u8, u8))>,
    bank: (u8, u8),
    pub controllers: BTreeMap<u8, u8>,
    pub parameters: BTreeMap<(bool, u8, u8), Parameter>,
    pub wheel: Option<(u8, u8)>,
    pub pressure: Option<u8>,
    pub poly_pressure: BTreeMap<u8, u8>,
    selected: Option<(bool, u8, Option<u8>)>,
}

/// One RPN or NRPN: data entry, and steps up less steps down since.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameter {
    pub msb: Option<u8>,
    pub lsb: Option<u8>,
    pub steps: i32,
}

impl Synth {
    /// Executes a command; of system commands those that reset the instrument.
    pub fn execute(&mut self, octets: &[u8]) {
        if octets[0] >= 0xF0 {
            if resets(octets) {
                self.channels.clear();
            }
            return;
        }
        let (kind, channel) = (octets[0] >> 4, self.channels.entry(octets[0] & 0x0F).or_default());
        match (kind, octets[1], octets.get(2).copied().unwrap_or(0)) {
            (0x8, note, _) | (0x9, note, 0) => {
                if channel.sounding.remove(&note) && channel.pedal() {
                    channel.sustained.insert(note);
                }
            }
            (0x9, note, _) => {
                channel.sustained.remove(&note);
                channel.sounding.insert(note);
            }
            (0xA, note, pressure) => drop(channel.settings.poly_pressure.insert(note, pressure)),
            (0xB, controller, value) => channel.control(controller, value),
            (0xC, program, _) => {
                let settings = &mut channel.settings;
                settings.program = Some((program, settings.bank));
            }
            (0xD, pressure, _) => channel.settings.pressure = Some(pressure),
            (0xE, lsb, msb) => channel.settings.wheel = Some((lsb, msb)),
            _ => {}
        }
    }
}

impl Channel {
    fn pedal(&self) -> bool {
        self.settings.controllers.get(&64).is_some_and(|value| *value >= 64)
    }

    fn control(&mut self, controller: u8, value: u8) {
        let settings = &mut self.settings;
        match controller {
            99 | 101 => settings.selected = Some((controller == 99, value, None)),
            98 | 100 => {
                // Without an MSB of its own kind it selects nothing.
                settings.selected = settings.selected.filter(|(kind, ..)| *kind == (controller == 98));
                if let Some((_, _, lsb)) = &mut settings.selected {
                    *lsb = Some(value);
                }
                if matches!(settings.selected, Some((_, 127, Some(127)))) {
                    settings.selected = None;
                }
            }
            6 | 38 | 96 | 97 if settings.selected.is_some() => {
                let Some((kind, msb, lsb)) = settings.selected else { return };
                settings.selected = Some((kind, msb, Some(lsb.unwrap_or(0))));
                let parameter = settings.parameters.entry((kind, msb, lsb.unwrap_or(0))).or_default();
                match controller {
                    6 => *parameter = Parameter { msb: Some(value), lsb: None, steps: 0 },
                    38 => (parameter.lsb, parameter.steps) = (Some(value), 0),
                    96 => parameter.steps += 1,
                    _ => parameter.steps -= 1,
                }
                settings.parameters.retain(|_, parameter| *parameter != Parameter::default());
            }
            120 | 123..=127 => {
                self.sounding.clear();
                self.sustained.clear();
                settings.pressure = None;
                settings.poly_pressure.clear();
            }
            121 => {
                for number in [1, 11, 64, 65, 66, 67] {
                    settings.controllers.remove(&number);
                }
                (settings.wheel, settings.pressure, settings.selected) = (None, None, None);
                settings.poly_pressure.clear();
                self.sustained.clear();
            }
            _ => {
                settings.controllers.insert(controller, value);
                match controller {
                    0 => settings.bank = (value, 0),
                    32 => settings.bank.1 = value,
                    _ => {}
                }
                if controller == 64 && value < 64 {
                    self.sustained.clear();
                }
            }
        }
    }
}

/// Whether this is a Reset State command as RFC 6295 lists them (A.1): System Reset, General MIDI or Downloadable
/// Sounds on or off.
pub fn resets(octets: &[u8]) -> bool {
    matches!(octets, [0xFF] | [0xF0, 0x7E, _, 9, 0 | 1 | 3, 0xF7] | [0xF0, 0x7E, _, 10, 1 | 2, 0xF7])
}
