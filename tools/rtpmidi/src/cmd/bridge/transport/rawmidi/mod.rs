//! Devices that carry the octets of MIDI, such as `/dev/snd/midiC1D0` or a serial line: a port each, past the sequencer.

mod device;
mod node;
mod watch;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ipmidi::LIMIT;
use midi_routing::PortId;
use rtp_midi::midi::{Command, Parser, Part, Sounding, System};

use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::config::RawDevice;
use crate::cmd::bridge::inbox::Inbox;
use crate::cmd::bridge::status::{Direction, PortState, Transport};
use crate::cmd::session::stretch;
use crate::failure::{Failure, Result};
use device::{Device, Told};

pub(crate) use node::{Refusal, check};

/// The ports of all devices.
pub(crate) struct Devices {
    all: BTreeMap<PortId, Line>,
    inbox: Inbox,
    /// Room for what is taken.
    told: Told,
}

/// One device.
struct Line {
    config: RawDevice,
    device: Device,
    parser: Parser,
    /// Whether it is there and can be played to.
    is_heard: bool,
    /// A System Exclusive has begun there and not ended.
    is_in_sysex: bool,
    sounding: Sounding,
    /// Something has found no room: what sounds may go on sounding.
    is_lossy: bool,
    octets: Vec<u8>,
}

/// What has become of devices.
pub(crate) enum News {
    /// One is there.
    Came(PortId),
    /// One is not, or not any more.
    Gone(PortId, Refusal),
}

impl Devices {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self { all: BTreeMap::new(), inbox, told: Told::default() }
    }

    /// Makes the port of a device, which is a placeholder until the device is there.
    pub(crate) fn open(&mut self, at: Duration, bay: &mut Bay, config: RawDevice) -> Result<PortId> {
        let failed = |error: std::io::Error| Failure::new(format!("{} cannot be opened: {error}", config.name));
        let device = Device::open(config.clone(), self.inbox.clone()).map_err(failed)?;
        let port = bay.add(&config.name, Transport::Rawmidi);
        bay.set_address(port, Some(config.device.display().to_string()));
        bay.set_direction(port, config.direction.unwrap_or(Direction::Both));
        bay.set_state(at, port, PortState::Away);
        self.all.insert(port, Line::new(config, device));
        Ok(port)
    }

    /// The ports of devices that are not among these any more, and those of these that have no port.
    pub(crate) fn differ(&self, new: &[RawDevice]) -> (Vec<PortId>, Vec<RawDevice>) {
        let old = self.all.iter().filter(|(_, line)| !new.contains(&line.config)).map(|(port, _)| *port).collect();
        let is_new = |device: &&RawDevice| self.all.values().all(|line| line.config != **device);
        (old, new.iter().filter(is_new).cloned().collect())
    }

    /// Lets go of a device, when it has been told to let go what sounds. Nobody waits for it.
    pub(crate) fn close(&mut self, port: PortId) {
        if let Some(line) = self.all.remove(&port) {
            line.release();
            line.device.end();
        }
    }

    /// Plays what has come from devices; returns what has become of them.
    pub(crate) fn read(&mut self, at: Duration, bay: &mut Bay) -> Vec<News> {
        let (mut news, told) = (Vec::new(), &mut self.told);
        for (port, line) in &mut self.all {
            line.device.take(told);
            if let Some(direction) = told.came {
                bay.set_direction(*port, direction);
                bay.set_state(at, *port, PortState::There);
                line.is_heard = direction != Direction::In;
                news.push(News::Came(*port));
            }
            line.parser.push(&told.heard, |command, _| bay.hear(at, *port, None, command));
            if let Some(refusal) = told.gone.take() {
                if let Some(cancel) = line.parser.reset() {
                    bay.hear(at, *port, None, cancel);
                }
                bay.set_state(at, *port, PortState::Away);
                line.forget();
                news.push(News::Gone(*port, refusal));
            }
            if told.is_relieved {
                line.let_go();
            }
        }
        news
    }

    /// Plays to a device; `None` if it is none of these ports, and false if there was no room.
    pub(crate) fn play(&mut self, port: PortId, command: &Command<'_>) -> Option<bool> {
        Some(self.all.get_mut(&port)?.play(command))
    }

    /// Lets go of all, and waits until then for what they are still to play. Returns those that have not taken all.
    pub(crate) fn finish(self, until: Instant) -> Vec<String> {
        let ending: Vec<_> = self.all.into_values().map(|line| (line.config.name, line.device.end())).collect();
        ending.into_iter().filter(|(_, work)| !work.is_done_by(until)).map(|(name, _)| name).collect()
    }
}

impl Line {
    fn new(config: RawDevice, device: Device) -> Self {
        let (parser, sounding) = (Parser::new(LIMIT), Sounding::default());
        let (is_heard, is_in_sysex, is_lossy) = (false, false, false);
        Self { config, device, parser, is_heard, is_in_sysex, sounding, is_lossy, octets: Vec::new() }
    }

    fn play(&mut self, command: &Command<'_>) -> bool {
        if !self.is_heard {
            return true;
        }
        // What sounds is let go first, when there is room again.
        if self.is_lossy {
            return false;
        }
        self.octets.clear();
        match command {
            Command::System(System::SysEx(segment)) => {
                let begins = matches!(segment.part, Part::Whole(_) | Part::First);
                // The beginning was lost, or has gone to the device when that was another one.
                if !begins && !self.is_in_sysex {
                    return true;
                }
                // What is called off has no end of its own: whatever comes next ends it, and the device drops it.
                stretch(*segment, &mut self.octets);
                self.is_in_sysex = matches!(segment.part, Part::First | Part::Middle);
            }
            // Nobody knows what these mean, and some read on at the wrong place.
            Command::System(System::F4(_) | System::F5(_) | System::F9 | System::FD) => return true,
            command => command.encode(&mut self.octets),
        }
        let is_put = self.device.write(&self.octets);
        if is_put {
            self.sounding.observe(&self.octets);
        } else {
            (self.is_lossy, self.is_in_sysex) = (true, false);
        }
        is_put
    }

    /// Lets go what sounds if something has found no room.
    fn let_go(&mut self) {
        if self.is_lossy && self.release() {
            (self.sounding, self.is_lossy) = (Sounding::default(), false);
        }
    }

    /// Ends what it has been told to sound; false if there is no room for that.
    fn release(&self) -> bool {
        self.sounding.release().iter().all(|message| self.device.write(message))
    }

    /// It is gone, and so is what it sounded.
    fn forget(&mut self) {
        (self.is_heard, self.is_in_sysex, self.is_lossy) = (false, false, false);
        self.sounding = Sounding::default();
    }
}
