//! The patchbay at work: what happens at the servers, to the rules and at the keyboard, and what is done about it.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use port_rules::{Act, Change, Graph, Rules};

use super::keeper::{Keeper, Outcome, Patience};
use super::live;
use super::log::{Log, Pace, Totals};
use super::memory::{Lesson, Memory, MemoryOptions};
use super::rule_file::RuleFile;
use super::source::{self, Source};
use crate::cpu_latency;
use crate::failure::{Failure, Result};
use crate::ports::News;
use crate::ports::wiring::Wiring;
use crate::report::Audience;
use crate::signals::{self, Wish};

/// What the command line says of it.
#[derive(clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(super) struct RunOptions {
    #[command(flatten)]
    rules: source::RuleOptions,

    #[command(flatten)]
    servers: live::ServerOptions,

    #[command(flatten)]
    memory: MemoryOptions,

    /// Say what would be connected and disconnected now, and end
    #[arg(long)]
    dry_run: bool,

    /// How long to wait before a server that is missing is tried again
    #[arg(long, default_value = "3", value_parser = crate::time::interval, value_name = "SECONDS")]
    retry: Duration,

    /// Try a missing server so often, and end if none is there [default: without end]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "COUNT")]
    max_attempts: Option<u32>,

    /// Let no core sleep so deeply that it takes longer to wake, while this runs; 0 lets none sleep. It takes power, and
    /// a right that rtpmidi doctor looks for [default: cores sleep as they like]
    #[arg(long, value_parser = clap::value_parser!(u32).range(..=cpu_latency::MOST), value_name = "MICROSECONDS")]
    cpu_latency: Option<u32>,

    /// Tell of ports that come and go as well
    #[arg(short, long)]
    verbose: bool,

    /// Tell of nothing but what goes wrong
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Print what happens as JSON, one object per line
    #[arg(long)]
    json: bool,
}

/// What wakes the loop.
pub(super) enum Event {
    News { graph: Graph, generation: u64, news: News, at: Instant },
    Wish(Wish),
}

/// All that is at work.
struct Work<'a> {
    options: &'a RunOptions,
    log: Log,
    keepers: Vec<Keeper>,
    wiring: Wiring,
    /// The rules without what has been learnt.
    rules: Rules,
    /// The file that some of them are from.
    origin: Option<PathBuf>,
    file: Option<RuleFile>,
    memory: Option<Memory>,
    events: Sender<Event>,
    totals: Totals,
}

/// A server is looked at as a whole so long after it has told something.
const SETTLED: Duration = Duration::from_secs(1);

/// Events that are taken before anything is done: of a client with many ports, most.
const BATCH: usize = 256;

/// Runs until somebody ends it.
pub(super) fn run(options: &RunOptions) -> Result<()> {
    if !options.rules.are_given() && !options.memory.learn {
        return Err(Failure::new("there are no rules")
            .hint("name a file (--rules), write a rule (--rule 'keys --> synth'), or let it learn (--learn)"));
    }
    let log = Log::new(options.json, options.verbose, options.quiet);
    // As it is before it is read: what comes between is seen.
    let file = options.rules.place().and_then(RuleFile::watch);
    let read = options.rules.read()?;
    log.faults(&read.faults);
    let (memory, faults) = options.memory.open()?;
    log.faults(&faults);
    let all = memory.as_ref().map_or_else(|| read.rules.clone(), |memory| memory.behind(&read.rules));
    if options.dry_run {
        return dry_run(options, all, &log);
    }
    let (events, waiting) = channel();
    let wishes = events.clone();
    signals::catch(move |wish| drop(wishes.send(Event::Wish(wish))))?;
    // It counts for as long as this value is there, which is to the end.
    let awake = cpu_latency::limit(options.cpu_latency);
    if let Err(words) = &awake {
        log.warn(words);
    }
    let now = Instant::now();
    let mut work = Work {
        options,
        log,
        keepers: options.servers.graphs().map(|graph| Keeper::new(graph, now)).collect(),
        wiring: Wiring::new(all),
        file,
        rules: read.rules,
        origin: read.file,
        memory,
        events,
        totals: Totals::default(),
    };
    let result = work.run(&waiting);
    let Work { log, totals, .. } = work;
    result.and_then(|()| log.finish(&totals))
}

fn dry_run(options: &RunOptions, rules: Rules, log: &Log) -> Result<()> {
    let bay = options.servers.look(rules)?;
    for change in bay.decide() {
        if log.would(&bay, &change)? == Audience::Gone {
            break;
        }
    }
    Ok(())
}

impl Work<'_> {
    fn run(&mut self, waiting: &Receiver<Event>) -> Result<()> {
        loop {
            self.reach()?;
            let timeout = self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let first = match timeout {
                Some(timeout) => match waiting.recv_timeout(timeout) {
                    Ok(event) => Some(event),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                },
                None => waiting.recv().ok(),
            };
            let now = Instant::now();
            let (mut is_new, mut told) = (false, None);
            for event in first.into_iter().chain(waiting.try_iter().take(BATCH)) {
                match event {
                    Event::Wish(Wish::End) => return Ok(()),
                    Event::Wish(Wish::Reload) => is_new |= self.reload(),
                    Event::News { graph, generation, news, at } => {
                        if self.hear(graph, generation, &news, now)? {
                            is_new = true;
                            told.get_or_insert(at);
                        }
                    }
                }
            }
            if self.file.as_mut().is_some_and(|file| file.has_changed(now)) {
                is_new |= self.reload();
            }
            is_new |= self.look(now);
            if is_new {
                self.act(now, told)?;
            }
            self.log.flush()?;
            self.learn(now)?;
            if self.log.is_alone() {
                return Ok(());
            }
        }
    }

    /// When something has to be done even if nothing happens.
    fn deadline(&self) -> Option<Instant> {
        let keepers = self.keepers.iter().filter_map(Keeper::deadline);
        let file = self.file.as_ref().map(RuleFile::deadline);
        keepers.chain(file).chain(self.wiring.judgement()).min()
    }

    /// Tries to reach servers that are missing.
    fn reach(&mut self) -> Result<()> {
        let patience = Patience { interval: self.options.retry, attempts: self.options.max_attempts };
        let name = &self.options.servers.client_name;
        let mut is_new = false;
        let now = Instant::now();
        for keeper in &mut self.keepers {
            match keeper.attempt(name, &self.events, patience, now) {
                Outcome::Reached(survey) => {
                    self.log.reached(keeper.graph, survey.ports.len())?;
                    keeper.look = keeper.next_look(now);
                    self.wiring.survey(keeper.graph, survey, now);
                    is_new = true;
                }
                Outcome::Missing(missing) => self.log.missing(keeper.graph, &missing, true)?,
                Outcome::GivenUp(missing) => self.log.missing(keeper.graph, &missing, false)?,
                Outcome::Nothing => {}
            }
        }
        if !self.keepers.iter().any(Keeper::has_hope) {
            let missing: Vec<_> = self.keepers.iter().filter_map(|keeper| keeper.missing().cloned()).collect();
            return Err(live::nothing(&missing));
        }
        if is_new { self.act(now, None) } else { Ok(()) }
    }

    /// Takes note of what a server tells; true if something is to be decided.
    fn hear(&mut self, graph: Graph, generation: u64, news: &News, now: Instant) -> Result<bool> {
        let Some(keeper) = self.keepers.iter_mut().find(|keeper| keeper.graph == graph) else { return Ok(false) };
        if !keeper.is_meant(generation) {
            return Ok(false);
        }
        keeper.look_by(now + SETTLED);
        Ok(match *news {
            News::Port(id) => match keeper.port(id) {
                Some(port) => {
                    let name = port.full_name();
                    let has_come = self.wiring.come(port, now);
                    if has_come {
                        self.log.port(graph, &name);
                    }
                    has_come
                }
                None => self.wiring.go(id),
            },
            News::Gone(id) => {
                if let Some(port) = self.wiring.bay().port(id) {
                    self.log.gone(graph, &port.full_name());
                }
                self.wiring.go(id)
            }
            News::Connected(from, to) => self.wiring.connected((from, to), now),
            News::Disconnected(from, to) => {
                // Nothing is decided: whoever has pulled a cable wants to see it pulled.
                self.wiring.disconnected((from, to), now);
                false
            }
            News::Unclear => {
                keeper.look = Some(now);
                false
            }
            News::Over => {
                keeper.lose(now);
                self.wiring.lose(graph);
                self.log.lost(graph)?;
                false
            }
        })
    }

    /// Looks at servers as a whole whose time has come.
    fn look(&mut self, now: Instant) -> bool {
        let mut is_new = false;
        for keeper in &mut self.keepers {
            if keeper.look.is_none_or(|look| look > now) {
                continue;
            }
            keeper.look = None;
            if keeper.server().is_none() {
                continue;
            }
            let Some(survey) = keeper.survey() else {
                keeper.look_by(now + SETTLED);
                continue;
            };
            is_new |= self.wiring.survey(keeper.graph, survey, now) || self.wiring.has_tries();
            keeper.look = self.wiring.is_open().then(|| now + SETTLED).or_else(|| keeper.next_look(now));
        }
        is_new
    }

    /// Does what is to be done, because of what was told at a time if anything was.
    fn act(&mut self, now: Instant, told: Option<Instant>) -> Result<()> {
        for change in self.wiring.decide() {
            let bay = self.wiring.bay();
            let (Some(from), Some(to)) = (bay.port(change.from), bay.port(change.to)) else { continue };
            let keeper = self.keepers.iter_mut().find(|keeper| keeper.graph == from.graph);
            let Some(keeper) = keeper else { continue };
            let Some(server) = keeper.server() else { continue };
            let (asked, after) = (Instant::now(), told.map(|told| told.elapsed()));
            let done = match change.act {
                Act::Connect => server.connect(from, to),
                Act::Disconnect => server.disconnect(from, to),
            };
            let pace = Pace { after, answer: asked.elapsed() };
            match done {
                Ok(()) => {
                    self.totals.count(change.act);
                    self.log.done(bay, &change, pace)?;
                    self.wiring.apply(&change, now);
                }
                Err(reason) => {
                    keeper.look_by(now + SETTLED);
                    self.refuse(&change, &reason)?;
                }
            }
        }
        Ok(())
    }

    fn refuse(&mut self, change: &Change, reason: &str) -> Result<()> {
        if self.wiring.refuse(change) {
            self.log.refused(self.wiring.bay(), change, reason)?;
        }
        Ok(())
    }

    /// Remembers what a person has done.
    fn learn(&mut self, now: Instant) -> Result<()> {
        let doings = self.wiring.judge(now);
        let Some(memory) = &mut self.memory else { return Ok(()) };
        let mut learnt = Vec::new();
        for (pair, act) in doings {
            match memory.learn(&self.rules, &mut self.wiring, pair, act) {
                Some(Lesson::Learnt(words)) => learnt.push((pair, act, words)),
                Some(Lesson::Unclear(words)) => self.log.unclear(self.wiring.bay(), pair, act, &words)?,
                None => {}
            }
        }
        if learnt.is_empty() {
            return Ok(());
        }
        // Who is told of it can rely on it.
        if let Err(failure) = memory.save() {
            self.log.warn(&format!("{}: what has been learnt will be forgotten", failure.message()));
        }
        self.totals.learnt += learnt.len() as u64;
        for (pair, act, words) in learnt {
            self.log.learnt(self.wiring.bay(), pair, act, &words)?;
        }
        Ok(())
    }

    /// Reads rules and memory again. What cannot be read stays as it was.
    fn reload(&mut self) -> bool {
        match self.read_again() {
            Ok(Some(read)) => {
                self.log.faults(&read.faults);
                self.log.reloaded(read.rules.len());
                (self.rules, self.origin) = (read.rules, read.file);
            }
            Ok(None) => {}
            Err(failure) => self.log.warn(&format!("{}: the rules stay as they were", failure.message())),
        }
        if let Some(memory) = &mut self.memory {
            match memory.reload() {
                Ok(faults) => self.log.faults(&faults),
                Err(failure) => self.log.warn(failure.message()),
            }
        }
        let all = self.memory.as_ref().map_or_else(|| self.rules.clone(), |memory| memory.behind(&self.rules));
        self.wiring.set_rules(all);
        true
    }

    /// The rules as they are now; none where they cannot be had twice.
    fn read_again(&self) -> Result<Option<Source>> {
        if self.options.rules.are_of_stdin() {
            return Ok(None);
        }
        let read = self.options.rules.read()?;
        match &self.origin {
            Some(path) if read.file.is_none() => Err(Failure::new(format!("{} is gone", path.display()))),
            _ => Ok(Some(read)),
        }
    }
}
