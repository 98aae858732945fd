//! Rules at work: which ports of the bay are connected with each other, and with ports of ALSA that others own.
//!
//! To rules a port of the bay is one of the network, client and port by its name. A connection between two of them is one
//! in the bay; one with a port that somebody else owns is made by ALSA, with the face of the port in the bay.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use midi_routing::PortId;
use port_rules::{Act, Change, Flow, Graph, Id, Port, Rules, decide};

use super::bay::Bay;
use super::config::Connections;
use super::inbox::Inbox;
use super::passage::Passage;
use super::status::{Origin, Transport};
use crate::ports::wiring::Wiring;
use crate::ports::{self, Server, Survey};

/// The rules, and what they decide about.
pub(crate) struct Patch {
    wiring: Wiring,
    /// What is written of connections; their rules are the last ones of all.
    written: Connections,
    /// What rules call ports of the bay.
    ids: BTreeMap<PortId, Id>,
    /// The number of the next one.
    next: u64,
    server: Option<Box<dyn Server>>,
    /// The ports of ALSA that stand for ports of the bay.
    faces: BTreeMap<Id, Port>,
    /// When all is looked at again.
    due: Option<Instant>,
}

/// What the sequencer knows of us: our clients, and what their ports stand for, by the numbers of both.
pub(crate) struct Own {
    pub(crate) clients: BTreeSet<i32>,
    pub(crate) faces: BTreeMap<(i32, i32), PortId>,
    /// The port for exports.
    pub(crate) export: (i32, i32),
}

/// So long after something has happened all is looked at: much happens at once.
const SETTLED: Duration = Duration::from_millis(50);

/// Numbers of ALSA's ports have 33 bits.
const NETWORK: u64 = 1 << 40;

/// What rules call the port that exports what is connected with it.
const EXPORT: Id = Id(NETWORK);

impl Patch {
    /// Begins with these rules. Ports of ALSA are looked at as long as there are rules.
    pub(crate) fn new(rules: Rules, written: Connections) -> Self {
        let (ids, faces) = (BTreeMap::new(), BTreeMap::new());
        let (wiring, due) = (Wiring::new(all(rules, &written)), Some(Instant::now()));
        Self { wiring, written, ids, next: NETWORK + 1, server: None, faces, due }
    }

    /// Takes other rules. Connections that no rule ends stay.
    pub(crate) fn set_rules(&mut self, rules: Rules, written: Connections) {
        self.wiring.set_rules(all(rules, &written));
        self.written = written;
        self.hurry();
    }

    /// Something has changed.
    pub(crate) fn hurry(&mut self) {
        self.due.get_or_insert_with(|| Instant::now() + SETTLED);
    }

    /// When all is to be looked at.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Looks at all ports, and does what the rules want. Returns what has been done and what could not be, in words, and
    /// the ports of the bay that are connected otherwise than before.
    pub(crate) fn look(
        &mut self,
        at: Duration,
        bay: &mut Bay,
        own: Option<&Own>,
        inbox: &Inbox,
    ) -> (Vec<String>, BTreeSet<PortId>) {
        self.due = None;
        let now = Instant::now();
        if self.wiring.bay().rules().is_empty() {
            self.server = None;
            self.sift(at, bay);
            return (Vec::new(), BTreeSet::new());
        }
        self.look_at_the_bay(bay, now);
        if let Some(own) = own {
            self.look_at_the_sequencer(own, inbox, now);
        } else {
            self.server = None;
            self.wiring.lose(Graph::Alsa);
        }
        let (mut words, mut touched) = (Vec::new(), BTreeSet::new());
        for change in self.wiring.decide() {
            match self.make(&change, at, bay) {
                Ok(ports) => {
                    touched.extend(ports);
                    words.push(self.words(&change));
                    self.wiring.apply(&change, now);
                }
                Err(reason) if self.wiring.refuse(&change) => {
                    words.push(format!("{}, which cannot be: {reason}", self.words(&change)));
                }
                Err(_) => self.hurry(),
            }
        }
        self.sift(at, bay);
        (words, touched)
    }

    /// Has connections let through what is written of them: the last thing that means both ports counts, whoever has
    /// connected them.
    pub(crate) fn sift(&self, at: Duration, bay: &mut Bay) {
        let all: Vec<(PortId, String)> = bay.named().map(|(port, name)| (port, name.to_owned())).collect();
        let port =
            |(id, (_, name)): (u64, &(PortId, String))| Port::new(Id(id), Graph::Network, name, name, Flow::Both);
        let ports: Vec<Port> = (0..).zip(&all).map(port).collect();
        let changes = decide(&self.written.rules, &ports, &[]);
        let place = |id: Id| all[id.0 as usize].0;
        let filters = changes.iter().filter_map(|change| {
            let passage = self.written.passages.get(change.rule)?;
            Some(((place(change.from), place(change.to)), passage.filter()))
        });
        bay.sift(at, &filters.collect());
    }

    /// Whether a rule says what gets through.
    fn filters(&self, rule: usize) -> bool {
        let first = self.wiring.bay().rules().len() - self.written.rules.len();
        let passage = rule.checked_sub(first).and_then(|place| self.written.passages.get(place));
        passage.is_some_and(|passage| *passage != Passage::default())
    }

    /// Takes note of the ports of the bay, and of what is connected there.
    fn look_at_the_bay(&mut self, bay: &Bay, now: Instant) {
        let mut ports = vec![Port::new(EXPORT, Graph::Network, super::EXPORT, super::EXPORT, Flow::Both)];
        let mut there = BTreeMap::new();
        for (port, name) in bay.named().filter(|(port, _)| has_rules(bay.transport(*port))) {
            let next = self.next;
            let id = *self.ids.entry(port).or_insert(Id(next));
            self.next = next.max(id.0 + 1);
            there.insert(port, id);
            ports.push(Port::new(id, Graph::Network, name, name, Flow::Both));
        }
        let connections: Vec<(Id, Id)> =
            bay.pairs().filter_map(|(from, to)| Some((*there.get(&from)?, *there.get(&to)?))).collect();
        // What ends in the bay has ended at once, while a server may show it later.
        let known = self.wiring.bay().connections();
        let in_the_bay = known.iter().filter(|(from, to)| (from.graph, to.graph) == (Graph::Network, Graph::Network));
        let ended: Vec<(Id, Id)> =
            in_the_bay.map(|(from, to)| (from.id, to.id)).filter(|pair| !connections.contains(pair)).collect();
        for pair in ended {
            self.wiring.disconnected(pair, now);
        }
        self.ids = there;
        self.wiring.survey(Graph::Network, Survey { ports, connections }, now);
    }

    /// Takes note of the ports of ALSA, and of what is connected there.
    fn look_at_the_sequencer(&mut self, own: &Own, inbox: &Inbox, now: Instant) {
        if self.server.is_none() {
            let inbox = inbox.clone();
            let listener = Box::new(move |_| inbox.patch());
            // What is missing has been told when the ports could not be made.
            self.server = ports::open(Graph::Alsa, "rtpmidi bridge", Some(listener)).ok();
        }
        let Some(server) = &self.server else { return };
        let Survey { ports, connections } = server.survey();
        let is_own = |port: &Port| number(port).is_some_and(|(client, _)| own.clients.contains(&client));
        let (faces, ports): (Vec<Port>, Vec<Port>) = ports.into_iter().partition(is_own);
        self.faces = faces.into_iter().filter_map(|face| Some((self.stands_for(own, &face)?, face))).collect();
        let meant: BTreeMap<Id, Id> = self.faces.iter().map(|(id, face)| (face.id, *id)).collect();
        let meant = |id: Id| meant.get(&id).copied().unwrap_or(id);
        // A connection of two faces of ours goes through the sequencer, and not through the bay.
        let of_others = |(from, to): &(Id, Id)| meant(*from) == *from || meant(*to) == *to;
        let connections: Vec<(Id, Id)> = connections.into_iter().filter(of_others).collect();
        let connections = connections.into_iter().map(|(from, to)| (meant(from), meant(to))).collect();
        self.wiring.survey(Graph::Alsa, Survey { ports, connections }, now);
    }

    /// What rules call the port that a face stands for.
    fn stands_for(&self, own: &Own, face: &Port) -> Option<Id> {
        let number = number(face)?;
        if number == own.export { Some(EXPORT) } else { self.ids.get(own.faces.get(&number)?).copied() }
    }

    /// Connects or disconnects; returns the ports of the bay.
    fn make(&self, change: &Change, at: Duration, bay: &mut Bay) -> Result<Vec<PortId>, String> {
        let place = |id: Id| self.ids.iter().find(|(_, its)| **its == id).map(|(port, _)| *port);
        if let (Some(from), Some(to)) = (place(change.from), place(change.to)) {
            let rule = self.wiring.bay().rules().at(change.rule).map(ToString::to_string).unwrap_or_default();
            match change.act {
                Act::Connect => drop(bay.connect(from, to, Origin::Rule(rule))),
                Act::Disconnect => drop(bay.disconnect(at, from, to)),
            }
            return Ok(vec![from, to]);
        }
        let known =
            |id: Id| self.faces.get(&id).or_else(|| self.wiring.bay().port(id).filter(|it| it.graph == Graph::Alsa));
        let (Some(from), Some(to)) = (known(change.from), known(change.to)) else {
            return Err("it has no port of ALSA".to_owned());
        };
        let Some(server) = self.server.as_ref().filter(|_| change.from != EXPORT || change.to != EXPORT) else {
            return Err("there is no ALSA sequencer".to_owned());
        };
        if self.filters(change.rule) {
            let (ours, side) = if place(change.from).is_some() { (change.from, "to") } else { (change.to, "from") };
            let name = self.wiring.bay().port(ours).map_or("", |port| &port.name);
            return Err(format!(
                "ALSA makes it, which filters nothing; write {side} = '\"alsa:{name}\"', and connect by a rule"
            ));
        }
        match change.act {
            Act::Connect => server.connect(from, to)?,
            Act::Disconnect => server.disconnect(from, to)?,
        }
        // Whoever is connected by ALSA is seen at the face.
        Ok(Vec::new())
    }

    fn words(&self, change: &Change) -> String {
        let name = |id: Id| match self.wiring.bay().port(id) {
            Some(port) if port.graph == Graph::Network => port.name.clone(),
            Some(port) => port.full_name(),
            None => String::new(),
        };
        let verb = if change.act == Act::Connect { "connected" } else { "disconnected" };
        format!("{} --> {}: {verb} by a rule", name(change.from), name(change.to))
    }
}

/// Whether rules may name such a port, and other programs get one that stands for it. Those of ALSA and JACK are such,
/// named by their servers, and recordings are named by whoever has begun them.
pub(crate) const fn has_rules(transport: Option<Transport>) -> bool {
    !matches!(transport, Some(Transport::Alsa | Transport::Jack | Transport::File))
}

/// All rules, in their order.
fn all(mut rules: Rules, written: &Connections) -> Rules {
    rules.extend(written.rules.clone());
    rules
}

/// The numbers that ALSA gives a port and its client.
fn number(port: &Port) -> Option<(i32, i32)> {
    Some((i32::try_from(port.client_number?).ok()?, i32::try_from(port.number?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Poll, Token, Waker};

    fn rules(text: &str) -> Rules {
        Rules::parse(text).whole().unwrap()
    }

    fn inbox() -> Inbox {
        Inbox::new(Waker::new(Poll::new().unwrap().registry(), Token(0)).unwrap())
    }

    fn connections(bay: &Bay) -> Vec<(String, String)> {
        bay.connections().into_iter().map(|it| (it.from, it.to)).collect()
    }

    #[test]
    fn ports_of_the_bay_are_connected_by_rules_whenever_they_come_and_not_against_a_person() {
        let (mut bay, mut patch, inbox) =
            (Bay::default(), Patch::new(rules("Piano --> 'ipMIDI 1'"), Connections::default()), inbox());
        let piano = bay.add("Piano", Transport::Applemidi);
        bay.add("alsa:Piano", Transport::Alsa);
        assert_eq!(patch.look(Duration::ZERO, &mut bay, None, &inbox).0, Vec::<String>::new());
        let line = bay.add("ipMIDI 1", Transport::Ipmidi);
        let (words, touched) = patch.look(Duration::ZERO, &mut bay, None, &inbox);
        assert_eq!(words, ["Piano --> ipMIDI 1: connected by a rule"]);
        assert_eq!(touched, BTreeSet::from([piano, line]));
        assert_eq!(connections(&bay), [("Piano".to_owned(), "ipMIDI 1".to_owned())]);
        assert!(matches!(&bay.connections()[0].origin, Origin::Rule(rule) if rule.contains("Piano")));
        assert!(patch.look(Duration::ZERO, &mut bay, None, &inbox).0.is_empty());
        bay.disconnect(Duration::ZERO, piano, line);
        assert!(patch.look(Duration::ZERO, &mut bay, None, &inbox).0.is_empty(), "somebody has pulled the cable");
        patch.set_rules(rules("Piano --> 'ipMIDI 1'"), Connections::default());
        assert!(patch.due().is_some());
        assert_eq!(patch.look(Duration::ZERO, &mut bay, None, &inbox).0.len(), 1);
    }

    #[test]
    fn without_rules_nothing_is_connected_and_rules_disconnect() {
        let (mut bay, mut patch, inbox) =
            (Bay::default(), Patch::new(Rules::default(), Connections::default()), inbox());
        let ports = ["a", "b"].map(|name| bay.add(name, Transport::Applemidi));
        bay.connect(ports[0], ports[1], Origin::Hand);
        assert!(patch.look(Duration::ZERO, &mut bay, None, &inbox).0.is_empty());
        patch.set_rules(rules("a -/-> b"), Connections::default());
        assert_eq!(patch.look(Duration::ZERO, &mut bay, None, &inbox).0, ["a --> b: disconnected by a rule"]);
        assert!(connections(&bay).is_empty());
    }

    #[test]
    fn what_is_written_of_a_connection_connects_and_filters_whoever_has_connected_and_a_person_counts_more() {
        let transpose = |transpose| Passage { transpose, ..Passage::default() };
        let written = Connections { rules: rules("a --> *\na --> c"), passages: vec![transpose(1), transpose(2)] };
        let (mut bay, mut patch, inbox) = (Bay::default(), Patch::new(Rules::default(), written), inbox());
        let [a, b, c, face] = ["a", "b", "c", "alsa:a"]
            .map(|name| bay.add(name, if name.len() > 1 { Transport::Alsa } else { Transport::Applemidi }));
        bay.connect(a, b, Origin::Hand);
        bay.connect(a, face, Origin::Own);
        let told = |bay: &Bay| {
            let moved =
                |it: &crate::cmd::bridge::status::ConnectionStatus| it.filter.as_ref().map_or(0, |it| it.transpose);
            bay.connections().iter().map(|it| (it.to.clone(), moved(it))).collect::<Vec<_>>()
        };
        let expected = |all: [(&str, i8); 3]| all.map(|(name, moved)| (name.to_owned(), moved));
        assert_eq!(patch.look(Duration::ZERO, &mut bay, None, &inbox).0, ["a --> c: connected by a rule"]);
        assert_eq!(told(&bay), expected([("b", 1), ("alsa:a", 1), ("c", 2)]));
        bay.set_passage(Duration::ZERO, a, b, &transpose(7));
        patch.set_rules(Rules::default(), Connections::default());
        patch.look(Duration::ZERO, &mut bay, None, &inbox);
        assert_eq!(told(&bay), expected([("b", 7), ("alsa:a", 0), ("c", 0)]));
        assert!(bay.connect(c, c, Origin::Hand));
    }
}
