//! Why two ports are connected or not.

use std::fmt;

use crate::decide::{self, Act};
use crate::patchbay::{Patchbay, Reach};
use crate::port::{Id, Port};
use crate::rule::Action;

/// Why two ports are connected or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// The name of the source.
    pub from: String,
    /// The name of the sink.
    pub to: String,
    /// Whether they are connected now.
    pub connected: bool,
    /// Why they can never be connected, whatever rules say.
    pub obstacle: Option<Obstacle>,
    /// The rules that mean both ports, in their order: the last one decides.
    pub rules: Vec<Reason>,
    /// The rules that mean one of the two, in their order.
    pub near: Vec<Near>,
    /// What has to be done with the two.
    pub change: Option<Act>,
    /// Where the last rule connects what is free: what is connected to one of the two now or will be.
    pub taken_by: Vec<String>,
}

/// Why two ports can never be connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Obstacle {
    /// Nothing comes out of the first one.
    NoSource,
    /// Nothing goes into the second one.
    NoSink,
    /// They are one port.
    Same,
    /// They have different owners.
    Graph,
    /// One carries MIDI and the other one sound.
    Media,
}

/// A rule that means both ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// The place of the rule.
    pub rule: usize,
    /// Its line, 0 where it stands in none.
    pub line: usize,
    /// The rule as text.
    pub text: String,
    /// What it does.
    pub action: Action,
    /// The port that the source feeds, where the rule connects whatever feeds that.
    pub tapped: Option<String>,
}

/// A rule that means one of the two ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Near {
    /// The place of the rule.
    pub rule: usize,
    /// Its line, 0 where it stands in none.
    pub line: usize,
    /// The rule as text.
    pub text: String,
    /// Which port it does not mean.
    pub misses: Side,
}

/// One of two ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The source.
    From,
    /// The sink.
    To,
}

impl Patchbay {
    /// Why two ports are connected or not; nothing if one is not known.
    pub fn explain(&self, from: Id, to: Id) -> Option<Explanation> {
        let (source, sink) = (self.find(from)?, self.find(to)?);
        let (of_source, of_sink) = (self.slot(source)?, self.slot(sink)?);
        let changes = self.decide();
        let mut explanation = Explanation {
            from: of_source.port.full_name(),
            to: of_sink.port.full_name(),
            connected: of_source.links.contains(sink),
            obstacle: obstacle(&of_source.port, &of_sink.port),
            rules: Vec::new(),
            near: Vec::new(),
            change: changes.iter().find(|change| (change.from, change.to) == (from, to)).map(|change| change.act),
            taken_by: Vec::new(),
        };
        if explanation.obstacle.is_some() {
            return Some(explanation);
        }
        let mut after = self.clone();
        for change in &changes {
            after.apply(change);
        }
        // Taps count by what will be connected.
        let feeds: Vec<_> = after.slot(source)?.links.ones().filter_map(|fed| Some((self.slot(fed)?, fed))).collect();
        let own = of_source.feeds.iter().map(|reach| (reach, None));
        let tapped = feeds.iter().flat_map(|(fed, _)| fed.taps.iter().map(|tap| (tap, Some(fed.port.full_name()))));
        for (reach, tapped) in own.chain(tapped) {
            let text = |rule: usize| self.rules().at(rule).map(|rule| (rule.line, rule.to_string()));
            let direction = &self.directions[reach.direction];
            let Some((line, text)) = text(direction.rule) else { continue };
            if self.means(source, reach, sink) {
                let (rule, action) = (direction.rule, direction.action);
                explanation.rules.push(Reason { rule, line, text, action, tapped });
            } else {
                explanation.near.push(Near { rule: direction.rule, line, text, misses: Side::To });
            }
        }
        for (rule, index) in self.leading_to(sink) {
            let known = |explanation: &Explanation| {
                explanation.rules.iter().any(|reason| reason.rule == index)
                    || explanation.near.iter().any(|near| near.rule == index)
            };
            if !known(&explanation) {
                let (line, text) = (rule.line, rule.to_string());
                explanation.near.push(Near { rule: index, line, text, misses: Side::From });
            }
        }
        explanation.rules.sort_by_key(|reason| reason.rule);
        explanation.near.sort_by_key(|near| near.rule);
        // Both directions of a rule may mean the two, or one of them, and then say the same.
        let Explanation { rules, near, .. } = &mut explanation;
        rules.dedup_by(|one, other| (one.rule, &one.tapped) == (other.rule, &other.tapped));
        near.dedup_by_key(|near| near.rule);
        near.retain(|near| rules.iter().all(|reason| reason.rule != near.rule));
        let is_free = explanation.connected || explanation.change == Some(Act::Connect);
        if !is_free && explanation.rules.last().is_some_and(|last| last.action == Action::ConnectFree) {
            let pairs = after.connections().into_iter().filter(|(other, fed)| other.id == from || fed.id == to);
            explanation.taken_by =
                pairs.map(|(other, fed)| if other.id == from { fed.full_name() } else { other.full_name() }).collect();
        }
        Some(explanation)
    }

    /// Whether a direction that begins at a source leads to a sink.
    fn means(&self, source: usize, reach: &Reach, sink: usize) -> bool {
        decide::judge(self, source, &[reach]).iter().any(|(_, sinks)| sinks.contains(sink))
    }
}

fn obstacle(from: &Port, to: &Port) -> Option<Obstacle> {
    match () {
        () if !from.is_source() => Some(Obstacle::NoSource),
        () if !to.is_sink() => Some(Obstacle::NoSink),
        () if from.id == to.id => Some(Obstacle::Same),
        () if !from.graph.reaches(to.graph) => Some(Obstacle::Graph),
        () if from.media != to.media => Some(Obstacle::Media),
        () => None,
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSource => "nothing comes out of the first one",
            Self::NoSink => "nothing goes into the second one",
            Self::Same => "they are one port",
            Self::Graph => "ALSA and JACK ports cannot be connected with each other",
            Self::Media => "one carries MIDI and the other one sound",
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.connected { "connected" } else { "not connected" };
        writeln!(f, "{} --> {}: {state}", self.from, self.to)?;
        if let Some(obstacle) = self.obstacle {
            return writeln!(f, "  cannot be: {obstacle}");
        }
        for (index, reason) in (1..).zip(&self.rules) {
            write!(f, "  {}: {}", place(reason.line, reason.rule), reason.text)?;
            if let Some(tapped) = &reason.tapped {
                write!(f, "  (it feeds {tapped})")?;
            }
            let word = match reason.action {
                Action::Connect => "connects them",
                Action::ConnectFree => "connects them while both are free",
                Action::Forbid => "leaves them alone",
                Action::Disconnect => "disconnects them",
            };
            let decides = if index == self.rules.len() { ", and decides" } else { "" };
            writeln!(f, "  {word}{decides}")?;
        }
        for other in &self.taken_by {
            writeln!(f, "  not free: connected with {other}")?;
        }
        match self.change {
            Some(Act::Connect) => writeln!(f, "  to be connected")?,
            Some(Act::Disconnect) => writeln!(f, "  to be disconnected")?,
            None if self.rules.is_empty() => writeln!(f, "  no rule means them both")?,
            None => {}
        }
        for near in &self.near {
            let missed = if near.misses == Side::From { &self.from } else { &self.to };
            writeln!(f, "  {}: {}  does not mean {missed}", place(near.line, near.rule), near.text)?;
        }
        Ok(())
    }
}

/// Where a rule stands.
fn place(line: usize, rule: usize) -> String {
    if line > 0 { format!("line {line}") } else { format!("rule {}", rule + 1) }
}
