//! What has to be changed so that all is as the rules want it.

use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;

use crate::patchbay::{Direction, Patchbay, Reach, Slot};
use crate::port::{Id, Port};
use crate::rule::{Action, Rules};

/// One thing to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// What to do.
    pub act: Act,
    /// The source.
    pub from: Id,
    /// The sink.
    pub to: Id,
    /// The place of the rule that wants it, for [`Rules::at`].
    pub rule: usize,
}

/// What to do with two ports.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Act {
    /// They are connected and must not be.
    Disconnect,
    /// They are not connected and must be.
    Connect,
}

/// What has to be changed among these ports, of which these are connected.
///
/// A [`Patchbay`] remembers how ports and rules compare, and decides anew in far less time.
///
/// ```
/// use port_rules::{Act, Flow, Graph, Id, Port, Rules, decide};
///
/// let rules = Rules::parse("keys --> synth").whole().unwrap();
/// let ports = [
///     Port::new(Id(1), Graph::Alsa, "My Keys 49", "MIDI 1", Flow::Both),
///     Port::new(Id(2), Graph::Alsa, "Synth", "in", Flow::Sink),
/// ];
/// let changes = decide(&rules, &ports, &[]);
/// assert_eq!((changes[0].act, changes[0].from, changes[0].to), (Act::Connect, Id(1), Id(2)));
/// assert_eq!(decide(&rules, &ports, &[(Id(1), Id(2))]), []);
/// ```
pub fn decide(rules: &Rules, ports: &[Port], connections: &[(Id, Id)]) -> Vec<Change> {
    let mut bay = Patchbay::new(rules.clone());
    ports.iter().cloned().for_each(|port| bay.insert(port));
    for &(from, to) in connections {
        bay.connected(from, to);
    }
    bay.decide()
}

/// What the rules say about one source: for each direction that means it, the sinks for which that decides.
type Verdict = Vec<(usize, FixedBitSet)>;

/// A source with what it will be connected to.
struct Plan<'a> {
    slot: usize,
    source: &'a Slot,
    verdict: Verdict,
    wanted: FixedBitSet,
}

pub(crate) fn of(bay: &Patchbay) -> Vec<Change> {
    let alive: Vec<_> = bay.directions.iter().map(Direction::is_alive).collect();
    let sources = (0..).zip(&bay.slots).filter_map(|(slot, source)| Some((slot, source.as_ref()?)));
    let mut plans: Vec<_> = sources
        .filter(|(_, source)| source.port.is_source())
        .map(|(slot, source)| {
            let mut wanted = source.links.clone();
            let verdict = judge(bay, slot, &reaches_of(bay, &alive, source, &FixedBitSet::new()).0);
            for (_, sinks) in of_action(bay, &verdict, Action::Disconnect) {
                wanted.difference_with(sinks);
            }
            let mut plan = Plan { slot, source, verdict, wanted };
            plan.close(bay, &alive);
            plan
        })
        .collect();
    let free = connect_free(bay, &alive, &mut plans);
    let mut changes: Vec<_> = plans.iter().flat_map(|plan| plan.changes(bay, &free)).collect();
    changes.sort_unstable_by_key(|(change, from, to)| (change.act, change.rule, from.rank(), to.rank()));
    changes.into_iter().map(|(change, ..)| change).collect()
}

/// The directions that begin at a source, and at what it feeds; and whether any does at that.
fn reaches_of<'a>(bay: &'a Patchbay, alive: &[bool], source: &'a Slot, feeds: &FixedBitSet) -> (Vec<&'a Reach>, bool) {
    // Most lead nowhere, since what they are meant for is not there.
    let alive = |reach: &&Reach| alive[reach.direction];
    let mut reaches: Vec<_> = source.feeds.iter().filter(alive).collect();
    let own = reaches.len();
    let tapped = feeds.ones().filter_map(|sink| bay.slot(sink)).flat_map(|sink| &sink.taps);
    reaches.extend(tapped.filter(alive));
    let is_tapping = reaches.len() > own;
    (reaches, is_tapping)
}

/// The last direction that means a pair decides about it.
pub(crate) fn judge(bay: &Patchbay, slot: usize, reaches: &[&Reach]) -> Verdict {
    let mut open = bay.reachable(slot);
    let leads = |reach: &&&Reach| !bay.sinks(reach).is_disjoint(&open);
    let mut reaches: Vec<_> = reaches.iter().filter(leads).copied().collect();
    reaches.sort_by_key(|reach| std::cmp::Reverse(reach.direction));
    let mut verdict = Vec::new();
    for reach in reaches {
        let mut sinks = bay.sinks(reach).clone();
        sinks.intersect_with(&open);
        let direction = &bay.directions[reach.direction];
        if direction.wild
            && direction.action.connects()
            && let Some(siblings) = bay.siblings(slot)
        {
            sinks.difference_with(siblings);
        }
        if !sinks.is_clear() {
            open.difference_with(&sinks);
            verdict.push((reach.direction, sinks));
        }
    }
    verdict
}

fn of_action<'a>(
    bay: &'a Patchbay,
    verdict: &'a Verdict,
    action: Action,
) -> impl Iterator<Item = (usize, &'a FixedBitSet)> {
    let of_action = move |direction: &usize| bay.directions[*direction].action == action;
    verdict.iter().filter(move |(direction, _)| of_action(direction)).map(|(direction, sinks)| (*direction, sinks))
}

impl Plan<'_> {
    /// Adds what the rules connect, what they connect because of that, and so on.
    ///
    /// This ends: only connecting rules have taps, so each round adds connections and takes none away.
    fn close(&mut self, bay: &Patchbay, alive: &[bool]) {
        loop {
            for (_, sinks) in of_action(bay, &self.verdict, Action::Connect) {
                self.wanted.union_with(sinks);
            }
            let (reaches, is_tapping) = reaches_of(bay, alive, self.source, &self.wanted);
            if !is_tapping {
                return;
            }
            self.verdict = judge(bay, self.slot, &reaches);
            if of_action(bay, &self.verdict, Action::Connect).all(|(_, sinks)| sinks.is_subset(&self.wanted)) {
                return;
            }
        }
    }

    fn changes<'a>(
        &'a self,
        bay: &'a Patchbay,
        free: &'a BTreeSet<(usize, usize)>,
    ) -> impl Iterator<Item = (Change, &'a Port, &'a Port)> {
        let (links, wanted) = (&self.source.links, &self.wanted);
        self.verdict.iter().flat_map(move |(direction, sinks)| {
            let direction = &bay.directions[*direction];
            sinks.ones().filter_map(move |sink| {
                let act = match direction.action {
                    Action::Connect if !links.contains(sink) => Act::Connect,
                    Action::ConnectFree if free.contains(&(self.slot, sink)) => Act::Connect,
                    Action::Disconnect if links.contains(sink) && !wanted.contains(sink) => Act::Disconnect,
                    _ => return None,
                };
                let (from, to) = (&self.source.port, &bay.slot(sink)?.port);
                Some((Change { act, from: from.id, to: to.id, rule: direction.rule }, from, to))
            })
        })
    }
}

/// Connects what is free, in the order of the rules and then of the ports; returns these pairs.
fn connect_free(bay: &Patchbay, alive: &[bool], plans: &mut [Plan<'_>]) -> BTreeSet<(usize, usize)> {
    let mut fed = FixedBitSet::new();
    for plan in plans.iter() {
        fed.union_with(&plan.wanted);
    }
    let mut pairs: Vec<_> = (0..)
        .zip(plans.iter())
        .flat_map(|(index, plan)| {
            of_action(bay, &plan.verdict, Action::ConnectFree)
                .flat_map(move |(direction, sinks)| sinks.ones().map(move |sink| (direction, index, sink)))
        })
        .filter(|(_, index, sink)| plans[*index].wanted.is_clear() && !fed.contains(*sink))
        .collect();
    let rank = |slot: usize| bay.slot(slot).map(|slot| slot.port.rank());
    pairs.sort_unstable_by(|(direction, index, sink), (other_direction, other_index, other_sink)| {
        (bay.directions[*direction].rule.cmp(&bay.directions[*other_direction].rule))
            .then_with(|| rank(plans[*index].slot).cmp(&rank(plans[*other_index].slot)))
            .then_with(|| rank(*sink).cmp(&rank(*other_sink)))
    });
    let mut connected = BTreeSet::new();
    for (_, index, sink) in pairs {
        let plan = &mut plans[index];
        if plan.wanted.is_clear() && !fed.contains(sink) {
            plan.wanted.grow(sink + 1);
            plan.wanted.insert(sink);
            connected.insert((plan.slot, sink));
            plan.close(bay, alive);
            fed.union_with(&plan.wanted);
        }
    }
    connected
}
