//! Peers that an end is to be in session with, whatever happens: who is looked up when, and invited where.
//!
//! Nobody gives up: a peer that is switched off, refuses, or has moved is tried again, after a second first and every
//! half minute in the end. Its name is looked up each time. Of several addresses the next one is tried when the one
//! before has not led anywhere in half a second (after RFC 8305); where it opens first it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use applemidi::{Change, ParticipantId};

use crate::turns::by_turns;

/// A peer that is called, for as long as it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct CallId(u32);

/// The peers that are called.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    all: BTreeMap<CallId, Call>,
    /// Those for whom something is to be done, and when.
    due: BTreeSet<(Duration, CallId)>,
    /// Those that take part, or are invited.
    with: BTreeSet<(ParticipantId, CallId)>,
    next: u32,
}

#[derive(Debug)]
struct Call {
    /// The name of a session, or a host and its control port.
    peer: String,
    /// The name under which it was found announced.
    name: Option<String>,
    state: State,
    /// When it is looked up, or invited at its next address.
    due: Option<Duration>,
    /// When it was to be looked up last because of what has happened around.
    hurried: Option<Duration>,
    /// Attempts since it has last taken part.
    failures: u32,
    /// Addresses at which it has not been invited this time.
    untried: VecDeque<SocketAddr>,
    /// The one that it is, or those of whom one may turn out to be it.
    those: Vec<ParticipantId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// It is looked up when that is due.
    Rests,
    /// Somebody looks it up.
    LooksUp,
    /// It is invited, at its next address when that is due.
    Invites,
    /// It takes part. It may be looked up all the same, as it may have moved.
    TakesPart,
}

/// How long a peer rests after its first failure; twice as long after each further one.
const FIRST: Duration = Duration::from_secs(1);

/// How long it rests at most.
const LONGEST: Duration = Duration::from_secs(30);

/// What an address has before the next one is tried as well: an invitation has been sent twice by then.
const HEAD_START: Duration = Duration::from_millis(500);

impl Calls {
    /// Calls a peer from now on.
    pub(crate) fn add(&mut self, now: Duration, peer: &str) -> CallId {
        let id = CallId(self.next);
        self.next = self.next.wrapping_add(1);
        let call = Call {
            peer: peer.to_owned(),
            name: None,
            state: State::Rests,
            due: None,
            hurried: None,
            failures: 0,
            untried: VecDeque::new(),
            those: Vec::new(),
        };
        self.all.insert(id, call);
        self.set(id, State::Rests, Some(now));
        id
    }

    /// Calls it no more. Somebody is to be parted from if nobody else calls him.
    pub(crate) fn remove(&mut self, id: CallId) -> Vec<ParticipantId> {
        self.set(id, State::Rests, None);
        let those = self.all.remove(&id).map(|call| call.those).unwrap_or_default();
        self.forget(id, those)
    }

    /// Nobody rests any longer, but for those who have just been hurried: whoever looks too often disturbs others.
    pub(crate) fn hurry(&mut self, now: Duration) {
        let waiting: Vec<_> = self.due.range((now, CallId(0))..).map(|(_, id)| *id).collect();
        for id in waiting {
            if self.all[&id].state != State::Invites {
                self.hurry_one(now, id);
            }
        }
    }

    /// Those who take part because they are called, or are on the way.
    pub(crate) fn participants(&self) -> impl Iterator<Item = ParticipantId> {
        self.with.iter().map(|(participant, _)| *participant)
    }

    /// A participant that is called is to be looked up, since it may have moved.
    pub(crate) fn check(&mut self, now: Duration, participant: ParticipantId) {
        for id in self.those_with(participant) {
            if self.all[&id].state == State::TakesPart {
                self.hurry_one(now, id);
            }
        }
    }

    /// When something is to be done for somebody.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Somebody who is to be looked up now.
    pub(crate) fn look_up(&mut self, now: Duration) -> Option<(CallId, String)> {
        let id = self.due_now(now, |state| state != State::Invites)?;
        let call = self.all.get(&id)?;
        let (peer, before) = (call.peer.clone(), call.state);
        self.set(id, if before == State::Rests { State::LooksUp } else { before }, None);
        Some((id, peer))
    }

    /// Looking up has come to these addresses, and a name if it is announced. Returns the participant that it is
    /// already, which may be somewhere else now.
    pub(crate) fn found(
        &mut self,
        now: Duration,
        id: CallId,
        name: Option<String>,
        addresses: &[SocketAddr],
    ) -> Option<ParticipantId> {
        let call = self.all.get_mut(&id)?;
        match call.state {
            State::TakesPart => call.those.first().copied(),
            State::LooksUp if addresses.is_empty() => {
                self.fail(now, id);
                None
            }
            State::LooksUp => {
                call.name = name;
                call.untried = by_turns(addresses, call.failures);
                self.set(id, State::Invites, Some(now));
                None
            }
            State::Rests | State::Invites => None,
        }
    }

    /// Who is to be invited now, and where.
    pub(crate) fn invitation(&mut self, now: Duration) -> Option<(CallId, SocketAddr)> {
        let id = self.due_now(now, |state| state == State::Invites)?;
        let call = self.all.get_mut(&id)?;
        let control = call.untried.pop_front();
        let next = (!call.untried.is_empty()).then_some(now + HEAD_START);
        self.set(id, State::Invites, next);
        Some((id, control?))
    }

    /// The peer is being invited, and may be this participant.
    pub(crate) fn invited(&mut self, id: CallId, participant: ParticipantId) {
        let Some(call) = self.all.get_mut(&id) else { return };
        if self.with.insert((participant, id)) {
            call.those.push(participant);
        }
    }

    /// The peer could not be invited there.
    pub(crate) fn not_invited(&mut self, now: Duration, id: CallId) {
        let is_over = |call: &Call| call.those.is_empty() && call.untried.is_empty();
        if self.all.get(&id).is_some_and(is_over) {
            self.fail(now, id);
        }
    }

    /// The participant turns out to be this other one.
    pub(crate) fn replaced(&mut self, participant: ParticipantId, by: ParticipantId) {
        for id in self.those_with(participant) {
            self.part(id, participant);
            self.invited(id, by);
        }
    }

    /// The name under which a participant is announced, if it was called by that.
    pub(crate) fn name(&self, participant: ParticipantId) -> Option<&str> {
        self.range(participant).find_map(|id| self.all[&id].name.as_deref())
    }

    /// The call that a participant takes part by, or the first of several.
    pub(crate) fn of(&self, participant: ParticipantId) -> Option<CallId> {
        self.range(participant).next()
    }

    /// Something has become of a participant. Returns those who need not be waited for any more, since it is them.
    pub(crate) fn changed(&mut self, now: Duration, participant: ParticipantId, change: Change) -> Vec<ParticipantId> {
        match change {
            Change::Opened => return self.opened(participant),
            Change::Closed(_) => self.closed(now, participant),
            _ => {}
        }
        Vec::new()
    }

    /// A participant takes part: whoever was looked for is that one. Returns the others that might have been.
    pub(crate) fn opened(&mut self, participant: ParticipantId) -> Vec<ParticipantId> {
        let mut others = Vec::new();
        for id in self.those_with(participant) {
            let Some(call) = self.all.get_mut(&id) else { continue };
            call.failures = 0;
            if call.state != State::TakesPart {
                call.untried.clear();
                let those = std::mem::replace(&mut call.those, vec![participant]);
                self.set(id, State::TakesPart, None);
                let rest = those.into_iter().filter(|other| *other != participant).collect();
                others.extend(self.forget(id, rest));
            }
        }
        others
    }

    fn closed(&mut self, now: Duration, participant: ParticipantId) {
        for id in self.those_with(participant) {
            self.part(id, participant);
            let call = &self.all[&id];
            if !call.untried.is_empty() {
                self.set(id, State::Invites, Some(now));
            } else if call.those.is_empty() {
                self.fail(now, id);
            }
        }
    }

    fn fail(&mut self, now: Duration, id: CallId) {
        let Some(call) = self.all.get_mut(&id) else { return };
        let rest = FIRST.saturating_mul(1 << call.failures.min(10)).min(LONGEST);
        call.failures += 1;
        self.set(id, State::Rests, Some(now + rest));
    }

    /// Looks a peer up now, or a second behind the time at which it was hurried last.
    fn hurry_one(&mut self, now: Duration, id: CallId) {
        let Some(call) = self.all.get_mut(&id) else { return };
        let soon = call.hurried.map_or(now, |hurried| now.max(hurried + FIRST));
        if call.due.is_none_or(|due| soon < due) {
            call.hurried = Some(soon);
            let state = call.state;
            self.set(id, state, Some(soon));
        }
    }

    /// Somebody in such a state for whom something is to be done now.
    fn due_now(&self, now: Duration, is_such: impl Fn(State) -> bool) -> Option<CallId> {
        let mut due = self.due.range(..=(now, CallId(u32::MAX))).map(|(_, id)| *id);
        due.find(|id| is_such(self.all[id].state))
    }

    fn range(&self, participant: ParticipantId) -> impl Iterator<Item = CallId> {
        self.with.range((participant, CallId(0))..=(participant, CallId(u32::MAX))).map(|(_, id)| *id)
    }

    fn those_with(&self, participant: ParticipantId) -> Vec<CallId> {
        self.range(participant).collect()
    }

    fn part(&mut self, id: CallId, participant: ParticipantId) {
        self.with.remove(&(participant, id));
        self.all.get_mut(&id).into_iter().for_each(|call| call.those.retain(|other| *other != participant));
    }

    /// A call is with these no more. Returns those of them with whom no other call is.
    fn forget(&mut self, id: CallId, mut those: Vec<ParticipantId>) -> Vec<ParticipantId> {
        for participant in &those {
            self.with.remove(&(*participant, id));
        }
        those.retain(|participant| self.range(*participant).next().is_none());
        those
    }

    /// What becomes of a call, and when something is to be done for it.
    fn set(&mut self, id: CallId, state: State, due: Option<Duration>) {
        let Some(call) = self.all.get_mut(&id) else { return };
        call.state = state;
        if let Some(before) = std::mem::replace(&mut call.due, due) {
            self.due.remove(&(before, id));
        }
        self.due.extend(due.map(|due| (due, id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn address(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 5004).into()
    }

    fn address6(host: u16) -> SocketAddr {
        ([0x2001, 0xDB8, 0, 0, 0, 0, 0, host], 5004).into()
    }

    /// Looks a peer up that is due, and finds it at these addresses.
    fn find(calls: &mut Calls, now: Duration, addresses: &[SocketAddr]) -> CallId {
        let (id, _) = calls.look_up(now).unwrap();
        assert_eq!(calls.found(now, id, None, addresses), None);
        id
    }

    /// The same for one with a single address, which is invited and takes part.
    fn meet(calls: &mut Calls, now: Duration, participant: ParticipantId) {
        let id = find(calls, now, &[address(1)]);
        assert_eq!(calls.invitation(now), Some((id, address(1))));
        calls.invited(id, participant);
        assert_eq!(calls.changed(now, participant, Change::Opened), []);
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
    fn whatever_happens_around_a_peer_is_hurried_once_a_second_at_most() {
        let (mut calls, mut now, mut looked) = (Calls::default(), SECOND, Vec::new());
        let id = calls.add(now, "Piano");
        while now < 60 * SECOND {
            if calls.look_up(now).is_some() {
                looked.push(now);
                calls.found(now, id, None, &[]);
            }
            calls.hurry(now);
            now += SECOND / 100;
        }
        assert_eq!(looked.len(), 60);
        // What happens right behind the first look is heeded at once.
        assert!(looked[1].saturating_sub(looked[0]) < FIRST / 10, "{looked:?}");
        assert!(looked[1..].windows(2).all(|pair| pair[1] >= pair[0] + FIRST * 9 / 10), "{looked:?}");
        // One that has rested for longer is tried at once.
        calls.look_up(now);
        calls.found(now, id, None, &[]);
        assert_eq!(calls.due(), Some(now + LONGEST));
        calls.hurry(now + LONGEST / 2);
        assert_eq!(calls.due(), Some(now + LONGEST / 2));
    }

    #[test]
    fn each_address_has_its_turn_and_the_first_that_opens_is_it() {
        let (mut calls, [one, two, three]) = (Calls::default(), participants());
        calls.add(SECOND, "piano:5004");
        let addresses = [address6(1), address6(2), address(1)];
        let id = find(&mut calls, SECOND, &addresses);
        let mut invited = Vec::new();
        for (number, participant) in (0..).zip([one, two, three]) {
            let now = SECOND + HEAD_START * number;
            assert_eq!(calls.due(), Some(now));
            assert_eq!(calls.invitation(now.saturating_sub(Duration::from_millis(1))), None);
            invited.extend(calls.invitation(now));
            assert_eq!(calls.invitation(now), None, "one at a time");
            calls.invited(id, participant);
        }
        assert_eq!(invited, [address6(1), address(1), address6(2)].map(|address| (id, address)));
        assert_eq!(calls.due(), None);
        assert_eq!(calls.changed(2 * SECOND, two, Change::Opened), [one, three]);
        for other in [one, three] {
            assert_eq!(calls.changed(3 * SECOND, other, Change::Closed(applemidi::Reason::Left)), []);
        }
        assert_eq!(calls.due(), None, "it is there");
        calls.changed(9 * SECOND, two, Change::Closed(applemidi::Reason::Goodbye));
        assert_eq!(calls.due(), Some(10 * SECOND));
    }

    #[test]
    fn where_one_address_refuses_the_next_is_tried_at_once_and_when_all_have_it_rests() {
        let (mut calls, [one, two, _]) = (Calls::default(), participants());
        calls.add(SECOND, "piano:5004");
        let id = find(&mut calls, SECOND, &[address(1), address(2)]);
        let now = SECOND + HEAD_START / 5;
        for (at, who) in [(SECOND, one), (now, two)] {
            assert!(calls.invitation(at).is_some());
            calls.invited(id, who);
            assert_eq!(calls.changed(now, who, Change::Closed(applemidi::Reason::Refused)), []);
        }
        assert_eq!((calls.invitation(now), calls.due()), (None, Some(now + FIRST)));
        // One that cannot be invited anywhere is not forgotten either.
        find(&mut calls, now + FIRST, &[address(3)]);
        assert_eq!(calls.invitation(now + FIRST), Some((id, address(3))));
        calls.not_invited(now + FIRST, id);
        assert_eq!(calls.due(), Some(now + 3 * FIRST));
    }

    #[test]
    fn whoever_is_called_twice_is_with_us_until_nobody_calls_him() {
        let (mut calls, [who, ..]) = (Calls::default(), participants());
        let [one, other] = ["piano:5004", "Piano"].map(|peer| calls.add(SECOND, peer));
        for _ in [one, other] {
            meet(&mut calls, SECOND, who);
        }
        assert_eq!(calls.due(), None);
        for _ in 0..9 {
            calls.check(2 * SECOND, who);
        }
        assert_eq!(calls.look_up(2 * SECOND), Some((one, "piano:5004".to_owned())));
        assert_eq!(calls.found(2 * SECOND, one, None, &[address(1)]), Some(who));
        assert_eq!((calls.remove(one), calls.remove(other)), (vec![], vec![who]));
        assert_eq!(calls.due(), None);
    }

    #[test]
    fn both_calls_of_one_who_has_gone_are_tried_again() {
        let (mut calls, [who, ..]) = (Calls::default(), participants());
        for peer in ["piano:5004", "Piano"] {
            calls.add(SECOND, peer);
            meet(&mut calls, SECOND, who);
        }
        calls.changed(SECOND, who, Change::Closed(applemidi::Reason::Expired));
        let again: Vec<_> = std::iter::from_fn(|| calls.look_up(3 * SECOND)).map(|(_, peer)| peer).collect();
        assert_eq!(again, ["piano:5004", "Piano"]);
    }

    /// Three of them.
    fn participants() -> [ParticipantId; 3] {
        let mut number = 0;
        let random = || {
            number += 1;
            number
        };
        let mut session = applemidi::Session::new(applemidi::Config::new("One", 1), random);
        [1, 2, 3].map(|host| {
            session.handle(SECOND, applemidi::Input::Invite(address(host)));
            session.at(address(host)).next().unwrap()
        })
    }
}
