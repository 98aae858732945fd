//! Inviting and being invited.
//!
//! Until somebody has repeated a number of ours, nobody knows whether it is where its datagrams say. Until then it is
//! sent no more datagrams than have come from there, and no longer ones.

use std::net::SocketAddr;
use std::time::Duration;

use super::messages::{Change, Path, Port, Reason};
use super::roster::LONGEST_NAME;
use super::{Output, Session};
use crate::admission::Verdict;
use crate::packet::{Packet, Party};
use crate::participant::ParticipantId;
use crate::transition::{Event, State};

impl<R: FnMut() -> u32> Session<R> {
    /// Invites whoever is there. One who takes part, or is being invited, is not invited once more: to him that would
    /// be somebody who has started anew.
    pub(super) fn invite(&mut self, at: Duration, control: SocketAddr) {
        if self.roster.at(control).any(|id| self.roster[id].is_expected()) {
            return;
        }
        let token = loop {
            // 0 is what those write who have none.
            let token = (self.random)();
            if token != 0 && self.roster.invited(token).is_none() {
                break token;
            }
        };
        let clock_offset = (self.random)();
        let id = self.roster.add(State::InvitingControl, token, control, clock_offset);
        self.outputs.push_back(Output::Change(id, Change::Invited));
        self.insist(at, id, Port::Control);
    }

    /// Somebody has invited us; `speaker` is who it is, if we know it.
    pub(super) fn invited(&mut self, at: Duration, path: Path, speaker: Option<ParticipantId>, party: &Party<'_>) {
        match (path.port, speaker) {
            (Port::Control, None) => self.invited_by_a_stranger(at, path, party),
            // The answer would go to a port that has not asked.
            (Port::Control, Some(id)) if self.roster[id].control != path.there => self.refuse(at, path, party.token),
            (Port::Control, Some(id)) if self.roster[id].token == party.token => {
                self.step_with(at, id, Event::ControlInvitation, Some(party));
            }
            (Port::Control, Some(id)) => {
                let before = self.roster[id].state;
                if before.on(Event::Reinvitation).0 == State::HalfOpen {
                    let clock_offset = (self.random)();
                    self.roster.restart(id, clock_offset);
                    self.roster.invited_by(id, party.token);
                    self.roster.learn(id, Port::Control, party);
                }
                if before == State::Open {
                    self.outputs.push_back(Output::Change(id, Change::Restarted));
                }
                self.step_with(at, id, Event::Reinvitation, Some(party));
            }
            (Port::Data, speaker) => self.invited_on_data(at, path, speaker, party),
        }
    }

    fn invited_by_a_stranger(&mut self, at: Duration, path: Path, party: &Party<'_>) {
        let from = path.there;
        if party.ssrc == self.config.ssrc {
            return self.refuse(at, path, party.token);
        }
        let called = self.roster.called(from);
        // Both ends see both invitations, and must let the same one drop.
        if called.is_some() && party.ssrc > self.config.ssrc {
            return;
        }
        let verdict = self.config.admission.judge(from);
        let state = match verdict {
            Verdict::Admit if self.roster.open() < self.config.participants => State::HalfOpen,
            Verdict::Ask => State::Asked,
            Verdict::Admit | Verdict::Refuse => return self.refuse(at, path, party.token),
        };
        if let Some(id) = called {
            self.remove(id, Reason::Crossed);
        }
        let oldest = self.roster.arriving().next();
        if let Some(oldest) = oldest.filter(|_| self.roster.arriving().len() >= self.config.arriving.max(1)) {
            self.remove(oldest, Reason::Overtaken);
        }
        let clock_offset = (self.random)();
        let id = self.roster.add(state, party.token, from, clock_offset);
        self.roster.learn(id, Port::Control, party);
        self.roster.reached(id, path.here);
        if state == State::Asked {
            self.wait(id, at + self.config.timers.decision);
            self.outputs.push_back(Output::Change(id, Change::Asks));
        } else {
            self.wait(id, at + self.config.timers.half_open);
            self.accept(path, party);
        }
    }

    fn invited_on_data(&mut self, at: Duration, path: Path, speaker: Option<ParticipantId>, party: &Party<'_>) {
        let from = path.there;
        let is_meant = |id: &ParticipantId| {
            let participant = &self.roster[*id];
            participant.state == State::HalfOpen
                && participant.control.ip() == from.ip()
                && (participant.ssrc == Some(party.ssrc) || participant.token == party.token)
        };
        let open = speaker.filter(|id| self.roster[*id].state == State::Open && self.roster[*id].data == from);
        let Some(id) = open.or_else(|| self.roster.arriving().rev().find(is_meant)) else {
            return self.refuse(at, path, party.token);
        };
        if open.is_none() {
            if self.roster.open() >= self.config.participants {
                return self.refuse(at, path, party.token);
            }
            self.roster.set_data(id, from);
            self.roster.learn(id, Port::Data, party);
            self.roster.reached(id, path.here);
        }
        self.step_with(at, id, Event::DataInvitation, Some(party));
    }

    /// Somebody says that it has been invited by us, and accepts.
    pub(super) fn accepted(&mut self, at: Duration, path: Path, party: &Party<'_>) {
        let (port, Some(id)) = (path.port, self.who_answers(path, party)) else { return };
        self.roster.reached(id, path.here);
        let (state, before) = (self.roster[id].state, self.roster[id].ssrc);
        let event = match port {
            Port::Control if state == State::Open && before != Some(party.ssrc) => Event::Reacceptance,
            Port::Control => Event::ControlAcceptance,
            Port::Data => Event::DataAcceptance,
        };
        if event == Event::Reacceptance {
            let clock_offset = (self.random)();
            self.roster.restart(id, clock_offset);
        }
        if state.on(event).0 != state {
            self.roster.learn(id, port, party);
            self.roster.touch(id, |participant| participant.invitations = 0);
        }
        self.step(at, id, event);
    }

    /// The participant whose answer to our invitation this is.
    pub(super) fn who_answers(&self, path: Path, party: &Party<'_>) -> Option<ParticipantId> {
        let id = self.roster.invited(party.token)?;
        let asked = self.roster[id].path(path.port).there;
        (asked == path.there && party.ssrc != self.config.ssrc).then_some(id)
    }

    /// Invites, and again if there is no answer.
    pub(super) fn insist(&mut self, at: Duration, id: ParticipantId, port: Port) {
        let sent = self.roster[id].invitations;
        self.roster.touch(id, |participant| participant.invitations += 1);
        let patience = self.config.timers.invitation.get(sent).copied().unwrap_or_default();
        self.wait(id, at + patience);
        self.send_invitation(port, id);
    }

    pub(super) fn send_invitation(&mut self, port: Port, id: ParticipantId) {
        let participant = &self.roster[id];
        let path = participant.path(port);
        let octets = Packet::Invitation(self.party(participant.token, LONGEST_NAME)).octets();
        self.send(path, octets);
    }

    /// Accepts with the token of the very invitation that is answered, in no more octets than that had.
    pub(super) fn accept(&mut self, path: Path, invitation: &Party<'_>) {
        let octets = Packet::Acceptance(self.party(invitation.token, invitation.name.len())).octets();
        self.send(path, octets);
    }

    pub(super) fn refuse(&mut self, at: Duration, path: Path, token: u32) {
        if self.refusals.take(at) {
            let octets = Packet::Refusal(self.party(token, 0)).octets();
            self.send(path, octets);
        }
    }

    /// This end, with so many octets of its name.
    fn party(&self, token: u32, octets: usize) -> Party<'_> {
        let end = self.config.name.floor_char_boundary(octets.min(LONGEST_NAME));
        Party { token, ssrc: self.config.ssrc, name: &self.config.name.as_bytes()[..end] }
    }
}

/// What an invitation of so many octets says. A name without the NUL at its end loses an octet, so that an answer with a
/// name as long as this one, and a NUL, is not longer than the invitation.
pub(super) fn shorter(party: Party<'_>, octets: usize) -> Party<'_> {
    let longest = octets.saturating_sub(UNNAMED + 1);
    Party { name: &party.name[..party.name.len().min(longest)], ..party }
}

/// Octets of an invitation without a name.
const UNNAMED: usize = 16;
