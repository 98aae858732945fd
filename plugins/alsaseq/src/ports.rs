//! A client of the sequencer with as many ports as its owner makes, for programs that have no pipeline for each.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use alsa::poll::Descriptors;
use alsa::seq::{Addr, Connect, Event, EventType, PortCap, PortSubscribeIter, QuerySubsType};
use alsa::{Direction, Seq};
use rtp_midi::midi::{Command, Part, System};

use crate::announcements::Gone;
use crate::client::{Client, Unavailable, is_overrun, is_passing, must_wait, text};
use crate::message;
use crate::source::senders::Senders;

/// The client. It never blocks: its owner waits for its [`descriptor`](Self::descriptor), and then reads.
#[derive(Debug)]
pub struct Ports {
    client: Client,
    all: BTreeMap<i32, Senders>,
    sysex_limit: usize,
    /// Whether there is the port that hears what is announced: behind the first one, which others call by the client alone.
    is_announced_to: bool,
}

/// A port of the sequencer: the numbers of its client and its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    /// The client.
    pub client: i32,
    /// Its port.
    pub port: i32,
}

/// What has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// A whole message has been played to a port of ours.
    Message {
        /// Our port.
        port: i32,
        /// Who has played it.
        from: Address,
        /// Its octets.
        octets: Vec<u8>,
    },
    /// Others have connected themselves with a port of ours, or have left it.
    Connections(i32),
    /// Events were lost, since more came than were read: what all senders held has been let go by messages before this
    /// one, and who is connected with which port may have changed.
    Overrun,
}

/// Who is connected with a port of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Neighbour {
    /// Its port.
    pub address: Address,
    /// What its client calls itself.
    pub client: String,
    /// What its port is called.
    pub name: String,
}

/// Most ports of one client, which the system sets; one of them hears what is announced.
pub const MOST: usize = 253;

/// Messages that are read at once.
const BURST: usize = 1024;

impl Ports {
    /// A client without ports. System Exclusives with more than `sysex_limit` data octets are dropped.
    ///
    /// # Errors
    /// When there is no sequencer, or this user may not use it.
    pub fn open(name: &str, sysex_limit: usize) -> Result<Self, Unavailable> {
        let client = Client::open(name)?;
        client.raise_pools(Direction::Capture)?;
        client.raise_pools(Direction::Playback)?;
        Ok(Self { client, all: BTreeMap::new(), sysex_limit, is_announced_to: false })
    }

    /// The number of the client.
    pub fn client(&self) -> i32 {
        self.client.id()
    }

    /// What is readable when something has come.
    ///
    /// # Errors
    /// When the system has none.
    pub fn descriptor(&self) -> Result<RawFd, Unavailable> {
        let descriptors = (&self.client.seq, Some(Direction::Capture)).get()?;
        descriptors.first().map(|it| it.fd).ok_or_else(|| Unavailable::Other("there is no descriptor".to_owned()))
    }

    /// Makes a port to which others can play, and which they can hear.
    ///
    /// # Errors
    /// When there are as many as can be.
    pub fn add(&mut self, name: &str) -> Result<i32, Unavailable> {
        let both = PortCap::WRITE | PortCap::SUBS_WRITE | PortCap::READ | PortCap::SUBS_READ | PortCap::DUPLEX;
        let port = self.client.create(name, both, None)?.port;
        self.all.insert(port, Senders::new(self.sysex_limit));
        if !self.is_announced_to {
            if let Err(reason) = self.client.announcements() {
                self.remove(port);
                return Err(reason);
            }
            self.is_announced_to = true;
        }
        Ok(port)
    }

    /// Takes a port away.
    pub fn remove(&mut self, port: i32) {
        if self.all.remove(&port).is_some() {
            // One that is gone already is what was wanted.
            let _ = self.client.seq.delete_port(port);
        }
    }

    /// Gives a port another name. Who is connected with it stays so.
    ///
    /// # Errors
    /// When there is no such port.
    pub fn rename(&self, port: i32, name: &str) -> Result<(), Unavailable> {
        let mut info = self.client.seq.get_any_port_info(Addr { client: self.client(), port })?;
        info.set_name(&text(name));
        Ok(self.client.seq.set_port_info(port, &mut info)?)
    }

    /// Who plays to a port of ours.
    pub fn players(&self, port: i32) -> Vec<Neighbour> {
        self.neighbours(port, QuerySubsType::WRITE)
    }

    /// Who hears a port of ours.
    pub fn hearers(&self, port: i32) -> Vec<Neighbour> {
        self.neighbours(port, QuerySubsType::READ)
    }

    fn neighbours(&self, port: i32, kind: QuerySubsType) -> Vec<Neighbour> {
        let own = Addr { client: self.client(), port };
        let is_heard = matches!(kind, QuerySubsType::READ);
        let others = PortSubscribeIter::new(&self.client.seq, own, kind);
        let others = others.map(|it| if is_heard { it.get_dest() } else { it.get_sender() });
        others.filter_map(|address| neighbour(&self.client.seq, address)).collect()
    }

    /// Plays a command out of a port: to `to` alone, or to all who hear it. What the sequencer has no event for is left
    /// out; false if there was no room somewhere.
    pub fn play(&self, port: i32, to: Option<Address>, command: &Command<'_>) -> bool {
        if let Command::System(System::SysEx(segment)) = command {
            let mut octets = Vec::with_capacity(segment.data.len() + 2);
            if matches!(segment.part, Part::Whole(_) | Part::First) {
                octets.push(0xF0);
            }
            octets.extend_from_slice(segment.data);
            // One that is called off ends as well, or the next one would be taken for more of it.
            if matches!(segment.part, Part::Whole(_) | Part::Last(_) | Part::Cancel) {
                octets.push(0xF7);
            }
            return octets.chunks(message::CHUNK).all(|chunk| self.send(port, to, message::chunk(chunk)));
        }
        message::event(command).is_none_or(|event| self.send(port, to, event))
    }

    fn send(&self, port: i32, to: Option<Address>, mut event: Event<'_>) -> bool {
        event.set_source(port);
        match to {
            Some(Address { client, port }) => event.set_dest(Addr { client, port }),
            None => event.set_subs(),
        }
        event.set_direct();
        self.client.seq.event_output_direct(&mut event).is_ok()
    }

    /// Takes some of what has come; false if there is no more.
    ///
    /// # Errors
    /// When the sequencer is gone.
    pub fn read(&mut self, mut out: impl FnMut(Heard)) -> Result<bool, Unavailable> {
        let own = self.client.id();
        let mut input = self.client.seq.input();
        for _ in 0..BURST {
            match input.event_input() {
                Ok(event) => take(own, &mut self.all, &event, &mut out),
                Err(error) if must_wait(&error) => return Ok(false),
                Err(error) if is_overrun(&error) => {
                    release(&mut self.all, &mut out);
                    out(Heard::Overrun);
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}

fn take(own: i32, all: &mut BTreeMap<i32, Senders>, event: &Event<'_>, out: &mut impl FnMut(Heard)) {
    let mut messages = Vec::new();
    if matches!(event.get_type(), EventType::PortSubscribed | EventType::PortUnsubscribed) {
        let Some(Connect { sender, dest }) = event.get_data::<Connect>() else { return };
        if dest.client == own
            && let Some(senders) = all.get_mut(&dest.port)
        {
            senders.take(event, &mut messages);
            tell(dest.port, sender, messages, out);
            out(Heard::Connections(dest.port));
        }
        if sender.client == own && all.contains_key(&sender.port) {
            out(Heard::Connections(sender.port));
        }
    } else if let Some(gone) = Gone::of(event) {
        let from = match gone {
            Gone::Port(address) => address,
            Gone::Client(client) => Addr { client, port: 0 },
        };
        for (port, senders) in all {
            senders.take(event, &mut messages);
            tell(*port, from, std::mem::take(&mut messages), out);
        }
    } else if let Some(senders) = all.get_mut(&event.get_dest().port) {
        senders.take(event, &mut messages);
        tell(event.get_dest().port, event.get_source(), messages, out);
    }
}

/// Lets go what all senders hold.
fn release(all: &mut BTreeMap<i32, Senders>, out: &mut impl FnMut(Heard)) {
    let nobody = Addr { client: 0, port: 0 };
    for (port, senders) in all {
        let mut messages = Vec::new();
        senders.release(&mut messages);
        tell(*port, nobody, messages, out);
    }
}

fn tell(port: i32, from: Addr, messages: Vec<Vec<u8>>, out: &mut impl FnMut(Heard)) {
    let from = Address { client: from.client, port: from.port };
    for octets in messages {
        out(Heard::Message { port, from, octets });
    }
}

fn neighbour(seq: &Seq, address: Addr) -> Option<Neighbour> {
    let client = seq.get_any_client_info(address.client).ok()?;
    let port = seq.get_any_port_info(address).ok()?;
    Some(Neighbour {
        address: Address { client: address.client, port: address.port },
        client: client.get_name().unwrap_or_default().to_owned(),
        name: port.get_name().unwrap_or_default().trim_end().to_owned(),
    })
}
