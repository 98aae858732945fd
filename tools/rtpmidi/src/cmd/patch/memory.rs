//! What a person has connected and disconnected by hand: exact rules behind all others, in a file.

use std::path::PathBuf;

use port_rules::{Act, Action, Endpoint, Kind, Media, Names, Patchbay, Port, Rule, Rules, Text, Way, Which, decide};

use crate::description::read;
use crate::failure::{Failure, Result};
use crate::folders;
use crate::ports::rules::fault;
use crate::ports::wiring::{Pair, Wiring};
use crate::replace::{Readers, replace};

/// The rules that have been learnt.
pub(super) struct Memory {
    path: PathBuf,
    rules: Vec<Rule>,
    /// Lines of a person: comments, and what makes no sense yet.
    others: Vec<String>,
}

/// What the command line says of it.
#[derive(clap::Args)]
pub(super) struct MemoryOptions {
    /// Remember what is connected and disconnected by hand, and restore it when the ports are back
    #[arg(long)]
    pub(super) learn: bool,

    /// The file to remember it in [default: rtpmidi/patch.rules in ~/.local/state]
    #[arg(long, value_name = "FILE", requires = "learn")]
    state: Option<PathBuf>,
}

impl MemoryOptions {
    /// What has been learnt, where that counts, and what is wrong with it.
    pub(super) fn open(&self) -> Result<(Option<Memory>, Vec<String>)> {
        if !self.learn {
            return Ok((None, Vec::new()));
        }
        let (memory, faults) = Memory::open(self.state.clone().map_or_else(usual_file, Ok)?)?;
        Ok((Some(memory), faults))
    }
}

/// What has become of a person's doing, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Lesson {
    /// It has been learnt, or something has been forgotten.
    Learnt(String),
    /// It cannot be: no rule means these two ports alone.
    Unclear(String),
}

const HEADING: &str = "\
# What rtpmidi patch --learn has learnt; rules behind those of the rule file. Lines may be changed and taken out while it
# does not run, or before it is told to read them again (SIGHUP).
";

impl Memory {
    /// Reads what has been learnt; nothing if there is no file yet. Lines that make no sense are told of.
    fn open(path: PathBuf) -> Result<(Self, Vec<String>)> {
        let mut memory = Self { path, rules: Vec::new(), others: Vec::new() };
        let faults = memory.reload()?;
        Ok((memory, faults))
    }

    /// Reads it again.
    pub(super) fn reload(&mut self) -> Result<Vec<String>> {
        if let Ok(false) = self.path.try_exists() {
            (self.rules, self.others) = (Vec::new(), Vec::new());
            return Ok(Vec::new());
        }
        let octets = read(&self.path)?;
        let text = String::from_utf8_lossy(&octets);
        let parsed = Rules::parse(&text);
        let is_wrong = |line: usize| parsed.errors.iter().any(|error| error.line == line);
        let is_a_persons = |line: usize, text: &str| {
            is_wrong(line) || text.trim_start().starts_with('#') && !HEADING.lines().any(|own| own == text.trim())
        };
        let numbered = (1..).zip(text.lines());
        self.others =
            numbered.filter(|(line, text)| is_a_persons(*line, text)).map(|(_, text)| text.to_owned()).collect();
        self.rules = parsed.rules.iter().map(|rule| Rule { line: 0, ..rule.clone() }).collect();
        let place = self.path.display().to_string();
        Ok(parsed.errors.iter().map(|error| fault(&place, error)).collect())
    }

    /// These rules with what has been learnt behind them.
    pub(super) fn behind(&self, rules: &Rules) -> Rules {
        let mut all = rules.clone();
        all.extend(self.rules());
        all
    }

    /// Takes note of what a person has done, if the rules do not do it by themselves; returns what has become of it.
    pub(super) fn learn(&mut self, rules: &Rules, wiring: &mut Wiring, pair: Pair, act: Act) -> Option<Lesson> {
        let bay = wiring.bay();
        let (from, to) = (bay.port(pair.0)?, bay.port(pair.1)?);
        let names = format!("{} --> {}", from.full_name(), to.full_name());
        let Pinned { rule, is_alone } = pin(bay, from, to);
        if !is_alone {
            let is_new = missing(bay, pair, act).is_some();
            return is_new.then(|| Lesson::Unclear(format!("not learnt: {names}: {AMBIGUOUS}")));
        }
        let count = self.rules.len();
        // One for both ways stays for the other one.
        self.rules.retain(|known| known.way == Way::Both || (&known.from, &known.to) != (&rule.from, &rule.to));
        let has_forgotten = self.rules.len() < count;
        wiring.set_learnt(self.behind(rules));
        let action = missing(wiring.bay(), pair, act);
        if let Some(action) = action {
            self.rules.push(Rule { action, ..rule });
            wiring.set_learnt(self.behind(rules));
        }
        match action {
            Some(Action::Connect) => Some(Lesson::Learnt(format!("learnt: {names} is connected"))),
            Some(_) => Some(Lesson::Learnt(format!("learnt: {names} is left alone"))),
            None if has_forgotten => Some(Lesson::Learnt(format!("forgotten: {names}"))),
            None => None,
        }
    }

    /// Writes it.
    pub(super) fn save(&self) -> Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| Failure::new(format!("cannot make the folder {}: {error}", folder.display())))?;
        }
        let lines = std::iter::once(HEADING).chain(self.others.iter().map(String::as_str));
        let text = lines.fold(String::new(), |text, line| text + line + "\n");
        replace(&self.path, text + &self.rules().to_string(), Readers::Usual)
    }

    fn rules(&self) -> Rules {
        // They were checked when they were read, or are exact.
        Rules::new(self.rules.iter().cloned()).unwrap_or_default()
    }
}

/// What a rule has to do behind all others, so that what a person has done comes back; nothing if it does so anyway.
fn missing(bay: &Patchbay, pair: Pair, act: Act) -> Option<Action> {
    match (act, bay.explain(pair.0, pair.1)?.rules.last().map(|reason| reason.action)) {
        // The rules want it so, or undo it.
        (Act::Connect, Some(Action::Connect | Action::Disconnect)) => None,
        (Act::Connect, _) => Some(Action::Connect),
        (Act::Disconnect, Some(Action::Connect | Action::ConnectFree)) => Some(Action::Forbid),
        (Act::Disconnect, _) => None,
    }
}

/// The file for it, where none is named.
fn usual_file() -> Result<PathBuf> {
    let nowhere = || Failure::new("there is no home folder to remember in").hint("name a file: --state");
    Ok(folders::state().ok_or_else(nowhere)?.join("rtpmidi/patch.rules"))
}

/// Two ports by the names by which they are known again.
pub(super) struct Pinned {
    /// The rule that connects them.
    pub(super) rule: Rule,
    /// Whether it connects no others.
    pub(super) is_alone: bool,
}

/// Why a rule connects others as well.
pub(super) const AMBIGUOUS: &str = "other ports have the same names";

/// The rule that connects two ports, and others only if no name tells these apart.
pub(super) fn pin(bay: &Patchbay, from: &Port, to: &Port) -> Pinned {
    let ((from, is_first_alone), (to, is_second_alone)) = (identity(bay, from), identity(bay, to));
    let rule = Rule { from, to, action: Action::Connect, way: Way::Forth, line: 0 };
    // A port of JACK may have the name of one of ALSA, and one that is heard that of one that hears.
    let is_alone = is_first_alone && is_second_alone || pairs(bay, &rule) == 1;
    Pinned { rule, is_alone }
}

/// How many pairs of ports a rule connects.
fn pairs(bay: &Patchbay, rule: &Rule) -> usize {
    let ports: Vec<_> = bay.ports().into_iter().cloned().collect();
    Rules::new([rule.clone()]).map_or(0, |rules| decide(&rules, &ports, &[]).len())
}

/// The name by which a port is known again when it comes back, and whether no other has it: its own one. Devices of equal
/// names are told apart by aliases, which have their serial number or socket, and equal ports of one client by number; and
/// JACK counts MIDI devices in the order in which they come, but has an alias of each with its name.
fn identity(bay: &Patchbay, port: &Port) -> (Endpoint, bool) {
    let all = bay.ports();
    let is_unique = |name: &str| {
        let same = |other: &&&Port| other.full_name() == name || other.aliases.iter().any(|alias| alias == name);
        all.iter().filter(same).count() == 1
    };
    let is_counted = port.client == "system" && port.kind == Kind::Hardware && port.media == Media::Midi;
    let has_own_name = is_unique(&port.full_name());
    if has_own_name && !is_counted {
        return (Endpoint::exact(port), true);
    }
    let of = |client: &str, which| Endpoint {
        tap: false,
        properties: Vec::new(),
        names: Names::Client(Text::exact(client), which),
    };
    let alias = port.aliases.iter().filter(|alias| is_unique(alias)).find_map(|alias| alias.split_once(':'));
    if let Some((client, name)) = alias {
        return (of(client, Which::Named(Text::exact(name))), true);
    }
    let is_numbered = |other: &&&Port| other.client == port.client && other.number == port.number;
    match port.number {
        Some(number) if all.iter().filter(is_numbered).count() == 1 => (of(&port.client, Which::Number(number)), true),
        _ => (Endpoint::exact(port), has_own_name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Survey;
    use port_rules::{Flow, Graph, Id};
    use std::time::Instant;

    /// Two keyboards of the same name, and a synthesiser.
    fn studio() -> Vec<Port> {
        let keys = |id: u64, serial: &str| Port {
            aliases: vec![format!("usb 1-2 serial {serial}:MIDI")],
            client_number: Some(id as u32),
            ..Port::new(Id(id), Graph::Alsa, "Keys", "MIDI", Flow::Source)
        };
        vec![keys(1, "A"), keys(2, "B"), Port::new(Id(3), Graph::Alsa, "Synth", "in {1}", Flow::Sink)]
    }

    fn wiring(memory: &Memory, rules: &Rules, ports: Vec<Port>) -> Wiring {
        let mut wiring = Wiring::new(memory.behind(rules));
        wiring.survey(Graph::Alsa, Survey { ports, connections: Vec::new() }, Instant::now());
        wiring
    }

    #[test]
    fn devices_of_one_name_are_told_apart_and_known_again_in_another_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/patch.rules");
        let rules = Rules::default();
        let mut memory = Memory::open(path.clone()).unwrap().0;
        let mut before = wiring(&memory, &rules, studio());
        let words = memory.learn(&rules, &mut before, (Id(2), Id(3)), Act::Connect);
        assert_eq!(words, Some(Lesson::Learnt("learnt: Keys:MIDI --> Synth:in {1} is connected".to_owned())));
        memory.save().unwrap();
        let (memory, faults) = Memory::open(path).unwrap();
        assert!(faults.is_empty(), "{faults:?}");
        // Another day: other numbers, the other way round.
        let mut ports = studio();
        (ports[0].id, ports[1].id) = (Id(8), Id(7));
        (ports[0].client_number, ports[1].client_number) = (Some(8), Some(7));
        let changes = wiring(&memory, &rules, ports).decide();
        assert_eq!(changes.iter().map(|change| (change.from, change.to)).collect::<Vec<_>>(), [(Id(7), Id(3))]);
    }

    #[test]
    fn only_what_the_rules_do_not_do_is_learnt_and_the_opposite_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let rules = Rules::parse("keys --> synth:*").whole().unwrap();
        let mut memory = Memory::open(folder.path().join("x.rules")).unwrap().0;
        let ports = studio().split_off(1);
        let mut wiring = wiring(&memory, &rules, ports);
        let pair = (Id(2), Id(3));
        assert_eq!(memory.learn(&rules, &mut wiring, pair, Act::Connect), None);
        let learnt = |words: &str| Some(Lesson::Learnt(words.to_owned()));
        let told = memory.learn(&rules, &mut wiring, pair, Act::Disconnect);
        assert_eq!(told, learnt("learnt: Keys:MIDI --> Synth:in {1} is left alone"));
        assert_eq!((memory.rules.len(), wiring.decide().len()), (1, 0));
        let told = memory.learn(&rules, &mut wiring, pair, Act::Connect);
        assert_eq!(told, learnt("forgotten: Keys:MIDI --> Synth:in {1}"));
        assert_eq!((memory.rules.len(), wiring.decide().len()), (0, 1));
    }

    #[test]
    fn what_no_name_tells_apart_is_not_learnt_without_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let rules = Rules::default();
        let mut memory = Memory::open(folder.path().join("x.rules")).unwrap().0;
        let mut ports = studio();
        for port in &mut ports {
            port.aliases.clear();
        }
        let mut twins = wiring(&memory, &rules, ports.clone());
        let told = memory.learn(&rules, &mut twins, (Id(2), Id(3)), Act::Connect);
        let words = "not learnt: Keys:MIDI --> Synth:in {1}: other ports have the same names";
        assert_eq!((told, memory.rules.len()), (Some(Lesson::Unclear(words.to_owned())), 0));
        assert_eq!(memory.learn(&rules, &mut twins, (Id(2), Id(3)), Act::Disconnect), None, "no rule connects them");
        // Of one client they have numbers.
        for (port, number) in ports.iter_mut().zip(0..2) {
            (port.client_number, port.number) = (Some(20), Some(number));
        }
        let mut twins = wiring(&memory, &rules, ports.clone());
        assert!(memory.learn(&rules, &mut twins, (Id(2), Id(3)), Act::Connect).is_some());
        assert_eq!(memory.rules[0].to_string(), r#""Keys":=1 --> "Synth":"in {{1}}""#);
        // And one that only hears is not meant where something is to come out.
        memory.rules.clear();
        (ports[1].flow, ports[1].number) = (Flow::Sink, ports[0].number);
        let mut one_way = wiring(&memory, &rules, ports);
        assert!(matches!(memory.learn(&rules, &mut one_way, (Id(1), Id(3)), Act::Connect), Some(Lesson::Learnt(_))));
    }

    #[test]
    fn lines_of_a_person_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.rules");
        std::fs::write(&path, "# the stage\nthis is no rule\n\"Keys\":\"MIDI\" <-> \"Synth\":\"in {{1}}\"\n").unwrap();
        let rules = Rules::default();
        for _ in 0..2 {
            let (mut memory, faults) = Memory::open(path.clone()).unwrap();
            assert_eq!(faults.len(), 1, "{faults:?}");
            let mut wiring = wiring(&memory, &rules, studio().split_off(1));
            memory.learn(&rules, &mut wiring, (Id(2), Id(3)), Act::Disconnect);
            memory.save().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let lines: Vec<_> = text.lines().skip(3).collect();
            let both = r#""Keys":"MIDI" <-> "Synth":"in {{1}}""#;
            let none = r#""Keys":"MIDI" -x-> "Synth":"in {{1}}""#;
            assert_eq!(lines, ["# the stage", "this is no rule", both, none], "{text}");
        }
    }

    #[test]
    fn a_name_with_line_breaks_writes_no_other_rules() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.rules");
        let rules = Rules::default();
        let mut ports = studio().split_off(1);
        ports[0].client = "x\"\n* -/-> *\n\u{1B}[2J".to_owned();
        let mut memory = Memory::open(path.clone()).unwrap().0;
        let mut before = wiring(&memory, &rules, ports.clone());
        assert!(memory.learn(&rules, &mut before, (Id(2), Id(3)), Act::Connect).is_some());
        memory.save().unwrap();
        assert!(!std::fs::read_to_string(&path).unwrap().contains('\u{1B}'));
        let (again, faults) = Memory::open(path).unwrap();
        assert_eq!((again.rules.len(), faults), (1, Vec::new()));
        assert_eq!(wiring(&again, &rules, ports).decide().len(), 1);
    }

    #[test]
    fn what_rules_cut_is_not_learnt() {
        let folder = tempfile::tempdir().unwrap();
        let rules = Rules::parse("keys -/-> synth:*").whole().unwrap();
        let mut memory = Memory::open(folder.path().join("x.rules")).unwrap().0;
        let mut wiring = wiring(&memory, &rules, studio().split_off(1));
        assert_eq!(memory.learn(&rules, &mut wiring, (Id(2), Id(3)), Act::Connect), None);
        assert!(memory.rules.is_empty());
    }
}
