//! Rules at work: which ports of the bay are connected with each other, and with ports of ALSA and JACK that
//! others own.
//!
//! To rules a port of the bay is one of the network, client and port by its name. A connection between two of them is one
//! in the bay; one with a port that somebody else owns is made by ALSA or JACK, with the face of the port in the bay.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use midi_routing::PortId;
use port_rules::{Act, Change, Flow, Graph, Id, Port, Rules, decide};

use super::bay::Bay;
use super::config::Connections;
use super::inbox::Inbox;
use super::passage::Passage;
use super::status::{Origin, Transport};
use crate::ports::aside::{Aside, Hearer};
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
    sequencer: Option<Box<dyn Server>>,
    /// JACK's server, whose answers may take longer than music can wait.
    jack: Option<Aside>,
    /// The ports of others that stand for ports of the bay: where something comes out, and where it goes in.
    faces: BTreeMap<(Graph, Id, Way), Port>,
    /// When all is looked at again.
    due: Option<Instant>,
}

/// What a server knows of us: our clients, and what their ports stand for, as [`client_of`] and [`place_of`] call them.
#[derive(Default)]
pub(crate) struct Own {
    pub(crate) clients: BTreeSet<String>,
    pub(crate) faces: BTreeMap<String, PortId>,
    /// The ports for exports.
    pub(crate) exports: BTreeSet<String>,
}

/// What the servers know of us, as far as they are there.
#[derive(Default)]
pub(crate) struct Owns {
    pub(crate) alsa: Option<Own>,
    pub(crate) jack: Option<Own>,
}

/// What goes through a port, as others see it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Way {
    Out,
    In,
}

/// So long after something has happened all is looked at: much happens at once.
const SETTLED: Duration = Duration::from_millis(50);

/// What the bridge calls itself where it connects ports of others.
const CLIENT: &str = "rtpmidi bridge";

/// Numbers of ALSA's ports have 33 bits.
const NETWORK: u64 = 1 << 40;

/// What rules call the port that exports what is connected with it.
const EXPORT: Id = Id(NETWORK);

impl Patch {
    /// Begins with these rules. Ports of others are looked at as long as there are rules.
    pub(crate) fn new(rules: Rules, written: Connections) -> Self {
        let (ids, faces) = (BTreeMap::new(), BTreeMap::new());
        let (wiring, due) = (Wiring::new(all(rules, &written)), Some(Instant::now()));
        Self { wiring, written, ids, next: NETWORK + 1, sequencer: None, jack: None, faces, due }
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
        own: &Owns,
        inbox: &Inbox,
    ) -> (Vec<String>, BTreeSet<PortId>) {
        self.due = None;
        let now = Instant::now();
        if self.wiring.bay().rules().is_empty() {
            (self.sequencer, self.jack) = (None, None);
            self.sift(at, bay);
            return (Vec::new(), BTreeSet::new());
        }
        self.look_at_the_bay(bay, now);
        self.faces.clear();
        let surveys = [
            (Graph::Alsa, &own.alsa, self.ask_the_sequencer(own.alsa.is_some(), inbox)),
            (Graph::Jack, &own.jack, self.ask_jack(own.jack.is_some(), inbox)),
        ];
        for (graph, own, survey) in surveys {
            match (own, survey) {
                (Some(own), Some(survey)) => self.look_at(graph, own, survey, now),
                _ => self.wiring.lose(graph),
            }
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

    /// All ports of the sequencer.
    fn ask_the_sequencer(&mut self, is_there: bool, inbox: &Inbox) -> Option<Survey> {
        if !is_there {
            self.sequencer = None;
        } else if self.sequencer.is_none() {
            let inbox = inbox.clone();
            let listener = Box::new(move |_| inbox.patch());
            // What is missing has been told when the ports could not be made.
            self.sequencer = ports::open(Graph::Alsa, CLIENT, Some(listener)).ok();
        }
        Some(self.sequencer.as_ref()?.survey())
    }

    /// All ports of JACK, as far as they are known.
    fn ask_jack(&mut self, is_there: bool, inbox: &Inbox) -> Option<Survey> {
        if self.jack.is_none() && is_there {
            let (changed, refused) = (inbox.clone(), inbox.clone());
            let (changed, refused) = (move || changed.patch(), move |words: &str| refused.complain(words));
            let hearer = Hearer { changed: Box::new(changed), refused: Box::new(refused) };
            self.jack = Aside::start(Graph::Jack, CLIENT, hearer).ok();
        }
        let (gone, survey) = self.jack.as_ref()?.survey();
        // One that has come anew is connected anew.
        for id in gone {
            self.wiring.go(id);
        }
        survey
    }

    /// Takes note of the ports of a server, and of what is connected there.
    fn look_at(&mut self, graph: Graph, own: &Own, survey: Survey, now: Instant) {
        let Survey { ports, connections } = survey;
        let is_own = |port: &Port| own.clients.contains(&client_of(port));
        let (faces, ports): (Vec<Port>, Vec<Port>) = ports.into_iter().partition(is_own);
        let mut meant: BTreeMap<Id, Id> = BTreeMap::new();
        for face in faces {
            let Some(id) = self.stands_for(own, &face) else { continue };
            meant.insert(face.id, id);
            let ways = [(face.is_source(), Way::Out), (face.is_sink(), Way::In)];
            self.faces
                .extend(ways.into_iter().filter(|(goes, _)| *goes).map(|(_, way)| ((graph, id, way), face.clone())));
        }
        let meant = |id: Id| meant.get(&id).copied().unwrap_or(id);
        // A connection of two faces of ours goes through the server, and not through the bay.
        let of_others = |(from, to): &(Id, Id)| meant(*from) == *from || meant(*to) == *to;
        let connections: Vec<(Id, Id)> = connections.into_iter().filter(of_others).collect();
        let connections = connections.into_iter().map(|(from, to)| (meant(from), meant(to))).collect();
        self.wiring.survey(graph, Survey { ports, connections }, now);
    }

    /// What rules call the port that a face stands for.
    fn stands_for(&self, own: &Own, face: &Port) -> Option<Id> {
        let place = place_of(face);
        if own.exports.contains(&place) { Some(EXPORT) } else { self.ids.get(own.faces.get(&place)?).copied() }
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
        let graphs = [change.from, change.to].map(|id| self.wiring.bay().port(id).map(|port| port.graph));
        let graph = graphs.into_iter().flatten().find(|graph| *graph != Graph::Network);
        // Where exports are heard is nothing to connect with a port of the bay.
        let Some(graph) = graph else { return Err("neither is a port of others".to_owned()) };
        let known = |id: Id, way| self.faces.get(&(graph, id, way)).or_else(|| self.wiring.bay().port(id));
        let of_graph = |port: &&Port| port.graph == graph;
        let (Some(from), Some(to)) =
            (known(change.from, Way::Out).filter(of_graph), known(change.to, Way::In).filter(of_graph))
        else {
            return Err(format!("it has no port of {}", ports::title(graph)));
        };
        if self.filters(change.rule) {
            let (ours, side) = if place(change.from).is_some() { (change.from, "to") } else { (change.to, "from") };
            let name = self.wiring.bay().port(ours).map_or("", |port| &port.name);
            let (title, sort) = (ports::title(graph), ports::title(graph).to_lowercase());
            return Err(format!(
                "{title} makes it, which filters nothing; write {side} = '\"{sort}:{name}\"', and connect by a rule"
            ));
        }
        match (graph, &self.sequencer, &self.jack) {
            (Graph::Alsa, Some(sequencer), _) if change.act == Act::Connect => sequencer.connect(from, to)?,
            (Graph::Alsa, Some(sequencer), _) => sequencer.disconnect(from, to)?,
            (Graph::Jack, _, Some(jack)) => jack.ask(change.act, from, to),
            _ => return Err(format!("{} is gone", ports::title(graph))),
        }
        // Whoever is connected by a server is seen at the face.
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

/// What a client is called by its server: by its number at ALSA, by its name at JACK.
fn client_of(port: &Port) -> String {
    port.client_number.map_or_else(|| port.client.clone(), |number| number.to_string())
}

/// What a port is called by its server, such as `128:0` and `synth:in`.
fn place_of(port: &Port) -> String {
    let name = port.number.map_or_else(|| port.name.clone(), |number| number.to_string());
    format!("{}:{name}", client_of(port))
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
        assert_eq!(patch.look(Duration::ZERO, &mut bay, &Owns::default(), &inbox).0, Vec::<String>::new());
        let line = bay.add("ipMIDI 1", Transport::Ipmidi);
        let (words, touched) = patch.look(Duration::ZERO, &mut bay, &Owns::default(), &inbox);
        assert_eq!(words, ["Piano --> ipMIDI 1: connected by a rule"]);
        assert_eq!(touched, BTreeSet::from([piano, line]));
        assert_eq!(connections(&bay), [("Piano".to_owned(), "ipMIDI 1".to_owned())]);
        assert!(matches!(&bay.connections()[0].origin, Origin::Rule(rule) if rule.contains("Piano")));
        assert!(patch.look(Duration::ZERO, &mut bay, &Owns::default(), &inbox).0.is_empty());
        bay.disconnect(Duration::ZERO, piano, line);
        assert!(
            patch.look(Duration::ZERO, &mut bay, &Owns::default(), &inbox).0.is_empty(),
            "somebody has pulled the cable"
        );
        patch.set_rules(rules("Piano --> 'ipMIDI 1'"), Connections::default());
        assert!(patch.due().is_some());
        assert_eq!(patch.look(Duration::ZERO, &mut bay, &Owns::default(), &inbox).0.len(), 1);
    }

    #[test]
    fn without_rules_nothing_is_connected_and_rules_disconnect() {
        let (mut bay, mut patch, inbox) =
            (Bay::default(), Patch::new(Rules::default(), Connections::default()), inbox());
        let ports = ["a", "b"].map(|name| bay.add(name, Transport::Applemidi));
        bay.connect(ports[0], ports[1], Origin::Hand);
        assert!(patch.look(Duration::ZERO, &mut bay, &Owns::default(), &inbox).0.is_empty());
        patch.set_rules(rules("a -/-> b"), Connections::default());
        assert_eq!(
            patch.look(Duration::ZERO, &mut bay, &Owns::default(), &inbox).0,
            ["a --> b: disconnected by a rule"]
        );
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
        assert_eq!(patch.look(Duration::ZERO, &mut bay, &Owns::default(), &inbox).0, ["a --> c: connected by a rule"]);
        assert_eq!(told(&bay), expected([("b", 1), ("alsa:a", 1), ("c", 2)]));
        bay.set_passage(Duration::ZERO, a, b, &transpose(7));
        patch.set_rules(Rules::default(), Connections::default());
        patch.look(Duration::ZERO, &mut bay, &Owns::default(), &inbox);
        assert_eq!(told(&bay), expected([("b", 7), ("alsa:a", 0), ("c", 0)]));
        assert!(bay.connect(c, c, Origin::Hand));
    }
}
