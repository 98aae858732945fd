//! The ports of the bridge and what is connected: names, counts, and what goes where. No IO.

mod intake;
mod outlet;
mod record;
mod said;
mod show;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use midi_routing::{ConnectionId, Event, Filter, PortId, Router};
use rtp_midi::midi::{Channel, Command, U7, Voice};

use super::passage::Passage;
use super::status::{Direction, Origin, PortState, Transport};
use crate::description::printable;
use intake::Intake;
use outlet::Outlet;
use said::Said;

pub(crate) use said::{MOST_SAYINGS, Saying, Sayings};

/// All ports and connections.
#[derive(Debug, Default)]
pub(crate) struct Bay {
    router: Router,
    ports: BTreeMap<PortId, Port>,
    connections: BTreeMap<ConnectionId, Link>,
    pairs: HashMap<(PortId, PortId), ConnectionId>,
    /// Connections that have been cut for a loop and not been told of.
    cut: Vec<(ConnectionId, Duration)>,
    /// What waits for its time before it is routed, and behind that.
    intake: Intake,
    outlet: Outlet,
    changes: u64,
    mirrors: Vec<Mirror>,
    said: Said,
}

/// A port as the bay knows it.
#[derive(Debug)]
struct Port {
    name: String,
    transport: Transport,
    address: Option<String>,
    state: PortState,
    direction: Direction,
    heard: u64,
    played: u64,
    dropped: u64,
}

/// A connection as the bay knows it.
#[derive(Debug)]
struct Link {
    origin: Origin,
    /// Whether somebody has said what gets through, whatever is written of it.
    is_set: bool,
}

/// A connection with a recording that lets through what another connection does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mirror {
    tape: PortId,
    of: (PortId, PortId),
}

/// A connection that carries nothing any more, since what it carries comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cut {
    pub(crate) from: String,
    pub(crate) to: String,
    /// How long it takes to come back.
    pub(crate) trip: Duration,
}

/// Characters of a name, at most: as many as ALSA shows.
const LONGEST: usize = 60;

impl Bay {
    /// Adds a port; its name is as wished, or with a number behind it where another one has that.
    pub(crate) fn add(&mut self, name: &str, transport: Transport) -> PortId {
        let name = self.free(&wished(name));
        let id = self.router.add_port();
        let (state, direction) = (PortState::There, Direction::Both);
        self.changes += 1;
        self.ports
            .insert(id, Port { name, transport, address: None, state, direction, heard: 0, played: 0, dropped: 0 });
        self.obey(id);
        id
    }

    /// Gives a port another name, as near to what is wished as can be.
    pub(crate) fn rename(&mut self, port: PortId, name: &str) {
        // Its own name is free for it.
        if let Some(before) = self.ports.get_mut(&port).map(|it| std::mem::take(&mut it.name)) {
            let name = self.free(&wished(name));
            self.ports.entry(port).and_modify(|it| it.name = name);
            self.changes += 1;
            self.said.rename(&before, self.name(port).to_owned());
            self.obey(port);
        }
    }

    /// Takes a port away, and ends what it sounds.
    pub(crate) fn remove(&mut self, at: Duration, port: PortId) {
        self.router.remove_port(at, port, hand(&mut self.ports, &mut self.cut, &mut self.outlet));
        self.ports.remove(&port);
        self.intake.forget(port);
        self.outlet.forget(port);
        let router = &self.router;
        self.connections.retain(|id, _| router.connection(*id).is_some());
        self.pairs.retain(|_, id| router.connection(*id).is_some());
        self.mirrors.retain(|mirror| mirror.tape != port && mirror.of.0 != port);
        self.mirror(at);
    }

    /// Where a port is now.
    pub(crate) fn set_address(&mut self, port: PortId, address: Option<String>) {
        if let Some(it) = self.ports.get_mut(&port) {
            it.address = address;
        }
    }

    /// Which way messages go there.
    pub(crate) fn set_direction(&mut self, port: PortId, direction: Direction) {
        self.ports.get_mut(&port).into_iter().for_each(|it| it.direction = direction);
    }

    /// Somebody is behind a port again, or nobody is: then what it sounds ends everywhere.
    pub(crate) fn set_state(&mut self, at: Duration, port: PortId, state: PortState) {
        let Some(it) = self.ports.get_mut(&port) else { return };
        if std::mem::replace(&mut it.state, state) != state && state == PortState::Away {
            self.intake.clear(port);
            self.router.silence(at, port, hand(&mut self.ports, &mut self.cut, &mut self.outlet));
        }
    }

    /// More came from a port than could be taken: what it sounds ends everywhere, since its end may be among what is lost.
    pub(crate) fn overrun(&mut self, at: Duration, port: PortId) {
        self.drop_one(port);
        self.intake.clear(port);
        self.router.silence(at, port, hand(&mut self.ports, &mut self.cut, &mut self.outlet));
    }

    /// A message for a port was lost.
    pub(crate) fn drop_one(&mut self, port: PortId) {
        self.ports.get_mut(&port).into_iter().for_each(|it| it.dropped += 1);
    }

    /// Connects two ports, unless they are; false if one of them is not there.
    pub(crate) fn connect(&mut self, from: PortId, to: PortId, origin: Origin) -> bool {
        if self.pairs.contains_key(&(from, to)) {
            return true;
        }
        let Some(id) = self.router.connect(from, to, Filter::default()) else { return false };
        self.connections.insert(id, Link { origin, is_set: false });
        self.pairs.insert((from, to), id);
        self.changes += 1;
        true
    }

    /// Ends a connection, and what it sounds; false if there is none.
    pub(crate) fn disconnect(&mut self, at: Duration, from: PortId, to: PortId) -> bool {
        let Some(id) = self.pairs.remove(&(from, to)) else { return false };
        self.router.disconnect(at, id, hand(&mut self.ports, &mut self.cut, &mut self.outlet));
        self.connections.remove(&id);
        self.mirror(at);
        true
    }

    /// Somebody says what gets through a connection; false if there is none.
    pub(crate) fn set_passage(&mut self, at: Duration, from: PortId, to: PortId, passage: &Passage) -> bool {
        let Some(id) = self.pairs.get(&(from, to)).copied() else { return false };
        self.connections.get_mut(&id).into_iter().for_each(|link| link.is_set = true);
        self.set_filter(at, id, passage.filter());
        self.mirror(at);
        true
    }

    /// Lets through what is written of connections, but for those of which somebody has said it otherwise.
    pub(crate) fn sift(&mut self, at: Duration, written: &BTreeMap<(PortId, PortId), Filter>) {
        let all: Vec<((PortId, PortId), ConnectionId)> = self.pairs.iter().map(|(pair, id)| (*pair, *id)).collect();
        for (pair, id) in all {
            if self.connections.get(&id).is_some_and(|link| !link.is_set) {
                self.set_filter(at, id, written.get(&pair).cloned().unwrap_or_default());
            }
        }
        self.mirror(at);
    }

    fn set_filter(&mut self, at: Duration, id: ConnectionId, filter: Filter) {
        if self.router.connection(id).is_some_and(|connection| connection.filter != filter) {
            self.router.set_filter(at, id, filter, hand(&mut self.ports, &mut self.cut, &mut self.outlet));
        }
    }

    /// Lets nothing through a connection, or lets through again; false if there is none.
    pub(crate) fn mute(&mut self, at: Duration, from: PortId, to: PortId, muted: bool) -> bool {
        let Some(id) = self.pairs.get(&(from, to)).copied() else { return false };
        self.router.set_muted(at, id, muted, hand(&mut self.ports, &mut self.cut, &mut self.outlet));
        self.mirror(at);
        true
    }

    /// Has a connection carry again that was cut for a loop.
    pub(crate) fn restore(&mut self, from: PortId, to: PortId) {
        if let Some(id) = self.pairs.get(&(from, to)) {
            self.router.restore(*id);
        }
    }

    /// A command comes from a port; it was played then, if that is known.
    pub(crate) fn hear(&mut self, at: Duration, from: PortId, played: Option<Duration>, command: Command<'_>) {
        if !self.intake.take(at, from, played, command) {
            self.play(at, from, command);
        }
    }

    /// A command comes from a port, and is routed at once.
    pub(crate) fn play(&mut self, at: Duration, from: PortId, command: Command<'_>) {
        self.play_late(at, Duration::ZERO, from, command);
    }

    /// The same of one that has waited so long.
    fn play_late(&mut self, at: Duration, waited: Duration, from: PortId, command: Command<'_>) {
        let Some(port) = self.ports.get_mut(&from) else { return };
        port.heard += 1;
        self.router.play_late(at, waited, from, command, hand(&mut self.ports, &mut self.cut, &mut self.outlet));
    }

    /// When [`wake`](Self::wake) has something to do.
    pub(crate) fn due(&self) -> Option<Duration> {
        [self.router.due(), self.intake.due(), self.outlet.due()].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn wake(&mut self, at: Duration) {
        while let Some((from, waited, octets)) = self.intake.poll(at) {
            if let Ok((command, _)) = Command::decode(&octets) {
                self.play_late(at, waited, from, command);
            }
        }
        self.router.wake(at, hand(&mut self.ports, &mut self.cut, &mut self.outlet));
        if !self.mirrors.is_empty() {
            self.mirror(at);
        }
    }

    /// Ends everything that has come through the bay. What waits is not played.
    pub(crate) fn silence(&mut self, at: Duration) {
        self.intake.abandon();
        self.outlet.abandon();
        let all: Vec<PortId> = self.ports.keys().copied().collect();
        for port in all {
            self.router.silence(at, port, hand(&mut self.ports, &mut self.cut, &mut self.outlet));
        }
    }

    /// The same for good: no port is waited for any more.
    pub(crate) fn finish(&mut self, at: Duration) {
        self.outlet.finish();
        self.silence(at);
    }

    /// Ends everything that sounds behind every port, whoever has begun it.
    pub(crate) fn panic(&mut self, at: Duration) {
        self.silence(at);
        for (port, channel) in self.ports.keys().flat_map(|port| Channel::all().map(|channel| (*port, channel))) {
            for controller in [SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF] {
                let value = U7::masked(0);
                let controller = U7::masked(controller);
                self.outlet.put(port, &Command::Channel(channel, Voice::ControlChange { controller, value }));
            }
        }
    }

    /// Gives `play` what is to be played by all that has been done since this was called last, as far as ports can take it
    /// by now.
    pub(crate) fn drain(&mut self, at: Duration, play: impl FnMut(PortId, &Command<'_>)) {
        self.outlet.drain(at, play);
    }

    /// What has been cut for a loop since this was asked last.
    pub(crate) fn take_cut(&mut self) -> Vec<Cut> {
        let all = std::mem::take(&mut self.cut);
        let cut = |(id, trip): (ConnectionId, Duration)| {
            let connection = self.router.connection(id)?;
            let [from, to] = [connection.from, connection.to].map(|port| self.name(port).to_owned());
            Some(Cut { from, to, trip })
        };
        all.into_iter().filter_map(cut).collect()
    }

    /// The port of a name.
    pub(crate) fn find(&self, name: &str) -> Option<PortId> {
        self.ports.iter().find(|(_, port)| port.name == name).map(|(id, _)| *id)
    }

    /// The name of a port.
    pub(crate) fn name(&self, port: PortId) -> &str {
        self.ports.get(&port).map_or("", |port| &port.name)
    }

    /// Whose port it is.
    pub(crate) fn transport(&self, port: PortId) -> Option<Transport> {
        self.ports.get(&port).map(|port| port.transport)
    }

    /// All ports with their names.
    pub(crate) fn named(&self) -> impl Iterator<Item = (PortId, &str)> {
        self.ports.iter().map(|(id, port)| (*id, &port.name[..]))
    }

    /// How often a port has come or two have been connected.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Who has connected two ports, if they are.
    pub(crate) fn origin(&self, from: PortId, to: PortId) -> Option<&Origin> {
        self.connections.get(self.pairs.get(&(from, to))?).map(|link| &link.origin)
    }

    /// All that is connected, but for what the bridge has connected of itself.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (PortId, PortId)> {
        let others = self.connections.iter().filter(|(_, link)| link.origin != Origin::Own);
        others.filter_map(|(id, _)| self.router.connection(*id).map(|connection| (connection.from, connection.to)))
    }

    /// Whether a port has connections that the bridge has not made of itself.
    pub(crate) fn is_used(&self, port: PortId) -> bool {
        self.pairs().any(|(from, to)| from == port || to == port)
    }

    fn free(&self, name: &str) -> String {
        let numbered = (2..).map(|number| format!("{name} {number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(|name| self.find(name).is_none()).expect("there are more numbers than ports")
    }
}

/// Takes what the router says: plays what is to be played, and notes what is cut.
fn hand<'a>(
    ports: &'a mut BTreeMap<PortId, Port>,
    cut: &'a mut Vec<(ConnectionId, Duration)>,
    outlet: &'a mut Outlet,
) -> impl FnMut(Event<'_>) + use<'a> {
    |event| match event {
        Event::Play { to, command } => {
            ports.get_mut(&to).into_iter().for_each(|port| port.played += 1);
            outlet.put(to, &command);
        }
        Event::Loop { connection, trip } => cut.push((connection, trip)),
    }
}

/// A name as ports may have it: what steers terminals is replaced, and there is an end to it.
fn wished(name: &str) -> String {
    let name: String = printable(&name.replace(['\n', '\r'], " ")).chars().take(LONGEST).collect();
    let name = name.trim();
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

const SUSTAIN: u8 = 64;
const ALL_SOUND_OFF: u8 = 120;
const ALL_NOTES_OFF: u8 = 123;
