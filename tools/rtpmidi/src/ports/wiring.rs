//! Ports and connections as they come and go, and what is to be done about them: by the rules, but not against a person
//! who has just pulled a cable.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use port_rules::{Act, Change, Graph, Id, Patchbay, Port, Rules};

use super::Survey;

/// A source and a sink.
pub(crate) type Pair = (Id, Id);

/// What is there, and what others have done to it.
pub(crate) struct Wiring {
    bay: Patchbay,
    /// When ports came, as far as it was seen.
    born: HashMap<Id, Instant>,
    /// Pairs that others have disconnected: they stay so until one of the ports comes anew or the rules change.
    released: HashSet<Pair>,
    /// How often pairs could not be connected or disconnected in a row.
    refused: HashMap<Pair, u32>,
    /// What others have done, and when, until it is clear whether it was a person.
    doings: HashMap<Pair, (Act, Instant)>,
    /// When pairs were connected or disconnected from here, until servers show it.
    made: HashMap<Pair, Instant>,
}

/// What happens to connections within so long of a port's coming is its program's doing, or that of a session manager.
const INFANCY: Duration = Duration::from_secs(2);

/// A person's connection lasts so long. One that ends because its program ends is no person's doing, and is told first.
const PATIENCE: Duration = Duration::from_secs(1);

/// So often something is tried that does not work.
const TRIES: u32 = 3;

impl Wiring {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            bay: Patchbay::new(rules),
            born: HashMap::new(),
            released: HashSet::new(),
            refused: HashMap::new(),
            doings: HashMap::new(),
            made: HashMap::new(),
        }
    }

    pub(crate) const fn bay(&self) -> &Patchbay {
        &self.bay
    }

    /// Takes other rules, with which everything is as if it had just come.
    pub(crate) fn set_rules(&mut self, rules: Rules) {
        self.bay.set_rules(rules);
        self.released.clear();
        self.refused.clear();
    }

    /// The same for rules that say what a person has done.
    pub(crate) fn set_learnt(&mut self, rules: Rules) {
        self.bay.set_rules(rules);
    }

    /// Takes a port as it is now; false if that is known.
    pub(crate) fn come(&mut self, port: Port, now: Instant) -> bool {
        let known = self.bay.port(port.id);
        if known == Some(&port) {
            return false;
        }
        if known.is_none_or(|known| known.full_name() != port.full_name()) {
            self.forget(port.id);
            self.born.insert(port.id, now);
        }
        self.bay.insert(port);
        true
    }

    /// Forgets a port; false if it is not known.
    pub(crate) fn go(&mut self, id: Id) -> bool {
        let is_known = self.bay.port(id).is_some();
        self.bay.remove(id);
        self.forget(id);
        is_known
    }

    /// Takes note of a connection; false if it is known, as those that have been made from here are.
    pub(crate) fn connected(&mut self, pair: Pair, now: Instant) -> bool {
        self.done(pair, Act::Connect, now)
    }

    /// Takes note that a connection is no more.
    pub(crate) fn disconnected(&mut self, pair: Pair, now: Instant) -> bool {
        let is_new = self.done(pair, Act::Disconnect, now);
        if is_new {
            self.released.insert(pair);
        }
        is_new
    }

    /// Compares a server with what is known of it; false if nothing is new. Who has connected what is connected at the
    /// first time, nobody knows, and when its ports came: they have just come.
    pub(crate) fn survey(&mut self, graph: Graph, survey: Survey, now: Instant) -> bool {
        let there: HashSet<_> = survey.ports.iter().map(|port| port.id).collect();
        let gone: Vec<_> = self.of(graph).filter(|port| !there.contains(&port.id)).map(|port| port.id).collect();
        let mut is_new = false;
        for id in gone {
            is_new |= self.go(id);
        }
        for port in survey.ports {
            is_new |= self.come(port, now);
        }
        self.made.retain(|_, at| now.saturating_duration_since(*at) < PATIENCE);
        let now_connected: HashSet<_> = survey.connections.into_iter().collect();
        let connections = self.bay.connections();
        let of_graph = connections.iter().filter(|(from, _)| from.graph == graph);
        let ended: Vec<_> =
            of_graph.map(|(from, to)| (from.id, to.id)).filter(|pair| !now_connected.contains(pair)).collect();
        // JACK shows what has been done only from its next period on.
        for pair in ended {
            is_new |= !self.made.contains_key(&pair) && self.disconnected(pair, now);
        }
        for pair in now_connected {
            is_new |= !self.made.contains_key(&pair) && self.connected(pair, now);
        }
        is_new
    }

    /// Whether the last survey left something open, which the next one tells.
    pub(crate) fn is_open(&self) -> bool {
        !self.made.is_empty()
    }

    /// Forgets all ports of a server that is gone.
    pub(crate) fn lose(&mut self, graph: Graph) {
        let all: Vec<_> = self.of(graph).map(|port| port.id).collect();
        for id in all {
            self.go(id);
        }
    }

    /// What has to be done now.
    pub(crate) fn decide(&self) -> Vec<Change> {
        let is_welcome = |change: &Change| {
            let pair = (change.from, change.to);
            let is_released = change.act == Act::Connect && self.released.contains(&pair);
            !is_released && self.refused.get(&pair).is_none_or(|tries| *tries < TRIES)
        };
        self.bay.decide().into_iter().filter(is_welcome).collect()
    }

    /// Takes note of what has been done from here.
    pub(crate) fn apply(&mut self, change: &Change, now: Instant) {
        self.bay.apply(change);
        self.made.insert((change.from, change.to), now);
        self.refused.remove(&(change.from, change.to));
        self.doings.remove(&(change.from, change.to));
    }

    /// Takes note of what could not be done; true if it is not tried again.
    pub(crate) fn refuse(&mut self, change: &Change) -> bool {
        let tries = self.refused.entry((change.from, change.to)).or_default();
        *tries += 1;
        *tries == TRIES
    }

    /// Whether something that could not be done is to be tried again.
    pub(crate) fn has_tries(&self) -> bool {
        self.refused.values().any(|tries| *tries < TRIES)
    }

    /// What a person has done, as far as that is clear by now.
    pub(crate) fn judge(&mut self, now: Instant) -> Vec<(Pair, Act)> {
        let is_clear = |at: &Instant| now.saturating_duration_since(*at) >= PATIENCE;
        let clear: Vec<_> =
            self.doings.iter().filter(|(_, (_, at))| is_clear(at)).map(|(pair, (act, _))| (*pair, *act)).collect();
        for (pair, _) in &clear {
            self.doings.remove(pair);
        }
        clear
    }

    /// When that is clear of the next one.
    pub(crate) fn judgement(&self) -> Option<Instant> {
        self.doings.values().map(|(_, at)| *at + PATIENCE).min()
    }

    fn of(&self, graph: Graph) -> impl Iterator<Item = &Port> {
        self.bay.ports().into_iter().filter(move |port| port.graph == graph)
    }

    /// Forgets what is known of a port beside itself.
    fn forget(&mut self, id: Id) {
        let is_about = |pair: &Pair| pair.0 == id || pair.1 == id;
        self.born.remove(&id);
        self.released.retain(|pair| !is_about(pair));
        self.refused.retain(|pair, _| !is_about(pair));
        self.doings.retain(|pair, _| !is_about(pair));
        self.made.retain(|pair, _| !is_about(pair));
    }

    fn done(&mut self, pair: Pair, act: Act, now: Instant) -> bool {
        let (Some(from), Some(to)) = (self.bay.port(pair.0), self.bay.port(pair.1)) else { return false };
        let is_young = |port: &Port| self.born.get(&port.id).is_some_and(|born| now.duration_since(*born) < INFANCY);
        let is_young = is_young(from) || is_young(to);
        let was = self.bay.is_connected(pair.0, pair.1);
        if was == (act == Act::Connect) {
            return false;
        }
        let change = Change { act, from: pair.0, to: pair.1, rule: 0 };
        self.bay.apply(&change);
        if act == Act::Connect {
            self.released.remove(&pair);
        }
        match self.doings.get(&pair) {
            // Both within a moment: nothing has happened.
            Some((before, _)) if *before != act => drop(self.doings.remove(&pair)),
            _ if is_young => {}
            _ => drop(self.doings.insert(pair, (act, now))),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use port_rules::Flow;

    const KEYS: Id = Id(1);
    const SYNTH: Id = Id(2);

    fn port(id: Id, client: &str) -> Port {
        Port::new(id, Graph::Jack, client, "midi", if id == KEYS { Flow::Source } else { Flow::Sink })
    }

    fn both() -> Survey {
        Survey { ports: vec![port(KEYS, "keys"), port(SYNTH, "synth")], connections: Vec::new() }
    }

    /// Two ports, and a time at which they are grown up.
    fn wiring(rules: &str) -> (Wiring, Instant) {
        let start = Instant::now();
        let mut wiring = Wiring::new(Rules::parse(rules).whole().unwrap());
        assert!(wiring.survey(Graph::Jack, both(), start));
        (wiring, start + INFANCY)
    }

    #[test]
    fn what_programs_connect_when_a_server_is_back_is_no_persons_doing() {
        let (mut wiring, now) = wiring("");
        wiring.lose(Graph::Jack);
        wiring.survey(Graph::Jack, both(), now);
        assert!(wiring.connected((KEYS, SYNTH), now + INFANCY / 2));
        assert_eq!(wiring.judgement(), None);
    }

    #[test]
    fn a_server_that_comes_leaves_alone_what_a_person_does_at_another() {
        let (mut wiring, now) = wiring("");
        assert!(wiring.connected((KEYS, SYNTH), now));
        wiring.survey(Graph::Alsa, Survey::default(), now);
        assert_eq!(wiring.judge(now + PATIENCE), [((KEYS, SYNTH), Act::Connect)]);
    }

    #[test]
    fn a_survey_that_does_not_yet_show_what_was_done_from_here_means_nobodys_doing() {
        let (mut wiring, now) = wiring("keys --> synth");
        let change = wiring.decide()[0];
        wiring.apply(&change, now);
        assert!(!wiring.survey(Graph::Jack, both(), now) && wiring.is_open());
        assert_eq!((wiring.decide(), wiring.judgement()), (Vec::new(), None));
        // What is so later is.
        assert!(wiring.survey(Graph::Jack, both(), now + PATIENCE) && !wiring.is_open());
        assert!(wiring.judgement().is_some());
    }

    #[test]
    fn what_lasts_is_a_persons_doing() {
        let (mut wiring, now) = wiring("");
        assert!(wiring.connected((KEYS, SYNTH), now));
        assert!(!wiring.connected((KEYS, SYNTH), now), "it is known");
        assert_eq!(wiring.judgement(), Some(now + PATIENCE));
        assert_eq!(wiring.judge(now), []);
        assert_eq!(wiring.judge(now + PATIENCE), [((KEYS, SYNTH), Act::Connect)]);
        assert_eq!(wiring.judge(now + PATIENCE), []);
        // One that ends because its program does.
        assert!(wiring.disconnected((KEYS, SYNTH), now));
        assert!(wiring.go(KEYS));
        assert_eq!(wiring.judge(now + PATIENCE), []);
    }

    #[test]
    fn what_is_done_from_here_or_soon_after_a_ports_coming_is_no_persons_doing() {
        let (mut wiring, now) = wiring("keys --> synth");
        let change = wiring.decide()[0];
        wiring.apply(&change, now);
        assert!(!wiring.connected((KEYS, SYNTH), now), "the server tells of what has been done from here");
        assert_eq!(wiring.judgement(), None);
        wiring.go(KEYS);
        wiring.come(port(KEYS, "other"), now);
        assert!(wiring.connected((KEYS, SYNTH), now + INFANCY / 2));
        assert_eq!(wiring.judgement(), None);
    }

    #[test]
    fn a_cable_that_was_pulled_is_put_back_when_a_port_comes_anew() {
        let (mut wiring, now) = wiring("keys --> synth");
        let change = wiring.decide()[0];
        wiring.apply(&change, now);
        wiring.disconnected((KEYS, SYNTH), now);
        assert_eq!(wiring.decide(), []);
        wiring.go(SYNTH);
        wiring.come(port(SYNTH, "synth"), now);
        assert_eq!(wiring.decide(), [change]);
    }

    #[test]
    fn what_cannot_be_done_is_tried_three_times() {
        let (mut wiring, _) = wiring("keys --> synth");
        let change = wiring.decide()[0];
        assert_eq!([wiring.refuse(&change), wiring.refuse(&change), wiring.refuse(&change)], [false, false, true]);
        assert_eq!((wiring.decide(), wiring.has_tries()), (Vec::new(), false));
        wiring.set_rules(wiring.bay().rules().clone());
        assert_eq!(wiring.decide(), [change]);
    }

    #[test]
    fn a_survey_tells_what_nobody_has_told() {
        let (mut wiring, now) = wiring("named --> synth");
        let mut keys = port(KEYS, "keys");
        keys.aliases.push("named:one".to_owned());
        let survey = || Survey { ports: vec![keys.clone(), port(SYNTH, "synth")], connections: Vec::new() };
        assert!(wiring.survey(Graph::Jack, survey(), now));
        assert_eq!(wiring.decide().len(), 1);
        assert!(!wiring.survey(Graph::Jack, survey(), now), "nothing is new");
        assert!(wiring.survey(Graph::Jack, Survey::default(), now));
        assert!(wiring.bay().ports().is_empty());
    }
}
