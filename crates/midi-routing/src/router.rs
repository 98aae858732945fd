//! Ports, the connections between them, and what goes where.

use std::collections::BTreeSet;
use std::time::Duration;

use rtp_midi::midi::{Command, Part, Segment, Sounding, System};
use slotmap::{SlotMap, new_key_type};

use crate::echo::{Guard, Verdict};
use crate::filter::Filter;
use crate::trial::{Coming, Held, Outcome};
use crate::turn::{CANCEL, Turn};

new_key_type! {
    /// A port: where messages come from, and where they go to.
    pub struct PortId;
    /// A connection from one port to another, or to itself.
    pub struct ConnectionId;
}

/// What a router has to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A port gets a command.
    Play {
        /// The port.
        to: PortId,
        /// The command, or a segment of a System Exclusive.
        command: Command<'a>,
    },
    /// A connection carries nothing any more, because what it carries comes back: see [`Router::restore`].
    Loop {
        /// The connection.
        connection: ConnectionId,
        /// How long a message takes to come back, at most.
        trip: Duration,
    },
}

/// A connection as it stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Connection {
    /// Where it begins.
    pub from: PortId,
    /// Where it ends.
    pub to: PortId,
    /// What it lets through.
    pub filter: Filter,
    /// Whether it lets nothing through, because somebody wishes so.
    pub is_muted: bool,
    /// How long a message took that went round in a loop through it; it lets nothing through since then.
    pub in_loop: Option<Duration>,
    /// Commands that have gone through.
    pub carried: u64,
    sounding: Sounding,
}

impl Connection {
    fn carries<'a>(&self, command: Command<'a>) -> Option<Command<'a>> {
        if self.is_muted || self.in_loop.is_some() { None } else { self.filter.pass(command) }
    }
}

#[derive(Debug, Default)]
struct Port {
    from_here: Vec<ConnectionId>,
    to_here: Vec<ConnectionId>,
    turn: Turn<ConnectionId>,
}

/// Routes commands from ports to ports.
///
/// Time is what has passed since a start that the host chooses.
#[derive(Debug, Default)]
pub struct Router {
    ports: SlotMap<PortId, Port>,
    connections: SlotMap<ConnectionId, Connection>,
    /// Ports where somebody waits for the end of a System Exclusive.
    waiting: BTreeSet<PortId>,
    guard: Guard<PortId, ConnectionId>,
    /// What commands are written to, again and again: as they come, and as they go.
    came: Vec<u8>,
    goes: Vec<u8>,
}

impl Router {
    /// Adds a port without connections.
    pub fn add_port(&mut self) -> PortId {
        self.ports.insert(Port::default())
    }

    /// Takes away a port with its connections. What it sounds elsewhere ends.
    pub fn remove_port(&mut self, at: Duration, port: PortId, mut out: impl FnMut(Event<'_>)) {
        let Some(it) = self.ports.get(port) else { return };
        for connection in it.from_here.iter().chain(&it.to_here).copied().collect::<Vec<_>>() {
            self.disconnect(at, connection, &mut out);
        }
        self.ports.remove(port);
        self.waiting.remove(&port);
        self.guard.forget(port);
    }

    /// Connects two ports; `None` if one of them is not there. The same two may be connected several times.
    pub fn connect(&mut self, from: PortId, to: PortId, filter: Filter) -> Option<ConnectionId> {
        if !self.ports.contains_key(from) || !self.ports.contains_key(to) {
            return None;
        }
        let connection =
            Connection { from, to, filter, is_muted: false, in_loop: None, carried: 0, sounding: Sounding::default() };
        let id = self.connections.insert(connection);
        self.ports[from].from_here.push(id);
        self.ports[to].to_here.push(id);
        Some(id)
    }

    /// Ends a connection, and what it sounds.
    pub fn disconnect(&mut self, at: Duration, id: ConnectionId, out: impl FnMut(Event<'_>)) {
        let Some(connection) = self.connections.get(id) else { return };
        let (from, to) = (connection.from, connection.to);
        self.let_go(at, id, out);
        self.ports[from].from_here.retain(|it| *it != id);
        self.ports[to].to_here.retain(|it| *it != id);
        self.connections.remove(id);
    }

    /// Lets other things through from now on. What sounds ends, for its end might not get through.
    pub fn set_filter(&mut self, at: Duration, id: ConnectionId, filter: Filter, out: impl FnMut(Event<'_>)) {
        self.let_go(at, id, out);
        if let Some(connection) = self.connections.get_mut(id) {
            connection.filter = filter;
        }
    }

    /// Lets nothing through any more, and ends what sounds; or lets through again.
    pub fn set_muted(&mut self, at: Duration, id: ConnectionId, is_muted: bool, out: impl FnMut(Event<'_>)) {
        self.let_go(at, id, out);
        if let Some(connection) = self.connections.get_mut(id) {
            connection.is_muted = is_muted;
        }
    }

    /// Has a connection that was cut because of a loop carry again.
    pub fn restore(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.in_loop = None;
        }
    }

    /// A port has been lost, but may come back: what it sounds ends everywhere, and its connections stay.
    pub fn silence(&mut self, at: Duration, port: PortId, mut out: impl FnMut(Event<'_>)) {
        for index in 0..self.ports.get(port).map_or(0, |it| it.from_here.len()) {
            self.let_go(at, self.ports[port].from_here[index], &mut out);
        }
    }

    /// Whether there is such a connection, and how it stands.
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(id)
    }

    /// All connections.
    pub fn connections(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.connections.iter()
    }

    /// A command comes from a port.
    pub fn play(&mut self, at: Duration, from: PortId, command: Command<'_>, out: impl FnMut(Event<'_>)) {
        self.play_late(at, Duration::ZERO, from, command, out);
    }

    /// The same of one that has come so long ago, and waited on purpose ([`DelayLine`](crate::DelayLine)).
    pub fn play_late(
        &mut self,
        at: Duration,
        waited: Duration,
        from: PortId,
        command: Command<'_>,
        mut out: impl FnMut(Event<'_>),
    ) {
        self.came.clear();
        command.encode(&mut self.came);
        let (ports, connections) = (&self.ports, &self.connections);
        let ends = || ends_something(ports, connections, from, command);
        match self.guard.came(Coming { at, waited }, from, &command, &self.came, ends) {
            Verdict::Pass(rounds) => self.route(at, from, command, rounds, &mut out),
            Verdict::Hold => self.wake(at, out),
            Verdict::Drop => {}
            Verdict::Avalanche(trip) => {
                let cut: Vec<_> = carriers(&self.ports, &self.connections, from, command).collect();
                for connection in cut {
                    self.cut(at, connection, trip, &mut out);
                }
            }
        }
    }

    /// When [`Router::wake`] has something to do.
    pub fn due(&self) -> Option<Duration> {
        let turns = self.waiting.iter().filter_map(|port| self.ports.get(*port)?.turn.due());
        turns.chain(self.guard.due()).min()
    }

    /// Does what is due.
    pub fn wake(&mut self, at: Duration, mut out: impl FnMut(Event<'_>)) {
        self.waiting.retain(|to| {
            let Some(port) = self.ports.get_mut(*to) else { return false };
            port.turn.wake(at, &mut |command| out(Event::Play { to: *to, command }));
            port.turn.due().is_some()
        });
        if self.guard.due().is_none_or(|due| due > at) {
            return;
        }
        let (ports, connections) = (&self.ports, &self.connections);
        let outcomes = self.guard.wake(at, |port, octets| match Command::decode(octets) {
            Ok((command, _)) => carriers(ports, connections, port, command).collect(),
            Err(_) => Vec::new(),
        });
        for outcome in outcomes {
            match outcome {
                Outcome::Innocent(held) => self.catch_up(at, held, &mut out),
                Outcome::Probe(connection, octets, settled) => {
                    if let Ok((command, _)) = Command::decode(&octets) {
                        self.carry(at, connection, command, 0, &mut out);
                        if is_first(&command) {
                            self.carry(at, connection, CANCEL, 0, &mut out);
                        }
                    }
                    if let Some((command, _)) = settled.as_deref().and_then(|octets| Command::decode(octets).ok()) {
                        self.carry(at, connection, command, 0, &mut out);
                    }
                }
                Outcome::Loop(connection, trip) => self.cut(at, connection, trip, &mut out),
            }
        }
    }

    /// Plays what was held back without need, and still counts; a System Exclusive without its end is left out.
    fn catch_up(&mut self, at: Duration, held: Held<PortId, ConnectionId>, out: &mut impl FnMut(Event<'_>)) {
        let mut probed = held.probed;
        for (from, octets) in held.copies {
            let Ok((command, _)) = Command::decode(&octets) else { continue };
            if is_first(&command) {
                continue;
            }
            for index in 0..self.ports.get(from).map_or(0, |port| port.from_here.len()) {
                let connection = self.ports[from].from_here[index];
                match probed.iter().position(|it| *it == connection) {
                    Some(index) => drop(probed.swap_remove(index)),
                    None => self.carry(at, connection, command, 0, out),
                }
            }
        }
    }

    fn route(
        &mut self,
        at: Duration,
        from: PortId,
        command: Command<'_>,
        rounds: u32,
        out: &mut impl FnMut(Event<'_>),
    ) {
        for index in 0..self.ports.get(from).map_or(0, |port| port.from_here.len()) {
            self.carry(at, self.ports[from].from_here[index], command, rounds, out);
        }
    }

    fn carry(
        &mut self,
        at: Duration,
        id: ConnectionId,
        command: Command<'_>,
        rounds: u32,
        out: &mut impl FnMut(Event<'_>),
    ) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let Some(command) = connection.carries(command) else { return };
        self.goes.clear();
        command.encode(&mut self.goes);
        connection.carried += 1;
        connection.sounding.observe(&self.goes);
        self.guard.sent(at, &command, &self.goes, rounds);
        let to = connection.to;
        self.ports[to].turn.play(at, id, command, &mut |command| out(Event::Play { to, command }));
        self.note(to);
    }

    /// Takes note of whether somebody waits at a port.
    fn note(&mut self, port: PortId) {
        if self.ports[port].turn.due().is_some() {
            self.waiting.insert(port);
        } else if !self.waiting.is_empty() {
            self.waiting.remove(&port);
        }
    }

    fn cut(&mut self, at: Duration, id: ConnectionId, trip: Duration, out: &mut impl FnMut(Event<'_>)) {
        self.let_go(at, id, &mut *out);
        if let Some(connection) = self.connections.get_mut(id) {
            connection.in_loop = Some(trip);
            out(Event::Loop { connection: id, trip });
        }
    }

    /// Ends what a connection sounds, and nobody else sounds there.
    fn let_go(&mut self, at: Duration, id: ConnectionId, mut out: impl FnMut(Event<'_>)) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let (to, mut sounding) = (connection.to, std::mem::take(&mut connection.sounding));
        for other in self.ports[to].to_here.iter().filter(|it| **it != id) {
            sounding.leave_out(&self.connections[*other].sounding);
        }
        let out = &mut |command: Command<'_>| out(Event::Play { to, command });
        let turn = &mut self.ports[to].turn;
        turn.leave(at, id, out);
        for octets in sounding.release() {
            if let Ok((command, _)) = Command::decode(&octets) {
                turn.play(at, id, command, out);
            }
        }
        self.note(to);
    }
}

fn is_first(command: &Command<'_>) -> bool {
    matches!(command, Command::System(System::SysEx(Segment { part: Part::First, .. })))
}

/// Whether a command ends a note, or lets up a pedal, that sounds through a connection of a port.
fn ends_something(
    ports: &SlotMap<PortId, Port>,
    connections: &SlotMap<ConnectionId, Connection>,
    from: PortId,
    command: Command<'_>,
) -> bool {
    let mut octets = Vec::new();
    carriers(ports, connections, from, command).any(|id| {
        octets.clear();
        connections[id].carries(command).inspect(|command| command.encode(&mut octets));
        connections[id].sounding.is_relieved_by(&octets)
    })
}

/// The connections of a port that carry a command.
fn carriers<'a>(
    ports: &'a SlotMap<PortId, Port>,
    connections: &'a SlotMap<ConnectionId, Connection>,
    from: PortId,
    command: Command<'a>,
) -> impl Iterator<Item = ConnectionId> + use<'a> {
    let all = ports.get(from).into_iter().flat_map(|port| &port.from_here).copied();
    all.filter(move |id| connections[*id].carries(command).is_some())
}
