//! Peers that an end is to be in session with, whatever happens: who is looked up and invited when.
//!
//! Nobody gives up: a peer that is switched off, refuses, or has moved is tried again, after a second first and every
//! half minute in the end. Its name is looked up each time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use applemidi::{Change, ParticipantId};

/// A peer that is called, for as long as it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct CallId(u32);

/// The peers that are called.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: BTreeMap<CallId, Call>,
    next: u32,
}

#[derive(Debug)]
struct Call {
    /// The name of a session, or a host and its control port.
    peer: String,
    /// The name under which it was found announced.
    name: Option<String>,
    state: State,
    /// Attempts since it has last taken part.
    failures: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing happens before this time.
    Rests(Duration),
    /// Somebody looks the name up.
    LooksUp,
    /// It is invited, or takes part.
    With(ParticipantId),
}

/// How long a peer rests after its first failure; twice as long after each further one.
const FIRST: Duration = Duration::from_secs(1);

/// How long it rests at most.
const LONGEST: Duration = Duration::from_secs(30);

impl Calls {
    /// Calls a peer from now on.
    pub(crate) fn add(&mut self, now: Duration, peer: &str) -> CallId {
        let id = CallId(self.next);
        self.next = self.next.wrapping_add(1);
        self.calls.insert(id, Call { peer: peer.to_owned(), name: None, state: State::Rests(now), failures: 0 });
        id
    }

    /// Calls it no more. The participant that it is, if any, is still there.
    pub(crate) fn remove(&mut self, id: CallId) -> Option<ParticipantId> {
        match self.calls.remove(&id)?.state {
            State::With(participant) => Some(participant),
            State::Rests(_) | State::LooksUp => None,
        }
    }

    /// Nobody rests any longer.
    pub(crate) fn hurry(&mut self, now: Duration) {
        for call in self.calls.values_mut() {
            if matches!(call.state, State::Rests(until) if until > now) {
                call.state = State::Rests(now);
            }
        }
    }

    /// When somebody is to be looked up.
    pub(crate) fn due(&self) -> Option<Duration> {
        let due = |call: &Call| if let State::Rests(until) = call.state { Some(until) } else { None };
        self.calls.values().filter_map(due).min()
    }

    /// Somebody who is to be looked up now.
    pub(crate) fn look_up(&mut self, now: Duration) -> Option<(CallId, String)> {
        let is_due = |call: &Call| matches!(call.state, State::Rests(until) if until <= now);
        let (id, call) = self.calls.iter_mut().find(|(_, call)| is_due(call))?;
        call.state = State::LooksUp;
        Some((*id, call.peer.clone()))
    }

    /// What looking up has come to: whom to invite, and its name if it is announced. Of several addresses each has its
    /// turn.
    pub(crate) fn found(
        &mut self,
        now: Duration,
        id: CallId,
        name: Option<String>,
        addresses: &[SocketAddr],
    ) -> Option<SocketAddr> {
        let call = self.calls.get_mut(&id).filter(|call| call.state == State::LooksUp)?;
        call.name = name;
        if addresses.is_empty() {
            call.fail(now);
            return None;
        }
        Some(addresses[call.failures as usize % addresses.len()])
    }

    /// The peer is being invited, and is this participant.
    pub(crate) fn invited(&mut self, id: CallId, participant: ParticipantId) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.state = State::With(participant);
        }
    }

    /// The name under which a participant is announced, if it was called by that.
    pub(crate) fn name(&self, participant: ParticipantId) -> Option<&str> {
        self.calls.values().find(|call| call.state == State::With(participant))?.name.as_deref()
    }

    /// Something has become of a participant.
    pub(crate) fn changed(&mut self, now: Duration, participant: ParticipantId, change: Change) {
        let Some(call) = self.calls.values_mut().find(|call| call.state == State::With(participant)) else { return };
        match change {
            Change::Opened => call.failures = 0,
            Change::Closed(_) => call.fail(now),
            _ => {}
        }
    }
}

impl Call {
    fn fail(&mut self, now: Duration) {
        let rest = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        (self.state, self.failures) = (State::Rests(now + rest), self.failures + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn address(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 5004).into()
    }

    #[test]
    fn nobody_is_given_up_and_nobody_is_pestered() {
        let (mut calls, mut now) = (Calls::default(), SECOND);
        let id = calls.add(now, "piano.local:5004");
        let mut rests = Vec::new();
        for _ in 0..8 {
            assert_eq!(calls.look_up(now), Some((id, "piano.local:5004".to_owned())));
            assert_eq!(calls.look_up(now), None);
            assert_eq!(calls.found(now, id, None, &[]), None);
            let due = calls.due().unwrap();
            rests.push(due.saturating_sub(now).as_secs());
            now = due;
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn each_address_has_its_turn() {
        let (mut calls, mut now) = (Calls::default(), SECOND);
        let id = calls.add(now, "piano:5004");
        let mut invited = Vec::new();
        for _ in 0..3 {
            calls.look_up(now);
            invited.extend(calls.found(now, id, None, &[address(1), address(2)]));
            let call = calls.calls.get_mut(&id).unwrap();
            call.fail(now);
            now = calls.due().unwrap();
        }
        assert_eq!(invited, [address(1), address(2), address(1)]);
    }
}
