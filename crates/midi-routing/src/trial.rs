//! A message that seems to go round in a loop is held back, to see whether it still comes.

use std::time::Duration;

/// Room for trips that take a little longer than the others.
const SLACK: Duration = Duration::from_millis(5);

/// Copies that are held back. Only loops that feed each other make more of them within a few trips, and these are dropped.
const HELD: usize = 256;

/// How often a message must come back when it is let through, to be an echo.
const RETURNS: u32 = 2;

/// Beyond that it must as often as this gives time for.
const CARE: Duration = Duration::from_millis(100);

/// How much more often it must that was found to be none before, at most.
const DOUBTS: u32 = 2;

/// When a message has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coming {
    /// Now, as far as what is sent goes.
    pub(crate) at: Duration,
    /// How long it has waited since it came.
    pub(crate) waited: Duration,
}

impl Coming {
    /// How long it was on its way, waiting included, if it may be an echo of what was sent then: what came before that is
    /// none.
    pub(crate) fn trip(self, sent: Duration) -> Option<Duration> {
        self.at.checked_sub(sent).filter(|trip| *trip >= self.waited)
    }
}

/// What a trial comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome<P, C> {
    /// To see whether the loop goes through this connection it alone gets the message once more, and behind it what has
    /// come since that settles it.
    Probe(C, Vec<u8>, Option<Vec<u8>>),
    /// A loop goes through the connection, and takes this long.
    Loop(C, Duration),
    /// Somebody plays it over and over.
    Innocent(Held<P, C>),
}

/// Copies of a message that go on, late by a moment, where they came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Held<P, C> {
    pub(crate) copies: Vec<(P, Vec<u8>)>,
    /// Connections that have carried one of them, as often as they stand here.
    pub(crate) probed: Vec<C>,
}

/// A copy of a message that is held back.
#[derive(Clone, Debug)]
struct Copied<P> {
    port: P,
    octets: Vec<u8>,
    /// The last that has come since by the same port and makes it pointless: the end of the note, the next value.
    settled: Option<Vec<u8>>,
}

/// One message that is held back, wherever it comes.
///
/// An echo stays away when it is held back, comes when it is let through, stays away again, comes again. What comes when
/// it was held back is no echo, and what has come by chance does not do so twice.
#[derive(Clone, Debug)]
pub(crate) struct Trial<P, C> {
    pub(crate) digest: u64,
    trip: Duration,
    /// What comes back sooner is no echo.
    least: Duration,
    /// How often it must come back through a connection.
    wanted: u32,
    since: Duration,
    stage: Stage<C>,
    held: Vec<Copied<P>>,
    /// Connections that have carried the first copy.
    probed: Vec<C>,
    /// Connections that have not been probed; `None` before the first probe.
    left: Option<Vec<C>>,
    /// How often it has come back through the connection that is probed.
    returns: u32,
}

#[derive(Clone, Copy, Debug)]
enum Stage<C> {
    /// Nothing is let through. What is on its way still comes, but nothing behind it; if there is a connection, because
    /// it has come back through that one.
    Watch(Option<C>),
    /// It has been let through this connection.
    Probe(C),
    /// It has come when it was held back.
    Innocent,
}

/// Whether a trial is over, and how it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    No,
    Innocent,
    Loop,
}

impl<P: Copy + Eq, C: Copy> Trial<P, C> {
    /// Begins with a message that has come again and again, as long after it was sent as `trips` say, and was acquitted so
    /// often before.
    pub(crate) fn begin(at: Duration, digest: u64, trips: (Duration, Duration), acquittals: u32) -> Self {
        let (least, trip) = trips;
        // That long it stays away, and that long it takes to come back.
        let each = 2 * flight(trip) + trip;
        Self {
            digest,
            trip,
            least: least / 2,
            wanted: RETURNS + (CARE.as_nanos() / each.as_nanos()) as u32 + acquittals.min(DOUBTS),
            since: at,
            stage: Stage::Watch(None),
            held: Vec::new(),
            probed: Vec::new(),
            left: None,
            returns: 0,
        }
    }

    /// The message comes again, and is held back.
    pub(crate) fn hold(&mut self, coming: Coming, port: P, octets: &[u8]) {
        let at = coming.at;
        match self.stage {
            Stage::Watch(_) if at > self.since + flight(self.trip) => {
                (self.stage, self.since) = (Stage::Innocent, at);
            }
            Stage::Probe(_) if coming.trip(self.since).is_none_or(|trip| trip < self.least) => {
                (self.stage, self.since) = (Stage::Innocent, at);
            }
            Stage::Probe(connection) => {
                (self.stage, self.since) = (Stage::Watch(Some(connection)), at);
                self.returns += 1;
            }
            Stage::Watch(_) | Stage::Innocent => {}
        }
        self.pass(port, octets);
        if self.held.len() < HELD {
            self.held.push(Copied { port, octets: octets.to_vec(), settled: None });
        }
    }

    /// The message comes again, and is not held back: what has settled it before counts no more.
    pub(crate) fn pass(&mut self, port: P, octets: &[u8]) {
        for copy in self.held.iter_mut().filter(|copy| copy.port == port) {
            copy.settled.iter_mut().for_each(|last| octets.clone_into(last));
        }
    }

    /// Another message comes at a port, whether or not it is held back itself.
    pub(crate) fn settle(&mut self, port: P, octets: &[u8]) {
        for copy in self.held.iter_mut().filter(|copy| copy.port == port && is_settled(&copy.octets, octets)) {
            copy.settled = Some(octets.to_vec());
        }
    }

    /// When [`Trial::wake`] has something to do.
    pub(crate) fn due(&self) -> Duration {
        match self.stage {
            Stage::Watch(_) => self.since + 2 * flight(self.trip),
            Stage::Probe(_) => self.since + flight(self.trip),
            Stage::Innocent => self.since,
        }
    }

    /// Goes on, if something is due. `carriers` are the connections of a port that carry the message.
    pub(crate) fn wake(
        &mut self,
        at: Duration,
        carriers: impl Fn(P, &[u8]) -> Vec<C>,
        mut out: impl FnMut(Outcome<P, C>),
    ) -> Over {
        if self.due() > at {
            return Over::No;
        }
        let Some(Copied { port, octets, settled }) =
            self.held.first().filter(|_| !matches!(self.stage, Stage::Innocent))
        else {
            return self.acquit(out);
        };
        let next = match self.stage {
            Stage::Watch(Some(connection)) if self.returns == self.wanted => {
                out(Outcome::Loop(connection, self.trip));
                return Over::Loop;
            }
            Stage::Watch(Some(connection)) => connection,
            _ => {
                self.returns = 0;
                let Some(next) = self.left.get_or_insert_with(|| carriers(*port, octets)).pop() else {
                    return self.acquit(out);
                };
                next
            }
        };
        self.probed.push(next);
        out(Outcome::Probe(next, octets.clone(), settled.clone()));
        (self.stage, self.since) = (Stage::Probe(next), at);
        Over::No
    }

    fn acquit(&mut self, mut out: impl FnMut(Outcome<P, C>)) -> Over {
        if self.held.first().is_some_and(|copy| copy.settled.is_some()) {
            self.probed.clear();
        }
        let copies = std::mem::take(&mut self.held).into_iter().filter(|copy| copy.settled.is_none());
        let copies = copies.map(|copy| (copy.port, copy.octets)).collect();
        out(Outcome::Innocent(Held { copies, probed: std::mem::take(&mut self.probed) }));
        Over::Innocent
    }
}

/// How long what was sent before is on its way.
fn flight(trip: Duration) -> Duration {
    trip * 3 / 2 + SLACK
}

/// Whether a message that came first is pointless behind another one: of a note, a controller, a setting the last one
/// counts, and of all that a channel mode or a reset ends.
fn is_settled(first: &[u8], then: &[u8]) -> bool {
    let channel = |octets: &[u8]| octets.first().filter(|status| **status < 0xF0).map(|status| status & 0x0F);
    match (first, then) {
        (_, [0xFF]) => true,
        (_, [0xB0..=0xBF, 120..=127, _]) => channel(first) == channel(then),
        ([0x80..=0x9F, note, ..], [0x80..=0x9F, other, ..]) => channel(first) == channel(then) && note == other,
        ([0xA0..=0xBF, number, ..], [status, other, ..]) => first[0] == *status && number == other,
        ([0xC0..=0xEF, ..], [status, ..]) => first[0] == *status,
        _ => false,
    }
}
