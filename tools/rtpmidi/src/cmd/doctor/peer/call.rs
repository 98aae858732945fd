//! A short session with a peer, in which clocks are compared often.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use applemidi_io::{Admission, Change, Comparisons, Config, End, Event, Host, Reason, Timers};

use super::trips::Trips;
use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;

/// One end of a session that nobody else may join.
pub(super) struct Caller {
    end: End,
    /// What becomes of the peer, and what it calls itself.
    changes: Receiver<(String, Change)>,
    /// Runs the end, and ends behind it.
    _host: Host,
}

/// What comes of an invitation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// It takes part, under this name.
    TakesPart(String),
    Refuses,
    Silent,
}

/// An invitation is sent so often, and answered in this time each.
const INVITATION: [Duration; 6] = [Duration::from_millis(500); 6];

/// Longer than all of them, on either port.
const PATIENCE: Duration = Duration::from_secs(8);

/// How often clocks are compared. Peers answer ten a second for ever.
const INTERVAL: Duration = Duration::from_millis(125);

/// When an answer is given up.
const LOST: Duration = Duration::from_millis(500);

/// How often it is looked whether an answer has come: more often than there may be one.
const HEARTBEAT: Duration = Duration::from_millis(5);

/// Changes that may wait to be looked at.
const WAITING: usize = 64;

impl Caller {
    /// Opens the end at any two ports.
    pub(super) fn open() -> Result<Self> {
        let failed = |error: std::io::Error| Failure::new(format!("no session can run here: {error}"));
        let host = Host::start().map_err(failed)?;
        let timers = Timers {
            invitation: &INVITATION,
            clock_start: &[Duration::ZERO],
            clock: INTERVAL,
            clock_again: LOST,
            ..Timers::default()
        };
        let admission = Admission::List(Vec::new());
        let config = Config { port: 0, admission, participants: 1, timers, ..Config::new("rtpmidi doctor") };
        let (sender, changes) = sync_channel(WAITING);
        let listen = move |event: Event<'_>| {
            if let Event::Change { name, change: change @ (Change::Opened | Change::Closed(_)), .. } = event {
                // Of one that comes and goes so often nobody needs to know all.
                let _ = sender.try_send((name.to_owned(), change));
            }
        };
        let end = host.open(&config, listen).map_err(failed)?;
        Ok(Self { end, changes, _host: host })
    }

    /// Invites whoever has this control port, and waits for the answer.
    pub(super) fn invite(&self, control: SocketAddr, interrupt: &Interrupt) -> Answer {
        self.end.invite(control);
        let began = Instant::now();
        while began.elapsed() < PATIENCE && !interrupt.asked() {
            match self.changes.recv_timeout(HEARTBEAT) {
                Ok((name, Change::Opened)) => return Answer::TakesPart(name),
                Ok((_, Change::Closed(Reason::Refused))) => return Answer::Refuses,
                Ok(_) => return Answer::Silent,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Answer::Silent,
            }
        }
        Answer::Silent
    }

    /// Compares clocks for so long.
    pub(super) fn measure(&self, duration: Duration, interrupt: &Interrupt) -> Trips {
        let (began, mut trips, mut heard) = (Instant::now(), Trips::default(), Instant::now());
        while !interrupt.asked() {
            if matches!(self.changes.recv_timeout(HEARTBEAT), Ok((_, Change::Closed(_)))) {
                trips.has_left = true;
                return trips;
            }
            let Some(Comparisons { asked, answered, trip }) = self.end.stats().first().map(|stats| stats.comparisons)
            else {
                continue;
            };
            let is_new = answered > trips.answered;
            if is_new {
                heard = Instant::now();
                trips.times.extend(trip);
            }
            // When an answer has just come, no other one is under way.
            let is_over = began.elapsed() >= duration && (is_new || heard.elapsed() >= 2 * LOST);
            if is_new || is_over {
                (trips.asked, trips.answered) = (asked, answered);
            }
            if is_over {
                break;
            }
        }
        trips
    }
}
