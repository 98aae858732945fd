//! What the bridge remembers when it ends: whom it knows, what a person has connected and muted, and what he has said of
//! ports, which the bay knows.
//!
//! ```text
//!  orders, guests ──▶ Memory ── Record ──▶ a thread ──▶ the file
//!                        └─── connects again ──▶ bay
//! ```

mod file;
mod record;

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use midi_routing::PortId;

use super::bay::{Bay, Sayings};
use super::inbox::Inbox;
use super::passage::Passage;
use super::status::Origin;
use file::Keeper;
use record::{MOST_CABLES, Record, Will, Wills};

pub(crate) use record::KnownPeer;

/// What was remembered that others know from then on.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) peers: Vec<KnownPeer>,
    /// What a person has said of ports.
    pub(crate) sayings: Sayings,
}

/// What is remembered, also of ports that are not there now.
pub(crate) struct Memory {
    /// What a person has done to connections, by the names of their ports.
    cables: Wills,
    keeper: Option<Keeper>,
    /// When it is to be written.
    due: Option<Instant>,
    written: Record,
    /// How much had changed in the bay when connections were restored last.
    seen: u64,
}

/// So long after something has become of a peer it is written: much happens at once.
const SETTLED: Duration = Duration::from_secs(1);

impl Memory {
    /// Reads what a bridge has remembered at `path`; returns what others are to know of it, and what a person should know.
    pub(crate) fn open(path: Option<&Path>, inbox: &Inbox) -> (Self, Known, Vec<String>) {
        let mut memory = Self { cables: Wills::new(), keeper: None, due: None, written: Record::default(), seen: 0 };
        let Some(path) = path else { return (memory, Known::default(), Vec::new()) };
        let complain = inbox.clone();
        let (record, warnings) = match Keeper::open(path, move |words| complain.complain(words)) {
            Ok((keeper, record, warnings)) => {
                memory.keeper = Some(keeper);
                (record, warnings)
            }
            Err(failure) => (Record::default(), vec![format!("nothing is remembered: {}", failure.message())]),
        };
        memory.cables = record.wills();
        memory.written = record.clone();
        let sayings = record.sayings();
        (memory, Known { peers: record.peers, sayings }, warnings)
    }

    /// A person has connected two ports.
    pub(crate) fn connect(&mut self, from: &str, to: &str) {
        self.will(from, to, |will| will.made = true);
    }

    /// A person has said what gets through a connection.
    pub(crate) fn filter(&mut self, from: &str, to: &str, filter: &Passage) {
        self.will(from, to, |will| will.filter = Some(filter.clone()));
    }

    /// A person has ended a connection; false if it was none of his.
    pub(crate) fn disconnect(&mut self, from: &str, to: &str) -> bool {
        let has_been = self.cables.remove(&(from.to_owned(), to.to_owned())).is_some();
        self.hurry();
        has_been
    }

    /// A person lets nothing through a connection any more, or lets it through again.
    pub(crate) fn mute(&mut self, from: &str, to: &str, is_muted: bool) {
        self.will(from, to, |will| will.muted = is_muted);
    }

    /// A port is called otherwise now.
    pub(crate) fn rename(&mut self, before: &str, now: &str) {
        let renamed = |name: String| if name == before { now.to_owned() } else { name };
        let cables = std::mem::take(&mut self.cables).into_iter();
        self.cables = cables.map(|((from, to), will)| ((renamed(from), renamed(to)), will)).collect();
        self.touch();
    }

    /// Nobody is to come back to a port.
    pub(crate) fn forget(&mut self, port: &str) {
        self.cables.retain(|(from, to), _| from != port && to != port);
        self.touch();
    }

    /// Something has become of a peer.
    pub(crate) fn touch(&mut self) {
        self.due.get_or_insert_with(|| Instant::now() + SETTLED);
    }

    /// A person has said something of a port.
    pub(crate) fn hurry(&mut self) {
        self.due = Some(Instant::now());
    }

    /// When [`keep`](Self::keep) has something to do.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Writes what is to be remembered, if it is other than before.
    pub(crate) fn keep(&mut self, peers: Vec<KnownPeer>, sayings: &Sayings) {
        self.due = None;
        let record = Record::new(peers, &self.cables, sayings);
        if let Some(keeper) = self.keeper.as_ref().filter(|_| record != self.written) {
            keeper.keep(record.to_string());
            self.written = record;
        }
    }

    /// Makes and mutes connections again whose ports have come; returns these ports.
    pub(crate) fn restore(&mut self, at: Duration, bay: &mut Bay) -> Vec<PortId> {
        if self.seen == bay.changes() {
            return Vec::new();
        }
        let mut touched = Vec::new();
        // What a rule is to make is not there yet.
        let ports: HashMap<String, PortId> = bay.named().map(|(port, name)| (name.to_owned(), port)).collect();
        for ((from, to), will) in &self.cables {
            let (Some(from), Some(to)) = (ports.get(from), ports.get(to)) else { continue };
            if will.made && bay.origin(*from, *to).is_none() && bay.connect(*from, *to, Origin::Hand) {
                touched.extend([*from, *to]);
            }
            if let Some(filter) = &will.filter {
                bay.set_passage(at, *from, *to, filter);
            }
            if will.muted {
                bay.mute(at, *from, *to, true);
            }
        }
        self.seen = bay.changes();
        touched
    }

    fn will(&mut self, from: &str, to: &str, change: impl FnOnce(&mut Will)) {
        let pair = (from.to_owned(), to.to_owned());
        if self.cables.len() >= MOST_CABLES && !self.cables.contains_key(&pair) {
            return;
        }
        let will = self.cables.entry(pair.clone()).or_default();
        change(will);
        if *will == Will::default() {
            self.cables.remove(&pair);
        }
        self.hurry();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::bridge::status::Transport;

    fn memory() -> Memory {
        Memory { cables: Wills::new(), keeper: None, due: None, written: Record::default(), seen: 0 }
    }

    #[test]
    fn a_connection_comes_back_with_its_ports_muted_if_it_was() {
        let (mut bay, mut memory) = (Bay::default(), memory());
        memory.connect("Piano", "Organ");
        memory.mute("Piano", "Organ", true);
        let passage = Passage { transpose: 12, ..Passage::default() };
        memory.filter("Piano", "Organ", &passage);
        let piano = bay.add("Piano", Transport::Applemidi);
        assert_eq!(memory.restore(Duration::ZERO, &mut bay), []);
        let organ = bay.add("Organ", Transport::Applemidi);
        assert_eq!(memory.restore(Duration::ZERO, &mut bay), [piano, organ]);
        let connections = bay.connections();
        assert_eq!((connections.len(), connections[0].muted, &connections[0].origin), (1, true, &Origin::Hand));
        assert_eq!(connections[0].filter, Some(passage));
        bay.remove(Duration::ZERO, organ);
        assert_eq!(memory.restore(Duration::ZERO, &mut bay), []);
        bay.add("Organ", Transport::Applemidi);
        assert_eq!(memory.restore(Duration::ZERO, &mut bay).len(), 2);
    }

    #[test]
    fn what_a_person_has_ended_stays_ended_and_a_rules_connection_stays_muted() {
        let (mut bay, mut memory) = (Bay::default(), memory());
        let [piano, organ] = ["Piano", "Organ"].map(|name| bay.add(name, Transport::Applemidi));
        memory.connect("Piano", "Organ");
        assert!(memory.disconnect("Piano", "Organ") && !memory.disconnect("Piano", "Organ"));
        memory.mute("Piano", "Organ", true);
        assert_eq!(memory.restore(Duration::ZERO, &mut bay), []);
        bay.connect(piano, organ, Origin::Rule("Piano --> Organ".to_owned()));
        memory.restore(Duration::ZERO, &mut bay);
        assert!(bay.connections()[0].muted);
        memory.mute("Piano", "Organ", false);
        assert!(memory.cables.is_empty());
    }

    #[test]
    fn nothing_is_remembered_of_a_port_that_is_forgotten() {
        let mut memory = memory();
        memory.connect("Piano", "Organ");
        memory.connect("Harp", "Drums");
        memory.forget("Organ");
        assert_eq!(memory.cables.keys().collect::<Vec<_>>(), [&("Harp".to_owned(), "Drums".to_owned())]);
    }
}
