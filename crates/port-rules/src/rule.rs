//! A rule, and all rules in their order.

use crate::endpoint::Endpoint;
use crate::error::{Error, Fault};
use crate::port::Port;

/// What becomes of two ports.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// `-->`: they are connected.
    Connect,
    /// `-?->`: they are connected while nothing else leaves the first or reaches the second.
    ConnectFree,
    /// `-x->`: they are left alone, whatever rules before say.
    Forbid,
    /// `-/->`: they are disconnected.
    Disconnect,
}

impl Action {
    /// Whether it makes connections.
    pub(crate) const fn connects(self) -> bool {
        matches!(self, Self::Connect | Self::ConnectFree)
    }
}

/// Whether a rule goes one way or both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// From the first side to the second.
    Forth,
    /// That, and from the second side to the first.
    Both,
}

/// One line of a rule file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Where the arrow begins.
    pub from: Endpoint,
    /// Where it points.
    pub to: Endpoint,
    /// What it does.
    pub action: Action,
    /// Whether it does so in the other direction as well.
    pub way: Way,
    /// The line that it stands in, from 1; 0 where it stands in none.
    pub line: usize,
}

impl Rule {
    /// The rule that connects these two ports and no others, or does something else with them.
    pub fn exact(from: &Port, to: &Port, action: Action) -> Self {
        Self { from: Endpoint::exact(from), to: Endpoint::exact(to), action, way: Way::Forth, line: 0 }
    }

    /// The sides of each direction.
    pub(crate) fn directions(&self) -> impl Iterator<Item = (&Endpoint, &Endpoint)> {
        let back = (self.way == Way::Both).then_some((&self.to, &self.from));
        std::iter::once((&self.from, &self.to)).chain(back)
    }

    /// What the grammar of one side cannot know.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.to.tap || self.from.tap && self.way == Way::Both {
            return Err(Fault::TapSide);
        }
        if self.from.tap && self.action != Action::Connect {
            return Err(Fault::TapAction);
        }
        for (from, to) in self.directions() {
            if let Some(name) = from.placeholders().next() {
                return Err(Fault::Placeholder(name.to_owned()));
            }
            let groups: Vec<_> = from.texts().flat_map(|text| text.groups()).collect();
            if let Some(name) = to.placeholders().find(|name| !groups.contains(name)) {
                return Err(Fault::Group(name.to_owned()));
            }
        }
        Ok(())
    }
}

/// Rules in their order: the last one that says something about two ports decides.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rules(Vec<Rule>);

/// What has been read of a file: the rules, and what is wrong with the other lines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Parsed {
    /// The rules that could be read.
    pub rules: Rules,
    /// What could not.
    pub errors: Vec<Error>,
}

impl Parsed {
    /// The rules, if all could be read.
    pub fn whole(self) -> Result<Rules, Vec<Error>> {
        if self.errors.is_empty() { Ok(self.rules) } else { Err(self.errors) }
    }

    /// Takes a rule, or says why not; one that is there already is not taken again.
    pub(crate) fn push_once(&mut self, rule: Rule) {
        let same = |other: &Rule| (&other.from, &other.to, other.action) == (&rule.from, &rule.to, rule.action);
        if !self.rules.0.iter().any(same) {
            self.rules.0.push(rule);
        }
    }
}

impl Rules {
    /// Rules that a program has made.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Result<Self, Error> {
        let mut all = Self::default();
        for rule in rules {
            all.push(rule)?;
        }
        Ok(all)
    }

    /// Adds a rule behind the others.
    pub fn push(&mut self, rule: Rule) -> Result<(), Error> {
        rule.check().map_err(|fault| Error::new(rule.line, 1, fault))?;
        self.push_checked(rule);
        Ok(())
    }

    /// The same with a rule that has been checked.
    pub(crate) fn push_checked(&mut self, rule: Rule) {
        self.0.push(rule);
    }

    /// Adds rules behind the others, which they overrule.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The rules in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Rule> {
        self.0.iter()
    }

    /// The rule at a place in the order.
    pub fn at(&self, index: usize) -> Option<&Rule> {
        self.0.get(index)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Rules {
    type Item = &'a Rule;
    type IntoIter = std::slice::Iter<'a, Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
