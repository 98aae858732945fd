//! Ports and what is connected, and which rules mean which ports; kept up to date as they come and go.

use std::collections::HashMap;

use fixedbitset::FixedBitSet;

use crate::decide::{self, Change};
use crate::endpoint::{Called, Endpoint, First};
use crate::port::{Graph, Id, Media, Port};
use crate::rule::{Action, Rule, Rules};

/// Ports, connections and rules.
///
/// Each port is compared with each rule once, when it comes. What is left for a decision is sets of bits.
#[derive(Clone, Debug)]
pub struct Patchbay {
    rules: Rules,
    pub(crate) directions: Vec<Direction>,
    pub(crate) slots: Vec<Option<Slot>>,
    by_id: HashMap<Id, usize>,
    clients: HashMap<Client, FixedBitSet>,
    classes: HashMap<(Graph, Media), FixedBitSet>,
}

/// A rule in one direction.
#[derive(Clone, Debug)]
pub(crate) struct Direction {
    /// The place of its rule.
    pub(crate) rule: usize,
    pub(crate) action: Action,
    from: Endpoint,
    to: Endpoint,
    /// Whether what it leads to depends on the names of what it begins at.
    fills: bool,
    /// Whether a side names no client. Such a rule does not connect a client with itself.
    pub(crate) wild: bool,
    /// The ports that the second side means, where that does not depend on the first.
    sinks: FixedBitSet,
}

/// A port, and what rules say of it.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) port: Port,
    called: Called,
    first: First,
    /// Directions that begin here.
    pub(crate) feeds: Vec<Reach>,
    /// Directions that begin at whatever feeds this port.
    pub(crate) taps: Vec<Reach>,
    /// The ports that this one is connected to.
    pub(crate) links: FixedBitSet,
}

/// A direction that begins at a port.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    pub(crate) direction: usize,
    /// Where it leads to with the names of this port in it, if it has placeholders. There are many without.
    filled: Option<Box<(Endpoint, FixedBitSet)>>,
}

/// What tells clients apart.
type Client = (Graph, Option<u32>, String);

fn client(port: &Port) -> Client {
    (port.graph, port.client_number, port.client.clone())
}

impl Patchbay {
    /// No ports yet.
    pub fn new(rules: Rules) -> Self {
        let mut bay = Self {
            rules: Rules::default(),
            directions: Vec::new(),
            slots: Vec::new(),
            by_id: HashMap::new(),
            clients: HashMap::new(),
            classes: HashMap::new(),
        };
        bay.set_rules(rules);
        bay
    }

    /// The rules that decide.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Takes other rules; ports and connections stay.
    pub fn set_rules(&mut self, rules: Rules) {
        self.directions = (0..)
            .zip(&rules)
            .flat_map(|(index, rule)| rule.directions().map(move |(from, to)| (index, rule.action, from, to)))
            .map(|(rule, action, from, to)| Direction {
                rule,
                action,
                from: from.clone(),
                to: to.clone(),
                fills: to.placeholders().next().is_some(),
                wild: from.is_wild() || to.is_wild(),
                sinks: FixedBitSet::with_capacity(self.slots.len()),
            })
            .collect();
        self.rules = rules;
        for slot in 0..self.slots.len() {
            self.compare(slot);
        }
    }

    /// Takes a port, or what has become of one that is known; its connections stay.
    pub fn insert(&mut self, port: Port) {
        let known = self.by_id.get(&port.id).copied();
        let before = known.and_then(|slot| self.slot(slot)).map(|slot| client(&slot.port));
        let links = known.map(|slot| self.clear(slot)).unwrap_or_default();
        let slot = known.or_else(|| self.slots.iter().position(Option::is_none)).unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.by_id.insert(port.id, slot);
        let of_client = client(&port);
        put(self.clients.entry(of_client.clone()).or_default(), slot);
        if port.is_sink() {
            put(self.classes.entry((port.graph, port.media)).or_default(), slot);
        } else {
            self.slots.iter_mut().flatten().for_each(|other| other.links.set_within(slot, false));
        }
        let (called, first) = (Called::new(&port), First::default());
        let mut taken = Slot { port, called, first, feeds: Vec::new(), taps: Vec::new(), links };
        if !taken.port.is_source() {
            taken.links.clear();
        }
        self.slots[slot] = Some(taken);
        if let Some(before) = before.filter(|before| *before != of_client) {
            self.find_first(&before, None);
        }
        self.find_first(&of_client, Some(slot));
    }

    /// Forgets a port and its connections.
    pub fn remove(&mut self, id: Id) {
        let Some(slot) = self.by_id.remove(&id) else { return };
        let of_client = self.slots[slot].as_ref().map(|gone| client(&gone.port));
        self.clear(slot);
        for other in self.slots.iter_mut().flatten() {
            other.links.set_within(slot, false);
        }
        if let Some(of_client) = of_client {
            self.find_first(&of_client, None);
        }
    }

    /// Takes note of a connection. One of ports that are not known, or do not go that way, is none.
    pub fn connected(&mut self, from: Id, to: Id) {
        if let Some((from, to)) = self.pair(from, to)
            && let Some(slot) = &mut self.slots[from]
        {
            put(&mut slot.links, to);
        }
    }

    /// Takes note that a connection is no more.
    pub fn disconnected(&mut self, from: Id, to: Id) {
        if let Some((from, to)) = self.pair(from, to)
            && let Some(slot) = &mut self.slots[from]
        {
            slot.links.set_within(to, false);
        }
    }

    /// Takes note that a change has been made.
    pub fn apply(&mut self, change: &Change) {
        match change.act {
            decide::Act::Connect => self.connected(change.from, change.to),
            decide::Act::Disconnect => self.disconnected(change.from, change.to),
        }
    }

    /// What has to be connected and disconnected, so that all is as the rules want it: disconnections first.
    pub fn decide(&self) -> Vec<Change> {
        decide::of(self)
    }

    /// The port that is known by a number.
    pub fn port(&self, id: Id) -> Option<&Port> {
        self.slot(*self.by_id.get(&id)?).map(|slot| &slot.port)
    }

    /// All ports, in an order that does not depend on when they came.
    pub fn ports(&self) -> Vec<&Port> {
        let mut ports: Vec<_> = self.slots.iter().flatten().map(|slot| &slot.port).collect();
        ports.sort_unstable_by_key(|port| port.rank());
        ports
    }

    /// Whether two ports are connected.
    pub fn is_connected(&self, from: Id, to: Id) -> bool {
        self.pair(from, to).and_then(|(from, to)| Some(self.slot(from)?.links.contains(to))).unwrap_or_default()
    }

    /// All connections, in such an order.
    pub fn connections(&self) -> Vec<(&Port, &Port)> {
        let mut connections: Vec<_> = self
            .slots
            .iter()
            .flatten()
            .flat_map(|from| from.links.ones().filter_map(move |to| Some((&from.port, &self.slot(to)?.port))))
            .collect();
        connections.sort_unstable_by_key(|(from, to)| (from.rank(), to.rank()));
        connections
    }

    pub(crate) fn slot(&self, index: usize) -> Option<&Slot> {
        self.slots.get(index)?.as_ref()
    }

    pub(crate) fn find(&self, id: Id) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// A source and a sink.
    fn pair(&self, from: Id, to: Id) -> Option<(usize, usize)> {
        let (from, to) = (self.find(from)?, self.find(to)?);
        (self.slot(from)?.port.is_source() && self.slot(to)?.port.is_sink()).then_some((from, to))
    }

    /// The ports that a source can be connected to.
    pub(crate) fn reachable(&self, slot: usize) -> FixedBitSet {
        let mut all = FixedBitSet::with_capacity(self.slots.len());
        let Some(source) = self.slot(slot).filter(|source| source.port.is_source()) else { return all };
        for ((graph, media), sinks) in &self.classes {
            if *media == source.port.media && graph.reaches(source.port.graph) {
                all.union_with(sinks);
            }
        }
        all.set_within(slot, false);
        all
    }

    /// The ports of the same client.
    pub(crate) fn siblings(&self, slot: usize) -> Option<&FixedBitSet> {
        self.clients.get(&client(&self.slot(slot)?.port))
    }

    /// Where a direction leads to from a port.
    pub(crate) fn sinks<'a>(&'a self, reach: &'a Reach) -> &'a FixedBitSet {
        match &reach.filled {
            Some(filled) => &filled.1,
            None => &self.directions[reach.direction].sinks,
        }
    }

    /// The rules that lead to a port, with their places.
    pub(crate) fn leading_to(&self, slot: usize) -> impl Iterator<Item = (&Rule, usize)> {
        let leading = self.directions.iter().filter(move |direction| direction.sinks.contains(slot));
        leading.filter_map(|direction| Some((self.rules.at(direction.rule)?, direction.rule)))
    }

    /// Empties a slot; returns what it was connected to.
    fn clear(&mut self, slot: usize) -> FixedBitSet {
        let Some(gone) = self.slots[slot].take() else { return FixedBitSet::new() };
        let of_client = client(&gone.port);
        if let Some(ports) = self.clients.get_mut(&of_client) {
            ports.set_within(slot, false);
            if ports.is_clear() {
                self.clients.remove(&of_client);
            }
        }
        if let Some(ports) = self.classes.get_mut(&(gone.port.graph, gone.port.media)) {
            ports.set_within(slot, false);
        }
        for direction in &mut self.directions {
            direction.sinks.set_within(slot, false);
        }
        for reach in self.slots.iter_mut().flatten().flat_map(|slot| slot.feeds.iter_mut().chain(&mut slot.taps)) {
            if let Some(filled) = &mut reach.filled {
                filled.1.set_within(slot, false);
            }
        }
        gone.links
    }

    /// Finds out which ports of a client are the first ones, by number and else by identifier, and compares those for
    /// which that has changed, and the one that is new.
    fn find_first(&mut self, of_client: &Client, new: Option<usize>) {
        let Some(ports) = self.clients.get(of_client) else { return };
        let first = |way: fn(&Port) -> bool| {
            let ports = ports.ones().filter(|&slot| self.slot(slot).is_some_and(|slot| way(&slot.port)));
            ports.min_by_key(|&slot| self.slot(slot).map(|slot| (slot.port.number.unwrap_or(u32::MAX), slot.port.id)))
        };
        let (source, sink) = (first(Port::is_source), first(Port::is_sink));
        for slot in ports.ones().collect::<Vec<_>>() {
            let now = First { source: source == Some(slot), sink: sink == Some(slot) };
            if let Some(port) = &mut self.slots[slot]
                && (port.first != now || new == Some(slot))
            {
                port.first = now;
                self.compare(slot);
            }
        }
    }

    /// Compares a port with every rule.
    fn compare(&mut self, index: usize) {
        let Some(mut slot) = self.slots[index].take() else { return };
        let Slot { port, called, first, .. } = &slot;
        let (mut feeds, mut taps) = (Vec::new(), Vec::new());
        for (number, direction) in self.directions.iter_mut().enumerate() {
            if !direction.fills {
                let fits = port.is_sink() && direction.to.matches(port, called, first.sink);
                direction.sinks.grow(index + 1);
                direction.sinks.set(index, fits);
            }
            let (goes, is_first, reaches) = if direction.from.tap {
                (port.is_sink(), first.sink, &mut taps)
            } else {
                (port.is_source(), first.source, &mut feeds)
            };
            if !goes {
            } else if direction.fills {
                let groups = direction.from.captures(port, called, is_first);
                let filled = groups.iter().filter_map(|groups| direction.to.filled(groups));
                let filled = filled.map(|to| Some(Box::new((to, FixedBitSet::new()))));
                reaches.extend(filled.map(|filled| Reach { direction: number, filled }));
            } else if direction.from.matches(port, called, is_first) {
                reaches.push(Reach { direction: number, filled: None });
            }
        }
        (slot.feeds, slot.taps) = (feeds, taps);
        self.slots[index] = Some(slot);
        self.fill(index);
    }

    /// Finds where placeholders of a port lead to, and which placeholders of others lead to it.
    fn fill(&mut self, index: usize) {
        let Some(mut slot) = self.slots[index].take() else { return };
        let (mut feeds, mut taps) = (std::mem::take(&mut slot.feeds), std::mem::take(&mut slot.taps));
        for (to, sinks) in feeds.iter_mut().chain(&mut taps).filter_map(|reach| reach.filled.as_deref_mut()) {
            let others = (0..).zip(&self.slots).filter_map(|(other, slot)| Some((other, slot.as_ref()?)));
            for (other, _) in others.chain([(index, &slot)]).filter(|(_, slot)| slot.is_meant(to)) {
                put(sinks, other);
            }
        }
        (slot.feeds, slot.taps) = (feeds, taps);
        let reaches = self.slots.iter_mut().flatten().flat_map(|other| other.feeds.iter_mut().chain(&mut other.taps));
        for (to, sinks) in reaches.filter_map(|reach| reach.filled.as_deref_mut()) {
            sinks.grow(index + 1);
            sinks.set(index, slot.is_meant(to));
        }
        self.slots[index] = Some(slot);
    }
}

impl Direction {
    /// Whether it may lead anywhere.
    pub(crate) fn is_alive(&self) -> bool {
        self.fills || !self.sinks.is_clear()
    }
}

impl Slot {
    /// Whether the second side of a rule means this port.
    fn is_meant(&self, to: &Endpoint) -> bool {
        self.port.is_sink() && to.matches(&self.port, &self.called, self.first.sink)
    }
}

/// Puts a bit into a set that may be too small for it.
fn put(set: &mut FixedBitSet, bit: usize) {
    set.grow(bit + 1);
    set.insert(bit);
}

/// Sets that know no bits beyond their end.
pub(crate) trait Within {
    /// Sets a bit that is there.
    fn set_within(&mut self, bit: usize, value: bool);
}

impl Within for FixedBitSet {
    fn set_within(&mut self, bit: usize, value: bool) {
        if bit < self.len() {
            self.set(bit, value);
        }
    }
}
