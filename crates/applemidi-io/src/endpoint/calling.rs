//! Whom an end calls: who is looked up, invited at which addresses, and looked for where it may have moved.

use std::net::SocketAddr;
use std::time::Duration;

use applemidi::{Change, Input, Participant, ParticipantId, State};

use super::{Endpoint, Listener};
use crate::calls::CallId;

/// When one that does not answer is looked for elsewhere again.
const AGAIN: Duration = Duration::from_secs(5);

impl Endpoint {
    /// Calls a peer from now on, until it is hung up on.
    pub(crate) fn call(&mut self, peer: &str) -> CallId {
        self.calls.add(self.now(), peer)
    }

    /// Calls a peer no more, and parts from it.
    pub(crate) fn hang_up(&mut self, call: CallId, listener: Listener<'_>) {
        for participant in self.calls.remove(call) {
            self.wish(Input::Leave(participant), listener);
        }
    }

    /// Peers that rest are looked up now, and those that do not answer, which may have moved.
    pub(crate) fn hurry(&mut self) {
        let now = self.now();
        self.calls.hurry(now);
        let is_missed = |id: &ParticipantId| self.session.participant(*id).is_some_and(Participant::is_missed);
        let missed: Vec<_> = self.calls.participants().filter(is_missed).collect();
        for participant in missed {
            self.calls.check(now, participant);
        }
    }

    /// A peer whose addresses are to be looked up, and told by [`found`](Self::found).
    pub(crate) fn look_up(&mut self) -> Option<(CallId, String)> {
        self.calls.look_up(self.now())
    }

    /// A peer has been looked up, and found if it has addresses.
    pub(crate) fn found(
        &mut self,
        call: CallId,
        name: Option<String>,
        addresses: &[SocketAddr],
        listener: Listener<'_>,
    ) {
        let now = self.now();
        if let Some(id) = self.calls.found(now, call, name, addresses) {
            self.look_elsewhere(id, addresses, listener);
        }
        self.invite_due(now, listener);
    }

    /// Invites those whose turn it is.
    pub(super) fn invite_due(&mut self, now: Duration, listener: Listener<'_>) {
        while let Some((call, control)) = self.calls.invitation(now) {
            self.invite(now, call, control, listener);
        }
    }

    /// Invites a peer that is called, unless it is there already.
    fn invite(&mut self, now: Duration, call: CallId, control: SocketAddr, listener: Listener<'_>) {
        let is_expected = |id: &ParticipantId| self.session.participant(*id).is_some_and(Participant::is_expected);
        let expected = self.session.at(control).find(is_expected);
        if let Some(participant) = expected {
            self.calls.invited(call, participant);
            self.is_there(now, participant);
            return self.settle(now, &[], listener);
        }
        self.calling = Some(call);
        self.wish(Input::Invite(control), listener);
        if self.calling.take().is_some() {
            self.calls.not_invited(now, call);
        }
    }

    /// Who is called may be a participant that takes part already: then it is.
    pub(super) fn is_there(&mut self, at: Duration, participant: ParticipantId) {
        if self.session.participant(participant).is_some_and(|it| it.state() == State::Open) {
            let doubles = self.calls.opened(participant);
            self.part_from(at, doubles);
        }
    }

    /// These have been invited for one who has opened at another address.
    pub(super) fn part_from(&mut self, at: Duration, doubles: Vec<ParticipantId>) {
        for double in doubles {
            self.members.entry(double).and_modify(|member| member.is_double = true);
            self.session.handle(at, Input::Leave(double));
        }
    }

    /// Invites one that does not answer at another address that it has. What it is at now is left when it opens there:
    /// its network may only have been cut off.
    fn look_elsewhere(&mut self, id: ParticipantId, addresses: &[SocketAddr], listener: Listener<'_>) {
        let missed = self.session.participant(id).filter(|participant| participant.is_missed());
        let (Some(control), Some(member)) = (missed.map(Participant::control), self.members.get_mut(&id)) else {
            return;
        };
        // Of several addresses each has its turn.
        let next = addresses.iter().position(|address| Some(*address) == member.elsewhere).map_or(0, |last| last + 1);
        let (before, behind) = addresses.split_at(next);
        let is_free = |address: &&SocketAddr| **address != control && self.session.at(**address).next().is_none();
        if let Some(elsewhere) = behind.iter().chain(before).find(is_free).copied() {
            member.elsewhere = Some(elsewhere);
            self.moving = Some(id);
            self.wish(Input::Invite(elsewhere), listener);
            self.moving = None;
        }
    }

    /// A participant may be one that does not answer where it was.
    pub(super) fn has_moved(&mut self, at: Duration, id: ParticipantId, change: Change) {
        match (change, self.moving) {
            (Change::Invited, Some(before)) => drop(self.elsewhere.insert(id, before)),
            (Change::Opened, _) => {
                if let Some(before) = self.elsewhere.remove(&id) {
                    self.calls.replaced(before, id);
                    self.let_go(at, |other| other == before);
                    self.session.handle(at, Input::Leave(before));
                }
            }
            (Change::Closed(_), _) => {
                if let Some(before) = self.elsewhere.remove(&id) {
                    self.calls.check(at + AGAIN, before);
                }
            }
            _ => {}
        }
    }
}
