//! `[[rawmidi]]`: devices that carry the octets of MIDI, with a port each, past ALSA's sequencer.

use std::path::PathBuf;

use serde::Deserialize;

use crate::cmd::bridge::settings::{Pace, PortSettings, Segment, Span};
use crate::cmd::bridge::status::Direction;

/// A device that is opened as a file.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct RawDevice {
    /// What the port is called.
    pub(crate) name: String,
    pub(crate) device: PathBuf,
    /// Which way octets go; those that the device has if nothing is said.
    pub(crate) direction: Option<Direction>,
    /// The speed of a serial line; as it is set if nothing is said.
    pub(crate) baud: Option<u32>,
    /// What is said of its port.
    pub(crate) settings: PortSettings,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    device: PathBuf,
    direction: Option<Direction>,
    baud: Option<u32>,
    pace: Option<Pace>,
    segment: Option<Segment>,
    gap: Option<Span>,
}

impl RawDevice {
    /// A device of which nothing else has been said.
    pub(crate) fn new(name: Option<String>, device: PathBuf) -> Result<Self, String> {
        let (direction, baud, settings) = (None, None, PortSettings::default());
        let name = match (name, device.file_name()) {
            (_, None) => return Err(format!("{} is no device", device.display())),
            (_, _) if !device.is_absolute() => {
                return Err(format!("a device is a path such as /dev/snd/midiC1D0, and not {}", device.display()));
            }
            (Some(name), _) if name.trim().is_empty() => return Err("a device has a name".to_owned()),
            (Some(name), _) => name,
            (None, Some(file)) => file.to_string_lossy().into_owned(),
        };
        Ok(Self { name, device, direction, baud, settings })
    }
}

impl TryFrom<Written> for RawDevice {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { name, device, direction, baud, pace, segment, gap } = written;
        if baud == Some(0) {
            return Err("a serial line has a speed, such as baud = 31250".to_owned());
        }
        let settings = PortSettings { pace, segment, gap, delay: None };
        Ok(Self { direction, baud, settings, ..Self::new(name, device)? })
    }
}
