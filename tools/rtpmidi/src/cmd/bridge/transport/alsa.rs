//! Ports of the ALSA sequencer: one for each guest, and one that exports what is connected with it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::RawFd;

use gstalsaseq::Unavailable;
use gstalsaseq::ports::{Address, Heard, MOST, Neighbour, Ports};
use midi_routing::PortId;
use rtp_midi::midi::Command;

use crate::cmd::bridge::EXPORT;
use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::rules::Own;
use crate::cmd::bridge::status::{Origin, Transport};
use crate::failure::{Failure, Result};

/// The ports that other programs see.
pub(crate) struct Faces {
    name: String,
    /// The first one has the port for exports; there is a further one when all have as many ports as can be.
    clients: Vec<Ports>,
    all: BTreeMap<Address, Face>,
    /// Where each face is, by its port in the bay.
    places: BTreeMap<PortId, Address>,
    /// The port that exports what is connected with it.
    export: Address,
    devices: BTreeMap<Address, PortId>,
    /// Who hears that port.
    hearers: BTreeSet<Address>,
    /// What is to be listened for, and is not yet.
    fresh: Vec<RawFd>,
}

/// A port of ALSA for a port of the bay.
#[derive(Clone, Copy, Debug)]
struct Face {
    /// Its own port in the bay.
    port: PortId,
    /// What it stands for.
    of: PortId,
}

/// What has happened.
pub(crate) enum News {
    /// A message came.
    Message(PortId, Vec<u8>),
    /// Somebody is connected with the face of this port, or nobody is any more.
    Wanted(PortId, bool),
    /// A device of this name is to be exported.
    Device(Address, String),
    /// A device is not to be exported any more; that is its port.
    Gone(PortId),
    /// Events of this port were lost.
    Overrun(PortId),
}

/// Data octets of the longest System Exclusive.
const SYSEX: usize = 1 << 18;

impl Faces {
    /// Opens the client with the port for exports.
    pub(crate) fn open(client: &str) -> Result<Self> {
        let mut ports = Ports::open(client, SYSEX).map_err(|reason| failed(&reason))?;
        let export = Address { client: ports.client(), port: ports.add(EXPORT).map_err(|reason| failed(&reason))? };
        let fresh = vec![ports.descriptor().map_err(|reason| failed(&reason))?];
        let (name, all, places, devices) = (client.to_owned(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Ok(Self { name, clients: vec![ports], all, places, export, devices, hearers: BTreeSet::new(), fresh })
    }

    /// What is readable when something has come, and was not told of yet.
    pub(crate) fn take_fresh(&mut self) -> Vec<RawFd> {
        std::mem::take(&mut self.fresh)
    }

    /// What the sequencer knows of us.
    pub(crate) fn own(&self) -> Own {
        let place = |address: &Address| format!("{}:{}", address.client, address.port);
        let faces = self.all.iter().map(|(address, face)| (place(address), face.of)).collect();
        let clients = self.clients.iter().map(|ports| ports.client().to_string()).collect();
        Own { clients, faces, exports: [place(&self.export)].into() }
    }

    /// Makes a face for a port of the bay, and connects them.
    pub(crate) fn add(&mut self, bay: &mut Bay, of: PortId) -> Result<()> {
        let name = bay.name(of).to_owned();
        let address =
            self.place(&name).map_err(|reason| Failure::new(format!("{name} gets no port of ALSA: {reason}")))?;
        let port = bay.add(&format!("alsa:{name}"), Transport::Alsa);
        bay.set_address(port, Some(format!("{}:{}", address.client, address.port)));
        bay.connect(port, of, Origin::Own);
        bay.connect(of, port, Origin::Own);
        self.all.insert(address, Face { port, of });
        self.places.insert(port, address);
        Ok(())
    }

    /// Makes a port where there is room for one.
    fn place(&mut self, name: &str) -> Result<Address, Unavailable> {
        let count = |client| self.all.keys().chain([&self.export]).filter(|address| address.client == client).count();
        let index = match self.clients.iter().position(|ports| count(ports.client()) < MOST) {
            Some(index) => index,
            None => {
                let ports = Ports::open(&format!("{} {}", self.name, self.clients.len() + 1), SYSEX)?;
                self.fresh.push(ports.descriptor()?);
                self.clients.push(ports);
                self.clients.len() - 1
            }
        };
        let ports = &mut self.clients[index];
        Ok(Address { client: ports.client(), port: ports.add(name)? })
    }

    /// Takes away the face of a port; returns its own port in the bay.
    pub(crate) fn remove(&mut self, of: PortId) -> Option<PortId> {
        let (address, face) = self.all.iter().find(|(_, face)| face.of == of).map(|(it, face)| (*it, *face))?;
        if let Some(ports) = self.clients.iter_mut().find(|ports| ports.client() == address.client) {
            ports.remove(address.port);
        }
        self.all.remove(&address);
        self.places.remove(&face.port);
        Some(face.port)
    }

    /// Gives the face of a port the name that this has now. Who is connected with it stays so.
    pub(crate) fn rename(&self, bay: &mut Bay, of: PortId) -> Result<()> {
        let Some((address, face)) = self.all.iter().find(|(_, face)| face.of == of) else { return Ok(()) };
        let name = bay.name(of).to_owned();
        bay.rename(face.port, &format!("alsa:{name}"));
        let Some(ports) = self.clients.iter().find(|ports| ports.client() == address.client) else { return Ok(()) };
        ports
            .rename(address.port, &name)
            .map_err(|reason| Failure::new(format!("the port of ALSA for {name} keeps its old name: {reason}")))
    }

    /// Leaves; returns the ports that all faces have in the bay, and those of the devices.
    pub(crate) fn leave(self) -> (Vec<PortId>, Vec<PortId>) {
        (self.places.into_keys().collect(), self.devices.into_values().collect())
    }

    /// Connects a device with the port that it is exported by; returns its own port in the bay.
    pub(crate) fn export(&mut self, bay: &mut Bay, address: Address, name: &str, by: PortId) -> PortId {
        let port = bay.add(&format!("alsa:{name}"), Transport::Alsa);
        bay.set_address(port, Some(format!("{}:{}", address.client, address.port)));
        bay.connect(port, by, Origin::Own);
        bay.connect(by, port, Origin::Own);
        self.devices.insert(address, port);
        port
    }

    /// Plays out of a face, or to a device that hears the port for exports; `None` if it is none of these ports, and
    /// false if somebody had no room for it.
    pub(crate) fn play(&self, port: PortId, command: &Command<'_>) -> Option<bool> {
        if let Some(Address { client, port }) = self.places.get(&port) {
            let ports = self.clients.iter().find(|ports| ports.client() == *client)?;
            return Some(ports.play(*port, None, command));
        }
        let (address, _) = self.devices.iter().find(|(_, device)| **device == port)?;
        let is_heard = self.hearers.contains(address);
        Some(!is_heard || self.clients[0].play(self.export.port, Some(*address), command))
    }

    /// Takes what has come; true if there is more.
    pub(crate) fn read(&mut self, news: &mut Vec<News>) -> Result<bool> {
        let Self { clients, all, export, devices, .. } = self;
        let (mut connected, mut has_more) = (BTreeSet::new(), false);
        for ports in clients {
            let client = ports.client();
            let more = ports.read(|heard| match heard {
                Heard::Message { port, from, octets } => {
                    let at = Address { client, port };
                    let source =
                        if at == *export { devices.get(&from).copied() } else { all.get(&at).map(|it| it.port) };
                    news.extend(source.map(|source| News::Message(source, octets)));
                }
                Heard::Connections(port) => drop(connected.insert(Address { client, port })),
                Heard::Overrun => {
                    connected.insert(*export);
                    connected.extend(all.keys());
                    let ports = all.values().map(|face| face.port).chain(devices.values().copied());
                    news.extend(ports.map(News::Overrun));
                }
            });
            has_more |= more.map_err(|reason| failed(&reason))?;
        }
        for address in connected {
            self.look(address, news);
        }
        Ok(has_more)
    }

    /// Looks at who is connected with a port.
    fn look(&mut self, address: Address, news: &mut Vec<News>) {
        let Some(ports) = self.clients.iter().find(|ports| ports.client() == address.client) else { return };
        let players = ports.players(address.port);
        if let Some(face) = self.all.get(&address) {
            let is_wanted = !players.is_empty() || !ports.hearers(address.port).is_empty();
            news.push(News::Wanted(face.of, is_wanted));
        } else if address == self.export {
            self.hearers = ports.hearers(address.port).iter().map(|hearer| hearer.address).collect();
            let there: BTreeSet<Address> = players.iter().map(|player| player.address).collect();
            let gone: Vec<Address> = self.devices.keys().filter(|address| !there.contains(address)).copied().collect();
            news.extend(gone.iter().filter_map(|address| self.devices.remove(address)).map(News::Gone));
            for Neighbour { address, client, name } in players {
                if !self.devices.contains_key(&address) {
                    news.push(News::Device(address, device(&client, &name, address)));
                }
            }
        }
    }
}

/// What does not work, and what to do about it.
fn failed(reason: &Unavailable) -> Failure {
    let failure = Failure::new(reason.to_string());
    reason.hint().into_iter().fold(failure, Failure::hint)
}

/// What a device is called by which others are to know it: by its client, as long as it is the first port of that.
fn device(client: &str, name: &str, address: Address) -> String {
    if address.port == 0 || name.is_empty() { client.to_owned() } else { format!("{client} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_called_by_its_client_and_further_ports_of_it_by_both() {
        let named = |port| device("Digital Piano", "MIDI 2", Address { client: 20, port });
        assert_eq!((named(0), named(1)), ("Digital Piano".to_owned(), "Digital Piano MIDI 2".to_owned()));
    }
}
