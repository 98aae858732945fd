//! One server: reached, lost, and reached again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use port_rules::{Graph, Id, Port};

use super::run::Event;
use crate::ports::{self, Missing, Server, Survey};

/// A server that is wanted.
pub(super) struct Keeper {
    pub(super) graph: Graph,
    server: Option<Box<dyn Server>>,
    /// Why it is not there, as far as that was told.
    missing: Option<Missing>,
    attempts: u32,
    next: Option<Instant>,
    /// Which of the servers that were reached it is: news of an earlier one say nothing.
    generation: u64,
    /// When it is looked at as a whole: what it does not tell, such as aliases, comes soon after what it does.
    pub(super) look: Option<Instant>,
    /// It has told something since a look began.
    has_told: Arc<AtomicBool>,
    /// Looks in a row that were given up because it had.
    disturbed: u32,
}

/// So many looks are given up for what is more urgent.
const DISTURBED: u32 = 10;

/// How often a server is looked at that does not tell everything.
const ROUND: Duration = Duration::from_secs(5);

/// How often one tries to reach it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) interval: Duration,
    /// None is without end.
    pub(super) attempts: Option<u32>,
}

/// What has become of an attempt.
pub(super) enum Outcome {
    Reached(Survey),
    /// It is not there, for another reason than before.
    Missing(Missing),
    /// It is tried no more.
    GivenUp(Missing),
    Nothing,
}

impl Keeper {
    pub(super) fn new(graph: Graph, now: Instant) -> Self {
        let (has_told, disturbed) = (Arc::default(), 0);
        let (server, missing, attempts, next, look) = (None, None, 0, Some(now), None);
        Self { graph, server, missing, attempts, next, generation: 0, look, has_told, disturbed }
    }

    /// Tries to reach it, if it is time to.
    pub(super) fn attempt(&mut self, name: &str, events: &Sender<Event>, patience: Patience, now: Instant) -> Outcome {
        if self.next.is_none_or(|next| next > now) {
            return Outcome::Nothing;
        }
        self.attempts += 1;
        self.generation += 1;
        let (graph, generation) = (self.graph, self.generation);
        let has_told = self.has_told.clone();
        let listener = ports::listener(events, move |news| {
            has_told.store(true, Ordering::Relaxed);
            Event::News { graph, generation, news, at: Instant::now() }
        });
        match ports::open(graph, name, Some(listener)) {
            Ok(server) => {
                let survey = server.survey();
                (self.server, self.missing, self.attempts, self.next) = (Some(server), None, 0, None);
                Outcome::Reached(survey)
            }
            Err(missing) => {
                let is_over = !missing.may_come || patience.attempts.is_some_and(|most| self.attempts >= most);
                self.next = (!is_over).then(|| now + patience.interval);
                let is_new = self.missing.as_ref() != Some(&missing);
                self.missing = Some(missing.clone());
                match (is_over, is_new) {
                    (true, _) => Outcome::GivenUp(missing),
                    (false, true) => Outcome::Missing(missing),
                    (false, false) => Outcome::Nothing,
                }
            }
        }
    }

    /// Looks at it as a whole no later than this.
    pub(super) fn look_by(&mut self, time: Instant) {
        self.look = Some(self.look.map_or(time, |look| look.min(time)));
    }

    /// When it is looked at as a whole though it tells nothing: ALSA does not tell of new names of clients before Linux 6.14.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        (self.graph == Graph::Alsa).then(|| now + ROUND)
    }

    /// Takes note that it is gone.
    pub(super) fn lose(&mut self, now: Instant) {
        (self.server, self.look, self.next) = (None, None, Some(now));
    }

    /// Whether news are about the server that is there now.
    pub(super) fn is_meant(&self, generation: u64) -> bool {
        self.server.is_some() && self.generation == generation
    }

    /// Whether it is there, or may come.
    pub(super) const fn has_hope(&self) -> bool {
        self.server.is_some() || self.next.is_some()
    }

    /// Why it is not there.
    pub(super) const fn missing(&self) -> Option<&Missing> {
        self.missing.as_ref()
    }

    /// When it has to be tried or looked at again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        [self.next, self.look].into_iter().flatten().min()
    }

    pub(super) fn port(&self, id: Id) -> Option<Port> {
        self.server.as_ref()?.port(id)
    }

    /// Looks at it as a whole; none where it has told something meanwhile, which goes before.
    pub(super) fn survey(&mut self) -> Option<Survey> {
        let server = self.server.as_ref()?;
        self.has_told.store(false, Ordering::Relaxed);
        let must_be = self.disturbed >= DISTURBED;
        let survey = server.survey_unless(&|| !must_be && self.has_told.load(Ordering::Relaxed));
        self.disturbed = if survey.is_some() { 0 } else { self.disturbed + 1 };
        survey
    }

    pub(super) fn server(&self) -> Option<&dyn Server> {
        self.server.as_deref()
    }
}
