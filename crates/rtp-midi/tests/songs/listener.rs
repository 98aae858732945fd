//! One listener: its network, its receiver, and the device behind it, judged packet by packet.

use std::collections::VecDeque;
use std::ops::AddAssign;
use std::rc::Rc;

use rtp_midi::midi::{Command, Reassembler, System};
use rtp_midi::{Config, Event, Outcome, Received, Receiver};

use crate::composer::Octets;
use crate::device::{Device, Pieces};
use crate::network::{Network, Weather};

/// A packet under way.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// Counted from 0.
    pub(crate) number: usize,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) payload: Rc<[u8]>,
}

/// What is asked of a listener's device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Demand {
    /// No note sounds that does not sound at the sender, and no System Exclusive comes twice, out of order or in part.
    Safe,
    /// And it is set as the sender's device.
    Equal,
}

#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) network: Network<Sent>,
    receiver: Receiver,
    reassembler: Reassembler,
    here: Device,
    /// The sender's device as of the latest packet that arrived.
    there: Device,
    /// Packets whose commands `there` has executed.
    told: usize,
    /// System Exclusives that may still come.
    awaited: VecDeque<Vec<u8>>,
    /// Whether the listener was there from the start.
    first_hour: bool,
    /// The latest packet that arrived.
    pub(crate) heard: Option<usize>,
    /// From this packet on the journals tell all that it needs.
    pub(crate) complete_from: Option<usize>,
    /// Such a packet has arrived.
    pub(crate) complete: bool,
    /// What its device must have as the sender's.
    pub(crate) pieces: Pieces,
    uncovered: u64,
    /// Lost what no journal covers.
    astray: bool,
    pub(crate) tally: Tally,
}

/// What became of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) arrived: u64,
    pub(crate) lost: u64,
    pub(crate) late: u64,
    pub(crate) repairs: u64,
    pub(crate) compared: u64,
    /// System Exclusives that arrived, and those that did not although nobody could think them not needed.
    pub(crate) exclusives: u64,
    pub(crate) missed: u64,
    /// Times the sender let commands wait.
    pub(crate) stalls: u64,
}

impl Listener {
    /// A listener who hears packets from `start` on.
    pub(crate) fn new(config: Config, seed: u64, weather: Weather, log: &[Vec<Octets>]) -> Self {
        let mut there = Device::default();
        log.iter().flatten().for_each(|octets| there.execute(octets));
        there.beats();
        Self {
            network: Network::new(seed, weather),
            receiver: Receiver::new(config),
            reassembler: Reassembler::new(100_000),
            here: Device::default(),
            awaited: there.exclusives().into(),
            there,
            told: log.len(),
            first_hour: log.is_empty(),
            heard: None,
            complete_from: None,
            complete: false,
            pieces: Pieces::All,
            uncovered: 0,
            astray: false,
            tally: Tally::default(),
        }
    }

    /// Takes a packet; `log` has the commands of all packets.
    pub(crate) fn hear(&mut self, packet: &Sent, log: &[Vec<Octets>], demand: Demand) -> Result<(), String> {
        let (reassembler, here) = (&mut self.reassembler, &mut self.here);
        let received = Received { sequence: packet.sequence, timestamp: packet.timestamp, payload: &packet.payload };
        let outcome = self.receiver.receive(received, |event| execute(here, reassembler, &event));
        if outcome == Outcome::Late {
            return self.nothing_came(packet);
        }
        if let Outcome::Malformed(error) = outcome {
            return Err(format!("packet {}: {error}", packet.number));
        }
        self.heard = Some(packet.number);
        for octets in log[self.told..=packet.number].iter().flatten() {
            self.there.execute(octets);
        }
        self.told = packet.number + 1;
        let complete = self.complete;
        self.complete |= self.complete_from.is_some_and(|from| packet.number >= from);
        self.judge(demand, complete).map_err(|why| format!("behind packet {}, {outcome:?}: {why}", packet.number))
    }

    fn nothing_came(&mut self, packet: &Sent) -> Result<(), String> {
        match self.here.exclusives().len() {
            0 => Ok(()),
            count => Err(format!("{count} System Exclusives in packet {}, which is late", packet.number)),
        }
    }

    fn judge(&mut self, demand: Demand, complete: bool) -> Result<(), String> {
        self.awaited.extend(self.there.exclusives());
        for exclusive in self.here.exclusives() {
            let place = self.awaited.iter().position(|awaited| *awaited == exclusive);
            let place = place.ok_or_else(|| {
                format!(
                    "a System Exclusive twice, out of order or in part: {} octets {:02X?}",
                    exclusive.len(),
                    &exclusive[..exclusive.len().min(8)]
                )
            })?;
            self.awaited.drain(..=place);
            self.tally.exclusives += 1;
            self.tally.missed += if self.is_told_all() { place as u64 } else { 0 };
        }
        let hanging = self.here.hangs(&self.there);
        if !hanging.is_empty() {
            return Err(format!("{hanging:?} hang"));
        }
        let (sent, heard) = (self.there.beats(), self.here.beats());
        let stats = self.receiver.stats();
        let uncovered = std::mem::replace(&mut self.uncovered, stats.uncovered);
        if stats.malformed_journals + stats.malformed_lists > 0 {
            return Err("a journal or list that cannot be read".to_owned());
        }
        // What changed in an uncovered loss and not again nobody tells to a listener whom the sender did not know.
        self.astray |= stats.uncovered > uncovered && !complete;
        if demand == Demand::Safe || !self.complete || self.astray {
            return Ok(());
        }
        if stats.uncovered > uncovered {
            return Err("a loss that the journal does not cover".to_owned());
        }
        if complete && sent.iter().zip(heard).any(|(sent, heard)| *sent && !heard) {
            return Err(format!("FF, F6, F9, FD, FE: heard {heard:?}, sent {sent:?}"));
        }
        self.tally.compared += 1;
        self.here.differs(&self.there, self.pieces).map_or(Ok(()), Err)
    }

    /// Whether the listener was there from the start, and nothing was withheld from it because nobody knew of it.
    fn is_told_all(&self) -> bool {
        self.first_hour && self.pieces == Pieces::All
    }

    /// Leaves the stream: nothing may sound then.
    pub(crate) fn leave(&mut self) -> Result<(), String> {
        let (reassembler, here) = (&mut self.reassembler, &mut self.here);
        self.receiver.silence(0, |event| execute(here, reassembler, &event));
        self.count();
        if self.here.sounds() || self.receiver.sounding() > 0 {
            return Err("notes sound on behind the end".to_owned());
        }
        Ok(())
    }

    /// The stream has come to its end, and its last packet to this listener: nothing sounds there.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        self.tally.missed += if self.is_told_all() { self.awaited.len() as u64 } else { 0 };
        if self.here.sounds() {
            return Err(format!("notes hang at the end: {:?}", self.here.hangs(&Device::default())));
        }
        self.leave()
    }

    fn count(&mut self) {
        let stats = self.receiver.stats();
        self.tally =
            Tally { arrived: stats.packets, lost: stats.lost, late: stats.late, repairs: stats.repairs, ..self.tally };
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.arrived += more.arrived;
        self.lost += more.lost;
        self.late += more.late;
        self.repairs += more.repairs;
        self.compared += more.compared;
        self.exclusives += more.exclusives;
        self.missed += more.missed;
        self.stalls += more.stalls;
    }
}

/// Gives a command to a device, a System Exclusive when it is whole.
fn execute(device: &mut Device, reassembler: &mut Reassembler, event: &Event<'_>) {
    let mut octets = Vec::new();
    match event.command {
        Command::System(System::SysEx(segment)) => {
            let Some((data, _)) = reassembler.push(segment) else { return };
            octets.extend([&[0xF0][..], data, &[0xF7]].concat());
        }
        command => command.encode(&mut octets),
    }
    device.execute(&octets);
}
