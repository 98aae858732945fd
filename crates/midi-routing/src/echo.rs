//! Feedback: messages that come back again and again, because what is played to one port is heard at another.
//!
//! Nothing in a MIDI message tells that it has been here before. But one that goes round in a loop comes back a short
//! while after it was sent, is sent again, comes back after the same while, and to ports where it has been. When that has
//! happened a few times it is held back ([`Trial`]), to see whether it still comes.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use rtp_midi::midi::{Command, Part, Segment, System};

use crate::trial::{Coming, Outcome, Over, Trial};

/// The longest way round that counts as a loop, beside what a message has waited here on purpose. Who plays the same less
/// often than that is never suspected.
const TRIP: Duration = Duration::from_millis(50);

/// How often a message must have come back before it is tried, and for how long: what is played fast is soon over.
const ROUNDS: u32 = 5;
const WHILE: Duration = Duration::from_millis(100);

/// So often it need not have done so for long: where loops feed each other, messages are ever more.
const MANY: u32 = 24;

/// How long someone who plays a message over and over is not suspected again for it, at most.
const TRUST: Duration = Duration::from_secs(60);

/// How often a message that was acquitted may come back before it is suspected again; each acquittal doubles that. An
/// echo that stayed away too long comes back so often in a moment.
const PARDON: u32 = 64;

/// Messages that are remembered in either half of a memory.
const REMEMBERED: usize = 4096;

/// Timing clocks within [`WINDOW`] that nobody plays: 1,500 beats a minute.
const CLOCKS: u32 = 150;

/// Active senses within [`WINDOW`] that nobody sends: one is usual.
const SENSES: u32 = 25;

/// For how long both are counted. What a network has held up for seconds, and comes at once, is fewer than these.
const WINDOW: Duration = Duration::from_millis(250);

/// What becomes of a message that has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It goes on, and has gone round so often.
    Pass(u32),
    /// It waits for [`Guard::wake`].
    Hold,
    /// It is what remains of a System Exclusive whose beginning is held back, and goes nowhere.
    Drop,
    /// More clocks come than anybody plays. They go round in loops, one of which takes no longer than this.
    Avalanche(Duration),
}

/// Watches what comes and goes at ports `P` with connections `C`.
#[derive(Clone, Debug)]
pub(crate) struct Guard<P, C> {
    /// By digest of the message.
    trails: Memory<u64, Trail>,
    /// When a message has come to a port.
    visits: Memory<(P, u64), Duration>,
    trials: Vec<Trial<P, C>>,
    /// Ports in the middle of a System Exclusive whose beginning is held back.
    beheaded: HashSet<P>,
    pulses: HashMap<(P, u8), Pulses>,
}

/// Where a message has been.
#[derive(Clone, Copy, Debug, Default)]
struct Trail {
    sent: Option<Duration>,
    /// When the first of these rounds began.
    began: Duration,
    rounds: u32,
    /// The shortest and the longest of these rounds.
    trips: (Duration, Duration),
    trust: Trust,
}

/// How far somebody is believed who was found to play a message over and over.
#[derive(Clone, Copy, Debug, Default)]
struct Trust {
    until: Duration,
    acquittals: u32,
    /// How often the message may come back.
    pardons: u32,
}

#[derive(Clone, Copy, Debug)]
struct Pulses {
    since: Duration,
    count: u32,
}

impl<P, C> Default for Guard<P, C> {
    fn default() -> Self {
        Self {
            trails: Memory::default(),
            visits: Memory::default(),
            trials: Vec::new(),
            beheaded: HashSet::new(),
            pulses: HashMap::new(),
        }
    }
}

impl<P: Copy + Eq + Hash, C: Copy> Guard<P, C> {
    /// A message has come at a port; `ends` tells whether it ends something that sounds, and so may not be late.
    pub(crate) fn came(
        &mut self,
        coming: Coming,
        port: P,
        command: &Command<'_>,
        octets: &[u8],
        ends: impl Fn() -> bool,
    ) -> Verdict {
        if let Command::System(System::Clock | System::ActiveSense) = command {
            return self.pulse(coming.at, port, octets[0]);
        }
        if let Some(Part::Middle | Part::Last(_) | Part::Cancel) = part(command) {
            let is_end = part(command) != Some(Part::Middle);
            let is_beheaded = if is_end { self.beheaded.remove(&port) } else { self.beheaded.contains(&port) };
            return if is_beheaded { Verdict::Drop } else { Verdict::Pass(0) };
        }
        let verdict = self.judge(coming, port, octets, ends);
        if part(command) == Some(Part::First) && verdict == Verdict::Hold {
            self.beheaded.insert(port);
        } else if !matches!(command, Command::System(system) if system.is_real_time()) {
            self.beheaded.remove(&port);
        }
        verdict
    }

    fn judge(&mut self, coming: Coming, port: P, octets: &[u8], ends: impl Fn() -> bool) -> Verdict {
        let at = coming.at;
        let digest = digest(octets);
        let trail = self.trail(digest);
        let visited = self.visits.insert((port, digest), at);
        for trial in self.trials.iter_mut().filter(|trial| trial.digest != digest) {
            trial.settle(port, octets);
        }
        if let Some(trial) = self.trials.iter_mut().find(|trial| trial.digest == digest) {
            if ends() {
                trial.pass(port, octets);
                return Verdict::Pass(0);
            }
            trial.hold(coming, port, octets);
            return Verdict::Hold;
        }
        let Some(trip) = trail.sent.and_then(|sent| coming.trip(sent)).filter(|trip| *trip <= coming.waited + TRIP)
        else {
            return Verdict::Pass(0);
        };
        let rounds = trail.rounds + 1;
        let (least, most) = if trail.rounds == 0 { (trip, trip) } else { trail.trips };
        let trips = (least.min(trip), most.max(trip));
        // What goes round comes to where it has been. Of many who play the same at a time each is another one.
        let is_again = visited.is_some_and(|visited| visited >= trail.began);
        let is_lasting = rounds >= MANY || (rounds >= ROUNDS && at >= trail.began + WHILE);
        let is_suspect = is_again && is_lasting;
        let mut trust = trail.trust;
        let is_trusted = is_suspect && trust.covers(at);
        self.trails.insert(digest, Trail { trips, trust, ..trail });
        if !is_suspect || is_trusted || ends() {
            return Verdict::Pass(rounds);
        }
        let mut trial = Trial::begin(at, digest, trips, trust.acquittals);
        trial.hold(coming, port, octets);
        self.trials.push(trial);
        Verdict::Hold
    }

    /// A message is sent that has gone round so often.
    pub(crate) fn sent(&mut self, at: Duration, command: &Command<'_>, octets: &[u8], rounds: u32) {
        if !is_watched(command) {
            return;
        }
        let digest = digest(octets);
        let trail = self.trail(digest);
        let began = if rounds == 0 { at } else { trail.began };
        self.trails.insert(digest, Trail { sent: Some(at), began, rounds, ..trail });
    }

    /// A port is gone.
    pub(crate) fn forget(&mut self, port: P) {
        self.pulses.retain(|(of, _), _| *of != port);
        self.beheaded.remove(&port);
    }

    /// When [`Guard::wake`] has something to do.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.trials.iter().map(Trial::due).min()
    }

    /// What has become of messages that are held back; `carriers` are the connections of a port that carry a message.
    pub(crate) fn wake(&mut self, at: Duration, carriers: impl Fn(P, &[u8]) -> Vec<C>) -> Vec<Outcome<P, C>> {
        let mut outcomes = Vec::new();
        let mut trusted = Vec::new();
        self.trials.retain_mut(|trial| {
            let over = trial.wake(at, &carriers, |outcome| outcomes.push(outcome));
            trusted.extend((over == Over::Innocent).then_some(trial.digest));
            over == Over::No
        });
        for digest in trusted {
            let trail = self.trail(digest);
            self.trails.insert(digest, Trail { rounds: 0, trust: trail.trust.again(at), ..trail });
        }
        outcomes
    }

    fn pulse(&mut self, at: Duration, port: P, status: u8) -> Verdict {
        let pulses = self.pulses.entry((port, status)).or_insert(Pulses { since: at, count: 0 });
        if at.saturating_sub(pulses.since) >= WINDOW {
            *pulses = Pulses { since: at, count: 0 };
        }
        pulses.count += 1;
        let most = if status == 0xFE { SENSES } else { CLOCKS };
        if pulses.count <= most {
            return Verdict::Pass(0);
        }
        *pulses = Pulses { since: at, count: 0 };
        Verdict::Avalanche(WINDOW / most)
    }

    fn trail(&self, digest: u64) -> Trail {
        self.trails.of(&digest).unwrap_or_default()
    }
}

impl Trust {
    /// Whether a message may come back once more.
    fn covers(&mut self, at: Duration) -> bool {
        let covers = self.until > at && self.pardons > 0;
        self.pardons -= u32::from(covers);
        covers
    }

    /// After one more acquittal.
    const fn again(self, at: Duration) -> Self {
        let pardons = PARDON.saturating_mul(2_u32.saturating_pow(self.acquittals));
        Self { until: at.saturating_add(TRUST), acquittals: self.acquittals.saturating_add(1), pardons }
    }
}

/// What was noted last of things. When the young ones are many the old ones are forgotten.
#[derive(Clone, Debug)]
struct Memory<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash, V: Copy> Memory<K, V> {
    fn of(&self, key: &K) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    /// Notes something; returns what was noted before.
    fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.young.len() >= REMEMBERED {
            std::mem::swap(&mut self.young, &mut self.old);
            // Its room stays: to grow again would hold up music.
            self.young.clear();
        }
        self.young.insert(key, value).or_else(|| self.old.get(&key).copied())
    }
}

/// Clocks are counted. Of a System Exclusive in segments the first one stands for all.
fn is_watched(command: &Command<'_>) -> bool {
    !matches!(command, Command::System(System::Clock | System::ActiveSense))
        && part(command).is_none_or(|part| matches!(part, Part::Whole(_) | Part::First))
}

fn part(command: &Command<'_>) -> Option<Part> {
    match command {
        Command::System(System::SysEx(Segment { part, .. })) => Some(*part),
        _ => None,
    }
}

fn digest(octets: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    octets.hash(&mut hasher);
    hasher.finish()
}
