//! What is told while ports are patched: words on stderr, or objects on stdout.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use port_rules::{Act, Change, Graph, Patchbay};
use serde_json::{Value, json};

use crate::failure::Result;
use crate::ports::wiring::Pair;
use crate::ports::{Missing, title};
use crate::report::{Audience, Reporter, Summary, plural};

/// Tells what happens, as much as is wanted of it.
pub(super) struct Log {
    reporter: Reporter,
    level: Level,
    is_alone: Cell<bool>,
    /// Ports that have come or gone, of which nothing is told until what they need is asked for.
    ports: RefCell<Vec<(String, Value)>>,
}

/// When a change was asked for, and how fast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pace {
    /// So long after the server had told why, if that was it.
    pub(super) after: Option<Duration>,
    /// So long the server took to answer.
    pub(super) answer: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Level {
    Quiet,
    Usual,
    Verbose,
}

/// What it came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Totals {
    connected: u64,
    disconnected: u64,
    pub(super) learnt: u64,
}

impl Totals {
    pub(super) const fn count(&mut self, act: Act) {
        match act {
            Act::Connect => self.connected += 1,
            Act::Disconnect => self.disconnected += 1,
        }
    }
}

impl Summary for Totals {
    fn json(&self) -> Value {
        let Self { connected, disconnected, learnt } = self;
        json!({"type": "summary", "connected": connected, "disconnected": disconnected, "learnt": learnt})
    }

    fn words(&self) -> String {
        format!("{}, {}\n", plural(self.connected, "connection"), plural(self.disconnected, "disconnection"))
    }
}

impl Log {
    pub(super) fn new(json: bool, verbose: bool, quiet: bool) -> Self {
        let level = match (verbose, quiet) {
            (true, _) => Level::Verbose,
            (false, true) => Level::Quiet,
            (false, false) => Level::Usual,
        };
        Self { reporter: Reporter::new(json), level, is_alone: Cell::new(false), ports: RefCell::default() }
    }

    /// Whether the reader of stdout has left.
    pub(super) const fn is_alone(&self) -> bool {
        self.is_alone.get()
    }

    /// Says what everybody should know.
    pub(super) fn warn(&self, words: &str) {
        self.reporter.warn(&format!("warning: {words}"));
    }

    /// Says what is wrong with rules.
    pub(super) fn faults(&self, faults: &[String]) {
        for fault in faults {
            self.warn(fault);
        }
    }

    /// Ends with the summary.
    pub(super) fn finish(self, totals: &Totals) -> Result<()> {
        self.flush()?;
        if self.level == Level::Quiet && !self.reporter.is_json() {
            return Ok(());
        }
        self.reporter.finish(totals)
    }

    pub(super) fn reached(&self, graph: Graph, ports: usize) -> Result<()> {
        let words = format!("{}: {}", title(graph), plural(ports as u64, "port"));
        self.tell(
            Level::Usual,
            &words,
            &json!({"type": "server", "server": title(graph), "state": "reached", "ports": ports}),
        )
    }

    pub(super) fn lost(&self, graph: Graph) -> Result<()> {
        let words = format!("warning: {} is gone; waiting for it", title(graph));
        self.tell(Level::Quiet, &words, &json!({"type": "server", "server": title(graph), "state": "lost"}))
    }

    pub(super) fn missing(&self, graph: Graph, missing: &Missing, is_awaited: bool) -> Result<()> {
        let (server, state) = (title(graph), if is_awaited { "awaited" } else { "missing" });
        let what = if is_awaited { "waiting for it" } else { "going on without it" };
        let hint = missing.advice().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        let words = format!("warning: {}; {what}{hint}", missing.words());
        let object = json!({"type": "server", "server": server, "state": state, "reason": missing.words(), "hint": missing.advice()});
        self.tell(Level::Quiet, &words, &object)
    }

    /// A port has come, which is told later.
    pub(super) fn port(&self, graph: Graph, name: &str) {
        self.note("port", graph, name);
    }

    /// A port has gone, which is told later.
    pub(super) fn gone(&self, graph: Graph, name: &str) {
        self.note("gone", graph, name);
    }

    fn note(&self, kind: &str, graph: Graph, name: &str) {
        if self.is_heard(Level::Verbose) {
            let object = json!({"type": kind, "server": title(graph), "name": name});
            self.ports.borrow_mut().push((format!("{kind} {name}"), object));
        }
    }

    /// Tells of the ports of which nothing has been told yet.
    pub(super) fn flush(&self) -> Result<()> {
        for (words, object) in self.ports.take() {
            self.tell_at_once(Level::Verbose, &words, &object)?;
        }
        Ok(())
    }

    pub(super) fn reloaded(&self, rules: usize) {
        if self.level > Level::Quiet {
            self.reporter.say(&format!("read {} again", plural(rules as u64, "rule")));
        }
    }

    /// What has been done, and how fast.
    pub(super) fn done(&self, bay: &Patchbay, change: &Change, pace: Pace) -> Result<()> {
        self.change(bay, change, [("connected", "connected"), ("disconnected", "disconnected")], None, Some(pace))
    }

    /// What could not be done.
    pub(super) fn refused(&self, bay: &Patchbay, change: &Change, reason: &str) -> Result<()> {
        let words = [("refused", "warning: cannot connect"), ("refused", "warning: cannot disconnect")];
        self.change(bay, change, words, Some(reason), None)
    }

    /// What would be done.
    pub(super) fn would(&self, bay: &Patchbay, change: &Change) -> Result<Audience> {
        self.change(bay, change, [("connect", "would connect"), ("disconnect", "would disconnect")], None, None)?;
        Ok(if self.is_alone() { Audience::Gone } else { Audience::Listening })
    }

    pub(super) fn learnt(&self, bay: &Patchbay, pair: Pair, act: Act, words: &str) -> Result<()> {
        self.tell(Level::Usual, words, &by_hand("learnt", bay, pair, act))
    }

    /// What cannot be learnt.
    pub(super) fn unclear(&self, bay: &Patchbay, pair: Pair, act: Act, words: &str) -> Result<()> {
        self.tell(Level::Quiet, &format!("warning: {words}"), &by_hand("not learnt", bay, pair, act))
    }

    /// A change: what it is called for each act, in JSON and in words.
    fn change(
        &self,
        bay: &Patchbay,
        change: &Change,
        words: [(&str, &str); 2],
        reason: Option<&str>,
        pace: Option<Pace>,
    ) -> Result<()> {
        let (Some(from), Some(to)) = (bay.port(change.from), bay.port(change.to)) else { return Ok(()) };
        let (kind, word) = words[usize::from(change.act == Act::Disconnect)];
        let rule = bay.rules().at(change.rule);
        let line = rule.map(|rule| rule.line).filter(|line| *line > 0);
        let place = line.map_or_else(
            || rule.map(|rule| format!("  ({rule})")).unwrap_or_default(),
            |line| format!("  (line {line})"),
        );
        let (from, to) = (from.full_name(), to.full_name());
        let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let level = if reason.is_some() { Level::Quiet } else { Level::Usual };
        let rule = rule.map(ToString::to_string);
        let mut object = json!({"type": kind, "from": from, "to": to, "line": line, "rule": rule, "reason": reason});
        if let Some(pace) = pace {
            object["answer_us"] = (pace.answer.as_micros() as u64).into();
            if let Some(after) = pace.after {
                object["after_us"] = (after.as_micros() as u64).into();
            }
        }
        self.tell(level, &format!("{word} {from} --> {to}{place}{why}"), &object)
    }

    fn tell(&self, level: Level, words: &str, object: &Value) -> Result<()> {
        self.flush()?;
        self.tell_at_once(level, words, object)
    }

    fn tell_at_once(&self, level: Level, words: &str, object: &Value) -> Result<()> {
        if self.is_heard(level) && self.reporter.tell(words, object)? == Audience::Gone {
            self.is_alone.set(true);
        }
        Ok(())
    }

    /// Whether that much is wanted. Who reads JSON gets all of it.
    fn is_heard(&self, level: Level) -> bool {
        self.level >= level || self.reporter.is_json()
    }
}

/// What a person has done, and what has become of it.
fn by_hand(kind: &str, bay: &Patchbay, pair: Pair, act: Act) -> Value {
    let name = |id| bay.port(id).map(port_rules::Port::full_name);
    let act = if act == Act::Connect { "connected" } else { "disconnected" };
    json!({"type": kind, "by_hand": act, "from": name(pair.0), "to": name(pair.1)})
}
